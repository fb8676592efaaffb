"""PodTopologyLabels and PodResizeValidator: what the node of a pod means for the pod."""

from __future__ import annotations

from typing import Any

from cluster_shim.api.amounts import NANO, ZERO
from cluster_shim.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Interest, Reader, forbidden
from cluster_shim.apiserver.admission.pod_resources import Amounts, add, amounts_of, pod_total

_TOPOLOGY = ("topology.kubernetes.io/zone", "topology.kubernetes.io/region")
_OS = "kubernetes.io/os"


class PodTopologyLabels:
    """A pod that is bound to a node gets the node's labels of zone and region."""

    name = "PodTopologyLabels"
    interests = (Interest((CREATE,), "", "pods"), Interest((CREATE,), "", "pods", "binding"))

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def admit(self, attributes: Attributes) -> None:
        """Copy the labels to the pod, or to the binding, which brings them to the pod."""
        obj = attributes.new
        if attributes.subresource:
            target = obj.get("target") or {}
            node = target.get("name", "") if target.get("kind") == "Node" else ""
        else:
            node = obj["spec"].get("nodeName", "")
        found = self._reader.get("", "nodes", "", node) if node else None
        if found is None:
            return
        labels = found["metadata"].get("labels") or {}
        copied = {key: labels[key] for key in _TOPOLOGY if key in labels}
        if copied:
            metadata = obj.setdefault("metadata", {})
            metadata["labels"] = {**(metadata.get("labels") or {}), **copied}


class PodResizeValidator:
    """A pod that runs may not ask for more than its node has."""

    name = "PodResizeValidator"
    interests = (Interest((UPDATE,), "", "pods", "resize"),)

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def validate(self, attributes: Attributes) -> None:
        """Refuse what the node cannot give. Raises Forbidden."""
        new, old = attributes.new, attributes.old
        node = new["spec"].get("nodeName", "")
        if not node or new["metadata"].get("generation") == old["metadata"].get("generation"):
            return
        found = self._reader.get("", "nodes", "", node)
        if found is None:
            raise forbidden(attributes, f'node "{node}" not found')
        system = (found["metadata"].get("labels") or {}).get(_OS, "linux")
        if system != "linux":
            message = f'pod resize is only supported on linux nodes, node "{node}" is "{system}"'
            raise _refusal(attributes, message, "UnsupportedPlatform")
        lacking = list(_lacking(new["spec"], found.get("status") or {}))
        if lacking:
            message = f"node didn't have enough allocatable resources: {'; '.join(lacking)}"
            raise _refusal(attributes, message, "NodeCapacity")


def _lacking(spec: dict[str, Any], status: dict[str, Any]) -> Any:
    allocatable: Amounts = amounts_of(status.get("allocatable"))
    requests = pod_total(spec, "requests")
    add(requests, amounts_of(spec.get("overhead")))
    for name, unit in (("cpu", NANO // 1000), ("memory", NANO)):
        wanted, there = requests.get(name, ZERO).nano, allocatable.get(name, ZERO).nano
        if wanted > there:
            yield f"{name}, requested: {-(-wanted // unit)}, allocatable: {-(-there // unit)}"


def _refusal(attributes: Attributes, message: str, reason: str) -> Exception:
    return forbidden(attributes, message, [{"reason": reason}])
