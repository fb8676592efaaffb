"""Conversions between types, the type of a value, sizes, and the parts of times: the standard functions of CEL."""

from __future__ import annotations

import math
import re
from typing import Any

from cluster_shim.api.cel import times
from cluster_shim.api.cel.errors import EvaluationError
from cluster_shim.api.cel.operators import timestamp
from cluster_shim.api.cel.values import (
    INT_MAX,
    INT_MIN,
    NANOSECONDS,
    UINT_MAX,
    Duration,
    Timestamp,
    TypeValue,
    Uint,
    checked_int,
    shown_double,
    type_name,
)

_TRUE = frozenset(("1", "t", "true", "TRUE", "True", "T"))
_FALSE = frozenset(("0", "f", "false", "FALSE", "False", "F"))
_INTEGER = re.compile(r"[+-]?[0-9]+$")
_FLOAT = re.compile(
    r"[+-]?(?:[0-9]+\.?[0-9]*(?:[eE][+-]?[0-9]+)?|\.[0-9]+(?:[eE][+-]?[0-9]+)?|inf|infinity|nan)$", re.I
)


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in _TRUE or value in _FALSE:
        return value in _TRUE
    raise EvaluationError("Type conversion error")


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _double(value: Any) -> float:
    if isinstance(value, str):
        if not _FLOAT.match(value):
            raise EvaluationError(f'strconv.ParseFloat: parsing "{value}": invalid syntax')
        return float(value)
    return float(value)


def _int(value: Any) -> int:
    if isinstance(value, str):
        if not _INTEGER.match(value):
            raise EvaluationError(f'strconv.ParseInt: parsing "{value}": invalid syntax')
        if not INT_MIN <= int(value) <= INT_MAX:
            raise EvaluationError(f'strconv.ParseInt: parsing "{value}": value out of range')
        return int(value)
    if isinstance(value, Timestamp):
        return value.nanoseconds // NANOSECONDS
    if isinstance(value, Duration):
        return value.nanoseconds
    if isinstance(value, float) and not (math.isfinite(value) and INT_MIN < value < INT_MAX):
        raise EvaluationError("integer overflow")
    return checked_int(int(value))


def _uint(value: Any) -> Uint:
    if isinstance(value, str):
        if not _INTEGER.match(value) or value[0] in "+-":
            raise EvaluationError(f'strconv.ParseUint: parsing "{value}": invalid syntax')
        if int(value) > UINT_MAX:
            raise EvaluationError(f'strconv.ParseUint: parsing "{value}": value out of range')
        return Uint(value)
    if isinstance(value, float) and not math.isfinite(value):
        raise EvaluationError("unsigned integer overflow")
    if not 0 <= value <= UINT_MAX:
        raise EvaluationError("unsigned integer overflow")
    return Uint(int(value))


def to_string(value: Any) -> str:
    """Return a value as a text, as the function string does."""
    match value:
        case str():
            return value
        case bool():
            return "true" if value else "false"
        case int():
            return str(int(value))
        case float():
            return shown_double(value)
        case bytes():
            try:
                return value.decode()
            except UnicodeDecodeError:
                raise EvaluationError("invalid UTF-8 in bytes, cannot convert to string") from None
        case Timestamp():
            return times.shown_timestamp(value)
        case _:
            return str(value)


def _duration(value: Any) -> Duration:
    if isinstance(value, str):
        return times.parse_duration(value)
    return value if isinstance(value, Duration) else Duration(int(value))


def _timestamp(value: Any) -> Timestamp:
    if isinstance(value, str):
        return times.parse_timestamp(value) if len(value) != 10 else _fail(value)
    return value if isinstance(value, Timestamp) else timestamp(int(value) * NANOSECONDS)


def _fail(text: str) -> Timestamp:
    raise EvaluationError(f'parsing time "{text}" as "2006-01-02T15:04:05Z07:00": cannot parse "" as "T"')


def _part(name: str) -> Any:
    return lambda value, zone="": times.part(name, value, zone)


PARTS = (
    *("getFullYear", "getMonth", "getDayOfYear", "getDate", "getDayOfMonth", "getDayOfWeek"),
    *("getHours", "getMinutes", "getSeconds", "getMilliseconds"),
)

FUNCTIONS = {
    "bool": _bool,
    "bytes": _bytes,
    "double": _double,
    "int": _int,
    "uint": _uint,
    "string": to_string,
    "duration": _duration,
    "timestamp": _timestamp,
    "dyn": lambda value: value,
    "type": lambda value: TypeValue(type_name(value)),
    "size": len,
    **{name: _part(name) for name in PARTS},
}
