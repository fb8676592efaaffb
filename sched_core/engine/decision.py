"""Decision: everything that one attempt found out about one pod."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.classes import PodInfo
from sched_core.columns.nodes import NodeColumns
from sched_core.engine.diagnosis import Diagnosis
from sched_core.errors import PluginError
from sched_core.framework.cycle_state import CycleState
from sched_core.framework.preemption import Preemption
from sched_core.framework.status import SUCCESS, Status


@dataclass
class Decision:
    """The outcome of one attempt; arrays over nodes refer to ``feasible_rows``."""

    pod: PodInfo
    nodes: NodeColumns
    status: Status = SUCCESS
    row: int = -1
    """Row of the chosen node, -1: none."""
    message: str = ""
    """Text of the FailedScheduling event, empty when a node was found."""
    feasible_rows: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    """Rows that passed all filters, in the order in which they were looked at."""
    raw_scores: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    """Plugin -> int64[F], before normalisation; empty when fewer than two nodes were feasible."""
    scores: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    """Plugin -> int64[F], 0 to 100, before the weight."""
    weights: Mapping[str, int] = field(default_factory=dict)
    extender_scores: Mapping[str, NDArray[np.int64]] = field(default_factory=dict)
    """Extender (its urlPrefix) -> int64[F], what it added to the totals."""
    extender_scored: NDArray[np.bool_] | None = None
    """bool[F]: nodes that an extender has scored, which come first among those of equal total; None: nobody asked."""
    total: NDArray[np.int64] = field(default_factory=lambda: np.zeros(0, np.int64))
    diagnosis: Diagnosis | None = None
    fault: PluginError | None = None
    """Which plugin is to blame, where, and for which node, if the attempt ended with an error of a plugin."""
    post_filter: Status | None = None
    state: CycleState = field(default_factory=CycleState)
    evaluated: int = 0
    """Nodes found feasible plus nodes refused by a filter."""
    nominated_node_used: bool = False
    nominated_node: str | None = None
    """What becomes of the nomination of a pod without a node: the node that it gets, "" to lose it, None to keep it."""
    preemption: Preemption | None = None
    """For a pod that fits nowhere, whom preemption would evict; `Engine.preempt` does it."""
    placed_as: int = -1
    """Number in the pod table (see `Cluster.tidy`), -1 if the pod was not placed."""

    @property
    def key(self) -> str:
        return self.pod.key

    @property
    def node(self) -> str | None:
        """Name of the chosen node."""
        return self.nodes.names[self.row] if self.row >= 0 else None

    @property
    def feasible(self) -> list[str]:
        """Names of the nodes that passed all filters, in the order in which they were looked at."""
        return [self.nodes.names[row] for row in self.feasible_rows.tolist()]

    @property
    def best(self) -> list[str]:
        """Names of the nodes with the highest total; upstream takes any of them at random if extenders score."""
        if len(self.feasible_rows) < 2:
            return self.feasible
        highest = self.total == self.total.max()
        if self.extender_scored is not None and (highest & self.extender_scored).any():
            highest &= self.extender_scored
        rows = self.feasible_rows[highest]
        return [self.nodes.names[row] for row in rows.tolist()]

    @property
    def victims(self) -> tuple[str, ...]:
        """Keys of the pods that are to be evicted for this one, the most important first."""
        chosen = self.preemption.chosen if self.preemption is not None else None
        return tuple(chosen.victims) if chosen is not None else ()

    @property
    def reasons(self) -> dict[str, int]:
        """Reason -> number of nodes, for a pod that fits nowhere."""
        return dict(self.diagnosis.histogram()) if self.diagnosis is not None and self.row < 0 else {}
