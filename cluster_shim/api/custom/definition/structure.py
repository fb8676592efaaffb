"""Structural schemas: what makes a schema one. Upstream: apiserver/schema/validation.go and complete.go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.cel import regex
from cluster_shim.api.fields import FieldError, Path

Source = Mapping[str, Any]

ROOT_LEVEL, ITEM_LEVEL, FIELD_LEVEL = "at the root", "for specified array items", "for specified object fields"
_INT_OR_STRING: list[Any] = [{"type": "integer"}, {"type": "string"}]
_FORBIDDEN = {
    "default": "must be undefined to be structural",
    "title": "must be empty to be structural",
    "description": "must be empty to be structural",
    "nullable": "must be false to be structural",
    "x-kubernetes-preserve-unknown-fields": "must be false to be structural",
    "x-kubernetes-embedded-resource": "must be false to be structural",
    "x-kubernetes-int-or-string": "must be false to be structural",
    "x-kubernetes-list-map-keys": "must be empty to be structural",
    "x-kubernetes-list-type": "must be undefined to be structural",
    "x-kubernetes-map-type": "must be undefined to be structural",
    "x-kubernetes-validations": "must be empty to be structural",
}
_UNSUPPORTED = ("id", "$schema", "$ref", "patternProperties", "dependencies", "additionalItems", "definitions")


def unsupported(schema: Source, nested: bool = False) -> str:
    """Return why a schema cannot be read at all; empty if it can."""
    for name in _UNSUPPORTED:
        if schema.get(name):
            return f"OpenAPIV3Schema '{name.removeprefix('$') if name == '$schema' else name}' is not supported"
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        return "internal error: 'x-kubernetes-preserve-unknown-fields' must be true or undefined"
    if isinstance(schema.get("items"), list):
        return "OpenAPIV3Schema 'items' must be a schema, but is an array"
    return next((text for each in _below(schema) if (text := unsupported(each, nested))), "")


def _below(schema: Source) -> list[Source]:
    found = [schema.get("not"), schema.get("items"), schema.get("additionalProperties")]
    for name in ("allOf", "anyOf", "oneOf"):
        found += schema.get(name) or ()
    found += (schema.get("properties") or {}).values()
    return [each for each in found if isinstance(each, Mapping)]


def validate(path: Path, schema: Source) -> list[FieldError]:
    """Return what keeps a schema from being structural, sorted by text."""
    errors: list[FieldError] = []
    _invariants(path, schema, ROOT_LEVEL, errors)
    _completeness(schema, schema, path, path, errors)
    return sorted(errors, key=lambda each: each.message())


def _invariants(path: Path, schema: Source, level: str, errors: list[FieldError]) -> None:
    of = schema.get("type", "")
    items, additional = schema.get("items"), schema.get("additionalProperties")
    properties: Mapping[str, Source] = schema.get("properties") or {}
    if of == "array" and items is None:
        errors.append(fields.required(path.child("items"), "must be specified"))
    if isinstance(items, Mapping):
        _invariants(path.child("items"), items, ITEM_LEVEL, errors)
    for name, each in properties.items():
        _invariants(path.child("properties").key(name), each, FIELD_LEVEL, errors)
    if additional is not None:
        at = path.child("additionalProperties")
        if level == ROOT_LEVEL:
            errors.append(fields.forbidden(at, "must not be used at the root"))
        if isinstance(additional, Mapping):
            _invariants(at, additional, FIELD_LEVEL, errors)
    _extensions(path, schema, errors)
    any_of, all_of = schema.get("anyOf") or [], schema.get("allOf") or []
    first_any_of = all_of[0].get("anyOf") if all_of else None
    _value_validation(path, schema, any_of == _INT_OR_STRING, first_any_of == _INT_OR_STRING, level, errors)
    _type(path, schema, level, errors)
    _metadata(path, schema, level, errors)
    if _embedded(schema) and not schema.get("x-kubernetes-preserve-unknown-fields") and not properties:
        text = (
            "must not be empty if x-kubernetes-embedded-resource is true without x-kubernetes-preserve-unknown-fields"
        )
        errors.append(fields.required(path.child("properties"), text))


def _embedded(schema: Source) -> bool:
    return bool(schema.get("x-kubernetes-embedded-resource"))


def _extensions(path: Path, schema: Source, errors: list[FieldError]) -> None:
    if schema.get("x-kubernetes-int-or-string"):
        for name in ("x-kubernetes-preserve-unknown-fields", "x-kubernetes-embedded-resource"):
            if schema.get(name):
                text = "must be false if x-kubernetes-int-or-string is true"
                errors.append(fields.invalid(path.child(name), True, text))


def _type(path: Path, schema: Source, level: str, errors: list[FieldError]) -> None:
    of, at = schema.get("type", ""), path.child("type")
    free = schema.get("x-kubernetes-int-or-string") or schema.get("x-kubernetes-preserve-unknown-fields")
    if _embedded(schema) and of != "object":
        text = "must be object if x-kubernetes-embedded-resource is true"
        errors.append(fields.invalid(at, of, text) if of else fields.required(at, text))
    elif not of and not free:
        errors.append(fields.required(at, f"must not be empty {level}"))
    if _embedded(schema) and schema.get("additionalProperties") is not None:
        text = "must not be used if x-kubernetes-embedded-resource is set"
        errors.append(fields.forbidden(path.child("additionalProperties"), text))
    if level == ROOT_LEVEL and of and of != "object":
        errors.append(fields.invalid(at, of, "must be object at the root"))


def _metadata(path: Path, schema: Source, level: str, errors: list[FieldError]) -> None:
    """Check what a schema says of the fields that every object has."""
    properties: Mapping[str, Source] = schema.get("properties") or {}
    is_resource = level == ROOT_LEVEL or _embedded(schema)
    for name in ("kind", "apiVersion"):
        found = properties.get(name)
        if is_resource and found is not None and found.get("type", "") != "string":
            at = path.child("properties").key(name).child("type")
            errors.append(fields.invalid(at, found.get("type", ""), "must be string"))
    metadata = properties.get("metadata")
    if metadata is None:
        return
    at = path.child("properties").key("metadata")
    if is_resource and metadata.get("type", "") != "object":
        errors.append(fields.invalid(at.child("type"), metadata.get("type", ""), "must be object"))
    if level != ROOT_LEVEL:
        return
    rest = {name: each for name, each in metadata.items() if name not in ("type", "default")}
    if set(rest.get("properties") or {}) <= {"name", "generateName"}:
        rest.pop("properties", None)
    if rest:
        text = "must not specify anything other than name and generateName, but metadata is implicitly specified"
        errors.append(fields.forbidden(at, text))


def _value_validation(
    path: Path, schema: Source, skip_any_of: bool, skip_first: bool, level: str, errors: list[FieldError]
) -> None:
    for name, skipped in (("anyOf", skip_any_of), ("allOf", False), ("oneOf", False)):
        for index, each in enumerate([] if skipped else schema.get(name) or ()):
            inner = name == "allOf" and skip_first and index == 0
            _nested(path.child(name).index(index), each, inner, level, errors)
    if schema.get("not") is not None:
        _nested(path.child("not"), schema["not"], False, level, errors)
    pattern = schema.get("pattern")
    if pattern:
        try:
            regex.compiled(pattern)
        except regex.PatternError as error:
            text = f"must be a valid regular expression, but isn't: {error}"
            errors.append(fields.invalid(path.child("pattern"), pattern, text))


def _nested(path: Path, schema: Source, skip_any_of: bool, level: str, errors: list[FieldError]) -> None:
    """Check a schema below allOf, anyOf, oneOf or not: it may say of values what it likes, and nothing of structure."""
    _value_validation(path, schema, skip_any_of, False, level, errors)
    if isinstance(schema.get("items"), Mapping):
        _nested(path.child("items"), schema["items"], False, level, errors)
    properties: Mapping[str, Source] = schema.get("properties") or {}
    for name, each in properties.items():
        _nested(path.child("properties").key(name), each, False, FIELD_LEVEL, errors)
    if schema.get("type"):
        errors.append(fields.forbidden(path.child("type"), "must be empty to be structural"))
    if schema.get("additionalProperties") not in (None, False):
        text = "must be undefined to be structural"
        errors.append(fields.forbidden(path.child("additionalProperties"), text))
    for name, text in _FORBIDDEN.items():
        if schema.get(name) not in (None, False, "", []):
            errors.append(fields.forbidden(path.child(name), text))
    if "metadata" in properties:
        at = path.child("properties").key("metadata")
        errors.append(fields.forbidden(at, "must not be specified in a nested context"))


def _completeness(value: Source, schema: Source, at: Path, path: Path, errors: list[FieldError]) -> None:
    """Check that whatever a nested schema speaks of is in the structure too."""
    if value.get("not") is not None:
        _complete(value["not"], schema, at, path.child("not"), errors)
    for name in ("allOf", "anyOf", "oneOf"):
        for index, each in enumerate(value.get(name) or ()):
            _complete(each, schema, at, path.child(name).index(index), errors)


def _complete(value: Source, schema: Source | None, at: Path, path: Path, errors: list[FieldError]) -> None:
    if schema is None:
        errors.append(fields.required(at, f"because it is defined in {path}"))
        return
    _completeness(value, schema, at, path, errors)
    if isinstance(value.get("items"), Mapping):
        _complete(value["items"], schema.get("items"), at.child("items"), path.child("items"), errors)
    known: Mapping[str, Source] = schema.get("properties") or {}
    for name, each in (value.get("properties") or {}).items():
        inner = path.child("properties").key(name)
        _complete(each, known.get(name), at.child("properties").key(name), inner, errors)
