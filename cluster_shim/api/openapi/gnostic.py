"""OpenAPI documents as protobuf, by the messages of gnostic-models: the writer that both versions share.

Numbers and types of the fields stand in tables: a type is a scalar, ``any`` (a value as YAML text), the name of a
message, ``T?`` for a T or a reference to one, ``[T]`` for several, ``{T}`` for a message of named T. Only what
documents contain is there. gnostic_v2.py and gnostic_v3.py have the messages that are no plain lists of fields.
"""

from __future__ import annotations

import struct
from collections.abc import Callable, Mapping
from importlib.resources import files
from typing import Any

import msgspec

VARINT, FIXED64, BYTES = 0, 1, 2
EXTENSION = "vendor_extension"
"""The field in which a message has what begins with ``x-``."""

Special = Callable[["Encoder", Any], bytes]


class Encoder:
    """Writes the messages of one version."""

    def __init__(self, table: str, special: Mapping[str, Special]) -> None:
        rows = (files(__package__) / "tables" / f"{table}.json").read_bytes()
        self._messages: dict[str, dict[str, tuple[int, str]]] = msgspec.json.decode(rows)
        self._special = special

    def message(self, name: str, value: Any) -> bytes:
        """Return a message without its length."""
        if (special := self._special.get(name)) is not None:
            return special(self, value)
        return self.plain(name, value)

    def plain(self, name: str, value: Mapping[str, Any]) -> bytes:
        """Return a message that is what its fields are."""
        fields = self._messages[name]
        parts = []
        for key, each in value.items():
            if key.startswith("x-"):
                parts.append(delimited(fields[EXTENSION][0], named(key, yaml(each))))
            elif key in fields:
                number, kind = fields[key]
                parts.append(self._field(number, kind, each))
        return b"".join(parts)

    def _field(self, number: int, kind: str, value: Any) -> bytes:
        if kind.startswith("["):
            return b"".join(self._field(number, kind[1:-1], each) for each in value)
        if kind.startswith("{"):
            members = (named(name, self.value(kind[1:-1], each)) for name, each in value.items())
            return delimited(number, b"".join(delimited(1, each) for each in members))
        if kind == "bool":
            return key(number, VARINT) + varint(int(value))
        if kind == "int64":
            return key(number, VARINT) + varint(value & (2**64 - 1))
        if kind == "double":
            return key(number, FIXED64) + struct.pack("<d", value)
        return delimited(number, self.value(kind, value))

    def value(self, kind: str, value: Any) -> bytes:
        """Return what a field contains whose length is written before it."""
        if kind == "string":
            return str(value).encode()
        if kind == "any":
            return yaml(value)
        if not kind.endswith("?"):
            return self.message(kind, value)
        if "$ref" in value:
            return delimited(2, delimited(1, value["$ref"].encode()))
        return delimited(1, self.message(kind[:-1], value))


def yaml(value: Any) -> bytes:
    """Return any value: as YAML, of which JSON is a part."""
    return delimited(2, msgspec.json.encode(value) + b"\n")


def named(name: str, value: bytes) -> bytes:
    """Return something with its name."""
    return delimited(1, name.encode()) + delimited(2, value)


def key(number: int, wire_type: int) -> bytes:
    """Return what stands before a field."""
    return varint(number << 3 | wire_type)


def delimited(number: int, value: bytes) -> bytes:
    """Return a field with its length before it."""
    return key(number, BYTES) + varint(len(value)) + value


def varint(value: int) -> bytes:
    """Return a number in as many bytes as it needs."""
    out = bytearray()
    while value > 0x7F:
        out.append(value & 0x7F | 0x80)
        value >>= 7
    out.append(value)
    return bytes(out)
