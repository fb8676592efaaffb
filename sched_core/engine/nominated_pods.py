"""The nominated pods of an engine as columns, with the row of the node that each has a claim to."""

from __future__ import annotations

from collections.abc import Hashable
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.cluster import Cluster
from sched_core.columns.classes import PodInfo
from sched_core.framework.nominator import Nominator


class Nominations(NamedTuple):
    """M nominations to nodes that are there, node by node."""

    rows: NDArray[np.int64]
    classes: NDArray[np.int32]
    priority: NDArray[np.int64]
    number: dict[str, int]
    """By key of the pod."""


class NominatedPods:
    """What the nominator of an engine knows, in the terms of its cluster; worked out again when either has changed."""

    def __init__(self, cluster: Cluster, nominator: Nominator) -> None:
        self.nodes, self.classes, self.nominator = cluster.nodes, cluster.classes, nominator
        self._version: Hashable = None
        self._columns = self._made()

    @property
    def version(self) -> Hashable:
        """What changes whenever `columns` may."""
        return self.nominator.version, self.nodes.object_version

    def columns(self) -> Nominations:
        """Return all nominations."""
        if self._version != self.version:
            self._version, self._columns = self.version, self._made()
        return self._columns

    def rivals(self, pod: PodInfo) -> tuple[NDArray[np.int64], NDArray[np.int32]]:
        """Return rows and classes of the other pods that count for a pod: those of its priority or a higher one."""
        found = self.columns()
        count = found.priority >= pod.priority
        if pod.key in found.number:
            count[found.number[pod.key]] = False
        return found.rows[count], found.classes[count]

    def _made(self) -> Nominations:
        row_of, nominator = self.nodes.row_of, self.nominator
        pods = [(row_of[name], pod) for name in nominator.nodes() if name in row_of for pod in nominator.on(name)]
        classes = np.array([pod.row for _, pod in pods], np.int32)
        number = {pod.key: number for number, (_, pod) in enumerate(pods)}
        rows = np.array([row for row, _ in pods], np.int64)
        return Nominations(rows, classes, self.classes.priority[classes].copy(), number)
