"""OpenAPI v2 documents as protobuf: the form in which client-go asks for them, by the messages of gnostic-models.

Numbers and types of the fields stand in ``tables/gnostic.json``: a type is a scalar, ``any`` (a value as YAML text),
the name of a message, ``[T]`` for several, or ``{T}`` for a message of named T. Only what documents contain is there.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

VARINT, FIXED64, BYTES = 0, 1, 2
EXTENSION = "vendor_extension"
"""The field in which a message has what begins with ``x-``."""

Fields = dict[str, tuple[int, str]]


def encode_document(document: Mapping[str, Any]) -> bytes:
    """Return an OpenAPI v2 document as protobuf."""
    return _message("Document", document)


@cache
def _messages() -> dict[str, Fields]:
    found: dict[str, Fields] = msgspec.json.decode((files(__package__) / "tables" / "gnostic.json").read_bytes())
    return found


def _message(name: str, value: Mapping[str, Any]) -> bytes:
    fields = _messages()[name]
    parts = []
    for key, each in value.items():
        if key.startswith("x-"):
            parts.append(_bytes(fields[EXTENSION][0], _named(key, _any(each))))
        elif key in fields:
            number, kind = fields[key]
            parts.append(_field(number, kind, each))
    return b"".join(parts)


def _field(number: int, kind: str, value: Any) -> bytes:
    if kind.startswith("["):
        return b"".join(_field(number, kind[1:-1], each) for each in value)
    if kind.startswith("{"):
        named = (_bytes(1, _named(name, _value(kind[1:-1], each))) for name, each in value.items())
        return _bytes(number, b"".join(named))
    if kind == "bool":
        return _key(number, VARINT) + _varint(int(value))
    if kind == "int64":
        return _key(number, VARINT) + _varint(value & (2**64 - 1))
    if kind == "double":
        return _key(number, FIXED64) + struct.pack("<d", value)
    return _bytes(number, _value(kind, value))


def _value(kind: str, value: Any) -> bytes:
    """Return what a field contains whose length is written before it."""
    if kind == "string":
        return str(value).encode()
    if kind == "any":
        return _any(value)
    special = SPECIAL.get(kind)
    return special(value) if special else _message(kind, value)


def _any(value: Any) -> bytes:
    return _bytes(2, msgspec.json.encode(value) + b"\n")


def _named(name: str, value: bytes) -> bytes:
    return _bytes(1, name.encode()) + _bytes(2, value)


def _key(number: int, wire_type: int) -> bytes:
    return _varint(number << 3 | wire_type)


def _bytes(number: int, value: bytes) -> bytes:
    return _key(number, BYTES) + _varint(len(value)) + value


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)


def _paths(paths: Mapping[str, Any]) -> bytes:
    return b"".join(_bytes(2, _named(path, _message("PathItem", item))) for path, item in paths.items())


def _parameter(parameter: Mapping[str, Any]) -> bytes:
    """Return a Parameter: of the body, or of one of the other places."""
    if parameter["in"] == "body":
        return _bytes(1, _message("BodyParameter", parameter))
    number, message = (4, "PathParameterSubSchema") if parameter["in"] == "path" else (3, "QueryParameterSubSchema")
    return _bytes(2, _bytes(number, _message(message, parameter)))


def _parameter_or_reference(parameter: Mapping[str, Any]) -> bytes:
    if "$ref" in parameter:
        return _bytes(2, _bytes(1, parameter["$ref"].encode()))
    return _bytes(1, _parameter(parameter))


def _responses(responses: Mapping[str, Any]) -> bytes:
    named = (_named(code, _bytes(1, _message("Response", each))) for code, each in responses.items())
    return b"".join(_bytes(1, each) for each in named)


def _of_schema(schema: Mapping[str, Any]) -> bytes:
    return _bytes(1, _message("Schema", schema))


def _more_properties(value: Mapping[str, Any] | bool) -> bytes:
    return _key(2, VARINT) + _varint(value) if isinstance(value, bool) else _of_schema(value)


def _type(value: str) -> bytes:
    return _bytes(1, value.encode())


def _security(value: Mapping[str, Any]) -> bytes:
    named = (_named(name, b"".join(_bytes(1, each.encode()) for each in scopes)) for name, scopes in value.items())
    return b"".join(_bytes(1, each) for each in named)


def _security_definition(value: Mapping[str, Any]) -> bytes:
    return _bytes(2, _message("ApiKeySecurity", value))


SPECIAL: dict[str, Callable[[Any], bytes]] = {
    "Paths": _paths,
    "Parameter": _parameter,
    "ParametersItem": _parameter_or_reference,
    "Responses": _responses,
    "SchemaItem": _of_schema,
    "ItemsItem": _of_schema,
    "AdditionalPropertiesItem": _more_properties,
    "TypeItem": _type,
    "SecurityRequirement": _security,
    "SecurityDefinitionsItem": _security_definition,
}
"""Messages that are no plain lists of fields: one of several, or with names that are data."""
