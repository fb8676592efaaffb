"""Schemas of definitions: which parts of OpenAPI they may use, list and map types, rules.

Errors of rules come after all others, and rules are not compiled below or beside anything that is wrong. Upstream:
apis/apiextensions/validation/validation.go (ValidateCustomResourceDefinitionOpenAPISchema).
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.custom.definition import listtypes
from cluster_shim.api.custom.definition.expressions import Scope, check_rules, compile_all
from cluster_shim.api.custom.structural import META_FIELDS
from cluster_shim.api.fields import FieldError, Path

Source = Mapping[str, Any]

TYPES = ("array", "boolean", "integer", "number", "object", "string")
_UNSUPPORTED = {
    "id": "id is not supported",
    "additionalItems": "additionalItems is not supported",
    "patternProperties": "patternProperties is not supported",
    "definitions": "definitions is not supported",
    "dependencies": "dependencies is not supported",
    "$ref": "$ref is not supported",
}


@dataclass
class Errors:
    """Errors of schemas, and of rules."""

    schema: list[FieldError] = field(default_factory=list)
    rules: list[FieldError] = field(default_factory=list)

    def extend(self, other: Errors) -> None:
        """Add those of another."""
        self.schema += other.schema
        self.rules += other.rules


@dataclass(frozen=True)
class Where:
    """What holds at a place in a schema."""

    no_defaults: str | None = None
    """Why there may be no defaults; None if there may be."""
    inside_meta: bool = False
    uncorrelated: Path | None = None
    """The outermost place around it whose parts have no old values."""


def validate(path: Path, schema: Source | None, where: Where, is_root: bool, scope: Scope | None) -> Errors:
    """Return what is wrong with a schema and all below it."""
    errors = Errors()
    if schema is None:
        return errors
    errors.schema += _standard(path, schema, where)
    if schema.get("uniqueItems"):
        text = "uniqueItems cannot be set to true since the runtime complexity becomes quadratic"
        errors.schema.append(fields.forbidden(path.child("uniqueItems"), text))
    _members(path, schema, where, is_root, scope, errors)
    _alternatives(path, schema, where, errors)
    _items(path, schema, where, scope, errors)
    if schema.get("x-kubernetes-preserve-unknown-fields") is False:
        at = path.child("x-kubernetes-preserve-unknown-fields")
        errors.schema.append(fields.invalid(at, False, "must be true or undefined"))
    errors.schema += listtypes.validate(path, schema)
    if schema.get("x-kubernetes-validations"):
        errors.schema += check_rules(path, schema)
        if not errors.schema and scope is not None:
            errors.rules += compile_all(path, schema, scope, where.uncorrelated)
    return errors


def _standard(path: Path, schema: Source, where: Where) -> list[FieldError]:
    errors: list[FieldError] = []
    of = schema.get("type", "")
    if of and of not in TYPES:
        errors.append(fields.not_supported(path.child("type"), of, TYPES))
    if schema.get("default") is not None and where.no_defaults is not None:
        detail = f"must not be set {where.no_defaults}".rstrip()
        errors.append(fields.forbidden(path.child("default"), detail))
    errors += [fields.forbidden(path.child(name), text) for name, text in _UNSUPPORTED.items() if schema.get(name)]
    if of == "null":
        text = "type cannot be set to null, use nullable as an alternative"
        errors.append(fields.forbidden(path.child("type"), text))
    if isinstance(schema.get("items"), list):
        text = "items must be a schema object and not an array"
        errors.append(fields.forbidden(path.child("items"), text))
    if where.inside_meta and schema.get("x-kubernetes-embedded-resource"):
        text = "must not be used inside of resource meta"
        errors.append(fields.forbidden(path.child("x-kubernetes-embedded-resource"), text))
    return errors


def _members(path: Path, schema: Source, where: Where, is_root: bool, scope: Scope | None, errors: Errors) -> None:
    additional, properties = schema.get("additionalProperties"), schema.get("properties") or {}
    if additional is not None:
        at = path.child("additionalProperties")
        if properties and additional is not True:
            text = "additionalProperties and properties are mutual exclusive"
            errors.schema.append(fields.forbidden(at, text))
        inner = where
        if where.inside_meta:
            inner = replace(where, no_defaults="inside additionalProperties applying to object metadata")
        if isinstance(additional, Mapping):
            below = scope.values(additional) if scope is not None else None
            errors.extend(validate(at, additional, inner, False, below))
    for name, each in sorted(properties.items()):
        inner = where
        if (is_root or schema.get("x-kubernetes-embedded-resource")) and name in META_FIELDS:
            inner = replace(where, inside_meta=True)
            if is_root:
                inner = replace(inner, no_defaults=f"in top-level {name}")
        below = scope.member(name, each) if scope is not None else None
        errors.extend(validate(path.child("properties").key(name), each, inner, False, below))


def _alternatives(path: Path, schema: Source, where: Where, errors: Errors) -> None:
    errors.extend(validate(path.child("not"), schema.get("not"), where, False, None))
    for name in ("allOf", "oneOf", "anyOf"):
        for index, each in enumerate(schema.get(name) or ()):
            errors.extend(validate(path.child(name).index(index), each, where, False, None))
    for name, each in sorted((schema.get("definitions") or {}).items()):
        errors.extend(validate(path.child("definitions").key(name), each, where, False, None))


def _items(path: Path, schema: Source, where: Where, scope: Scope | None, errors: Errors) -> None:
    items = schema.get("items")
    if items is None:
        return
    inner = where
    if schema.get("x-kubernetes-list-type") != "map" and where.uncorrelated is None:
        inner = replace(where, uncorrelated=path)
    at = path.child("items")
    if isinstance(items, Mapping):
        errors.extend(validate(at, items, inner, False, scope.elements(items) if scope is not None else None))
        return
    for index, each in enumerate(items):
        errors.extend(validate(at.index(index), each, inner, False, None))
