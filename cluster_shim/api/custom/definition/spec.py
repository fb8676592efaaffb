"""The spec of a definition: group, scope, versions, names, conversion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.custom.celtypes import cel_type
from cluster_shim.api.custom.definition import columns, defaultvalues, schema, structure
from cluster_shim.api.custom.definition.conversion import validate_conversion
from cluster_shim.api.custom.definition.expressions import Scope
from cluster_shim.api.custom.definition.hub import Hub, schemas_of
from cluster_shim.api.custom.gostructs import dump
from cluster_shim.api.custom.structural import Schema
from cluster_shim.api.fields import FieldError, Path
from cluster_shim.api.validation import formats

_SPEC = Path("spec")
_AT_ROOT = (
    *("description", "type", "format", "title", "maximum", "exclusiveMaximum", "minimum", "exclusiveMinimum"),
    *("maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems", "multipleOf", "required"),
    *("items", "properties", "externalDocs", "example"),
    *("x-kubernetes-preserve-unknown-fields", "x-kubernetes-validations"),
)
_AT_ROOT_SHOWN = (
    "[Description Type Format Title Maximum ExclusiveMaximum Minimum ExclusiveMinimum MaxLength MinLength Pattern "
    "MaxItems MinItems UniqueItems MultipleOf Required Items Properties ExternalDocs Example XPreserveUnknownFields "
    "XValidations]"
)


def validate_spec(hub: Hub, old: Hub | None = None) -> list[FieldError]:
    """Return what is wrong with a spec."""
    spec = hub.spec
    errors = _group(spec.get("group", ""))
    scope = spec.get("scope", "")
    if not scope:
        errors.append(fields.required(_SPEC.child("scope")))
    elif scope not in ("Cluster", "Namespaced"):
        errors.append(fields.not_supported(_SPEC.child("scope"), scope, ("Cluster", "Namespaced")))
    errors += _missing_schemas(hub)
    if spec.get("preserveUnknownFields") and any(map(_has_default, schemas_of(hub))):
        text = "must be false in order to use defaults in the schema"
        errors.append(fields.invalid(_SPEC.child("preserveUnknownFields"), True, text))
    for index, version in enumerate(hub.versions):
        errors += _version(_SPEC.child("versions").index(index), version, hub, old)
    errors += _versions(hub)
    names = spec.get("names") or {}
    for name in ("plural", "singular", "kind", "listKind"):
        if not names.get(name):
            errors.append(fields.required(_SPEC.child("names", name)))
    errors += validate_names(names, _SPEC.child("names"))
    has_status = _has_status(hub.subresources) or any(_has_status(each.get("subresources")) for each in hub.versions)
    errors += _validation(_SPEC.child("validation"), hub.schema, has_status)
    errors += columns.subresources(_SPEC.child("subresources"), hub.subresources)
    errors += columns.columns(_SPEC.child("additionalPrinterColumns"), hub.columns)
    errors += _selectable(_SPEC.child("selectableFields"), hub.selectable, hub.schema, old and old.selectable)
    if spec.get("preserveUnknownFields") and (spec.get("conversion") or {}).get("strategy") != "None":
        at = _SPEC.child("conversion", "strategy")
        text = "must be None if spec.preserveUnknownFields is true"
        errors.append(fields.invalid(at, (spec.get("conversion") or {}).get("strategy", ""), text))
    return errors + validate_conversion(_SPEC.child("conversion"), spec.get("conversion"))


def _group(group: str) -> list[FieldError]:
    path = _SPEC.child("group")
    if not group:
        return [fields.required(path)]
    wrong = formats.dns_subdomain(group)
    if wrong:
        return [fields.invalid(path, group, ",".join(wrong))]
    return [] if "." in group else [fields.invalid(path, group, "should be a domain with at least one dot")]


def _missing_schemas(hub: Hub) -> list[FieldError]:
    if (hub.schema or {}).get("openAPIV3Schema") is not None:
        return []
    path = _SPEC.child("versions")
    return [
        fields.required(path.index(index).child("schema", "openAPIV3Schema"))
        for index, each in enumerate(hub.versions)
        if (each.get("schema") or {}).get("openAPIV3Schema") is None
    ]


def _has_default(source: Any) -> bool:
    if isinstance(source, Mapping):
        return source.get("default") is not None or any(map(_has_default, source.values()))
    return isinstance(source, list) and any(map(_has_default, source))


def _has_status(subresources: Mapping[str, Any] | None) -> bool:
    return (subresources or {}).get("status") is not None


def _version(path: Path, version: Mapping[str, Any], hub: Hub, old: Hub | None) -> list[FieldError]:
    errors: list[FieldError] = []
    wrong = formats.dns_1035_label(version["name"])
    if wrong:
        errors.append(fields.invalid(path.child("name"), version["name"], ",".join(wrong)))
    warning = version.get("deprecationWarning")
    for text in _deprecation(bool(version.get("deprecated")), warning):
        errors.append(fields.invalid(path.child("deprecationWarning"), warning, text))
    subresources = version.get("subresources")
    if not any(each.get("subresources") is not None for each in hub.versions):
        subresources = hub.subresources
    errors += _validation(path.child("schema"), version.get("schema"), _has_status(subresources))
    errors += columns.subresources(path.child("subresources"), version.get("subresources"))
    errors += columns.columns(path.child("additionalPrinterColumns"), version.get("additionalPrinterColumns"))
    before = next((each for each in old.versions if each["name"] == version["name"]), {}) if old else {}
    at, listed = path.child("selectableFields"), version.get("selectableFields")
    return errors + _selectable(at, listed, version.get("schema"), before.get("selectableFields"))


def _deprecation(deprecated: bool, warning: str | None) -> list[str]:
    if warning is None:
        return []
    if not deprecated:
        return ["can only be set for deprecated versions"]
    errors = []
    if formats.size(warning) > 256:
        errors.append("must be <= 256 characters long")
    if not warning:
        errors.append("must not be an empty string")
    position = 0
    for character in warning:
        if not character.isprintable():
            text = "must only contain printable UTF-8 characters; non-printable character found at index"
            errors.append(f"{text} {position}")
            break
        position += formats.size(character)
    return errors


def _selectable(
    path: Path, listed: Sequence[Any] | None, holder: Mapping[str, Any] | None, old: Sequence[Any] | None
) -> list[FieldError]:
    if not listed:
        return []
    source = (holder or {}).get("openAPIV3Schema")
    if source is None:
        is_top = str(path) == "spec.selectableFields"
        text = "may only be set when `version.schema.openAPIV3Schema` is not included"
        return [fields.invalid(path, "", "may only be set when validations.schema is included" if is_top else text)]
    may_be_many = len(old or ()) > columns.MAX_SELECTABLE_FIELDS and listed == old
    return columns.selectable_fields(path, listed, source, may_be_many)


def _versions(hub: Hub) -> list[FieldError]:
    path = _SPEC.child("versions")
    errors: list[FieldError] = []
    names = [each["name"] for each in hub.versions]
    shown = dump("[]CustomResourceDefinitionVersion", hub.versions)
    if len(set(names)) != len(names):
        errors.append(fields.invalid(path, shown, "must contain unique version names"))
    if sum(bool(each.get("storage")) for each in hub.versions) != 1:
        errors.append(fields.invalid(path, shown, "must have exactly one version marked as storage version"))
    wrong = formats.dns_1035_label(hub.version) if hub.version else ()
    if wrong:
        errors.append(fields.invalid(_SPEC.child("version"), hub.version, ",".join(wrong)))
    return errors


def validate_names(names: Mapping[str, Any], path: Path) -> list[FieldError]:
    """Return what is wrong with names, of a spec or a status."""
    errors: list[FieldError] = []
    for name in ("plural", "singular"):
        wrong = formats.dns_1035_label(names[name]) if names.get(name) else ()
        if wrong:
            errors.append(fields.invalid(path.child(name), names[name], ",".join(wrong)))
    for name in ("kind", "listKind"):
        wrong = formats.dns_1035_label(names[name].lower()) if names.get(name) else ()
        if wrong:
            text = f"may have mixed case, but should otherwise match: {','.join(wrong)}"
            errors.append(fields.invalid(path.child(name), names[name], text))
    errors += _labels(path.child("shortNames"), names.get("shortNames"))
    if names.get("kind") and names["kind"] == names.get("listKind"):
        errors.append(
            fields.invalid(path.child("listKind"), names["listKind"], "kind and listKind may not be the same")
        )
    return errors + _labels(path.child("categories"), names.get("categories"))


def _labels(path: Path, listed: Sequence[str] | None) -> list[FieldError]:
    return [
        fields.invalid(path.index(index), each, ",".join(wrong))
        for index, each in enumerate(listed or ())
        if (wrong := formats.dns_1035_label(each))
    ]


def _validation(path: Path, holder: Mapping[str, Any] | None, has_status: bool) -> list[FieldError]:
    """Return what is wrong with a schema; rules are only compiled if it is a structural one."""
    source = (holder or {}).get("openAPIV3Schema")
    if source is None:
        return []
    at = path.child("openAPIV3Schema")
    errors = _root(at, source) if has_status else []
    if source.get("nullable"):
        errors.append(fields.forbidden(path.child("openAPIV3Schema.nullable"), "nullable cannot be true at the root"))
    scope: Scope | None = None
    unreadable = structure.unsupported(source)
    if not unreadable:
        found = structure.validate(at, source) or defaultvalues.validate(at, source)
        errors += found
        if not found:
            scope = Scope(cel_type(Schema(source), True))
    found_in_schema = schema.validate(at, source, schema.Where(), True, scope)
    errors += found_in_schema.schema + found_in_schema.rules
    if unreadable and not errors:
        errors.append(fields.invalid(at, "", unreadable))
    return errors


def _root(path: Path, source: Mapping[str, Any]) -> list[FieldError]:
    """Check that status can be taken out of a schema without losing anything."""
    for name, value in source.items():
        if value in (None, False, "", [], {}):
            continue
        if name == "type" and value != "object":
            text = 'only "object" is allowed as the type at the root of the schema if the status subresource is enabled'
            return [fields.invalid(path.child("type"), value, text)]
        if name not in _AT_ROOT:
            text = f"only {_AT_ROOT_SHOWN} fields are allowed at the root of the schema"
            shown = dump("JSONSchemaProps", source)
            return [fields.invalid(path, shown, f"{text} if the status subresource is enabled")]
    return []
