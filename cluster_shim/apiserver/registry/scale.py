"""Scale: how many replicas there are to be, of any kind that has replicas. Upstream: ScaleREST of each kind."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api.fields import ROOT, FieldError, invalid
from cluster_shim.api.selectors import shown

Object = dict[str, Any]
_IDENTITY = ("name", "namespace", "uid", "resourceVersion", "creationTimestamp")
_NEGATIVE = "must be greater than or equal to 0"


def scale_of(obj: Mapping[str, Any]) -> Object:
    """Return the Scale of a built-in object."""
    spec, status = obj["spec"], obj.get("status") or {}
    return {
        "kind": "Scale",
        "apiVersion": "autoscaling/v1",
        "metadata": identity(obj),
        "spec": {"replicas": spec["replicas"]} if spec.get("replicas") else {},
        "status": _status(status.get("replicas", 0), selector_text(spec.get("selector"))),
    }


def identity(obj: Mapping[str, Any]) -> Object:
    """Return what a Scale has of the metadata of its object."""
    return {name: obj["metadata"][name] for name in _IDENTITY if name in obj["metadata"]}


def _status(replicas: int, selector: str) -> Object:
    return {"replicas": replicas, **({"selector": selector} if selector else {})}


def with_replicas(obj: Mapping[str, Any], scale: Mapping[str, Any]) -> Object:
    """Return a built-in object with the replicas and the resourceVersion of a Scale."""
    spec = {**obj["spec"], "replicas": wanted(scale)}
    return {**obj, "metadata": with_version(obj["metadata"], scale), "spec": spec}


def with_version(metadata: Mapping[str, Any], scale: Mapping[str, Any]) -> Object:
    """Return the metadata of an object with the resourceVersion of a Scale: that is the one it must be at."""
    rest = {key: value for key, value in metadata.items() if key != "resourceVersion"}
    version = (scale.get("metadata") or {}).get("resourceVersion")
    return {**rest, "resourceVersion": version} if version else rest


def wanted(scale: Mapping[str, Any]) -> int:
    """Return the replicas that a Scale asks for."""
    replicas: int = (scale.get("spec") or {}).get("replicas", 0)
    return replicas


def problems(scale: Mapping[str, Any]) -> list[FieldError]:
    """Return what is wrong with a Scale."""
    if wanted(scale) < 0:
        return [invalid(ROOT.child("spec", "replicas"), wanted(scale), _NEGATIVE)]
    return []


def selector_text(selector: Mapping[str, Any] | None) -> str:
    """Return a label selector as queries have it: ``app=web,tier in (a,b)``."""
    if not selector:
        return ""
    if not selector.keys() <= {"matchLabels", "matchExpressions"}:
        return ",".join(f"{key}={value}" for key, value in sorted(selector.items()))
    return shown(selector)
