"""Upstream's throughput: samples of one second, and what becomes of them.

Source: throughputCollector in test/integration/scheduler_perf/util.go.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

INTERVAL_NS = 10**9


class ThroughputSamples:
    """Pods per second, sampled once a second from the number of pods scheduled so far."""

    def __init__(self, begin: int) -> None:
        """Begin at a time in nanoseconds."""
        self._begin = begin
        self.due = begin + INTERVAL_NS
        """When the next sample is to be taken; samples that nobody was there to take are left out."""
        self.rates: list[float] = []
        self._last: tuple[int, int] | None = None
        self._skipped = 0

    def sample(self, scheduled: int, now: int) -> None:
        """Take a sample.

        The first that sees any pod is only what the next is measured from: it is likely to be off. Intervals in which
        nothing was scheduled are waited out, and count as often with the rate over all of them.
        """
        self.due = self._begin + ((now - self._begin) // INTERVAL_NS + 1) * INTERVAL_NS
        if scheduled == 0:
            return
        if self._last is None:
            self._last = scheduled, now
            return
        before, then = self._last
        if scheduled == before:
            self._skipped += 1
            return
        rate = (scheduled - before) / ((now - then) / 10**9)
        self.rates += [rate] * (self._skipped + 1)
        self._last, self._skipped = (scheduled, now), 0


def summary(values: Sequence[float]) -> dict[str, float]:
    """Return the average and percentiles of at least one value, as upstream works them out: no interpolation."""
    ordered = sorted(values)
    percentiles = {f"Perc{p}": ordered[math.ceil(len(ordered) * p / 100) - 1] for p in (50, 90, 95, 99)}
    return {"Average": sum(ordered) / len(ordered), **percentiles}
