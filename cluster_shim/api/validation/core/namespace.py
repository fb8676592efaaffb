"""Namespaces: their finalizers and their phase."""

from __future__ import annotations

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats, metadata, names
from cluster_shim.api.validation.checks import NOTHING, SPEC, STATUS, Errors, Object, refuse

_FINALIZERS = SPEC.child("finalizers")


def create(errors: Errors, namespace: Object) -> None:
    """Check a new namespace."""
    metadata.create(errors, namespace, False, names.dns_label)
    for each in (namespace.get("spec") or NOTHING).get("finalizers") or ():
        _finalizer(errors, each, _FINALIZERS)


def _finalizer(errors: Errors, name: str, path: Path) -> None:
    refuse(errors, path, name, formats.label_key(name))
    metadata.finalizer(errors, name, path)


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of a namespace."""
    create(errors, new)
    metadata.update(errors, new, old)


def update_status(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of the status of a namespace."""
    metadata.update(errors, new, old)
    is_deleted = "deletionTimestamp" in (new.get("metadata") or NOTHING)
    phase, expected = (new.get("status") or NOTHING).get("phase", ""), "Terminating" if is_deleted else "Active"
    if phase != expected:
        detail = f"may only be '{expected}' if `deletionTimestamp` is {'not ' if is_deleted else ''}empty"
        errors.append(fields.invalid(STATUS.child("Phase"), phase, detail))


def finalize(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of the finalizers of a namespace."""
    metadata.update(errors, new, old)
    for index, each in enumerate((new.get("spec") or NOTHING).get("finalizers") or ()):
        _finalizer(errors, each, _FINALIZERS.index(index))
