"""Values of CEL that JSON does not have, and what holds for all values: equality, order, the type of a value.

Null, bool, int, float, str, bytes, list and dict stand for themselves. Upstream: cel-go/common/types.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from decimal import Decimal
from typing import Any, NamedTuple

from cluster_shim.api.cel.errors import NO_OVERLOAD, EvaluationError

NANOSECONDS = 1_000_000_000
INT_MIN, INT_MAX, UINT_MAX = -(1 << 63), (1 << 63) - 1, (1 << 64) - 1


class Uint(int):
    """An unsigned integer: a type of its own, equal to an int of the same value."""


class Duration(NamedTuple):
    """A length of time."""

    nanoseconds: int

    def __str__(self) -> str:
        seconds, fraction = divmod(abs(self.nanoseconds), NANOSECONDS)
        sign = "-" if self.nanoseconds < 0 else ""
        digits = f".{fraction:09d}".rstrip("0") if fraction else ""
        return f"{sign}{seconds}{digits}s"


class Timestamp(NamedTuple):
    """A moment, in nanoseconds since 1970 (UTC)."""

    nanoseconds: int


class Optional:
    """A value that may not be there."""

    __slots__ = ("has_value", "value")

    def __init__(self, has_value: bool, value: Any = None) -> None:
        self.has_value = has_value
        self.value = value


NONE = Optional(False)


class TypeValue(NamedTuple):
    """A type as a value: what ``type(x)`` gives."""

    name: str


class Lazy:
    """A variable whose value is worked out when, and if, it is needed; then once."""

    __slots__ = ("_make", "_value")

    def __init__(self, make: Callable[[], Any]) -> None:
        self._make: Callable[[], Any] | None = make
        self._value: Any = None

    def get(self) -> Any:
        """Return the value."""
        if self._make is not None:
            self._value = self._make()
            self._make = None
        return self._value


class Fields:
    """An object whose fields are worked out one by one: ``variables`` of policies."""

    def select(self, name: str) -> Any:
        """Return a field. Raises EvaluationError."""
        raise NotImplementedError

    def has(self, name: str) -> bool:
        """Tell whether there is a field."""
        raise NotImplementedError


def type_name(value: Any) -> str:
    """Return the name of the type of a value."""
    name = _NAMES.get(type(value))
    if name is not None:
        return name
    return str(getattr(value, "type_name", "map"))


_NAMES: dict[type, str] = {
    type(None): "null_type",
    bool: "bool",
    int: "int",
    Uint: "uint",
    float: "double",
    str: "string",
    bytes: "bytes",
    list: "list",
    dict: "map",
    Duration: "google.protobuf.Duration",
    Timestamp: "google.protobuf.Timestamp",
    Optional: "optional_type",
    TypeValue: "type",
}
_NUMBERS = (int, Uint, float)


def equal(one: Any, other: Any) -> bool:
    """Tell whether two values are equal; values of different types never are, except numbers."""
    kind, other_kind = type(one), type(other)
    if kind is other_kind:
        if kind is list:
            return len(one) == len(other) and all(map(equal, one, other))
        if kind is dict:
            return len(one) == len(other) and all(
                key in other and equal(value, other[key]) for key, value in one.items()
            )
        if kind is Optional:
            return bool(one.has_value == other.has_value and (not one.has_value or equal(one.value, other.value)))
        return bool(one == other)
    if kind in _NUMBERS and other_kind in _NUMBERS:
        return bool(one == other)
    return False


def compare(one: Any, other: Any) -> int:
    """Return -1, 0 or 1. Raises EvaluationError for what has no order."""
    kind, other_kind = type(one), type(other)
    ordered = kind is other_kind and kind in (str, bytes, bool, Duration, Timestamp)
    if not ordered and not (kind in _NUMBERS and other_kind in _NUMBERS):
        raise EvaluationError(NO_OVERLOAD)
    if one == other:
        return 0
    if kind is str:
        return -1 if one.encode(errors="surrogatepass") < other.encode(errors="surrogatepass") else 1
    return -1 if one < other else 1


def checked_int(value: int) -> int:
    """Return an integer if it fits into 64 bits. Raises EvaluationError."""
    if INT_MIN <= value <= INT_MAX:
        return value
    raise EvaluationError("integer overflow")


def checked_uint(value: int) -> Uint:
    """Return an unsigned integer if it fits into 64 bits. Raises EvaluationError."""
    if 0 <= value <= UINT_MAX:
        return Uint(value)
    raise EvaluationError("unsigned integer overflow")


def shown_double(value: float) -> str:
    """Return a floating-point number as Go's strconv writes it with format g."""
    if math.isnan(value):
        return "NaN"
    if math.isinf(value):
        return "+Inf" if value > 0 else "-Inf"
    sign, digits, exponent = Decimal(repr(value)).normalize().as_tuple()
    assert isinstance(exponent, int)
    exponent += len(digits) - 1
    if not value or -5 < exponent < 6:
        return repr(value).removesuffix(".0")
    first, *rest = map(str, digits)
    mantissa = f"{first}.{''.join(rest)}" if rest else first
    return f"{'-' * sign}{mantissa}e{'-' if exponent < 0 else '+'}{abs(exponent):02d}"
