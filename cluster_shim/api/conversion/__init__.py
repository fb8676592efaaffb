"""Between the versions of a kind that share one store: horizontal pod autoscalers, and events of two groups.

``hub(gvk)`` names the version that is stored; ``convert(obj, gvk)`` returns an object in another version of its kind.
Objects are normalised before and after. Everything else has one version only and passes unchanged. What a patch has
made goes through ``patched.from_patched``.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cluster_shim.api.conversion import autoscalers, events
from cluster_shim.api.resources import GroupVersionKind, gvk_of
from cluster_shim.api.types import normalise

__all__ = ["convert", "hub", "versions"]

_HPA_1 = GroupVersionKind("autoscaling", "v1", "HorizontalPodAutoscaler")
_HPA_2 = GroupVersionKind("autoscaling", "v2", "HorizontalPodAutoscaler")
_EVENT = GroupVersionKind("", "v1", "Event")
_NEW_EVENT = GroupVersionKind("events.k8s.io", "v1", "Event")

_HUBS = {_HPA_1: _HPA_2, _NEW_EVENT: _EVENT}
_WAYS: dict[tuple[GroupVersionKind, GroupVersionKind], Callable[[dict[str, Any]], dict[str, Any]]] = {
    (_HPA_1, _HPA_2): autoscalers.to_v2,
    (_HPA_2, _HPA_1): autoscalers.to_v1,
    (_EVENT, _NEW_EVENT): events.to_new,
    (_NEW_EVENT, _EVENT): events.to_old,
}


def hub(gvk: GroupVersionKind) -> GroupVersionKind:
    """Return the version of a kind that is stored."""
    return _HUBS.get(gvk, gvk)


def versions(gvk: GroupVersionKind) -> tuple[GroupVersionKind, ...]:
    """Return all versions of a kind, the stored one first."""
    stored = hub(gvk)
    return (stored, *(each for each, its in _HUBS.items() if its == stored))


def convert(obj: dict[str, Any], to: GroupVersionKind) -> dict[str, Any]:
    """Return a normalised object in another version; the object itself if it is in that version."""
    of = gvk_of(obj)
    if of == to:
        return obj
    made = normalise(to, _WAYS[of, to](obj))
    made["apiVersion"], made["kind"] = to.api_version, to.kind
    return made
