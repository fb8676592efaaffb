"""Write normalised objects as protobuf messages, byte for byte as upstream's generated code does.

Fields stand in the order of their numbers, maps in that of their keys; what is no pointer is written even if it is
zero. Compiled once per type.
"""

from __future__ import annotations

import struct
from base64 import b64decode
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

import msgspec

from cluster_shim.api.codec.wire import BYTES, FIXED64, VARINT, delimited, tag, varint
from cluster_shim.api.types import model
from cluster_shim.api.types.model import Field, Type

Writer = Callable[[Any], bytes]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DOUBLE = struct.Struct("<d")
_UNSET: dict[str, Any] = {model.STRING: "", model.BYTES: "", model.QUANTITY: "0", model.INT_OR_STRING: 0}


def message(of: Type) -> Writer:
    """Return the function that writes the content of a message: a struct, or a type with its own form."""
    found: Writer | None = of.compiled.get("write")
    if found is None:
        if of.kind == model.STRUCT:
            found = _struct(of)
        elif of.wrapped:
            found = _wrapped(of)
        else:
            found = _MESSAGES[of.kind](of)
        of.compiled["write"] = found
    return found


def _struct(of: Type) -> Writer:
    writers: list[tuple[str, Writer]] = []

    def write(value: Any) -> bytes:
        get = value.get
        return b"".join([writer(value if name == "" else get(name)) for name, writer in writers])

    of.compiled["write"] = write  # before the fields, which may lead back here
    numbered: list[tuple[int, str, Writer]] = []
    for number, embedded in of.messages.items():
        numbered.append((number, "", _embedded(number, message(embedded.type))))
    for name, field in of.fields.items():
        if field.number and not field.embedded:
            numbered.append((field.number, name, _field(field)))
    writers += [(name, writer) for _, name, writer in sorted(numbered, key=lambda each: each[0])]
    return write


def _embedded(number: int, write: Writer) -> Writer:
    return lambda value: delimited(number, write(value))


def _field(field: Field) -> Writer:
    number, of = field.number, field.type
    if of.kind == model.LIST and not of.wrapped:
        assert of.element is not None
        each = _single(number, of.element)
        return lambda value: b"".join([each(item) for item in value]) if value else b""
    if of.kind == model.MAP:
        assert of.element is not None
        return _map(number, of.element)
    single = _single(number, of)
    if field.pointer or of.kind in (model.BYTES, model.LIST):
        return lambda value: b"" if value is None else single(value)
    unset = _unset(of)
    return lambda value: single(unset if value is None else value)


def _unset(of: Type) -> Any:
    """Return what stands for a value that is not there and no pointer; None for a message without content."""
    if of.kind == model.STRUCT:
        return {}
    return _UNSET.get(of.kind, 0 if of.kind in model.SCALARS else None)


def _map(number: int, element: Type) -> Writer:
    value_of = _single(2, element)
    unset = _unset(element)

    def write(value: Any) -> bytes:
        if not value:
            return b""
        return b"".join(
            [
                delimited(number, delimited(1, key.encode()) + value_of(unset if value[key] is None else value[key]))
                for key in sorted(value)
            ]
        )

    return write


def _single(number: int, of: Type) -> Writer:
    """Return the function that writes a field with one value."""
    start = tag(number, _WIRE_TYPES.get(of.kind, BYTES))
    if of.kind in (model.INT32, model.INT64, model.BOOL):
        return lambda value: start + varint(int(value))
    if of.kind == model.FLOAT64:
        return lambda value: start + _DOUBLE.pack(value)
    content = _CONTENTS.get(of.kind) or message(of)

    def write(value: Any) -> bytes:
        data = content(value)
        return start + varint(len(data)) + data

    return write


_WIRE_TYPES = {model.INT32: VARINT, model.INT64: VARINT, model.BOOL: VARINT, model.FLOAT64: FIXED64}
_CONTENTS: dict[str, Writer] = {
    model.STRING: lambda value: value.encode("utf-8", "surrogatepass"),
    model.BYTES: lambda value: b64decode(value or ""),
}


def _wrapped(of: Type) -> Writer:
    assert of.element is not None
    each = _single(1, of.element)
    return lambda value: b"".join([each(item) for item in value or ()])


def _time(value: Any) -> bytes:
    if value is None:
        return b""
    moment = datetime.fromisoformat(value) - _EPOCH
    seconds = moment.days * 86400 + moment.seconds
    return tag(1, VARINT) + varint(seconds) + tag(2, VARINT) + varint(moment.microseconds * 1000)


def _int_or_string(value: Any) -> bytes:
    is_text = isinstance(value, str)
    number, text = (0, value) if is_text else (value, "")
    return tag(1, VARINT) + varint(int(is_text)) + tag(2, VARINT) + varint(number) + delimited(3, text.encode())


def _raw(value: Any) -> bytes:
    return b"" if value is None else delimited(1, msgspec.json.encode(value))


def _schema_or_array(of: Type) -> Writer:
    assert of.element is not None
    schema, schemas = _single(1, of.element), _single(2, of.element)
    return lambda value: schema(value) if isinstance(value, dict) else b"".join([schemas(each) for each in value or ()])


def _schema_or_bool(of: Type) -> Writer:
    assert of.element is not None
    schema = _single(2, of.element)
    allows = tag(1, VARINT)
    return lambda value: (
        allows + varint(1) + schema(value) if isinstance(value, dict) else allows + varint(int(bool(value)))
    )


def _schema_or_strings(of: Type) -> Writer:
    assert of.element is not None
    schema = _single(1, of.element)
    return lambda value: (
        schema(value) if isinstance(value, dict) else b"".join([delimited(2, each.encode()) for each in value or ()])
    )


_MESSAGES: dict[str, Callable[[Type], Writer]] = {
    model.TIME: lambda of: _time,
    model.MICRO_TIME: lambda of: _time,
    model.QUANTITY: lambda of: lambda value: delimited(1, value.encode()),
    model.INT_OR_STRING: lambda of: _int_or_string,
    model.RAW: lambda of: _raw,
    model.SCHEMA_OR_ARRAY: _schema_or_array,
    model.SCHEMA_OR_BOOL: _schema_or_bool,
    model.SCHEMA_OR_STRINGS: _schema_or_strings,
}
