"""Lists and sets. Upstream: apiserver/pkg/cel/library/lists.go, cel-go/ext/lists.go and ext/sets.go."""

from __future__ import annotations

from collections.abc import Callable
from itertools import pairwise
from typing import Any

from cluster_shim.api.cel.comprehensions import ordered
from cluster_shim.api.cel.errors import EvaluationError
from cluster_shim.api.cel.operators import add, contains
from cluster_shim.api.cel.values import Duration, Uint, compare, equal

MAX_RANGE = 1_000_000


def index_of(values: list[Any], what: Any) -> int:
    """Return the first index of a value, or -1."""
    return next((index for index, each in enumerate(values) if equal(each, what)), -1)


def last_index_of(values: list[Any], what: Any) -> int:
    """Return the last index of a value, or -1."""
    return next((index for index in range(len(values) - 1, -1, -1) if equal(values[index], what)), -1)


def _is_sorted(values: list[Any]) -> bool:
    return all(compare(one, other) <= 0 for one, other in pairwise(values))


def _sum(values: list[Any]) -> Any:
    if not values:
        return 0
    zero: Any = {float: 0.0, Duration: Duration(0), Uint: Uint(0)}.get(type(values[0]), 0)
    for each in values:
        zero = add(zero, each)
    return zero


def _extreme(name: str, sign: int) -> Callable[[list[Any]], Any]:
    def run(values: list[Any]) -> Any:
        if not values:
            raise EvaluationError(f"{name} called on empty list")
        best = values[0]
        for each in values[1:]:
            if compare(each, best) * sign > 0:
                best = each
        return best

    return run


def _slice(values: list[Any], start: int, end: int) -> list[Any]:
    if start < 0 or end < 0:
        raise EvaluationError(f"cannot slice({start}, {end}), negative indexes not supported")
    if start > end:
        raise EvaluationError(f"cannot slice({start}, {end}), start index must be less than or equal to end index")
    if end > len(values):
        raise EvaluationError(f"cannot slice({start}, {end}), list is length {len(values)}")
    return values[start:end]


def _flatten(values: list[Any], depth: int = 1) -> list[Any]:
    if depth < 0:
        raise EvaluationError("level must be non-negative")
    flat: list[Any] = []
    for each in values:
        if isinstance(each, list) and depth > 0:
            flat += _flatten(each, depth - 1) if depth > 1 else each
        else:
            flat.append(each)
    return flat


def _range(count: int) -> list[int]:
    if count > MAX_RANGE:
        raise EvaluationError(f"lists.range: {count} is more than {MAX_RANGE}")
    return list(range(count))


def _distinct(values: list[Any]) -> list[Any]:
    found: list[Any] = []
    for each in values:
        if not contains(each, found):
            found.append(each)
    return found


def _contains_all(one: list[Any], other: list[Any]) -> bool:
    return all(contains(each, one) for each in other)


FUNCTIONS = {
    "isSorted": _is_sorted,
    "sum": _sum,
    "min": _extreme("min", -1),
    "max": _extreme("max", 1),
    "slice": _slice,
    "flatten": _flatten,
    "sort": lambda values: ordered(values, lambda each: each),
    "lists.range": _range,
    "reverse": lambda values: values[::-1],
    "distinct": _distinct,
    "sets.contains": _contains_all,
    "sets.equivalent": lambda one, other: _contains_all(one, other) and _contains_all(other, one),
    "sets.intersects": lambda one, other: any(contains(each, other) for each in one),
}
