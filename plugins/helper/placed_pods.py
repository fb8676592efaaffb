"""Sums over placed pods by topology domain, kept up to date as pods come and go.

A plugin says what a pod of each class weighs and which domain each node is in; what it gets is the weight of all
placed pods in each domain. A sum is made once from the whole pod table, then brought forward by the few pods that were
placed or removed since. What the weights mean is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Hashable
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core import Domains

if TYPE_CHECKING:
    from sched_core import NodeColumns

Weigh = Callable[[int, int], NDArray[np.int64]]
"""``(first, end) -> int64[end - first]``: the weight of a pod of each of these classes."""

BEHIND = 256
"""A sum that missed more changes than this is made anew."""
JOURNAL = 1 << 14
"""Changes that are kept at most."""
KEPT_BYTES = 64 << 20
"""All sums are forgotten when they take more than this."""


class Change(NamedTuple):
    """Pods that came to nodes (``sign`` 1) or went (-1)."""

    classes: NDArray[np.int32]
    rows: NDArray[np.int32]
    sign: int


class Tally:
    """One sum by domain, and how much of the journal is in it."""

    __slots__ = ("position", "sums", "weights")

    def __init__(self, weights: NDArray[np.int64], sums: NDArray[np.int64], position: int) -> None:
        self.weights, self.sums, self.position = weights, sums, position


class PlacedPods:
    """The sums of one plugin over the pods of one cluster."""

    def __init__(self) -> None:
        self._nodes: NodeColumns | None = None
        self._version = -1
        self._count = self._placed = self._bytes = 0
        self._seen = np.zeros(0, np.int32)
        self._journal: list[Change] = []
        self._tallies: dict[Hashable, Tally] = {}

    def sums(
        self, nodes: NodeColumns, classes: int, key: Hashable, weigh: Weigh, domains: Domains
    ) -> NDArray[np.int64]:
        """Return the weight of the pods in each domain, int64[size + 1]; the last entry is 0. Not to be written to.

        ``classes`` is the number of pod classes, ``key`` says what is weighed.
        """
        self._catch_up(nodes)
        whole_key = (key, domains.key)
        tally = self._tallies.get(whole_key)
        if tally is None or len(self._journal) - tally.position > BEHIND:
            if self._bytes > KEPT_BYTES:
                self._tallies.clear()
                self._bytes = 0
            weights = tally.weights if tally is not None else np.zeros(0, np.int64)
            self._bytes += 0 if tally is not None else 8 * (domains.size + classes)
            tally = self._tallies[whole_key] = self._whole(nodes, _extended(weights, classes, weigh), domains)
        elif tally.position < len(self._journal):
            tally.weights = _extended(tally.weights, classes, weigh)
            self._bring_forward(tally, domains)
        return tally.sums

    def _whole(self, nodes: NodeColumns, weights: NDArray[np.int64], domains: Domains) -> Tally:
        pods = nodes.pods
        weight = weights[pods.class_of]
        counted = np.flatnonzero((weight != 0) & (pods.node_of >= 0))
        sums = np.zeros(domains.size + 1, np.int64)
        np.add.at(sums, domains.of[pods.node_of[counted]], weight[counted])
        sums[-1] = 0
        return Tally(weights, sums, len(self._journal))

    def _bring_forward(self, tally: Tally, domains: Domains) -> None:
        for classes, rows, sign in self._journal[tally.position :]:
            weight = tally.weights[classes]
            if weight.any():
                np.add.at(tally.sums, domains.of[rows], sign * weight)
        tally.sums[-1] = 0
        tally.position = len(self._journal)

    def _catch_up(self, nodes: NodeColumns) -> None:
        """Note in the journal which pods came and went; forget everything when a node object changed.

        While no node object changes, a pod that was there can only go.
        """
        pods = nodes.pods
        total = pods.count
        if nodes is not self._nodes or nodes.object_version != self._version or len(self._journal) > JOURNAL:
            self._nodes, self._version = nodes, nodes.object_version
            self._tallies.clear()
            self._journal.clear()
            self._bytes = 0
            self._seen = pods.node_of.copy()
        elif total != self._count or pods.placed != self._placed:
            known, node_of, class_of = self._count, pods.node_of, pods.class_of
            came = known + np.flatnonzero(node_of[known:] >= 0)
            if pods.placed - self._placed != len(came):
                gone = np.flatnonzero(self._seen[:known] != node_of[:known])
                self._journal.append(Change(class_of[gone], self._seen[gone], -1))
                self._seen[gone] = -1
            if total > len(self._seen):
                self._seen = np.concatenate([self._seen, np.full(max(total, 1024), -1, np.int32)])
            self._seen[known:total] = node_of[known:]
            if len(came):
                self._journal.append(Change(class_of[came], node_of[came], 1))
        self._count, self._placed = total, pods.placed


def _extended(weights: NDArray[np.int64], classes: int, weigh: Weigh) -> NDArray[np.int64]:
    if len(weights) >= classes:
        return weights
    return np.concatenate([weights, weigh(len(weights), classes)])


class TopologyDomains:
    """The domains of each topology key: nodes with the same value of the label; kept until a node object changes."""

    def __init__(self) -> None:
        self._nodes: NodeColumns | None = None
        self._version = -1
        self._kept: dict[str, Domains] = {}

    def of(self, nodes: NodeColumns, key: str) -> Domains:
        if nodes is not self._nodes or nodes.object_version != self._version:
            self._nodes, self._version = nodes, nodes.object_version
            self._kept.clear()
        found = self._kept.get(key)
        if found is None:
            ids, values = nodes.label(key)
            found = self._kept[key] = Domains(key, np.where(ids < 0, len(values), ids).astype(np.int64), len(values))
        return found
