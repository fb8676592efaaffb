"""PriorityClasses, RuntimeClasses, Leases."""

from __future__ import annotations

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats, labels, metadata, names
from cluster_shim.api.validation.checks import (
    METADATA,
    NOTHING,
    SPEC,
    Errors,
    Object,
    keep,
    optional_one_of,
    refuse,
)
from cluster_shim.api.validation.core import affinity, resources
from cluster_shim.api.validation.core.pod_options import NEW_TEMPLATE
from cluster_shim.api.validation.rules import Rules
from cluster_shim.api.validation.structs import dump

_ROOT = Path("")
_MOST = 1_000_000_000
_SYSTEM = {"system-node-critical": 2 * _MOST + 1000, "system-cluster-critical": 2 * _MOST}


def _create_priority(errors: Errors, priority: Object) -> None:
    metadata.create(errors, priority, False, names.dns_subdomain)
    name, value = (priority.get("metadata") or NOTHING).get("name", ""), priority.get("value", 0)
    if name.startswith("system-"):
        if problem := _system_problem(name, value, bool(priority.get("globalDefault"))):
            detail = "priority class names with 'system-' prefix are reserved for system use only. error: "
            errors.append(fields.forbidden(METADATA.child("name"), f"{detail}{problem}"))
    elif value > _MOST:
        detail = f"maximum allowed value of a user defined priority is {_MOST}"
        errors.append(fields.forbidden(Path("value"), detail))
    if priority.get("preemptionPolicy") == "":
        errors.append(fields.required(Path("preemptionPolicy")))
    else:
        optional_one_of(errors, priority, "preemptionPolicy", _ROOT, ("PreemptLowerPriority", "Never"))


def _system_problem(name: str, value: int, is_default: bool) -> str:
    if name not in _SYSTEM:
        return f"{name} is not a known system priority class"
    if value != _SYSTEM[name]:
        return f"value of {name} PriorityClass must be {_SYSTEM[name]}"
    return f"globalDefault of {name} PriorityClass must be false" if is_default else ""


def _update_priority(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    if new.get("value", 0) != old.get("value", 0):
        errors.append(fields.forbidden(Path("value"), "may not be changed in an update."))
    keep(errors, new, old, "preemptionPolicy", _ROOT)


def _create_runtime(errors: Errors, runtime: Object) -> None:
    metadata.generic(errors, runtime, False, names.dns_subdomain)
    handler = runtime.get("handler", "")
    if not handler:
        errors.append(fields.required(Path("handler")))
    else:
        refuse(errors, Path("handler"), handler, formats.dns_label(handler))
    if "overhead" in runtime:
        fixed = {"limits": (runtime["overhead"] or NOTHING).get("podFixed") or {}}
        resources.requirements(errors, fixed, (), Path("overhead"))
    if (scheduling := runtime.get("scheduling")) is not None:
        _scheduling(errors, scheduling, Path("scheduling"))


def _scheduling(errors: Errors, scheduling: Object, path: Path) -> None:
    labels.labels(errors, scheduling.get("nodeSelector"), path.child("nodeSelector"))
    tolerations, at = scheduling.get("tolerations") or (), path.child("tolerations")
    affinity.tolerations(errors, tolerations, at, NEW_TEMPLATE)
    seen = set()
    for index, each in enumerate(tolerations):
        key = tuple(each.get(name, "") for name in ("key", "operator", "value", "effect"))
        if key in seen:
            errors.append(fields.duplicate(at.index(index), dump("Toleration", each)))
        seen.add(key)


def _update_runtime(errors: Errors, new: Object, old: Object) -> None:
    _create_runtime(errors, new)
    metadata.generic_update(errors, new, old)
    keep(errors, new, old, "handler", _ROOT, "")


def _create_lease(errors: Errors, lease: Object) -> None:
    metadata.generic(errors, lease, True, names.dns_subdomain)
    _lease_spec(errors, lease.get("spec") or NOTHING)


def _lease_spec(errors: Errors, spec: Object) -> None:
    seconds, transitions = spec.get("leaseDurationSeconds"), spec.get("leaseTransitions")
    if seconds is not None and seconds <= 0:
        errors.append(fields.invalid(SPEC.child("leaseDurationSeconds"), seconds, "must be greater than 0"))
    if transitions is not None and transitions < 0:
        detail = "must be greater than or equal to 0"
        errors.append(fields.invalid(SPEC.child("leaseTransitions"), transitions, detail))
    if (strategy := spec.get("strategy")) is not None:
        at = SPEC.child("strategy", "strategy")  # upstream names the field twice
        if "/" in strategy:
            refuse(errors, at, strategy, formats.label_key(strategy))
        elif strategy != "OldestEmulationVersion":
            errors.append(fields.not_supported(at, strategy, ("OldestEmulationVersion",)))
    if spec.get("preferredHolder") and not spec.get("strategy"):
        detail = "may only be specified if `strategy` is defined"
        errors.append(fields.forbidden(SPEC.child("preferredHolder"), detail))


def _update_lease(errors: Errors, new: Object, old: Object) -> None:
    metadata.generic_update(errors, new, old)
    _lease_spec(errors, new.get("spec") or NOTHING)


PRIORITY_CLASS = Rules(_create_priority, _update_priority)
RUNTIME_CLASS = Rules(_create_runtime, _update_runtime)
LEASE = Rules(_create_lease, _update_lease)
