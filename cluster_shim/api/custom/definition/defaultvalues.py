"""Default values of schemas: each must fit the schema it stands in.

Upstream: apiserver/schema/defaulting/validation.go.
"""

from __future__ import annotations

from collections.abc import Mapping
from copy import deepcopy
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.custom import embedded, prune, rules, values
from cluster_shim.api.custom.structural import META_FIELDS, Schema
from cluster_shim.api.fields import FieldError, Path

_TYPE_META = {"apiVersion": "validation/v1", "kind": "Validation"}


def validate(path: Path, source: Mapping[str, Any]) -> list[FieldError]:
    """Return what is wrong with the defaults of a schema and of all below it."""
    errors: list[FieldError] = []
    root = Schema(source).as_resource()
    _walk(path, root, root, (), False, errors)
    return errors


def _walk(
    path: Path, schema: Schema, root: Schema, way: tuple[str | int, ...], inside_meta: bool, errors: list[FieldError]
) -> None:
    """Go through a schema; `way` leads from the resource around it to the value."""
    if schema.embedded:
        root, way, inside_meta = schema, (), False
    if schema.default is not None:
        errors += _check_meta(path, schema, root, way) if inside_meta else _check(path, schema)
    if schema.items is not None:
        _walk(path.child("items"), schema.items, root, (*way, 0), inside_meta, errors)
    for name, below in schema.properties.items():
        meta = inside_meta or (schema.embedded and name in META_FIELDS)
        _walk(path.child("properties").key(name), below, root, (*way, name), meta, errors)


def _check(path: Path, schema: Schema) -> list[FieldError]:
    at = path.child("default")
    pruned = deepcopy(schema.default)
    prune.prune(pruned, schema, is_root=schema.embedded)
    errors: list[FieldError] = []
    if pruned != schema.default:
        errors.append(fields.invalid(at, schema.default, "must not have unknown fields"))
    coerced, _ = embedded.coerce(deepcopy(schema.default), schema, at)
    if coerced is not None:
        return [*errors, coerced]
    found = embedded.validate(schema.default, schema, at) or values.validate(at, schema.default, schema)
    return [*errors, *(found or _rules(at, schema))]


def _check_meta(path: Path, schema: Schema, root: Schema, way: tuple[str | int, ...]) -> list[FieldError]:
    at = path.child("default")
    surrounding = _surround(deepcopy(schema.default), way)
    error, _ = embedded.coerce(surrounding, root, Path(""))
    text = error.message() if error is not None else ""
    if not text:
        wrong = [each.message() for each in embedded.validate(surrounding, root, Path(""))]
        text = wrong[0] if len(wrong) == 1 else f"[{', '.join(wrong)}]" if wrong else ""
    if text:
        return [fields.invalid(at, schema.default, f"must result in valid metadata: {text}")]
    return values.validate(at, schema.default, schema) or _rules(at, schema)


def _surround(value: Any, way: tuple[str | int, ...]) -> dict[str, Any]:
    for step in reversed(way):
        value = [value] if isinstance(step, int) else {step: value}
    return {**_TYPE_META, **(value if isinstance(value, dict) else {})}


def _rules(at: Path, schema: Schema) -> list[FieldError]:
    """Evaluate the rules on a default, as if it had always been there and as if it were new."""
    compiled = rules.rules_of(schema, False)
    if compiled is None:
        return []
    return rules.validate(at, schema.default, compiled, schema.default) or rules.validate(at, schema.default, compiled)
