"""Read protobuf messages into plain objects, which normalise then brings into their final form. Compiled once per type.

Fields without a meaning here are skipped, as upstream's generated code does it.
"""

from __future__ import annotations

import struct
from base64 import b64encode
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import msgspec

from cluster_shim.api import times
from cluster_shim.api.codec.wire import BYTES, FIXED64, VARINT, WireError, fields, read_varint, signed
from cluster_shim.api.types import model
from cluster_shim.api.types.model import Field, Type

Reader = Callable[[bytes], Any]
Setter = Callable[[dict[str, Any], int, Any], None]

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_DOUBLE = struct.Struct("<d")


def message(of: Type) -> Reader:
    """Return the function that reads the content of a message: a struct, or a type with its own form."""
    found: Reader | None = of.compiled.get("read")
    if found is None:
        if of.kind == model.STRUCT:
            found = _struct(of)
        elif of.wrapped:
            found = _wrapped(of)
        else:
            found = _MESSAGES[of.kind](of)
        of.compiled["read"] = found
    return found


def _struct(of: Type) -> Reader:
    setters: dict[int, Setter] = {}

    def read(data: bytes) -> Any:
        result: dict[str, Any] = {}
        for number, wire_type, value in fields(data):
            setter = setters.get(number)
            if setter is not None:
                setter(result, wire_type, value)
        return result

    of.compiled["read"] = read  # before the fields, which may lead back here
    for number, embedded in of.messages.items():
        setters[number] = _embedded(message(embedded.type))
    for field in of.fields.values():
        if field.number and not field.embedded:
            setters[field.number] = _field(field)
    return read


def _embedded(read: Reader) -> Setter:
    def set_all(result: dict[str, Any], wire_type: int, value: Any) -> None:
        _expect(wire_type, BYTES)
        result.update(read(value))

    return set_all


def _field(field: Field) -> Setter:
    name, of = field.name, field.type
    if of.kind == model.MAP:
        assert of.element is not None
        return _map(name, of.element)
    repeated = of.kind == model.LIST and not of.wrapped
    single = of.element if repeated else of
    assert single is not None
    read, wanted = _value(single), _WIRE_TYPES.get(single.kind, BYTES)

    def add(result: dict[str, Any], wire_type: int, value: Any) -> None:
        if wire_type == BYTES and wanted == VARINT:
            result.setdefault(name, []).extend(_packed(read, value))
            return
        _expect(wire_type, wanted)
        result.setdefault(name, []).append(read(value))

    def put(result: dict[str, Any], wire_type: int, value: Any) -> None:
        _expect(wire_type, wanted)
        made = read(value)
        before = result.get(name)
        result[name] = {**before, **made} if isinstance(before, dict) and isinstance(made, dict) else made

    return add if repeated else put


def _packed(read: Reader, data: bytes) -> list[Any]:
    values, position = [], 0
    while position < len(data):
        value, position = read_varint(data, position)
        values.append(read(value))  # type: ignore[arg-type]
    return values


def _map(name: str, element: Type) -> Setter:
    read, wanted = _value(element), _WIRE_TYPES.get(element.kind, BYTES)

    def put(result: dict[str, Any], wire_type: int, value: Any) -> None:
        _expect(wire_type, BYTES)
        key, made = "", _EMPTY.get(element.kind, dict)()
        for number, its_type, each in fields(value):
            if number == 1:
                _expect(its_type, BYTES)
                key = _text(each)  # type: ignore[arg-type]
            elif number == 2:
                _expect(its_type, wanted)
                made = read(each)  # type: ignore[arg-type]
        result.setdefault(name, {})[key] = made

    return put


_EMPTY: dict[str, Callable[[], Any]] = {
    model.STRING: str,
    model.BYTES: str,
    model.BOOL: bool,
    model.INT32: int,
    model.INT64: int,
    model.FLOAT64: int,
    model.LIST: list,
    model.QUANTITY: lambda: "0",
}


