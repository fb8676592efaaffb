"""PodTable: the pods that count on nodes, as columns; where each one is and which class it has.

A batch adds thousands of pods at once without a string each: keys are looked up in an index that is made when somebody
asks for a pod by name, and the pods of each node are listed when the first one leaves.
"""

from __future__ import annotations

import copy
from bisect import bisect_left, bisect_right
from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.arrays import PodArray
from sched_core.columns.own import Column

NOT_STARTED = np.iinfo(np.int64).max
"""The start time of a pod that has none yet: later than all others."""
SLACK = 4096
"""So many pods or classes that are gone do not matter."""
_COLUMNS = ("class_of", "node_of", "priority", "start_time", "place", "gone")


class PodState(NamedTuple):
    """What `PodTable.state` returns."""

    columns: dict[str, NDArray[Any]]
    own: dict[str, NDArray[Any]]
    live: int
    placed: int
    starts: list[int]
    segments: list[Sequence[str]]
    waiting: dict[str, list[int]]


class PodTable:
    """``class_of``, ``node_of`` (-1: nowhere), ``priority`` and ``start_time`` (nanoseconds) of each pod.

    A pod keeps its number until `compact` or `restore`. The pods of a node have an order, which preemption sees: as in
    upstream's NodeInfo the last one takes the place of one that leaves.
    """

    def __init__(self) -> None:
        self.count = 0
        """Numbers given, those of pods that are gone among them."""
        self.live = 0
        """Pods that are not gone."""
        self.placed = 0
        """Pods that are on a node."""
        self._class_of = np.zeros(0, np.int32)
        self._node_of = np.zeros(0, np.int32)
        self._priority = np.zeros(0, np.int64)
        self._start_time = np.zeros(0, np.int64)
        self._place = np.zeros(0, np.int64)
        self._gone = np.zeros(0, np.bool_)
        self._own: dict[str, NDArray[Any]] = {}
        self._starts: list[int] = []
        self._segments: list[Sequence[str]] = []
        self._index: dict[str, int] = {}
        self._indexed = 0
        self._waiting: dict[str, list[int]] = {}
        """Name of a node that is not there -> its pods in their order."""
        self._lists: dict[int, list[int]] = {}
        """Row -> its pods in their order, as far as numbers are below ``_listed``."""
        self._listed = 0

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

    @property
    def place(self) -> NDArray[np.int64]:
        """The order of the pods on a node: by these numbers."""
        return self._place[: self.count]

    @property
    def gone(self) -> NDArray[np.bool_]:
        """Whether a pod was dropped; its other columns mean nothing then."""
        return self._gone[: self.count]

    def own(self, name: str) -> NDArray[Any]:
        """Return a column of a plugin's own, [P, ..]: what placements remember; zero for pods that are nowhere."""
        return self._own[name][: self.count]

    @property
    def own_columns(self) -> tuple[NDArray[Any], ...]:
        """All of them, as compiled loops write them."""
        return tuple(self._own.values())

    def declare(self, columns: Sequence[Column]) -> None:
        """Have these own columns and no others; what is there already, of the same type and shape, is kept."""
        before, self._own = self._own, {}
        for column in columns:
            empty, known = column.empty(len(self._class_of), rows_last=False), before.get(column.name)
            same = known is not None and known.dtype == empty.dtype and known.shape == empty.shape
            self._own[column.name] = known if known is not None and same else empty

    @property
    def is_sparse(self) -> bool:
        """Whether more than half of the numbers are those of pods that are gone."""
        return self.count > 2 * self.live + SLACK

    def add(
        self, keys: Sequence[str], classes: NDArray[np.int32], rows: NDArray[np.int32], priority: NDArray[np.int64],
        start_time: int = NOT_STARTED, placed: Mapping[str, NDArray[Any]] = MappingProxyType({}),
    ) -> int:  # fmt: skip
        """Add pods and return the number of the first one; rows of -1 are pods that are nowhere (see `wait`).

        ``placed`` is what plugins remember of them, by column.
        """
        first, total = self.count, len(keys)
        end = first + total
        self._reserve(end)
        self._class_of[first:end] = classes
        self._node_of[first:end] = rows
        self._priority[first:end] = priority
        self._start_time[first:end] = start_time
        self._place[first:end] = np.arange(first, end)
        self._gone[first:end] = False
        for name, own in self._own.items():
            own[first:end] = placed.get(name, 0)
        self._starts.append(first)
        self._segments.append(keys)
        self.count = end
        self.live += total
        self.placed += int(np.count_nonzero(rows >= 0))
        return first

    def wait(self, number: int, node_name: str) -> None:
        """Let a new pod that is nowhere wait for its node."""
        self._waiting.setdefault(node_name, []).append(number)

    def enter(self, node_name: str, row: int) -> list[int]:
        """Put the pods that wait for a node on its row, which is empty, and return their numbers."""
        numbers = self._waiting.pop(node_name, [])
        if numbers:
            self._list_pods()
            self._lists[row] = numbers
            self._node_of[numbers] = row
            self.placed += len(numbers)
        return numbers

    def leave(self, node_name: str, row: int) -> None:
        """Let all pods of a node that goes wait for one of its name."""
        self._list_pods()
        numbers = self._lists.pop(row, [])
        if numbers:
            self._waiting[node_name] = numbers
            self._node_of[numbers] = -1
            self.placed -= len(numbers)

    def hide(self, number: int) -> None:
        """Let a pod be nowhere for a while, without its node's list hearing of it; `show` undoes it."""
        self._node_of[number] = -1
        self.placed -= 1

    def show(self, number: int, row: int) -> None:
        """Undo `hide`."""
        self._node_of[number] = row
        self.placed += 1

    def find(self, key: str) -> int | None:
        """Return the number of the pod ``namespace/name``, None if there is none."""
        while self._indexed < len(self._segments):
            start = self._starts[self._indexed]
            for number, known in enumerate(self._segments[self._indexed], start):
                if not self._gone[number]:
                    self._index[known] = number
            self._indexed += 1
        return self._index.get(key)

    def drop(self, number: int) -> None:
        """Take a pod away for good: it is nowhere and its key is not found again."""
        self._list_pods()
        row = int(self._node_of[number])
        if row >= 0:
            self._take_out(self._lists[row], number)
            self._node_of[number] = -1
            self.placed -= 1
        else:
            name = next(name for name, numbers in self._waiting.items() if number in numbers)
            self._take_out(self._waiting[name], number)
            if not self._waiting[name]:
                del self._waiting[name]
        self._gone[number] = True
        self.live -= 1
        key = self.key(number)
        if self._index.get(key) == number:
            del self._index[key]

    def withdraw(self, number: int) -> None:
        """Undo the last `add`, which gave this number: as if it had never been."""
        self.placed -= int(np.count_nonzero(self.node_of[number:] >= 0))
        self.live -= self.count - number
        self.count = number
        self._starts.pop()
        self._segments.pop()

    def compact(self) -> None:
        """Give the pods that are not gone new numbers, from 0 on; their order on each node stays."""
        self._list_pods()
        kept = np.flatnonzero(~self.gone)
        kept = kept[np.argsort(self.place[kept])]
        keys = [self.key(number) for number in kept.tolist()]
        number_of = np.zeros(self.count, np.int64)
        number_of[kept] = np.arange(len(kept))
        for name in _COLUMNS:
            setattr(self, f"_{name}", getattr(self, f"_{name}")[kept])
        self._own = {name: own[kept] for name, own in self._own.items()}
        self.count = self._listed = len(kept)
        self._place = np.arange(len(kept))
        self._starts, self._segments, self._index, self._indexed = [0], [keys], {}, 0
        self._lists = {row: number_of[numbers].tolist() for row, numbers in self._lists.items() if numbers}
        self._waiting = {name: number_of[numbers].tolist() for name, numbers in self._waiting.items()}

    def state(self) -> PodState:
        """Return a copy of the table."""
        columns = {name: getattr(self, name).copy() for name in _COLUMNS}
        waiting = {name: list(numbers) for name, numbers in self._waiting.items()}
        own = {name: self.own(name).copy() for name in self._own}
        return PodState(columns, own, self.live, self.placed, list(self._starts), list(self._segments), waiting)

    def restore(self, state: PodState) -> None:
        """Go back to a state that `state` returned."""
        for name, kept in state.columns.items():
            setattr(self, f"_{name}", kept.copy())
        for name, own in self._own.items():
            known = state.own.get(name)
            fits = known is not None and known.dtype == own.dtype and known.shape[1:] == own.shape[1:]
            zeros = np.zeros((len(self._class_of), *own.shape[1:]), own.dtype)
            self._own[name] = known.copy() if known is not None and fits else zeros
        self.count, self.live, self.placed = len(self._class_of), state.live, state.placed
        self._starts, self._segments = list(state.starts), list(state.segments)
        self._waiting = {name: list(numbers) for name, numbers in state.waiting.items()}
        self._index, self._indexed = {}, 0
        self._lists, self._listed = {}, 0

    def without(self, rows: NDArray[np.int64]) -> PodTable:
        """Return the table with no pods on these nodes; it shares all else and is only to be read."""
        emptied = copy.copy(self)
        emptied._node_of = np.where(np.isin(self._node_of, rows), np.int32(-1), self._node_of)
        emptied.placed = int(np.count_nonzero(emptied.node_of >= 0))
        return emptied

    def key(self, number: int) -> str:
        """Return ``namespace/name`` of a pod."""
        return _key(self._starts, self._segments, number)

    def keys(self, numbers: NDArray[np.int64]) -> Sequence[str]:
        """Return ``namespace/name`` of pods, made when they are asked for."""
        return TableKeys(self._starts, self._segments, numbers)

    def on(self, row: int) -> NDArray[np.int64]:
        """Return the numbers of the pods on a node in their order."""
        numbers = np.flatnonzero(self.node_of == row)
        return numbers[np.argsort(self._place[numbers])]

    def _list_pods(self) -> None:
        """Enter the pods that came since into the lists of their nodes; none of them has moved yet."""
        first, self._listed = self._listed, self.count
        if self.count - first < 16:  # sorting has a cost of its own
            for number in sorted(range(first, self.count), key=self._place.__getitem__):
                if self._node_of[number] >= 0:
                    self._lists.setdefault(int(self._node_of[number]), []).append(number)
            return
        rows = self.node_of[first:]
        order = np.lexsort((self.place[first:], rows))
        rows = rows[order]
        starts = np.flatnonzero(np.concatenate([[True], rows[1:] != rows[:-1]]))
        for row, part in zip(rows[starts].tolist(), np.split(first + order, starts[1:]), strict=True):
            if row >= 0:
                self._lists.setdefault(row, []).extend(part.tolist())

    def _take_out(self, numbers: list[int], number: int) -> None:
        """Take a pod out of a list; the last one takes its place (upstream: NodeInfo.RemovePod)."""
        position = bisect_left(numbers, self._place[number], key=self._place.__getitem__)
        last = numbers.pop()
        if last != number:
            numbers[position] = last
            self._place[last] = self._place[number]

    def _reserve(self, size: int) -> None:
        if size > len(self._class_of):
            more = max(size, 2 * len(self._class_of), SLACK) - len(self._class_of)
            for name in _COLUMNS:
                column = getattr(self, f"_{name}")
                setattr(self, f"_{name}", np.concatenate([column, np.zeros(more, column.dtype)]))
            for name, own in self._own.items():
                self._own[name] = np.concatenate([own, np.zeros((more, *own.shape[1:]), own.dtype)])


class TableKeys(Sequence[str]):
    """The keys of some pods of a table; they stay when the pods go and the others get new numbers.

    A table never changes a segment and makes new lists of segments when numbers change.
    """

    def __init__(self, starts: list[int], segments: list[Sequence[str]], numbers: NDArray[np.int64]) -> None:
        self._starts, self._segments, self._numbers = starts, segments, numbers

    def __len__(self) -> int:
        return len(self._numbers)

    def __getitem__(self, index: Any) -> Any:
        if isinstance(index, slice):
            return TableKeys(self._starts, self._segments, self._numbers[index])
        return _key(self._starts, self._segments, int(self._numbers[index]))


def _key(starts: list[int], segments: list[Sequence[str]], number: int) -> str:
    segment = bisect_right(starts, number) - 1
    return segments[segment][number - starts[segment]]


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
