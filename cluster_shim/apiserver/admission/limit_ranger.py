"""LimitRanger: containers get the defaults of a namespace's LimitRanges; what is outside their bounds is refused."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cluster_shim.api import defaults
from cluster_shim.api.amounts import NANO, Amount
from cluster_shim.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Interest, Reader, forbidden, joined
from cluster_shim.apiserver.admission.pod_resources import Amounts, amounts_of, pod_total

ANNOTATION = "kubernetes.io/limit-ranger"
_LARGEST_IN_MILLI = (2**63 - 1) // 1000


class LimitRanger:
    """The plugin."""

    name = "LimitRanger"
    interests = (
        Interest((CREATE,), "", "pods"),
        Interest((UPDATE,), "", "pods", "resize"),
        Interest((CREATE, UPDATE), "", "persistentvolumeclaims"),
    )

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def admit(self, attributes: Attributes) -> None:
        """Give the containers of a pod what they do not ask for themselves."""
        if attributes.resource.name != "pods":
            return
        pod = attributes.new
        for limits in self._limits(attributes):
            if _set_defaults(pod, limits) and pod["spec"].get("resources"):
                defaults.apply(attributes.kind, pod)  # requests of the pod follow from those of its containers

    def validate(self, attributes: Attributes) -> None:
        """Refuse what is outside the bounds. Raises Forbidden."""
        check = _check_pod if attributes.resource.name == "pods" else _check_claim
        for limits in self._limits(attributes):
            found = [message for limit in limits for message in check(limit, attributes.new)]
            if found:
                raise forbidden(attributes, joined(found))

    def _limits(self, attributes: Attributes) -> Iterator[list[Mapping[str, Any]]]:
        old = attributes.old_object
        if old is not None and old["metadata"].get("deletionTimestamp"):
            return
        for each in self._reader.list("", "limitranges", attributes.namespace):
            yield each["spec"].get("limits") or []


def _set_defaults(pod: dict[str, Any], limits: list[Mapping[str, Any]]) -> bool:
    """Give containers what they lack; tell whether any lacked something."""
    defaults: dict[str, dict[str, str]] = {"limits": {}, "requests": {}}
    for limit in limits:
        if limit.get("type") == "Container":
            defaults["requests"].update(limit.get("defaultRequest") or {})
            defaults["limits"].update(limit.get("default") or {})
    notes = []
    for containers, what in (("containers", "container"), ("initContainers", "init container")):
        for container in pod["spec"].get(containers) or ():
            added = {kind: _add_missing(container, kind, defaults[kind]) for kind in ("limits", "requests")}
            for kind, word in (("requests", "request"), ("limits", "limit")):
                if added[kind]:
                    notes.append(f"{', '.join(sorted(added[kind]))} {word} for {what} {container.get('name', '')}")
    if notes:
        annotations = pod["metadata"].get("annotations") or {}
        pod["metadata"]["annotations"] = {**annotations, ANNOTATION: f"LimitRanger plugin set: {'; '.join(notes)}"}
    return bool(notes)


def _add_missing(container: dict[str, Any], kind: str, defaults: Mapping[str, str]) -> list[str]:
    resources = container.get("resources") or {}
    present = resources.get(kind) or {}
    missing = {name: text for name, text in defaults.items() if name not in present}
    if missing:
        container["resources"] = {**resources, kind: {**present, **missing}}
    return list(missing)


def _check_pod(limit: Mapping[str, Any], pod: Mapping[str, Any]) -> Iterator[str]:
    spec, kind = pod["spec"], limit.get("type", "")
    if kind == "Container":
        for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
            resources = container.get("resources") or {}
            yield from _check(kind, limit, amounts_of(resources.get("requests")), amounts_of(resources.get("limits")))
    elif kind == "Pod":
        yield from _check(kind, limit, pod_total(spec, "requests"), pod_total(spec, "limits"))


def _check_claim(limit: Mapping[str, Any], claim: Mapping[str, Any]) -> Iterator[str]:
    kind = limit.get("type", "")
    if kind != "PersistentVolumeClaim":
        return
    requests = amounts_of((claim["spec"].get("resources") or {}).get("requests"))
    for name, least in amounts_of(limit.get("min")).items():
        yield from _check_min(f"minimum {name} usage per {kind} is {least}", least, requests.get(name), None)
    for name, most in amounts_of(limit.get("max")).items():
        text, request = f"maximum {name} usage per {kind} is {most}", requests.get(name)
        if request is None:
            yield f"{text}.  No request is specified"
        elif request.nano > most.nano:
            yield f"{text}, but request is {request}"


def _check(kind: str, limit: Mapping[str, Any], requests: Amounts, limits: Amounts) -> Iterator[str]:
    for name, least in amounts_of(limit.get("min")).items():
        text = f"minimum {name} usage per {kind} is {least}"
        yield from _check_min(text, least, requests.get(name), limits.get(name))
    for name, most in amounts_of(limit.get("max")).items():
        text = f"maximum {name} usage per {kind} is {most}"
        yield from _check_max(text, most, requests.get(name), limits.get(name))
    for name, most in amounts_of(limit.get("maxLimitRequestRatio")).items():
        text = f"{name} max limit to request ratio per {kind} is {most}"
        yield from _check_ratio(text, most, requests.get(name), limits.get(name))


def _check_min(text: str, least: Amount, request: Amount | None, limit: Amount | None) -> Iterator[str]:
    if request is None:
        yield f"{text}.  No request is specified"
    elif request.nano < least.nano:
        yield f"{text}, but request is {request}"
    elif limit is not None and limit.nano < least.nano:
        yield f"{text}, but limit is {limit}"


def _check_max(text: str, most: Amount, request: Amount | None, limit: Amount | None) -> Iterator[str]:
    if limit is None:
        yield f"{text}.  No limit is specified"
    elif limit.nano > most.nano:
        yield f"{text}, but limit is {limit}"
    elif request is not None and request.nano > most.nano:
        yield f"{text}, but request is {request}"


def _check_ratio(text: str, most: Amount, request: Amount | None, limit: Amount | None) -> Iterator[str]:
    if request is None or not request.nano:
        yield f"{text}, but no request is specified or request is 0"
    elif limit is None or not limit.nano:
        yield f"{text}, but no limit is specified or limit is 0"
    else:
        whole = max(request.nano, limit.nano) // NANO > _LARGEST_IN_MILLI
        unit = NANO if whole else NANO // 1000
        ratio = -(-limit.nano // unit) / -(-request.nano // unit)
        if ratio > most.nano / NANO:
            yield f"{text}, but provided ratio is {ratio:f}"
