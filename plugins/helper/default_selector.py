"""The selector that default spreading deduces from Services and the owner of a pod (upstream: helper/spread.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from plugins.helper.label_selector import Requirement, matches, of_expressions, of_labels

if TYPE_CHECKING:
    from sched_core import Handle, Pod

KINDS = ("Service", "ReplicationController", "ReplicaSet", "StatefulSet")
_API_VERSION = {"ReplicationController": "v1", "ReplicaSet": "apps/v1", "StatefulSet": "apps/v1"}


def default_selector(pod: Pod, handle: Handle) -> tuple[Requirement, ...]:
    """Return what all pods of the same Services and owner have; empty if there is neither."""
    namespace = pod.metadata.namespace or "default"
    labels: dict[str, str] = {}
    for service in handle.objects("Service").values():
        selector = _spec(service).get("selector")
        if selector is None or (service.metadata.namespace or "default") != namespace:
            continue
        if matches(of_labels(selector), pod.metadata.labels):
            labels |= selector
    owner = next((each for each in pod.metadata.owner_references if each.controller), None)
    if owner is None or owner.api_version != _API_VERSION.get(owner.kind):
        return of_labels(labels)
    record = handle.objects(owner.kind).get(f"{namespace}/{owner.name}")
    if record is None:
        return of_labels(labels)
    theirs = _spec(record).get("selector") or {}
    if owner.kind == "ReplicationController":
        return of_labels(labels | theirs)
    expressions = theirs.get("matchExpressions") or ()
    return (
        of_labels(labels)
        + of_labels(theirs.get("matchLabels") or {})
        + of_expressions((each["key"], each["operator"], each.get("values") or ()) for each in expressions)
    )


def _spec(record: Any) -> Mapping[str, Any]:
    spec: Mapping[str, Any] = record.spec
    return spec
