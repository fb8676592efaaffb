"""Operations that go on while others run: what they do next, and when (Go's tickers as generators of due times)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

Due = Iterator[int]
"""Yields when it wants to go on (nanoseconds); going on does one step. It ends when there is nothing left to do."""


class Ticker:
    """Times at a fixed distance; those that nobody was there to see are left out, as upstream's tickers do."""

    def __init__(self, clock: Callable[[], int], interval: int) -> None:
        self._clock, self._interval, self._begin = clock, interval, clock()
        self._seen = 0

    def next(self) -> int:
        """Return when the next tick is due: the first that is neither seen nor older than the last one."""
        passed = (self._clock() - self._begin) // self._interval
        self._seen = max(self._seen + 1, passed)
        return self._begin + self._seen * self._interval


def at_rate(clock: Callable[[], int], per_second: int, steps: Sequence[Callable[[], None]]) -> Due:
    """Take steps at a rate."""
    ticker = Ticker(clock, 10**9 // per_second)
    for step in steps:
        yield ticker.next()
        step()


class Background:
    """All operations that are going on."""

    def __init__(self) -> None:
        self._due: dict[Due, int] = {}

    def add(self, operation: Due) -> None:
        """Begin an operation."""
        self._advance(operation)

    def serve(self, now: int) -> bool:
        """Take the steps that are due; False if there were none."""
        ready = [operation for operation, due in self._due.items() if due <= now]
        for operation in ready:
            self._advance(operation)
        return bool(ready)

    def is_running(self, operation: Due) -> bool:
        """Tell whether an operation has not ended."""
        return operation in self._due

    @property
    def next_due(self) -> int | None:
        """When the next step is due."""
        return min(self._due.values(), default=None)

    def _advance(self, operation: Due) -> None:
        due = next(operation, None)
        if due is None:
            self._due.pop(operation, None)
        else:
            self._due[operation] = due
