"""Tallies of one profile: the weights of placed pods by topology domain, as compiled batches keep them.

Batches count the pods that they place themselves; pods that come and go in any other way are found in the pod table
before the next batch. Which pods weigh what is a plugin's business.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable

import numpy as np
from numpy.typing import NDArray

from sched_core.cluster import Cluster
from sched_core.framework.domains import Domains, Tally
from sched_core.rows.terms import tally_pods
from sched_core.rows.tuples import Tallies

MEMORY = 512 << 20


class TallyStore:
    """All tallies that the terms of a profile ask for; T of them, the first ``_settled`` are counted."""

    def __init__(self, cluster: Cluster, order: Callable[[], NDArray[np.int32]]) -> None:
        self.cluster, self.nodes, self._order = cluster, cluster.nodes, order
        self.clear()

    def clear(self) -> None:
        """Forget everything: a node object or the numbers of classes have changed, or memory is short."""
        self.kinds = self.cluster.kinds
        self._number: dict[Hashable, int] = {}
        self._all: list[Tally] = []
        self._settled = self._kinds_weighed = 0
        self._domain_of: list[int] = []
        self._domain_row: dict[int, tuple[int, NDArray[np.int64]]] = {}
        self._content: dict[bytes, int] = {}
        self._domain = np.zeros((0, 0), np.int32)
        self._widest = 0
        self._entries: list[tuple[NDArray[np.int64], NDArray[np.int64], int]] = []
        self._seen = np.zeros(0, np.int32)
        self._count = self._placed = 0
        self._tallies = self._empty()

    def __len__(self) -> int:
        return len(self._all)

    @property
    def full(self) -> bool:
        """Whether there are more numbers than memory is meant for."""
        return 8 * sum(tally.domains.size + 1 for tally in self._all) + self._domain.nbytes > MEMORY

    def add(self, plugin: str, tally: Tally) -> int:
        """Return the number of a tally; a new one is counted before the next batch."""
        domain = self.domain(tally.domains)
        key = (plugin, tally.key, domain, tally.domains.size)
        number = self._number.setdefault(key, len(self._all))
        if number == len(self._all):
            self._all.append(tally)
            self._domain_of.append(domain)
        return number

    def domain(self, domains: Domains) -> int:
        """Return the row of an array of domains; equal arrays share one."""
        known = self._domain_row.get(id(domains.of))
        if known is None:
            by_position = domains.of[self._order()].astype(np.int32)
            row = self._content.setdefault(by_position.tobytes(), len(self._content))
            if row >= len(self._domain):
                grown = np.zeros((max(4, 2 * row), len(by_position)), np.int32)
                if row:
                    grown[:row] = self._domain
                self._domain = grown
            self._domain[row] = by_position
            self._widest = max(self._widest, int(by_position.max()))
            known = self._domain_row[id(domains.of)] = (row, domains.of)  # holding the array keeps its id its own
        return known[0]

    def used(self, domain: int) -> int:
        """Return in how many different domains of a row there are nodes."""
        return len(np.unique(self._domain[domain]))

    def settle(self, position: NDArray[np.int32]) -> Tallies:
        """Count what is not counted yet and return all tallies; ``position`` int32[N] is that of each row."""
        if not self._all:
            return self._tallies
        kind_of, old, kinds = self.kinds.of(), self._settled, self._kinds_weighed
        changed = old < len(self._all)
        for number in range(0 if kinds < len(self.kinds) else old, len(self._all)):
            weighed, weights = self._all[number].weigh(kinds if number < old else 0, len(self.kinds))
            self._entries.append((weighed, weights, number))
        changed |= kinds < len(self.kinds) or len(self._tallies.mark) < self._widest + 2
        self._settled, self._kinds_weighed = len(self._all), len(self.kinds)
        if changed:
            self._tallies = self._grown()
        if self._tallies.kind_of is not kind_of or self._tallies.domain is not self._domain:
            self._tallies = self._tallies._replace(kind_of=kind_of, domain=self._domain)
        self._catch_up(position, old)
        return self._tallies

    def note(self, first: int, rows: NDArray[np.int32]) -> None:
        """Learn that pods ``first`` and following of the pod table, on ``rows``, are counted already."""
        if self._settled:
            self._fit(first + len(rows))
            self._seen[first : first + len(rows)] = rows
            self._count = first + len(rows)
            self._placed += len(rows)

    def compile(self) -> None:
        """Compile what batches do not call themselves."""
        tally_pods(np.zeros(0, np.int32), np.zeros(0, np.int32), 1, 0, 0, self._tallies)

    def _catch_up(self, position: NDArray[np.int32], old: int) -> None:
        """Count pods that came and went since the last time, and for new tallies all pods.

        While no node object changes, a pod that was there can only go.
        """
        pods = self.nodes.pods
        if pods.count != self._count or pods.placed != self._placed:
            low, node_of = self._count if old else 0, pods.node_of
            if pods.placed - self._placed != np.count_nonzero(node_of[low:] >= 0):
                low = 0
            self._fit(pods.count)
            changed = low + np.flatnonzero(self._seen[low : pods.count] != node_of[low:])
            for sign, rows in ((-1, self._seen[changed]), (1, node_of[changed])):
                there = rows >= 0
                self._tally(pods.class_of[changed][there], position[rows[there]], sign, 0, old)
            self._seen[changed] = node_of[changed]
            self._count, self._placed = pods.count, pods.placed
        if old < self._settled:
            numbers = np.flatnonzero(pods.node_of >= 0)
            self._tally(pods.class_of[numbers], position[pods.node_of[numbers]], 1, old, self._settled)

    def _tally(self, classes: NDArray[np.int32], positions: NDArray[np.int32], sign: int, low: int, high: int) -> None:
        if len(classes) and low < high:
            tally_pods(classes, positions, sign, low, high, self._tallies)

    def _fit(self, count: int) -> None:
        if count > len(self._seen):
            more = max(count, 2 * len(self._seen), 1024) - len(self._seen)
            self._seen = np.concatenate([self._seen, np.full(more, -1, np.int32)])

    def _grown(self) -> Tallies:
        """Return the arrays with room for all tallies, and the weights of all kinds."""
        sizes = np.array([tally.domains.size for tally in self._all], np.int32)
        first = np.concatenate([[0], np.cumsum(sizes + 1, dtype=np.int64)])
        old = self._tallies
        numbers, total = np.zeros(first[-1], np.int64), np.zeros(len(sizes), np.int64)
        numbers[: len(old.numbers)], total[: len(old.total)] = old.numbers, old.total
        kinds, weights = (np.concatenate([entry[part] for entry in self._entries]) for part in (0, 1))
        tally = np.repeat([entry[2] for entry in self._entries], [len(entry[0]) for entry in self._entries])
        by_kind = np.argsort(kinds, kind="stable")
        start = np.searchsorted(kinds[by_kind], np.arange(len(self.kinds) + 1))
        mark = np.zeros(self._widest + 2, np.int64)
        return Tallies(
            numbers, first[:-1], sizes, total, np.array(self._domain_of, np.int32), self._domain, self.kinds.of(),
            start.astype(np.int32), tally[by_kind].astype(np.int32), weights[by_kind].astype(np.int64), mark,
        )  # fmt: skip

    def _empty(self) -> Tallies:
        return Tallies(
            np.zeros(0, np.int64), np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64),
            np.zeros(0, np.int32), np.zeros((0, 0), np.int32), np.zeros(0, np.int32), np.zeros(1, np.int32),
            np.zeros(0, np.int32), np.zeros(0, np.int64), np.zeros(1, np.int64),
        )  # fmt: skip
