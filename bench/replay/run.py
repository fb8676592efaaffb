"""The outcome of one experiment: what happened at each event, and the curves over arrival as they were published."""

from __future__ import annotations

from functools import cached_property

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from bench.traces.trace import WHOLE

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]


class Run(Struct, frozen=True, dict=True, eq=False):
    """E events, one pod each, in the order of arrival."""

    policy: str
    seed: int
    ratio: float
    capacity_milli: int
    """Of all devices."""
    pod: Ints
    """[E]: number in the trace; one that comes again is a clone."""
    cpu_milli: Ints
    memory_bytes: Ints
    gpu_count: Ints
    gpu_milli: Ints
    """[E]: of each of the pod's devices."""
    node: NDArray[np.int32]
    """[E]: index into the nodes, -1: the pod was placed nowhere."""
    frag_ratio: Floats
    """[E]: how much of what is free on all devices is fragmented after the event, in percent."""
    seconds: float
    """Decisions alone."""
    compile_seconds: float

    @cached_property
    def arrived_milli(self) -> Ints:
        """[E]: what pods have asked for up to here, placed or not."""
        return np.cumsum(self.gpu_count * self.gpu_milli)

    @cached_property
    def used_milli(self) -> Ints:
        """[E]: what pods hold."""
        return np.cumsum(np.where(self.node >= 0, self.gpu_count * self.gpu_milli, 0))

    @property
    def alloc_percent(self) -> Floats:
        """[E]: what pods hold, in percent of all devices."""
        return self._percent(self.used_milli)

    @property
    def arrived_percent(self) -> Floats:
        """[E]: what pods have asked for, in percent of all devices."""
        return self._percent(self.arrived_milli)

    @cached_property
    def alloc(self) -> Floats:
        """[K + 1]: allocation by percent of arrival 0..K, in percent with two decimals."""
        return np.round(self._by_arrival(np.round(self.alloc_percent, 2)), 2)

    @cached_property
    def frag_ratio_by_arrival(self) -> Floats:
        """[K + 1]: the same of ``frag_ratio``, not rounded."""
        return self._by_arrival(np.round(self.frag_ratio, 2))

    def _percent(self, milli: Ints) -> Floats:
        return milli / (self.capacity_milli // WHOLE) / 10

    def _by_arrival(self, values: Floats) -> Floats:
        """Return the mean of values over the events at each whole percent of arrival.

        Where there is none, over those of the percents beside; NaN if there is none of these either.
        """
        arrived = np.rint(self.arrived_percent).astype(np.int64)
        last = max(round(100 * self.ratio), int(arrived[-1]) if len(arrived) else 0)
        curve = np.full(last + 1, np.nan)
        for percent in range(last + 1):
            first, end = np.searchsorted(arrived, [percent, percent + 1])
            if first == end:
                first, end = np.searchsorted(arrived, [percent - 1, percent + 2])
            if first < end:
                curve[percent] = np.mean(values[first:end])  # whose order of summing decides the last decimal
        return curve
