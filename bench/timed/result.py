"""What a run comes to over time: what is in use, who waits, and for how long.

Everything is worked out afterwards from where each pod went and when. A level at an instant is the one behind all that
happens at it, so a pod that goes where another one comes does not count twice.
"""

from __future__ import annotations

from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from bench.timed.run import Timed
from bench.traces.trace import Nodes, Trace

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
WAITS = (50, 95, 99)
"""Percentiles of the waiting time."""


class Levels:
    """A number that changes at the T instants ``times`` float64[T], and never in between; before the first it is 0."""

    def __init__(self, times: Floats, values: Ints) -> None:
        self.times, self.values = times, values

    @property
    def peak(self) -> int:
        """Return the highest level."""
        return int(self.values.max(initial=0))

    @property
    def mean(self) -> float:
        """Return the mean over the time from the first instant to the last; where these are one, the level then."""
        span = float(self.times[-1] - self.times[0])
        return float(self._areas[-1]) / span if span else float(self.values[-1])

    def means(self, edges: Floats) -> Floats:
        """Return the means between edges float64[B + 1], float64[B]; where two are one, the level there."""
        widths = np.diff(edges)
        areas = np.diff(np.interp(edges, self.times, self._areas))
        at = np.maximum(np.searchsorted(self.times, edges[1:], side="right") - 1, 0)
        return np.where(widths > 0, areas / np.where(widths > 0, widths, 1), self.values[at])

    @cached_property
    def _areas(self) -> Floats:
        """[T]: the area under the levels up to an instant."""
        return np.concatenate([[0.0], np.cumsum(self.values[:-1] * np.diff(self.times))])


class Figures:
    """The figures of one run, from the first arrival to the last event of the trace, whatever became of its pods."""

    def __init__(self, nodes: Nodes, trace: Trace, timed: Timed) -> None:
        self._nodes, self._trace, self._timed = nodes, trace, timed
        ends = trace.deleted_s[np.isfinite(trace.deleted_s)]
        self.end_s = float(max(trace.created_s.max(), ends.max(initial=0.0)))
        self.placed = timed.node >= 0
        until = np.minimum(trace.deleted_s, self.end_s)
        stamps = [trace.created_s, until, timed.placed_s[self.placed], np.array([0.0, self.end_s])]
        self._times: Floats = np.unique(np.concatenate(stamps))
        self._stays = ~np.isfinite(trace.deleted_s)
        """[P]: pods that never go, which are there behind the last event as well."""
        last = len(self._times)
        self._came = np.searchsorted(self._times, trace.created_s)
        self._gone = np.where(self._stays, last, np.searchsorted(self._times, until))
        self._started = np.where(self.placed, np.searchsorted(self._times, timed.placed_s), last)
        self._asked = trace.amounts()[:, trace.shape_of]
        self.capacity = nodes.amounts()[:, nodes.shape_of]
        """int64[3, N]: cpu milli, memory bytes, gpu milli of each node."""

    def allocated(self, resource: int) -> Levels:
        """Return what placed pods ask for: 0 cpu milli, 1 memory bytes, 2 gpu milli."""
        return self._levels(self._started, self._gone, self._asked[resource], self.placed)

    def pending(self) -> Levels:
        """Return how many pods wait for a node."""
        until = np.minimum(self._started, self._gone)
        return self._levels(self._came, until, np.ones(self._trace.count, np.int64), np.ones(self._trace.count, bool))

    def nodes_in_use(self) -> Levels:
        """Return how many nodes hold a pod."""
        pods = np.flatnonzero(self.placed & (self._gone > self._started))
        pods = pods[np.lexsort((self._started[pods], self._timed.node[pods]))]
        node, first, end = self._timed.node[pods].astype(np.int64), self._started[pods], self._gone[pods]
        far = len(self._times) + 1  # nodes one after the other on one axis, so that the latest end is one pass
        latest = np.maximum.accumulate(node * far + end)
        opens = np.concatenate([[True], node[1:] * far + first[1:] > latest[:-1]]) if len(pods) else np.zeros(0, bool)
        closes = np.append(opens[1:], True) if len(pods) else opens
        return self._sum(first[opens], (latest - node * far)[closes], np.ones(int(opens.sum()), np.int64))

    def by_node(self) -> Floats:
        """Return what pods have of each node in percent, as a mean over time, float64[3, N]; NaN: it has none of it."""
        pods = np.flatnonzero(self.placed)
        span = self.end_s if self.end_s else 1.0
        last = np.minimum(self._trace.deleted_s[pods], self.end_s)
        shares = (last - self._timed.placed_s[pods]) / span if self.end_s else self._stays[pods].astype(np.float64)
        found = np.full(self.capacity.shape, np.nan)
        for resource, capacity in enumerate(self.capacity.astype(np.float64)):
            held = np.bincount(self._timed.node[pods], self._asked[resource][pods] * shares, self._nodes.count)
            np.divide(100.0 * held, capacity, out=found[resource], where=capacity > 0)
        return found

    def waits_s(self) -> Floats:
        """Return how long each pod that has found a node has waited for it."""
        return (self._timed.placed_s - self._trace.created_s)[self.placed]

    def _levels(self, first: Ints, end: Ints, amount: Ints, counts: NDArray[np.bool_]) -> Levels:
        there = counts & (end > first)
        return self._sum(first[there], end[there], amount[there])

    def _sum(self, first: Ints, end: Ints, amount: Ints) -> Levels:
        changes = np.zeros(len(self._times) + 1, np.int64)
        np.add.at(changes, first, amount)
        np.subtract.at(changes, end, amount)
        return Levels(self._times, np.cumsum(changes[:-1]))
