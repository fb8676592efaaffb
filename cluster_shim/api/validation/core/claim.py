"""Persistent volume claims: what may change once they are there, and their status."""

from __future__ import annotations

from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import amounts, formats, metadata, names
from cluster_shim.api.validation.checks import METADATA, NOTHING, SPEC, STATUS, Errors, Object, immutable, refuse
from cluster_shim.api.validation.core import resource_names, resources
from cluster_shim.api.validation.core.claim_spec import NEW_CLAIM, ClaimOptions, claim_spec
from cluster_shim.api.validation.labels import is_usable
from cluster_shim.api.validation.structs import difference

_CLASS = "volume.beta.kubernetes.io/storage-class"
_ATTRIBUTES_CLASS = "volumeAttributesClassName"
_RESIZE_STATUSES = (
    "ControllerResizeInProgress",
    "ControllerResizeInfeasible",
    "NodeResizeInProgress",
    "NodeResizeInfeasible",
    "NodeResizePending",
)


def create(errors: Errors, claim: Object) -> None:
    """Check a new claim."""
    _claim(errors, claim, NEW_CLAIM)


def _claim(errors: Errors, claim: Object, options: ClaimOptions) -> None:
    metadata.create(errors, claim, True, names.dns_subdomain)
    claim_spec(errors, claim["spec"], SPEC, options)


def _options(old: Object) -> ClaimOptions:
    spec = old["spec"]
    sources = (spec.get("dataSource") or NOTHING, spec.get("dataSourceRef") or NOTHING)
    return ClaimOptions(
        any_selector_value=not is_usable(spec.get("selector")),
        any_api_group=any("apiGroup" in each for each in sources),
    )


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of a claim."""
    metadata.update(errors, new, old)
    _claim(errors, new, _options(old))
    spec, before, status = new["spec"], old["spec"], old.get("status") or NOTHING
    is_bound = (new.get("status") or NOTHING).get("phase") == "Bound"
    _spec_stays(errors, new, old, is_bound)
    sizes = [((each.get("resources") or NOTHING).get("requests") or NOTHING).get("storage") for each in (spec, before)]
    capacity = (status.get("capacity") or NOTHING).get("storage")
    if amounts.nano(sizes[0]) < amounts.nano(sizes[1]) and amounts.nano(sizes[0]) <= amounts.nano(capacity):
        at = SPEC.child("resources", "requests", "storage")
        errors.append(fields.forbidden(at, "field can not be less than status.capacity"))
    immutable(errors, spec.get("volumeMode"), before.get("volumeMode"), Path("volumeMode"))
    name = spec.get(_ATTRIBUTES_CLASS)
    if name != before.get(_ATTRIBUTES_CLASS) and "currentVolumeAttributesClassName" in status and not name:
        what = "nil" if name is None else "empty string"
        detail = f"update to {what} is forbidden when status.currentVolumeAttributesClassName is not nil"
        errors.append(fields.forbidden(SPEC.child(_ATTRIBUTES_CLASS), detail))


def _spec_stays(errors: Errors, new: Object, old: Object, is_bound: bool) -> None:
    spec: dict[str, Any] = dict(new["spec"])
    before: dict[str, Any] = dict(old["spec"])
    if not before.get("volumeName"):
        _take(before, spec, "volumeName")
    annotations = [(each.get("metadata") or NOTHING).get("annotations") or {} for each in (new, old)]
    after, had = (each.get(_CLASS) for each in annotations)
    class_name, old_class = spec.get("storageClassName"), before.get("storageClassName")
    if had is not None and old_class is None and class_name == had and after in (None, had):
        spec.pop("storageClassName", None)
    else:
        immutable(errors, after or "", had or "", METADATA.child("annotations", _CLASS))
        if class_name is not None and old_class is None and had in (None, class_name):
            _take(spec, before, "storageClassName")
    if is_bound:
        requests = (spec.get("resources") or NOTHING).get("requests")
        if requests is not None:
            storage = ((before.get("resources") or NOTHING).get("requests") or NOTHING).get("storage", "0")
            spec["resources"] = {**spec["resources"], "requests": {**requests, "storage": storage}}
        _take(spec, before, _ATTRIBUTES_CLASS)
    if spec != before:
        changes = difference("PersistentVolumeClaimSpec", before, spec)
        detail = (
            "spec is immutable after creation except resources.requests and volumeAttributesClassName for bound claims"
        )
        errors.append(fields.forbidden(SPEC, f"{detail}\n{changes}"))


def _take(target: dict[str, Any], source: Object, key: str) -> None:
    if key in source:
        target[key] = source[key]
    else:
        target.pop(key, None)


def update_status(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of the status of a claim."""
    metadata.update(errors, new, old)
    status = new.get("status") or NOTHING
    if not (new.get("metadata") or NOTHING).get("resourceVersion"):
        errors.append(fields.required(Path("resourceVersion")))
    if not new["spec"].get("accessModes"):
        errors.append(fields.required(Path("Spec").child("accessModes")))
    for name, amount in (status.get("capacity") or {}).items():
        resources.basic(errors, amount, STATUS.child("capacity").key(name))
    path = STATUS.child("allocatedResourceStatuses")
    for name, value in (status.get("allocatedResourceStatuses") or {}).items():
        _resource_key(errors, name, path)
        if value not in _RESIZE_STATUSES:
            errors.append(fields.not_supported(path, name, tuple(sorted(_RESIZE_STATUSES))))
    path = STATUS.child("allocatedResources")
    for name, amount in (status.get("allocatedResources") or {}).items():
        if _resource_key(errors, name, path) and resources.basic(errors, amount, path.key(name)):
            resources.quantity(errors, "storage", amount, path.key(name))


def _resource_key(errors: Errors, name: str, path: Path) -> bool:
    if messages := formats.label_key(name):
        refuse(errors, path, name, messages)
        return False
    if resource_names.is_native(name) and name != "storage":
        errors.append(fields.not_supported(path, name, ("storage",)))
        return False
    return True
