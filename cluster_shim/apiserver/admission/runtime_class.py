"""RuntimeClass: a pod gets the overhead, the node selector and the tolerations of its runtime class."""

from __future__ import annotations

from typing import Any

from cluster_shim.apiserver.admission.plugin import CREATE, Attributes, Interest, Reader, forbidden
from cluster_shim.apiserver.admission.pod_resources import amounts_of

_MISMATCH = "pod rejected: Pod's Overhead doesn't match RuntimeClass's defined Overhead"

Toleration = dict[str, Any]


class RuntimeClass:
    """The plugin."""

    name = "RuntimeClass"
    interests = (Interest((CREATE,), "", "pods"),)

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def admit(self, attributes: Attributes) -> None:
        """Set overhead and scheduling. Raises Forbidden."""
        spec = attributes.new["spec"]
        found = self._class(attributes, spec)
        overhead = _overhead(found)
        if overhead is not None:
            if spec.get("overhead") and not _equal(spec["overhead"], overhead):
                raise forbidden(attributes, _MISMATCH)
            if overhead:
                spec["overhead"] = dict(overhead)
        scheduling = found.get("scheduling")
        if scheduling is not None:
            _set_scheduling(attributes, spec, scheduling)

    def validate(self, attributes: Attributes) -> None:
        """Refuse an overhead that is not that of the class. Raises Forbidden."""
        spec = attributes.new["spec"]
        overhead = _overhead(self._class(attributes, spec))
        if overhead is None:
            if spec.get("overhead"):
                message = "pod rejected: Pod Overhead set without corresponding RuntimeClass defined Overhead"
                raise forbidden(attributes, message)
        elif not _equal(spec.get("overhead") or {}, overhead):
            raise forbidden(attributes, _MISMATCH)

    def _class(self, attributes: Attributes, spec: dict[str, Any]) -> dict[str, Any]:
        name = spec.get("runtimeClassName")
        if name is None:
            return {}
        found = self._reader.get("node.k8s.io", "runtimeclasses", "", name)
        if found is None:
            raise forbidden(attributes, f'pod rejected: RuntimeClass "{name}" not found')
        return found


def _overhead(runtime_class: dict[str, Any]) -> dict[str, str] | None:
    overhead = runtime_class.get("overhead")
    return None if overhead is None else overhead.get("podFixed") or {}


def _equal(one: dict[str, str], other: dict[str, str]) -> bool:
    return {name: each.nano for name, each in amounts_of(one).items()} == {
        name: each.nano for name, each in amounts_of(other).items()
    }


def _set_scheduling(attributes: Attributes, spec: dict[str, Any], scheduling: dict[str, Any]) -> None:
    selector = dict(spec.get("nodeSelector") or {})
    for key, value in (scheduling.get("nodeSelector") or {}).items():
        if selector.get(key, value) != value:
            message = (
                f"conflict: runtimeClass.scheduling.nodeSelector[{key}] = {value}; "
                f"pod.spec.nodeSelector[{key}] = {selector[key]}"
            )
            raise forbidden(attributes, message)
        selector[key] = value
    if selector:
        spec["nodeSelector"] = selector
    tolerations = merge_tolerations([*(spec.get("tolerations") or ()), *(scheduling.get("tolerations") or ())])
    if tolerations:
        spec["tolerations"] = tolerations


def merge_tolerations(tolerations: list[Toleration]) -> list[Toleration]:
    """Return tolerations without those that another one includes; of equal ones the first stays."""
    merged: list[Toleration] = []
    for index, each in enumerate(tolerations):
        if any(_includes(other, each) for other in merged):
            continue
        if any(other != each and _includes(other, each) for other in tolerations[index + 1 :]):
            continue
        merged.append(each)
    return merged


def _includes(wide: Toleration, narrow: Toleration) -> bool:
    if wide == narrow:
        return True
    operator = wide.get("operator", "")
    if narrow.get("key", "") != wide.get("key", "") and (wide.get("key") or operator != "Exists"):
        return False
    if wide.get("effect") and narrow.get("effect", "") != wide["effect"]:
        return False
    seconds = wide.get("tolerationSeconds")
    longest = narrow.get("tolerationSeconds")
    if wide.get("effect") == "NoExecute" and seconds is not None and (longest is None or longest > seconds):
        return False
    if operator in ("", "Equal"):
        return narrow.get("operator") == "Equal" and narrow.get("value", "") == wide.get("value", "")
    return bool(operator == "Exists")
