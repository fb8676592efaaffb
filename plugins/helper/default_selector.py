"""The selector that default spreading deduces from Services and the owner of a pod (upstream: helper/spread.go)."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from plugins.helper.label_selector import Requirement, matches, of_expressions, of_labels

if TYPE_CHECKING:
    from sched_core import Handle, Pod

_API_VERSION = {"ReplicationController": "v1", "ReplicaSet": "apps/v1", "StatefulSet": "apps/v1"}
KINDS = frozenset({"Service", *_API_VERSION})
"""Kinds of the objects that the selector comes from."""


class DefaultSelectors:
    """The selectors of Services by namespace, kept until one of them changes."""

    def __init__(self) -> None:
        self._version = -1
        self._services: dict[str, list[tuple[tuple[Requirement, ...], Mapping[str, str]]]] = {}

    def of(self, pod: Pod, handle: Handle) -> tuple[Requirement, ...]:
        """Return what all pods of the same Services and owner have; empty if there is neither."""
        version = handle.version("Service")
        if version != self._version:
            self._version = version
            self._services = _services(handle)
        labels: dict[str, str] = {}
        for requirements, selector in self._services.get(pod.metadata.namespace or "default", ()):
            if matches(requirements, pod.metadata.labels):
                labels |= selector
        return _with_owner(labels, pod, handle)


def _services(handle: Handle) -> dict[str, list[tuple[tuple[Requirement, ...], Mapping[str, str]]]]:
    """Return the selectors by namespace; a Service without one selects nothing, an empty one everything."""
    found: dict[str, list[tuple[tuple[Requirement, ...], Mapping[str, str]]]] = {}
    for service in handle.objects("Service").values():
        selector = _spec(service).get("selector")
        if selector is not None:
            namespace = service.metadata.namespace or "default"
            found.setdefault(namespace, []).append((of_labels(selector), selector))
    return found


def _with_owner(labels: dict[str, str], pod: Pod, handle: Handle) -> tuple[Requirement, ...]:
    """Return labels of Services and what the controller of the pod selects, as one selector."""
    namespace = pod.metadata.namespace or "default"
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
