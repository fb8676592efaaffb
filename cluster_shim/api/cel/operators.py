"""Operators on values: arithmetic with 64-bit limits, comparison, membership, index; and on lists of type set and map.

Upstream: cel-go/common/types and, for lists of schemas, apiserver/pkg/cel/common/valuesunstructured.go.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cluster_shim.api.cel.errors import NO_OVERLOAD, EvaluationError
from cluster_shim.api.cel.types import Type
from cluster_shim.api.cel.values import (
    NONE,
    Duration,
    Optional,
    Timestamp,
    Uint,
    checked_int,
    checked_uint,
    compare,
    equal,
)

Binary = Callable[[Any, Any], Any]

TIMESTAMP_MIN, TIMESTAMP_MAX = -62135596800_000000000, 253402300799_999999999


def _no_overload() -> EvaluationError:
    return EvaluationError(NO_OVERLOAD)


def add(one: Any, other: Any) -> Any:
    """Return the sum of numbers and times, or texts, bytes and lists one after the other."""
    kind, other_kind = type(one), type(other)
    if kind is int and other_kind is int:
        return checked_int(one + other)
    if kind is other_kind and kind in (str, float, bytes, list):
        return one + other
    if kind is Uint and other_kind is Uint:
        return checked_uint(int(one) + int(other))
    if kind is Duration and other_kind is Duration:
        return Duration(checked_int(one.nanoseconds + other.nanoseconds))
    if {kind, other_kind} == {Duration, Timestamp}:
        return timestamp(one.nanoseconds + other.nanoseconds)
    raise _no_overload()


def subtract(one: Any, other: Any) -> Any:
    """Return the difference of numbers and times."""
    kind, other_kind = type(one), type(other)
    if kind is int and other_kind is int:
        return checked_int(one - other)
    if kind is float and other_kind is float:
        return one - other
    if kind is Uint and other_kind is Uint:
        return checked_uint(int(one) - int(other))
    if kind in (Duration, Timestamp) and other_kind is kind:
        return Duration(checked_int(one.nanoseconds - other.nanoseconds))
    if kind is Timestamp and other_kind is Duration:
        return timestamp(one.nanoseconds - other.nanoseconds)
    raise _no_overload()


def timestamp(nanoseconds: int) -> Timestamp:
    """Return a moment between the years 1 and 9999. Raises EvaluationError."""
    if TIMESTAMP_MIN <= nanoseconds <= TIMESTAMP_MAX:
        return Timestamp(nanoseconds)
    raise EvaluationError("timestamp overflow")


def multiply(one: Any, other: Any) -> Any:
    """Return the product of two numbers of one type."""
    kind, other_kind = type(one), type(other)
    if kind is int and other_kind is int:
        return checked_int(one * other)
    if kind is float and other_kind is float:
        return one * other
    if kind is Uint and other_kind is Uint:
        return checked_uint(int(one) * int(other))
    raise _no_overload()


def divide(one: Any, other: Any) -> Any:
    """Return the quotient, of integers rounded towards zero."""
    kind = type(one)
    if kind is not type(other) or kind not in (int, Uint, float):
        raise _no_overload()
    if kind is float:
        return _divide_doubles(one, other)
    if other == 0:
        raise EvaluationError("division by zero")
    quotient = abs(int(one)) // abs(int(other))
    if kind is Uint:
        return Uint(quotient)
    return checked_int(quotient if (one < 0) == (other < 0) else -quotient)


def _divide_doubles(one: float, other: float) -> float:
    if other:
        return one / other
    if one == 0 or one != one:
        return float("nan")
    return float("inf") if (one > 0) == (str(other)[0] != "-") else float("-inf")


def modulo(one: Any, other: Any) -> Any:
    """Return the remainder, with the sign of the dividend."""
    kind = type(one)
    if kind is not type(other) or kind not in (int, Uint):
        raise _no_overload()
    if other == 0:
        raise EvaluationError("modulus by zero")
    rest = abs(int(one)) % abs(int(other))
    return Uint(rest) if kind is Uint else (-rest if one < 0 else rest)


def negate(value: Any) -> Any:
    """Return a number with the other sign."""
    if type(value) is int:
        return checked_int(-value)
    if type(value) is float:
        return -value
    raise _no_overload()


def contains(value: Any, within: Any) -> bool:
    """Tell whether a value is an element of a list or a key of a map."""
    if type(within) is dict:
        return _has_key(within, value)
    if type(within) is list:
        return any(equal(value, each) for each in within)
    raise _no_overload()


def _has_key(of: dict[Any, Any], key: Any) -> bool:
    if type(key) is bool:
        return any(each is key for each in of)  # to Python, True is 1
    return not isinstance(key, (list, dict)) and key in of


def index(of: Any, key: Any) -> Any:
    """Return an element of a list or a value of a map. Raises EvaluationError."""
    if type(of) is dict:
        if _has_key(of, key):
            return of[key]
        raise EvaluationError(f"no such key: {_shown_key(key)}")
    if type(of) is list:
        place = _place(key)
        if 0 <= place < len(of):
            return of[place]
        raise EvaluationError(f"index out of bounds: {place}")
    if type(of) is Optional:
        return optional_index(of, key)
    raise _no_overload()


def _shown_key(key: Any) -> str:
    return key if isinstance(key, str) else str(key)


def _place(key: Any) -> int:
    if type(key) in (int, Uint):
        return int(key)
    if type(key) is float and key.is_integer():
        return int(key)
    raise _no_overload()


def optional_index(of: Any, key: Any) -> Optional:
    """Return an element or a value if it is there."""
    if type(of) is Optional:
        return optional_index(of.value, key) if of.has_value else NONE
    if type(of) is dict:
        return Optional(True, of[key]) if _has_key(of, key) else NONE
    if type(of) is list:
        place = _place(key)
        return Optional(True, of[place]) if 0 <= place < len(of) else NONE
    raise _no_overload()


BINARY: dict[str, Binary] = {
    "_+_": add,
    "_-_": subtract,
    "_*_": multiply,
    "_/_": divide,
    "_%_": modulo,
    "_==_": equal,
    "_!=_": lambda one, other: not equal(one, other),
    "_<_": lambda one, other: compare(one, other) < 0,
    "_<=_": lambda one, other: compare(one, other) <= 0,
    "_>_": lambda one, other: compare(one, other) > 0,
    "_>=_": lambda one, other: compare(one, other) >= 0,
    "@in": contains,
    "_[_]": index,
    "_[?_]": optional_index,
}


# ---------------------------------------------------------------------- lists of type set and map


def list_operator(name: str, of: Type) -> Binary | None:
    """Return the operator on lists whose schema says that they are sets or maps; None if it is the usual one."""
    if of.kind != "list" or of.list_type not in ("set", "map"):
        return None
    same = _same_set if of.list_type == "set" else lambda one, other: _same_map(one, other, of.map_keys)
    if name == "_==_":
        return same
    if name == "_!=_":
        return lambda one, other: not same(one, other)
    if name == "_+_":
        return _union if of.list_type == "set" else lambda one, other: _merged(one, other, of.map_keys)
    return None


def _same_set(one: Any, other: Any) -> bool:
    if type(one) is not list or type(other) is not list or len(one) != len(other):
        return False
    return all(contains(each, other) for each in one)


def _union(one: Any, other: Any) -> list[Any]:
    found = list(one)
    found += [each for each in other if not contains(each, one)]
    return found


def _key(element: Any, names: tuple[str, ...]) -> Any:
    return [element.get(name) for name in names] if isinstance(element, dict) else element


def _same_map(one: Any, other: Any, names: tuple[str, ...]) -> bool:
    if type(one) is not list or type(other) is not list or len(one) != len(other):
        return False
    others = {repr(_key(each, names)): each for each in other}
    return all((key := repr(_key(each, names))) in others and equal(each, others[key]) for each in one)


def _merged(one: Any, other: Any, names: tuple[str, ...]) -> list[Any]:
    places = {repr(_key(each, names)): place for place, each in enumerate(one)}
    found = list(one)
    for each in other:
        place = places.get(repr(_key(each, names)))
        if place is None:
            found.append(each)
        else:
            found[place] = each
    return found
