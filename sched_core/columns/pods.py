"""PodTable: the pods that count on nodes, as columns; where each one is and which class it has.

A batch adds thousands of pods at once without a string each: keys are looked up in an index that is made when somebody
asks for a pod by name.
"""

from __future__ import annotations

import copy
from bisect import bisect_right
from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.arrays import PodArray

NOT_STARTED = np.iinfo(np.int64).max
"""The start time of a pod that has none yet: later than all others."""


class PodState(NamedTuple):
    """What `PodTable.state` returns."""

    total: int
    placed: int
    class_of: NDArray[np.int32]
    node_of: NDArray[np.int32]
    priority: NDArray[np.int64]
    start_time: NDArray[np.int64]
    starts: list[int]
    segments: list[Sequence[str]]
    dropped: set[int]


class PodTable:
    """``class_of``, ``node_of`` (-1: nowhere), ``priority`` and ``start_time`` (nanoseconds) of each pod.

    A pod's number is never used again.
    """

    def __init__(self) -> None:
        self.count = 0
        self.placed = 0
        self._class_of = np.zeros(0, np.int32)
        self._node_of = np.zeros(0, np.int32)
        self._priority = np.zeros(0, np.int64)
        self._start_time = np.zeros(0, np.int64)
        self._starts: list[int] = []
        self._segments: list[Sequence[str]] = []
        self._index: dict[str, int] = {}
        self._indexed = 0
        self._dropped: set[int] = set()

    @property
    def class_of(self) -> NDArray[np.int32]:
        return self._class_of[: self.count]

    @property
    def node_of(self) -> NDArray[np.int32]:
        return self._node_of[: self.count]

    @property
    def priority(self) -> NDArray[np.int64]:
        return self._priority[: self.count]

    @property
    def start_time(self) -> NDArray[np.int64]:
        return self._start_time[: self.count]

    def add(
        self, keys: Sequence[str], classes: NDArray[np.int32], rows: NDArray[np.int32], priority: NDArray[np.int64],
        start_time: int = NOT_STARTED,
    ) -> int:  # fmt: skip
        """Add pods and return the number of the first one; rows of -1 are pods that wait for their node."""
        first, total = self.count, len(keys)
        self._reserve(first + total)
        self._class_of[first : first + total] = classes
        self._node_of[first : first + total] = rows
        self._priority[first : first + total] = priority
        self._start_time[first : first + total] = start_time
        self._starts.append(first)
        self._segments.append(keys)
        self.count += total
        self.placed += int(np.count_nonzero(rows >= 0))
        return first

    def move(self, number: int, row: int) -> None:
        """Put a pod on a node, or nowhere (-1)."""
        self.placed += int(row >= 0) - int(self._node_of[number] >= 0)
        self._node_of[number] = row

    def find(self, key: str) -> int | None:
        """Return the number of the pod ``namespace/name``, None if there is none."""
        while self._indexed < len(self._segments):
            start = self._starts[self._indexed]
            for number, known in enumerate(self._segments[self._indexed], start):
                if number not in self._dropped:
                    self._index[known] = number
            self._indexed += 1
        return self._index.get(key)

    def drop(self, number: int) -> None:
        """Take a pod away for good: it is nowhere and its key is not found again."""
        self.move(number, -1)
        self._dropped.add(number)
        self._index.pop(self.key(number), None)

    def withdraw(self, number: int) -> None:
        """Undo the last `add`, which gave this number: as if it had never been."""
        self.placed -= int(np.count_nonzero(self.node_of[number:] >= 0))
        self.count = number
        self._starts.pop()
        self._segments.pop()

    def state(self) -> PodState:
        """Return a copy of the table."""
        arrays = (self.class_of.copy(), self.node_of.copy(), self.priority.copy(), self.start_time.copy())
        return PodState(self.count, self.placed, *arrays, list(self._starts), list(self._segments), set(self._dropped))

    def restore(self, state: PodState) -> None:
        """Go back to a state that `state` returned."""
        self.count, self.placed = state.total, state.placed
        self._class_of, self._node_of = state.class_of.copy(), state.node_of.copy()
        self._priority, self._start_time = state.priority.copy(), state.start_time.copy()
        self._starts, self._segments, self._dropped = list(state.starts), list(state.segments), set(state.dropped)
        self._index, self._indexed = {}, 0

    def without(self, rows: NDArray[np.int64]) -> PodTable:
        """Return the table with no pods on these nodes; it shares all else and is only to be read."""
        emptied = copy.copy(self)
        emptied._node_of = np.where(np.isin(self._node_of, rows), np.int32(-1), self._node_of)
        emptied.placed = int(np.count_nonzero(emptied.node_of >= 0))
        return emptied

    def key(self, number: int) -> str:
        """Return ``namespace/name`` of a pod."""
        segment = bisect_right(self._starts, number) - 1
        return self._segments[segment][number - self._starts[segment]]

    def keys(self, numbers: NDArray[np.int64]) -> Sequence[str]:
        """Return ``namespace/name`` of pods, made when they are asked for: before a state is restored."""
        return TableKeys(self, numbers)

    def on(self, row: int) -> NDArray[np.int64]:
        """Return the numbers of the pods on a node."""
        return np.flatnonzero(self.node_of == row)

    def _reserve(self, size: int) -> None:
        if size > len(self._class_of):
            more = max(size, 2 * len(self._class_of), 1024) - len(self._class_of)
            self._class_of = np.concatenate([self._class_of, np.zeros(more, np.int32)])
            self._node_of = np.concatenate([self._node_of, np.full(more, -1, np.int32)])
            self._priority = np.concatenate([self._priority, np.zeros(more, np.int64)])
            self._start_time = np.concatenate([self._start_time, np.zeros(more, np.int64)])


class TableKeys(Sequence[str]):
    """The keys of some pods of a table, as long as no pod comes or goes; ``tuple`` keeps them."""

    def __init__(self, pods: PodTable, numbers: NDArray[np.int64]) -> None:
        self._pods, self._numbers = pods, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return TableKeys(self._pods, self._numbers[index])
        return self._pods.key(int(self._numbers[index]))


class ArrayKeys(Sequence[str]):
    """The keys ``namespace/name`` of some pods of a PodArray, made when they are asked for."""

    def __init__(self, pods: PodArray, positions: NDArray[np.int64]) -> None:
        self._pods, self._positions = pods, positions

    def __len__(self) -> int:
        return len(self._positions)

    def __getitem__(self, index: int) -> str:  # type: ignore[override]
        position = int(self._positions[index])
        namespace = self._pods.templates[self._pods.template_of[position]].metadata.namespace or "default"
        return f"{namespace}/{self._pods.names[position]}"
