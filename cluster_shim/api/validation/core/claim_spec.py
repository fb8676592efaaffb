"""The spec of a persistent volume claim, and templates of claims in pods and StatefulSets."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import amounts, formats, metadata
from cluster_shim.api.validation.checks import NOTHING, Errors, Object, need, optional_one_of, refuse
from cluster_shim.api.validation.core import resources
from cluster_shim.api.validation.labels import labels, selector

ACCESS_MODES = ("ReadOnlyMany", "ReadWriteMany", "ReadWriteOnce", "ReadWriteOncePod")
VOLUME_MODES = ("Block", "Filesystem")


class ClaimOptions(NamedTuple):
    """What an older claim excuses."""

    any_selector_value: bool = False
    any_api_group: bool = False


NEW_CLAIM = ClaimOptions()


def access_modes(errors: Errors, modes: Sequence[str], path: Path) -> None:
    """Check access modes: known ones, and ReadWriteOncePod alone."""
    for mode in modes:
        if mode not in ACCESS_MODES:
            errors.append(fields.not_supported(path, mode, ACCESS_MODES))
    if "ReadWriteOncePod" in modes and any(each in ACCESS_MODES[:3] for each in modes):
        errors.append(fields.forbidden(path, "may not use ReadWriteOncePod with other access modes"))


def claim_spec(errors: Errors, spec: Object, path: Path, options: ClaimOptions = NEW_CLAIM) -> None:
    """Check what is claimed."""
    need(errors, spec, "accessModes", path, "at least 1 access mode is required")
    selector(errors, spec.get("selector"), path.child("selector"), options.any_selector_value)
    access_modes(errors, spec.get("accessModes") or (), path.child("accessModes"))
    storage = ((spec.get("resources") or NOTHING).get("requests") or NOTHING).get("storage")
    at = path.child("resources").key("storage")
    if storage is None:
        errors.append(fields.required(at))
    elif amounts.nano(storage) <= 0:
        amounts.positive(errors, storage, at)
    else:
        resources.quantity(errors, "storage", storage, at)
    if class_name := spec.get("storageClassName"):
        refuse(errors, path.child("storageClassName"), class_name, formats.dns_subdomain(class_name))
    optional_one_of(errors, spec, "volumeMode", path, VOLUME_MODES)
    _data_sources(errors, spec, path, options)
    if class_name := spec.get("volumeAttributesClassName"):
        refuse(errors, path.child("volumeAttributesClassName"), class_name, formats.dns_subdomain(class_name))


def _data_sources(errors: Errors, spec: Object, path: Path, options: ClaimOptions) -> None:
    source, reference = spec.get("dataSource"), spec.get("dataSourceRef")
    if source is not None:
        _data_source(errors, source, path.child("dataSource"), options)
    if reference is None:
        return
    _data_source(errors, reference, path.child("dataSourceRef"), options)
    namespace = reference.get("namespace")
    if namespace:
        at = path.child("dataSourceRef", "namespace")
        refuse(errors, at, namespace, formats.dns_label(namespace))
    if source is None:
        return
    if namespace:
        detail = "may not be specified when dataSourceRef.namespace is specified"
        errors.append(fields.invalid(path, NOTHING, detail))
    elif any(source.get(key) != reference.get(key) for key in ("apiGroup", "kind", "name")):
        errors.append(fields.invalid(path, NOTHING, "must match dataSourceRef"))


def _data_source(errors: Errors, source: Object, path: Path, options: ClaimOptions) -> None:
    need(errors, source, "name", path)
    need(errors, source, "kind", path)
    group, kind = source.get("apiGroup") or "", source.get("kind", "")
    if not group and kind != "PersistentVolumeClaim":
        detail = "must be 'PersistentVolumeClaim' when referencing the default apiGroup"
        errors.append(fields.invalid(path, kind, detail))
    if group and not options.any_api_group:
        refuse(errors, path.child("apiGroup"), group, formats.dns_subdomain(group))


def template(errors: Errors, wanted: Object, path: Path) -> None:
    """Check the template of a claim in an ephemeral volume."""
    template_metadata(errors, wanted.get("metadata") or NOTHING, path.child("metadata"))
    claim_spec(errors, wanted.get("spec") or NOTHING, path.child("spec"))


def template_metadata(errors: Errors, meta: Object, path: Path) -> None:
    """Allow only labels and annotations in the metadata of a template of a claim."""
    metadata.check_annotations(errors, meta.get("annotations"), path.child("annotations"))
    labels(errors, meta.get("labels"), path.child("labels"))
    for key in _METADATA:
        if meta.get(key) is not None:
            errors.append(fields.forbidden(path.child(_GO_NAMES.get(key, key)), "cannot be set"))


_METADATA = (
    "name",
    "generateName",
    "namespace",
    "selfLink",
    "uid",
    "resourceVersion",
    "generation",
    "creationTimestamp",
    "deletionTimestamp",
    "deletionGracePeriodSeconds",
    "ownerReferences",
    "finalizers",
    "managedFields",
)
_GO_NAMES = {"uid": "uID"}
