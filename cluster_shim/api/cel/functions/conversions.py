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
from cluster_shim.api.integers import IntegerError, parse_int, parse_uint

_TRUE = frozenset(("1", "t", "true", "TRUE", "True", "T"))
_FALSE = frozenset(("0", "f", "false", "FALSE", "False", "F"))
_FLOAT = re.compile(r"[+-]?(?:[0-9]++\.?[0-9]*+(?:e[+-]?[0-9]++)?|\.[0-9]++(?:e[+-]?[0-9]++)?|inf|infinity|nan)", re.I)
_HEX_FLOAT = re.compile(r"[+-]?0x(?:[0-9a-f]++\.?[0-9a-f]*+|\.[0-9a-f]++)p[+-]?[0-9]++", re.I)


def _unconverted(to: str) -> EvaluationError:
    return EvaluationError(f"type conversion error from 'string' to '{to}'")


def _bool(value: Any) -> bool:
    if isinstance(value, bool):
        return value
    if value in _TRUE or value in _FALSE:
        return value in _TRUE
    raise _unconverted("bool")


def _bytes(value: Any) -> bytes:
    return value if isinstance(value, bytes) else value.encode()


def _double(value: Any) -> float:
    if not isinstance(value, str):
        return float(value)
    if _HEX_FLOAT.fullmatch(value):
        try:
            return float.fromhex(value)
        except OverflowError:
            raise _unconverted("double") from None
    found = float(value) if _FLOAT.fullmatch(value) else math.nan
    if (math.isnan(found) or math.isinf(found)) and value.lstrip("+-").lower() not in ("nan", "inf", "infinity"):
        raise _unconverted("double")
    return found


def _int(value: Any) -> int:
    if isinstance(value, str):
        try:
            return parse_int(value)
        except IntegerError:
            raise _unconverted("int") from None
    if isinstance(value, Timestamp):
        return value.nanoseconds // NANOSECONDS
    if isinstance(value, Duration):
        return value.nanoseconds
    if isinstance(value, float) and not (math.isfinite(value) and INT_MIN < value < INT_MAX):
        raise EvaluationError("integer overflow")
    return checked_int(int(value))


def _uint(value: Any) -> Uint:
    if isinstance(value, str):
        try:
            return Uint(parse_uint(value))
        except IntegerError:
            raise _unconverted("uint") from None
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
        case TypeValue():
            return value.name
        case _:
            return str(value)


def _duration(value: Any) -> Duration:
    if isinstance(value, str):
        return times.parse_duration(value)
    return value if isinstance(value, Duration) else Duration(int(value))


def to_timestamp(value: Any) -> Timestamp:
    """Return a moment that is written as one, or given in seconds. Raises EvaluationError."""
    if isinstance(value, str):
        if len(value) == 10:  # a day alone is a date elsewhere
            raise _unconverted("google.protobuf.Timestamp")
        return times.parse_timestamp(value)
    return value if isinstance(value, Timestamp) else timestamp(int(value) * NANOSECONDS)


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
    "timestamp": to_timestamp,
    "dyn": lambda value: value,
    "type": lambda value: TypeValue(type_name(value)),
    "size": len,
    **{name: _part(name) for name in PARTS},
}
