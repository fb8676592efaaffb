"""Resizing a pod in place: only cpu and memory change, and the class of service stays."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import metadata
from cluster_shim.api.validation.checks import NOTHING, SPEC, WHOLE, Errors, Object
from cluster_shim.api.validation.core import pod, pod_update
from cluster_shim.api.validation.core.pod_aggregate import quality_of_service

_COMPUTE = ("cpu", "memory")
_ONLY_COMPUTE = "only cpu and memory resources are mutable"


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check a resize."""
    options = pod_update.options_of(old)
    metadata.update(errors, new, old)
    pod.metadata_and_spec(errors, new, options)
    spec, before, status = new["spec"], old["spec"], old.get("status") or NOTHING
    if pod.MIRROR in ((old.get("metadata") or NOTHING).get("annotations") or NOTHING):
        errors[:] = [fields.forbidden(WHOLE, "static pods cannot be resized")]
        return
    if (before.get("os") or NOTHING).get("name") == "windows":
        errors[:] = [fields.forbidden(WHOLE, "windows pods cannot be resized")]
        return
    old_class = status.get("qosClass") or quality_of_service(before)
    if old_class != quality_of_service(spec):
        shown = (new.get("status") or NOTHING).get("qosClass", "")
        errors.append(fields.invalid(SPEC, shown, "Pod QOS Class may not change as a result of resizing"))
    if not _is_supported(status):
        errors.append(fields.forbidden(SPEC, "Pod running on node without support for resize"))
    expected = dict(spec)
    if _has_amounts(spec) or _has_amounts(before):
        _pod_level(errors, expected, before)
    if status.get("nodeAllocatableResourceClaimStatuses"):
        errors.append(fields.forbidden(SPEC, "pods with node allocatable resource claims cannot be resized"))
    if not _same_containers(errors, spec, before):
        return
    for key in ("initContainers", "containers"):
        for index, each in enumerate(before.get(key) or ()):
            _removed(errors, spec[key][index], each, SPEC.child(key).index(index).child("resources"))
    _containers(errors, expected, before)
    if not errors and expected != before:
        errors.append(fields.forbidden(SPEC, _ONLY_COMPUTE))


def _is_supported(status: Object) -> bool:
    for each in status.get("containerStatuses") or ():
        if "running" in (each.get("state") or NOTHING):
            return "resources" in each
    return True


def _has_amounts(spec: Object) -> bool:
    own = spec.get("resources") or NOTHING
    return bool(own.get("requests") or own.get("limits"))


def _is_removed(new: Object | None, old: Object | None, member: str) -> bool:
    after, before = (new or NOTHING).get(member) or {}, (old or NOTHING).get(member) or {}
    return any(name not in after for name in before)


def _pod_level(errors: Errors, expected: dict[str, Any], before: Object) -> None:
    path, new, old = SPEC.child("resources"), expected.get("resources"), before.get("resources")
    if old is not None and new is None:
        errors.append(fields.forbidden(path, "pod-level resources cannot be removed"))
        return
    if old is not None:
        for member in ("requests", "limits"):
            if _is_removed(new, old, member):
                detail = f"pod-level resource {member} cannot be removed"
                errors.append(fields.forbidden(path.child(member), detail))
    munged = _with_old_compute(new or NOTHING, old or NOTHING)
    if old is None and not munged:
        expected.pop("resources", None)
    else:
        expected["resources"] = munged
    if expected.get("resources") != old:
        errors.append(fields.forbidden(SPEC, "only cpu and memory resources are mutable at pod-level"))


def _with_old_compute(new: Object, old: Object) -> dict[str, Any]:
    """Return requests and limits with the old amounts of cpu and memory: they must equal the old ones."""
    munged = {key: value for key, value in new.items() if key not in ("requests", "limits")}
    for member in ("limits", "requests"):
        before: Mapping[str, str] = old.get(member) or {}
        amounts = {name: amount for name, amount in (new.get(member) or {}).items() if name not in _COMPUTE}
        amounts |= {name: before[name] for name in _COMPUTE if name in before}
        if amounts:
            munged[member] = amounts
    return munged


def _same_containers(errors: Errors, spec: Object, before: Object) -> bool:
    count = len(errors)
    for key in ("containers", "initContainers"):
        new, old = spec.get(key) or (), before.get(key) or ()
        if len(new) != len(old):
            errors.append(fields.forbidden(SPEC.child(key), f"{key} may not be added or removed on resize"))
            continue
        for index, each in enumerate(old):
            if new[index].get("name") != each.get("name"):
                at = SPEC.child(key).index(index).child("name")
                errors.append(fields.forbidden(at, f"{key} may not be renamed or reordered on resize"))
    return len(errors) == count


def _removed(errors: Errors, new: Object, old: Object, path: Path) -> None:
    for member in ("requests", "limits"):
        if _is_removed(new.get("resources"), old.get("resources"), member):
            errors.append(fields.forbidden(path.child(member), f"resource {member} cannot be removed"))


def _containers(errors: Errors, expected: dict[str, Any], before: Object) -> None:
    for key in ("containers", "initContainers"):
        if key not in expected:
            continue
        munged = []
        for index, (each, old) in enumerate(zip(expected[key] or (), before[key] or (), strict=True)):
            own = _with_old_compute(each.get("resources") or NOTHING, old.get("resources") or NOTHING)
            own.pop("claims", None)
            munged.append({**each, "resources": own})
            _container(errors, key, index, each, munged[-1], old)
        expected[key] = munged


def _container(errors: Errors, key: str, index: int, new: Object, munged: Object, old: Object) -> None:
    differs = {**munged, "resources": munged["resources"] or {}} != {**old, "resources": old.get("resources") or {}}
    if key == "containers":
        if differs:
            errors.append(fields.forbidden(SPEC, _ONLY_COMPUTE))
        return
    at = SPEC.child(key).index(index)
    if differs:
        detail = "only cpu and memory resources for init or sidecar containers are mutable"
        errors.append(fields.forbidden(at, detail))
    if new == old or new.get("restartPolicy") == "Always":
        return
    for each in new.get("resizePolicy") or ():
        if each.get("restartPolicy") == "RestartContainer":
            detail = "non-sidecar init containers with a resize policy of RestartContainer cannot be resized"
            errors.append(fields.forbidden(at, detail))
