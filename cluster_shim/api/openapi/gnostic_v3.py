"""OpenAPI v3 documents as protobuf."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cache
from typing import Any

from cluster_shim.api.openapi.gnostic import VARINT, Encoder, Special, delimited, key, named, varint

Json = Mapping[str, Any]


def encode(document: Json) -> bytes:
    """Return an OpenAPI v3 document as protobuf."""
    return _encoder().message("Document", document)


@cache
def _encoder() -> Encoder:
    return Encoder("gnostic_v3", SPECIAL)


def _paths(encoder: Encoder, paths: Json) -> bytes:
    return b"".join(delimited(1, named(path, encoder.message("PathItem", item))) for path, item in paths.items())


def _responses(encoder: Encoder, responses: Json) -> bytes:
    members = (named(code, delimited(1, encoder.message("Response", each))) for code, each in responses.items())
    return b"".join(delimited(2, each) for each in members)


def _items(encoder: Encoder, value: Json) -> bytes:
    return delimited(1, encoder.value("Schema?", value))


def _more_properties(encoder: Encoder, value: Json | bool) -> bytes:
    return key(2, VARINT) + varint(value) if isinstance(value, bool) else _items(encoder, value)


def _schema(encoder: Encoder, schema: Json) -> bytes:
    """Return a Schema; only numbers, texts and truth values can be defaults here."""
    default = schema.get("default")
    if default is None or isinstance(default, str | bool | int | float):
        return encoder.plain("Schema", schema)
    return encoder.plain("Schema", {name: value for name, value in schema.items() if name != "default"})


def _default(encoder: Encoder, value: Any) -> bytes:
    kind = "boolean" if isinstance(value, bool) else "string" if isinstance(value, str) else "number"
    return encoder.plain("DefaultType", {kind: value})


SPECIAL: dict[str, Special] = {
    "Paths": _paths,
    "Responses": _responses,
    "ItemsItem": _items,
    "AdditionalPropertiesItem": _more_properties,
    "Schema": _schema,
    "DefaultType": _default,
}
"""Messages that are one of several things, or have names that are data."""
