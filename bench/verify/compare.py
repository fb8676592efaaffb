"""The first difference between two entries, down to the plugin and the node where one can be named."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, NamedTuple

from bench.verify.read import Json

ORDER = (
    "pod", "profile", "skipped", "skippedPlugin", "reason", "error", "nodes", "nominatedNodeUsed", "infeasible",
    "infeasibleCount", "feasible", "feasibleCount", "unresolvable", "evaluated", "weights", "rawScores", "scores",
    "total", "score", "best", "bestCount", "chosen", "nextStart", "unschedulable", "message", "preemption",
)  # fmt: skip
"""Fields in the order in which a decision comes about: the first that differs is nearest to the cause."""

LISTED, NOT_LISTED = "listed", "not listed"
_ABSENT = object()


class Difference(NamedTuple):
    """What differs in an entry; plugin and node are empty where the field has none."""

    field: str
    expected: Any
    got: Any
    plugin: str = ""
    node: str = ""


def first_difference(expected: Json, got: Json) -> Difference | None:
    """Return the first difference of two entries of ``expect``, None if they are equal in all fields."""
    known = [field for field in ORDER if field in expected or field in got]
    others = sorted((expected.keys() | got.keys()).difference(ORDER))
    for field in known + others:
        before, now = expected.get(field, _ABSENT), got.get(field, _ABSENT)
        if before != now:
            return next(_within(field, before, now), Difference(field, _shown(before), _shown(now)))
    return None


def _within(field: str, expected: Any, got: Any) -> Iterator[Difference]:
    """Yield what differs inside two unequal values; nothing if it can only be told as a whole."""
    match field, expected, got:
        case (("rawScores" | "scores"), dict(), dict()):
            for plugin, before, now in _items(expected, got):
                if isinstance(before, dict) and isinstance(now, dict):
                    for node, score, other in _items(before, now):
                        yield Difference(field, _shown(score), _shown(other), plugin, node)
                yield Difference(field, _shown(before), _shown(now), plugin)
        case "weights", dict(), dict():
            for plugin, before, now in _items(expected, got):
                yield Difference(field, _shown(before), _shown(now), plugin)
        case "total", dict(), dict():
            for node, before, now in _items(expected, got):
                yield Difference(field, _shown(before), _shown(now), node=node)
        case "infeasible", _, _:
            for node, before, now in _items(_by_node(expected), _by_node(got)):
                reason = now if before is _ABSENT else before
                yield Difference(field, _shown(before), _shown(now), reason.partition("|")[0], node)
        case "infeasibleCount", dict(), dict():
            for reason, before, now in _items(expected, got):
                yield Difference(f"{field}[{reason}]", _shown(before), _shown(now), reason.partition("|")[0])
        case (("feasible" | "unresolvable" | "best"), _, _):
            before, now = _strings(expected), _strings(got)
            for node in sorted(before ^ now):
                first, second = (LISTED, NOT_LISTED) if node in before else (NOT_LISTED, LISTED)
                yield Difference(field, first, second, node=node)
        case "preemption", dict(), dict():
            for name, before, now in _items(expected, got):
                yield Difference(f"{field}.{name}", _shown(before), _shown(now))


def _items(expected: Json, got: Json) -> Iterator[tuple[str, Any, Any]]:
    """Yield the keys, sorted, whose values differ."""
    for key in sorted(expected.keys() | got.keys()):
        before, now = expected.get(key, _ABSENT), got.get(key, _ABSENT)
        if before != now:
            yield key, before, now


def _by_node(groups: Any) -> dict[str, str]:
    """Turn ``"plugin|reasons"`` -> nodes around; what has another form is left out."""
    if not isinstance(groups, dict):
        return {}
    return {node: reason for reason, nodes in groups.items() for node in _strings(nodes)}


def _strings(value: Any) -> set[str]:
    return {each for each in value if isinstance(each, str)} if isinstance(value, list) else set()


def _shown(value: Any) -> Any:
    """Return a value as a report may hold it."""
    return None if value is _ABSENT else value
