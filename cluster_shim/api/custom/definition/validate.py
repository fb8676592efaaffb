"""Validation of definitions, with upstream's texts and order. Upstream: apis/apiextensions/validation/validation.go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit

from cluster_shim.api import fields
from cluster_shim.api.custom import formats as value_formats
from cluster_shim.api.custom.definition.hub import Hub, hub_of, schemas_of
from cluster_shim.api.custom.definition.spec import validate_names, validate_spec
from cluster_shim.api.fields import FieldError, Path
from cluster_shim.api.validation import formats, metadata
from cluster_shim.api.validation.checks import IS_IMMUTABLE
from cluster_shim.api.validation.formats import Messages

Object = Mapping[str, Any]

APPROVAL = "api-approved.kubernetes.io"
_APPROVAL_URL = "https://github.com/kubernetes/enhancements/pull/1111"
_SPEC, _STATUS = Path("spec"), Path("status")


def create(errors: list[FieldError], definition: Object) -> None:
    """Add what is wrong with a new definition."""
    spec = definition.get("spec") or {}

    def name_rule(name: str, prefix: bool) -> Messages:
        wanted = f"{(spec.get('names') or {}).get('plural', '')}.{spec.get('group', '')}"
        wrong = formats.dns_subdomain(name)
        return wrong if name == wanted else (*wrong, 'must be spec.names.plural+"."+spec.group')

    metadata.generic(errors, definition, False, name_rule)
    hub = hub_of(spec)
    errors += validate_spec(hub)
    _common(errors, definition, hub, None)


def update(errors: list[FieldError], new: Object, old: Object) -> None:
    """Add what is wrong with a changed definition."""
    metadata.generic_update(errors, new, old)
    hub, old_hub = hub_of(new.get("spec") or {}), hub_of(old.get("spec") or {})
    errors += validate_spec(hub, old_hub)
    immutable = [("group",), ("names", "plural")]
    if is_established(old):
        immutable = [("scope",), ("names", "kind"), *immutable]
    for way in immutable:
        value = _at(hub.spec, way)
        if value != _at(old_hub.spec, way):
            errors.append(fields.invalid(_SPEC.child(*way), value, IS_IMMUTABLE))
    _common(errors, new, hub, old)


def update_status(errors: list[FieldError], new: Object, old: Object) -> None:
    """Add what is wrong with a changed status."""
    metadata.generic_update(errors, new, old)
    errors += validate_names((new.get("status") or {}).get("acceptedNames") or {}, _STATUS.child("acceptedNames"))


def is_established(definition: Object) -> bool:
    """Tell whether a definition serves, or has served, its resource."""
    conditions = (definition.get("status") or {}).get("conditions") or ()
    return any(each["type"] == "Established" and each["status"] == "True" for each in conditions)


def _at(spec: Object, way: tuple[str, ...]) -> Any:
    found: Any = spec
    for name in way:
        found = (found or {}).get(name, "")
    return found


def _common(errors: list[FieldError], definition: Object, hub: Hub, old: Object | None) -> None:
    status = definition.get("status") or {}
    errors += validate_names(status.get("acceptedNames") or {}, _STATUS.child("acceptedNames"))
    errors += _stored_versions(status.get("storedVersions") or [], hub)
    errors += _approval(definition, old)
    if hub.spec.get("preserveUnknownFields") and not ((old or {}).get("spec") or {}).get("preserveUnknownFields"):
        text = "cannot set to true, set x-kubernetes-preserve-unknown-fields to true in spec.versions[*].schema instead"
        errors.append(fields.invalid(_SPEC.child("preserveUnknownFields"), True, text))


def _stored_versions(stored: list[str], hub: Hub) -> list[FieldError]:
    path = _STATUS.child("storedVersions")
    if not stored:
        return [fields.invalid(path, None, "must have at least one stored version")]
    names = {each["name"] for each in hub.versions}
    errors = [
        fields.invalid(path, stored, f"must have the storage version {each['name']}")
        for each in hub.versions
        if each.get("storage") and each["name"] not in stored
    ]
    for index, name in enumerate(stored):
        if name not in names:
            text = (
                f"missing from spec.versions; {name} was previously a storage version, and must remain in "
                f"spec.versions until a storage migration ensures no data remains persisted in {name} and removes "
                f"{name} from status.storedVersions"
            )
            errors.append(fields.invalid(path.index(index), name, text))
    return errors


def approval_state(annotations: Mapping[str, str] | None) -> tuple[str, str]:
    """Return whether the API of a protected group is approved, and why; upstream: GetAPIApprovalState."""
    annotation = (annotations or {}).get(APPROVAL, "")
    must = f'protected groups must have approval annotation "{APPROVAL}"'
    if not annotation:
        return "missing", f"{must}, see {_APPROVAL_URL}"
    if annotation.startswith("unapproved"):
        return "bypassed", f"not approved: {fields.quoted(annotation)}"
    try:
        parts = urlsplit(annotation)
    except ValueError:
        parts = urlsplit("")
    if parts.scheme and parts.netloc:
        return "approved", f"approved in {annotation}"
    return "invalid", f'{must} with either a URL or a reason starting with "unapproved", see {_APPROVAL_URL}'


def is_protected(group: str) -> bool:
    """Tell whether a group is one that only the community may define."""
    return group.endswith((".k8s.io", ".kubernetes.io")) or group in ("k8s.io", "kubernetes.io")


def _approval(definition: Object, old: Object | None) -> list[FieldError]:
    if not is_protected((definition.get("spec") or {}).get("group", "")):
        return []
    annotations = definition["metadata"].get("annotations")
    state, reason = approval_state(annotations)
    if old is not None and approval_state(old["metadata"].get("annotations"))[0] == state:
        return []
    path = Path("metadata").child("annotations").key(APPROVAL)
    if state == "missing":
        return [fields.required(path, reason)]
    if state == "invalid":
        return [fields.invalid(path, annotations[APPROVAL], reason)]
    return []


def warnings(new: Object, old: Object | None) -> list[str]:
    """Return warnings about formats that mean nothing, unless the older definition had them."""
    before = _unknown_formats(old) if old is not None else []
    return [f"unrecognized format {fields.quoted(each)}" for each in _unknown_formats(new) if each not in before]


def _unknown_formats(definition: Object) -> list[str]:
    found: list[str] = []
    for schema in schemas_of(hub_of(definition.get("spec") or {})):
        _collect(schema, found)
    return found


def _collect(schema: Any, found: list[str]) -> None:
    if not isinstance(schema, Mapping):
        return
    name = schema.get("format")
    if name and not value_formats.is_known(name, schema.get("type", "")):
        found.append(name)
    _collect(schema.get("items"), found)
    for member in ("allOf", "anyOf", "oneOf"):
        for each in schema.get(member) or ():
            _collect(each, found)
    _collect(schema.get("not"), found)
    for each in (schema.get("properties") or {}).values():
        _collect(each, found)
    _collect(schema.get("additionalProperties"), found)
