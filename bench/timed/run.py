"""Simulation: an engine places the pods of a trace as they come, and those that wait as soon as something has left.

Nothing is decided twice: pods that come between two departures are decided in one call, in which those that wait come
first. A pod goes when the trace says so, whether it has a node or not. Nobody is evicted.
"""

from __future__ import annotations

from time import perf_counter

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from bench.timed.events import Event, events
from bench.timed.pending import FEW, Pending, Room
from bench.traces.trace import Trace
from sched_core import Engine, PluginError, PodArray

PART = 2000
"""So many pods are decided in one call at most."""
NEVER = -1
_UNKNOWN, _DUE, _PENDING, _PLACED, _GONE = range(5)


class Timed(Struct, frozen=True, eq=False):
    """What became of the P pods of a trace."""

    node: NDArray[np.int32]
    """[P]: index of the node, NEVER: it went, or the trace ended, before there was one."""
    placed_s: NDArray[np.float64]
    """[P]: when it had its node; inf: never."""
    decisions: int
    """How often a pod was tried."""
    seconds: float
    """Decisions and departures alone."""


class Simulation:
    """One run of a trace through an engine whose cluster has no pods."""

    def __init__(self, engine: Engine, pods: PodArray, trace: Trace, pending: Pending, room: Room) -> None:
        self._engine, self._pods, self._trace = engine, pods, trace
        self._pending, self._room = pending, room
        spaces = [template.metadata.namespace or "default" for template in pods.templates]
        self._space = [spaces[number] for number in pods.template_of.tolist()]
        self._state = bytearray(trace.count)
        self._due: list[int] = []
        """Pods to try, in this order."""
        self._due_s: list[float] = []
        self.node = np.full(trace.count, NEVER, np.int32)
        self.placed_s = np.full(trace.count, np.inf)
        self.decisions, self.seconds = 0, 0.0

    def run(self) -> Timed:
        """Let everything happen. Raises PluginError."""
        for event in events(self._trace):
            if event.comes:
                self._come(event)
            else:
                self._go(event)
        self._decide()
        return Timed(self.node, self.placed_s, self.decisions, self.seconds)

    def _come(self, event: Event) -> None:
        for pod in event.pods:
            if self._pending.is_blocked(pod):
                self._state[pod] = _PENDING
                self._pending.add(pod)
                continue
            self._put(pod, event.time_s)
            if len(self._due) == PART:
                self._decide()

    def _put(self, pod: int, time_s: float) -> None:
        self._state[pod] = _DUE
        self._due.append(pod)
        self._due_s.append(time_s)

    def _go(self, event: Event) -> None:
        """Let pods go; if any had a node, those that wait are due."""
        if any(self._state[pod] in (_DUE, _PLACED) for pod in event.pods):
            self._decide()
        placed = []
        for pod in event.pods:
            if self._state[pod] == _PLACED:
                placed.append(pod)
            else:
                self._pending.remove(pod)
            self._state[pod] = _GONE
        if placed:
            self._forget(placed)
            self._try_again(event.time_s)

    def _forget(self, pods: list[int]) -> None:
        began = perf_counter()
        for pod in pods:
            self._engine.forget(f"{self._space[pod]}/{self._pods.names[pod]}")
        self.seconds += perf_counter() - began
        rows = self.node[pods].astype(np.int64)
        self._room.add(rows, self._trace.shape_of[pods].astype(np.int64), 1)
        self._pending.open(np.unique(rows))

    def _try_again(self, time_s: float) -> None:
        """Have those that wait decided; the last of them together with what comes next."""
        most = FEW
        while True:
            pods, all_of_them = self._pending.due(most)
            for pod in pods:
                self._put(pod, time_s)
            if all_of_them and len(pods) < PART:
                return
            placed = self._decide()
            if all_of_them:
                return
            most *= 1 + (placed == len(pods))

    def _decide(self) -> int:
        """Decide on all that are due; return how many of them have found a node."""
        if not self._due:
            return 0
        due, times = np.array(self._due), self._due_s
        names = [self._pods.names[pod] for pod in self._due]
        array = PodArray(names, self._pods.templates, self._pods.template_of[due])
        began = perf_counter()
        batch = self._engine.schedule_many(array, explain=False)
        self.seconds += perf_counter() - began
        for position, failure in batch.failures.items():
            if failure.error:
                raise PluginError("", "schedule", failure.message, array.names[position])
        for pod, row, time_s in zip(self._due, batch.node_of.tolist(), times, strict=True):
            self._note(pod, row, time_s)
        self.decisions += len(due)
        placed = batch.node_of >= 0
        rows, shapes = batch.node_of[placed], self._trace.shape_of[due[placed]]
        self._room.add(rows.astype(np.int64), shapes.astype(np.int64), -1)
        self._due, self._due_s = [], []
        return len(rows)

    def _note(self, pod: int, row: int, time_s: float) -> None:
        if row < 0:
            self._state[pod] = _PENDING
            self._pending.add(pod)
            self._pending.block(pod)
            return
        self._state[pod] = _PLACED
        self._pending.remove(pod)
        self.node[pod], self.placed_s[pod] = row, time_s