def _expect(wire_type: int, wanted: int) -> None:
    if wire_type != wanted:
        raise WireError(f"proto: wrong wireType = {wire_type}")


def _text(data: bytes) -> str:
    return data.decode("utf-8", "replace")


def _value(of: Type) -> Reader:
    return _VALUES.get(of.kind) or message(of)


_WIRE_TYPES = {model.INT32: VARINT, model.INT64: VARINT, model.BOOL: VARINT, model.FLOAT64: FIXED64}
_VALUES: dict[str, Reader] = {
    model.STRING: _text,
    model.BYTES: lambda value: b64encode(value).decode(),
    model.BOOL: bool,
    model.INT32: lambda value: signed(value, 32),  # type: ignore[arg-type]
    model.INT64: lambda value: signed(value, 64),  # type: ignore[arg-type]
    model.FLOAT64: lambda value: _DOUBLE.unpack(value)[0],
}


def _wrapped(of: Type) -> Reader:
    assert of.element is not None
    each = _value(of.element)
    return lambda data: [each(value) for value in _all(data, 1)]


def _all(data: bytes, wanted: int) -> Iterator[bytes]:
    """Yield the values of a field that has a length."""
    for number, wire_type, value in fields(data):
        if number == wanted:
            _expect(wire_type, BYTES)
            yield value  # type: ignore[misc]


def _last(data: bytes, wanted: int) -> bytes | None:
    """Return the last value of a field that has a length; None if it is not there."""
    found = None
    for found in _all(data, wanted):  # noqa: B007
        pass
    return found


def _last_number(data: bytes, wanted: int) -> int:
    """Return the last value of a field that is a number; 0 if it is not there."""
    found: Any = 0
    for number, wire_type, value in fields(data):
        if number == wanted:
            _expect(wire_type, VARINT)
            found = value
    return int(found)


def _time(data: bytes, micro: bool = False) -> str | None:
    if not data:
        return None
    seconds, nanos = signed(_last_number(data, 1), 64), signed(_last_number(data, 2), 32)
    try:
        moment = _EPOCH + timedelta(seconds=seconds, microseconds=nanos // 1000)
    except OverflowError:
        raise WireError("time out of range") from None
    return times.written_time(moment, micro)


def _int_or_string(data: bytes) -> int | str:
    if _last_number(data, 1):
        return _text(_last(data, 3) or b"")
    return signed(_last_number(data, 2), 32)


def _raw(data: bytes) -> Any:
    content = _last(data, 1)
    try:
        return msgspec.json.decode(content) if content else None
    except (ValueError, RecursionError):
        raise WireError("the raw part of a message is not JSON") from None


def _schema_or(many: int, read_many: Callable[[Type], Reader]) -> Callable[[Type], Reader]:
    """Return the maker for a union of JSONSchemaProps and a list of something."""

    def make(of: Type) -> Reader:
        assert of.element is not None
        schema, each = message(of.element), read_many(of.element)

        def read(data: bytes) -> Any:
            found = _last(data, 1)
            return schema(found) if found is not None else [each(value) for value in _all(data, many)]

        return read

    return make


def _schema_or_bool(of: Type) -> Reader:
    assert of.element is not None
    schema = message(of.element)

    def read(data: bytes) -> Any:
        found = _last(data, 2)
        return schema(found) if found is not None else bool(_last_number(data, 1))

    return read


_MESSAGES: dict[str, Callable[[Type], Reader]] = {
    model.TIME: lambda of: _time,
    model.MICRO_TIME: lambda of: lambda data: _time(data, True),
    model.QUANTITY: lambda of: lambda data: _text(_last(data, 1) or b"0"),
    model.INT_OR_STRING: lambda of: _int_or_string,
    model.RAW: lambda of: _raw,
    model.SCHEMA_OR_ARRAY: _schema_or(2, message),
    model.SCHEMA_OR_BOOL: _schema_or_bool,
    model.SCHEMA_OR_STRINGS: _schema_or(2, lambda of: _text),
}
