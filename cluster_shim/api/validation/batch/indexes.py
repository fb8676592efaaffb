"""Sets of indexes of a Job, written as ``1,3-5``."""

from __future__ import annotations

from cluster_shim.api.fields import quoted
from cluster_shim.api.integers import IntegerError, parse_int

Interval = tuple[int, int]


def _interval(text: str, completions: int) -> tuple[Interval, str]:
    parts = text.split("-")
    if len(parts) > 2:
        rule = "violates the requirement that an index interval can have at most two parts separated by '-'"
        return (0, 0), f"the fragment {quoted(text)} {rule}"
    numbers = []
    for part in parts:
        try:
            number = parse_int(part)
        except IntegerError:
            return (0, 0), f"cannot convert string to integer for index: {quoted(part)}"
        if number >= completions:
            return (0, 0), f"too large index: {quoted(part)}"
        numbers.append(number)
    first, last = numbers[0], numbers[-1]
    if len(numbers) == 2 and first >= last:
        return (0, 0), f"non-increasing order, previous: {first}, current: {last}"
    return (first, last), ""


def count_indexes(text: str, completions: int) -> tuple[int, str]:
    """Return how many indexes are in a set, and what is wrong with it; empty if nothing is."""
    total, previous = 0, -1
    for each in text.split(",") if text else ():
        (first, last), problem = _interval(each, completions)
        if problem:
            return 0, problem
        if previous >= first:
            return 0, f"non-increasing order, previous: {previous}, current: {first}"
        total += last - first + 1
        previous = last
    return total, ""


def overlap(completed: str, failed: str, completions: int) -> str:
    """Return the message about an index that is in two sets; empty if none is."""
    parsed = [
        [interval for interval, problem in (_interval(each, completions) for each in text.split(",")) if not problem]
        for text in (completed, failed)
        if text
    ]
    if len(parsed) < 2:
        return ""
    common = [max(c[0], f[0]) for c in parsed[0] for f in parsed[1] if c[0] <= f[1] and f[0] <= c[1]]
    return f"failedIndexes and completedIndexes overlap at index: {min(common)}" if common else ""
