"""NodeUnschedulable: cordoned nodes are for pods that bear it (upstream: plugins/nodeunschedulable)."""

from __future__ import annotations

from collections.abc import Hashable
from typing import TYPE_CHECKING

import numpy as np

from sched_core import Plugin, Taint, Verdicts, tolerates

if TYPE_CHECKING:
    from sched_core import CycleState, NodeColumns, PodInfo

UNSCHEDULABLE = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


class NodeUnschedulable(Plugin):
    """Refuse nodes with ``spec.unschedulable`` to pods that do not tolerate the taint of that meaning."""

    name = "NodeUnschedulable"
    reads_amounts = False
    reason = "node(s) were unschedulable"

    def sign_pod(self, pod: PodInfo) -> Hashable:
        return self._is_tolerated(pod)

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        refused = np.zeros(nodes.count, np.bool_) if self._is_tolerated(pod) else nodes.unschedulable
        return Verdicts.refuse(refused, self.reason)

    def _is_tolerated(self, pod: PodInfo) -> bool:
        return any(tolerates(toleration, UNSCHEDULABLE) for toleration in pod.pod.spec.tolerations)
