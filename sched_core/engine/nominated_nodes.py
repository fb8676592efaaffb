"""The nodes to which pods are nominated, with these pods on them, as compiled batches read them.

Which nominated pods count for a pod depends on its priority, so a node has an entry for each priority of those that are
nominated to it: the entry has all of that priority or a higher one, and serves pods down to the next lower one.
"""

from __future__ import annotations

from collections.abc import Hashable
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.engine.nominated_pods import NominatedPods
from sched_core.rows.table import node_rows, pod_rows, some_rows, widths
from sched_core.rows.tuples import Rivals
from sched_core.rows.usage import add_usage

_LOWEST = np.iinfo(np.int64).min


class _Entries(NamedTuple):
    """Of each entry, E of them, its row and the priorities that it serves; of each pod on them its entry and class."""

    row: NDArray[np.int32]
    above: NDArray[np.int64]
    up_to: NDArray[np.int64]
    at: NDArray[np.int64]
    classes: NDArray[np.int32]


class NominatedNodes:
    """The entries of one cluster for the compiled batches of one profile."""

    def __init__(self, pods: NominatedPods) -> None:
        self.pods, self.nodes, self.classes = pods, pods.nodes, pods.classes
        self._version: Hashable = None
        self._entries: _Entries
        self._rivals: Rivals | None = None
        self._widths: dict[str, int] = {}
        self._head = -1

    def count_for(self, classes: NDArray[np.int32]) -> NDArray[np.bool_]:
        """Tell for which classes int32[D] any nominated pod counts, bool[D]."""
        highest = self.pods.columns().priority.max(initial=_LOWEST)
        counts: NDArray[np.bool_] = self.classes.priority[classes] <= highest
        return counts

    def settle(self) -> Rivals:
        """Return the entries as they are now."""
        if self._version != self.pods.version:
            self._version, self._entries, self._rivals = self.pods.version, self._listed(), None
        head, width = int(self.nodes.log_head[0]), widths(self.nodes)
        placed = self._head != head and len(self._entries.row) > 0  # nobody's entries need not be made again
        if self._rivals is None or self._widths != width or placed:
            self._rivals, self._widths, self._head = self._made(), width, head
        return self._rivals

    def note(self) -> None:
        """Learn that all placements up to now are counted in the entries."""
        self._head = int(self.nodes.log_head[0])

    def _listed(self) -> _Entries:
        pods = self.pods.columns()
        row: list[int] = []
        above: list[int] = []
        up_to: list[int] = []
        at: list[NDArray[np.int64]] = []
        there: list[NDArray[np.int64]] = []
        bounds = np.flatnonzero(np.diff(pods.rows, prepend=-1, append=-1)).tolist()
        for first, last in pairwise(bounds):
            priorities = pods.priority[first:last]
            for high, low in pairwise([*sorted(set(priorities.tolist()), reverse=True), _LOWEST]):
                mine = first + np.flatnonzero(priorities >= high)
                at.append(np.full(len(mine), len(row)))
                there.append(mine)
                row.append(int(pods.rows[first]))
                above.append(low)
                up_to.append(high)
        numbers = np.concatenate([np.zeros(0, np.int64), *there])
        return _Entries(
            np.array(row, np.int32), np.array(above, np.int64), np.array(up_to, np.int64),
            np.concatenate([np.zeros(0, np.int64), *at]), pods.classes[numbers],
        )  # fmt: skip

    def _made(self) -> Rivals:
        entries = self._entries
        nodes = some_rows(node_rows(self.nodes), entries.row)
        add_usage(entries.at, entries.classes, pod_rows(self.classes), nodes)
        count = len(entries.row)
        return Rivals(*entries[:3], nodes, base=np.zeros(count, np.int32), sums=np.zeros(count))
