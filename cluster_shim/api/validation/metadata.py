"""metadata: names, labels, annotations, owners, finalizers, managed fields; at creation and at an update.

Two layers, as upstream has them: `create` and `update` are called by the rules of a kind; `common` is what every update
of every kind is checked for first.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path, quoted
from cluster_shim.api.resources import GroupVersionKind, gvk_of
from cluster_shim.api.validation import formats, names
from cluster_shim.api.validation.checks import METADATA, NOTHING, Errors, Object, immutable, refuse
from cluster_shim.api.validation.labels import labels
from cluster_shim.api.validation.names import NameRule
from cluster_shim.api.validation.structs import dump, dump_list

MAX_ANNOTATION_BYTES = 256 << 10
_BANNED_OWNERS = frozenset({GroupVersionKind("", "v1", "Event")})
_STANDARD_FINALIZERS = frozenset({"kubernetes", "orphan", "foregroundDeletion"})

_LABELS = METADATA.child("labels")
_ANNOTATIONS = METADATA.child("annotations")


def create(errors: Errors, obj: Object, namespaced: bool, name_rule: NameRule, path: Path = METADATA) -> None:
    """Check the metadata of an object as the rules of its kind do."""
    generic(errors, obj, namespaced, name_rule, path)
    _kube_finalizers(errors, obj, path)


def update(errors: Errors, new: Object, old: Object, path: Path = METADATA) -> None:
    """Check the change of metadata as the rules of a kind do."""
    generic_update(errors, new, old, path)
    _kube_finalizers(errors, new, path)


def common(errors: Errors, new: Object, old: Object, namespaced: bool) -> None:
    """Check what every update is checked for before the rules of the kind."""
    generic(errors, new, namespaced, names.path_segment)
    generic_update(errors, new, old)


def generic(errors: Errors, obj: Object, namespaced: bool, name_rule: NameRule, path: Path = METADATA) -> None:
    """Check metadata without the rule for finalizers that only built-in kinds have."""
    meta = obj.get("metadata") or NOTHING
    generate_name, name = meta.get("generateName"), meta.get("name")
    if generate_name and (messages := name_rule(generate_name, True)):
        refuse(errors, path.child("generateName"), generate_name, messages)
    if not name:
        errors.append(fields.required(path.child("name"), "name or generateName is required"))
    elif messages := name_rule(name, False):
        refuse(errors, path.child("name"), name, messages)
    _namespace(errors, meta.get("namespace"), namespaced, path)
    generation = meta.get("generation")
    if generation and generation < 0:
        errors.append(fields.invalid(path.child("generation"), generation, "must be greater than or equal to 0"))
    _texts(errors, meta, path)
    if "finalizers" in meta:
        _finalizers(errors, meta["finalizers"] or (), path.child("finalizers"))
    if "managedFields" in meta:
        _managed_fields(errors, meta["managedFields"] or (), path.child("managedFields"))


def usable_names(errors: Errors, obj: Object) -> None:
    """Check that names can stand in URLs: some kinds have no rules for theirs."""
    meta = obj.get("metadata") or NOTHING
    for key, is_prefix in (("generateName", True), ("name", False)):
        name = meta.get(key)
        if name and (messages := names.path_segment(name, is_prefix)):
            refuse(errors, METADATA.child(key), name, messages)


def generic_update(errors: Errors, new: Object, old: Object, path: Path = METADATA) -> None:
    """Check a change of metadata without the rule for finalizers that only built-in kinds have."""
    meta, before = new.get("metadata") or NOTHING, old.get("metadata") or NOTHING
    if "deletionTimestamp" in before:
        added = sorted(set(meta.get("finalizers") or ()) - set(before.get("finalizers") or ()))
        if added:
            listed = ", ".join(quoted(each) for each in added)
            detail = "no new finalizers can be added if the object is being deleted, found new finalizers "
            errors.append(fields.forbidden(path.child("finalizers"), f"{detail}[]string{{{listed}}}"))
    if not meta.get("resourceVersion"):
        errors.append(fields.invalid(path.child("resourceVersion"), "", "must be specified for an update"))
    if (meta.get("generation") or 0) < (before.get("generation") or 0):
        errors.append(fields.invalid(path.child("generation"), meta.get("generation") or 0, "must not be decremented"))
    for key, zero in _IMMUTABLE:
        if meta.get(key) != before.get(key):
            immutable(errors, meta.get(key, zero), before.get(key, zero), path.child(key))
    _texts(errors, meta, path)
    if "managedFields" in meta:
        _managed_fields(errors, meta["managedFields"] or (), path.child("managedFields"))


_IMMUTABLE = (
    ("name", ""),
    ("namespace", ""),
    ("uid", ""),
    ("creationTimestamp", None),
    ("deletionTimestamp", None),
    ("deletionGracePeriodSeconds", None),
)


def _namespace(errors: Errors, namespace: str | None, namespaced: bool, path: Path) -> None:
    if not namespaced:
        if namespace:
            errors.append(fields.forbidden(path.child("namespace"), "not allowed on this type"))
    elif not namespace:
        errors.append(fields.required(path.child("namespace")))
    elif messages := formats.dns_label(namespace):
        refuse(errors, path.child("namespace"), namespace, messages)


def _texts(errors: Errors, meta: Object, path: Path) -> None:
    if pairs := meta.get("labels"):
        labels(errors, pairs, _LABELS if path is METADATA else path.child("labels"))
    if pairs := meta.get("annotations"):
        check_annotations(errors, pairs, _ANNOTATIONS if path is METADATA else path.child("annotations"))
    if owners := meta.get("ownerReferences"):
        _owners(errors, owners, path.child("ownerReferences"))


def check_annotations(errors: Errors, pairs: Mapping[str, str] | None, path: Path) -> None:
    """Check keys and size of annotations."""
    total = 0
    for key, value in (pairs or {}).items():
        if messages := formats.label_key(key.lower()):
            refuse(errors, path, key, messages)
        total += formats.size(key) + formats.size(value)
    if total > MAX_ANNOTATION_BYTES:
        errors.append(fields.too_long(path, MAX_ANNOTATION_BYTES))


def _owners(errors: Errors, owners: Sequence[Object], path: Path) -> None:
    controller = ""
    for each in owners:
        gvk = gvk_of(each)
        if not gvk.version:
            errors.append(
                fields.invalid(path.child("apiVersion"), each.get("apiVersion", ""), "version must not be empty")
            )
        for key in ("kind", "name", "uid"):
            if not each.get(key):
                errors.append(fields.invalid(path.child(key), "", "must not be empty"))
        if gvk in _BANNED_OWNERS:
            detail = f"{gvk.group}/{gvk.version}, Kind={gvk.kind} is disallowed from being an owner"
            errors.append(fields.invalid(path, dump("OwnerReference", each), detail))
        if not each.get("controller"):
            continue
        current = f"{each.get('kind', '')}/{each.get('name', '')}"
        if controller:
            detail = (
                'Only one reference can have Controller set to true. Found "true" in references for '
                f"{controller} and {current}"
            )
            errors.append(fields.invalid(path, dump_list("OwnerReference", owners), detail))
        else:
            controller = current


def _finalizers(errors: Errors, finalizers: Sequence[str], path: Path) -> None:
    for each in finalizers:
        refuse(errors, path, each, formats.label_key(each))
    if "orphan" in finalizers and "foregroundDeletion" in finalizers:
        detail = "finalizer orphan and foregroundDeletion cannot be both set"
        errors.append(fields.invalid(path, list(finalizers), detail))


def finalizer(errors: Errors, name: str, path: Path) -> None:
    """Check a finalizer that Kubernetes itself defines: one of the standard ones, or with a domain."""
    if "/" not in name and name not in _STANDARD_FINALIZERS:
        detail = "name is neither a standard finalizer name nor is it fully qualified"
        errors.append(fields.invalid(path, name, detail))


def _kube_finalizers(errors: Errors, obj: Object, path: Path) -> None:
    for index, each in enumerate((obj.get("metadata") or NOTHING).get("finalizers") or ()):
        if "/" not in each and each not in _STANDARD_FINALIZERS:
            finalizer(errors, each, path.child("finalizers").index(index))


def _managed_fields(errors: Errors, entries: Sequence[Object], path: Path) -> None:
    for index, entry in enumerate(entries):
        operation, fields_type = entry.get("operation", ""), entry.get("fieldsType")
        if operation not in ("Apply", "Update"):
            detail = "must be `Apply` or `Update`"
            errors.append(fields.invalid(path.index(index).child("operation"), operation, detail))
        if fields_type and fields_type != "FieldsV1":
            errors.append(fields.invalid(path.index(index).child("fieldsType"), fields_type, "must be `FieldsV1`"))
        if manager := entry.get("manager"):
            field_manager(errors, manager, path.index(index).child("manager"))
        if formats.size(entry.get("subresource") or "") > 256:
            errors.append(fields.too_long(path.index(index).child("subresource"), 256))


def field_manager(errors: Errors, manager: str, path: Path) -> None:
    """Check the name of a field manager."""
    if formats.size(manager) > 128:
        errors.append(fields.too_long(path, 128))
    if manager.isprintable():
        return
    position = 0
    for each in manager:
        if not each.isprintable():
            detail = f"invalid character U+{ord(each):04X} (at position {position})"
            errors.append(fields.invalid(path, manager, detail))
        position += len(each.encode())


def conditions(errors: Errors, listed: Sequence[Object] | None, path: Path) -> None:
    """Check the conditions of a status (meta/v1 Condition)."""
    seen: set[str] = set()
    for index, each in enumerate(listed or ()):
        name = each.get("type", "")
        if name in seen:
            errors.append(fields.duplicate(path.index(index).child("type"), name))
        seen.add(name)
        _condition(errors, each, path.index(index))


_CONDITION_STATUSES = ("False", "True", "Unknown")


def _condition(errors: Errors, condition: Object, path: Path) -> None:
    name, status = condition.get("type", ""), condition.get("status", "")
    refuse(errors, path.child("type"), name, formats.label_key(name))
    if status not in _CONDITION_STATUSES:
        errors.append(fields.not_supported(path.child("status"), status, _CONDITION_STATUSES))
    generation: Any = condition.get("observedGeneration") or 0
    if generation < 0:
        detail = "must be greater than or equal to zero"
        errors.append(fields.invalid(path.child("observedGeneration"), generation, detail))
    if not condition.get("lastTransitionTime"):
        errors.append(fields.required(path.child("lastTransitionTime")))
    reason = condition.get("reason", "")
    if not reason:
        errors.append(fields.required(path.child("reason")))
    else:
        refuse(errors, path.child("reason"), reason, formats.condition_reason(reason))
        if formats.size(reason) > 1024:
            errors.append(fields.too_long(path.child("reason"), 1024))
    if formats.size(condition.get("message", "")) > 32 << 10:
        errors.append(fields.too_long(path.child("message"), 32 << 10))
