"""Macros at work: loops over lists and maps, and names for values. Every round costs something."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import TYPE_CHECKING, Any

from cluster_shim.api.cel.errors import NO_OVERLOAD, CostExceeded, EvaluationError
from cluster_shim.api.cel.syntax import Macro
from cluster_shim.api.cel.values import NONE, Optional, Uint, compare

if TYPE_CHECKING:
    from cluster_shim.api.cel.compiler import Compiler, Frame, Run

ROUND = 2
"""What a round costs, beside what is evaluated in it."""


def compile_macro(compiler: Compiler, node: Macro) -> Run:
    """Return the function of a macro."""
    over = compiler.compile(node.range)
    before = dict(compiler.places)
    places = []
    for name in node.variables:
        places.append(compiler.place())
        compiler.places[name] = places[-1]
    args = [compiler.compile(each) for each in node.args]
    compiler.places = before
    if node.name in ("optMap", "optFlatMap"):
        return _opt_map(over, places[0], args[0], node.name == "optMap")
    condition = args[0] if len(args) == 2 else None
    match node.name:
        case "all" | "exists":
            return _quantifier(over, places, args[0], node.name == "exists")
        case "exists_one":
            return _exists_one(over, places, args[0])
        case "filter":
            return _filter(over, places, args[0])
        case "map" | "transformList":
            return _map(over, places, condition, args[-1])
        case "sortBy":
            return _sort_by(over, places, args[0])
        case _:
            return _transform_map(over, places, condition, args[-1], node.name == "transformMapEntry")


def _rounds(frame: Frame, value: Any, places: list[int]) -> Iterable[Any]:
    """Go through a list or map: set the variables of each round, and yield the element, or the key."""
    meter = frame[0]
    if len(places) == 1:
        place = places[0]
        if type(value) is not list and type(value) is not dict:
            raise EvaluationError(NO_OVERLOAD)
        for each in value:
            meter.spend(ROUND)
            frame[place] = each
            yield each
        return
    first, second = places
    if type(value) is not list and type(value) is not dict:
        raise EvaluationError(NO_OVERLOAD)
    pairs = value.items() if type(value) is dict else enumerate(value)
    for key, each in pairs:
        meter.spend(ROUND)
        frame[first], frame[second] = key, each
        yield key


def _quantifier(over: Run, places: list[int], predicate: Run, decides: bool) -> Run:
    """Return all() or exists(): one round that decides is enough, even where others have no value."""

    def run(frame: Frame) -> Any:
        fault: EvaluationError | None = None
        for _ in _rounds(frame, over(frame), places):
            try:
                value = predicate(frame)
            except CostExceeded:
                raise
            except EvaluationError as error:
                fault = fault or error
                continue
            if value is decides:
                return decides
            if value is not (not decides):
                fault = fault or EvaluationError(NO_OVERLOAD)
        if fault is not None:
            raise fault
        return not decides

    return run


def _true(value: Any) -> bool:
    if value is True or value is False:
        return bool(value)
    raise EvaluationError(NO_OVERLOAD)


def _exists_one(over: Run, places: list[int], predicate: Run) -> Run:
    def run(frame: Frame) -> bool:
        return sum(_true(predicate(frame)) for _ in _rounds(frame, over(frame), places)) == 1

    return run


def _filter(over: Run, places: list[int], predicate: Run) -> Run:
    def run(frame: Frame) -> list[Any]:
        return [each for each in _rounds(frame, over(frame), places) if _true(predicate(frame))]

    return run


def _kept(condition: Run | None) -> Callable[[Frame], bool]:
    return (lambda frame: True) if condition is None else lambda frame: _true(condition(frame))


def _map(over: Run, places: list[int], condition: Run | None, transform: Run) -> Run:
    keep = _kept(condition)

    def run(frame: Frame) -> list[Any]:
        return [transform(frame) for _ in _rounds(frame, over(frame), places) if keep(frame)]

    return run


def _transform_map(over: Run, places: list[int], condition: Run | None, transform: Run, is_entry: bool) -> Run:
    keep = _kept(condition)

    def run(frame: Frame) -> dict[Any, Any]:
        made: dict[Any, Any] = {}
        for key in _rounds(frame, over(frame), places):
            if not keep(frame):
                continue
            value = transform(frame)
            if not is_entry:
                made[key] = value
                continue
            if type(value) is not dict:
                raise EvaluationError(NO_OVERLOAD)
            for name, each in value.items():
                if name in made:
                    raise EvaluationError(f"insert failed: key {name} already exists")
                made[name] = each
        return made

    return run


class _Ordered:
    """A key that sorts as CEL compares."""

    __slots__ = ("value",)

    def __init__(self, value: Any) -> None:
        self.value = value

    def __lt__(self, other: _Ordered) -> bool:
        return compare(self.value, other.value) < 0


def ordered(values: Iterable[Any], key: Callable[[Any], Any]) -> list[Any]:
    """Return values in the order of CEL. Raises EvaluationError."""
    return sorted(values, key=lambda each: _Ordered(key(each)))


def _sort_by(over: Run, places: list[int], key: Run) -> Run:
    def run(frame: Frame) -> list[Any]:
        keyed = [(key(frame), each) for each in _rounds(frame, over(frame), places)]
        for each, _ in keyed:
            if not isinstance(each, (int, float, str, bytes, bool, Uint, tuple)):
                raise EvaluationError(NO_OVERLOAD)
        return [each for _, each in ordered(keyed, lambda pair: pair[0])]

    return run


def _opt_map(value: Run, place: int, inner: Run, wrap: bool) -> Run:
    def run(frame: Frame) -> Any:
        of = value(frame)
        if type(of) is not Optional:
            raise EvaluationError(NO_OVERLOAD)
        if not of.has_value:
            return NONE
        frame[place] = of.value
        found = inner(frame)
        return Optional(True, found) if wrap else found

    return run
