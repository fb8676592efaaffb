"""Types of CEL for structural schemas. Upstream: apiserver/pkg/cel/common/schemas.go."""

from __future__ import annotations

from collections.abc import Mapping

from cluster_shim.api.cel.escaping import escape
from cluster_shim.api.cel.types import (
    BOOL,
    BYTES,
    DOUBLE,
    DURATION,
    DYN,
    INT,
    STRING,
    TIMESTAMP,
    Type,
    list_of,
    map_of,
    object_of,
)
from cluster_shim.api.custom.structural import Schema

_SCALARS = {"boolean": BOOL, "number": DOUBLE, "integer": INT}
_TEXTS = {"byte": BYTES, "duration": DURATION, "date": TIMESTAMP, "date-time": TIMESTAMP}
_METADATA: Mapping[str, Type] = {"name": STRING, "generateName": STRING}
_RESOURCE: Mapping[str, Type] = {
    "kind": STRING,
    "apiVersion": STRING,
    "metadata": object_of("object.metadata", _METADATA),
}


def cel_type(schema: Schema, is_root: bool, name: str = "object") -> Type | None:
    """Return the type by which expressions know a value; None for what they cannot know."""
    if schema.int_or_string:
        return DYN
    if schema.type == "array":
        return _list(schema, name)
    if schema.type == "object" or is_root:
        return _object(schema, is_root, name)
    if schema.type == "string":
        return _TEXTS.get(schema.source.get("format", ""), STRING)
    return _SCALARS.get(schema.type)


def _list(schema: Schema, name: str) -> Type | None:
    if schema.items is None:
        return None
    element = cel_type(schema.items, schema.items.embedded, f"{name}.@idx")
    if element is None:
        return None
    made = list_of(element)
    made.list_type, made.map_keys = schema.list_type, schema.map_keys
    return made


def _object(schema: Schema, is_root: bool, name: str) -> Type | None:
    if schema.additional is not None:
        value = cel_type(schema.additional, schema.additional.embedded, f"{name}.@elem")
        return None if value is None else map_of(STRING, value)
    fields: dict[str, Type] = {}
    for member, below in schema.properties.items():
        escaped = escape(member)
        of = cel_type(below, below.embedded, f"{name}.{member}")
        if escaped is not None and of is not None:
            fields[escaped] = of
    return object_of(name, {**fields, **_RESOURCE} if is_root and not _has_meta(schema) else fields)


def _has_meta(schema: Schema) -> bool:
    """Tell whether a schema already says of kind, apiVersion and metadata what is known of every object."""
    metadata = schema.properties.get("metadata")
    names = [schema.properties.get("kind"), schema.properties.get("apiVersion")]
    if metadata is None or metadata.type != "object":
        return False
    names += [metadata.properties.get("name"), metadata.properties.get("generateName")]
    return all(each is not None and each.type == "string" for each in names)
