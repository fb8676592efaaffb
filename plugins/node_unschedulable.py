"""NodeUnschedulable: cordoned nodes are for pods that bear it (upstream: plugins/nodeunschedulable)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from plugins.helper.changes import tolerate
from plugins.helper.hints import is_same_pod, on
from sched_core import (
    ActionType,
    Change,
    EventResource,
    Obstacle,
    Plugin,
    QueueingHint,
    Taint,
    Verdicts,
    queue_if,
    replaced,
    tolerates,
)

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, CycleState, Node, NodeColumns, Pod, PodInfo

UNSCHEDULABLE = Taint(key="node.kubernetes.io/unschedulable", effect="NoSchedule")


class NodeUnschedulable(Plugin):
    """Refuse nodes with ``spec.unschedulable`` to pods that do not tolerate the taint of that meaning."""

    name = "NodeUnschedulable"
    reads_amounts = False
    reason = "node(s) were unschedulable"

    def events_to_register(self) -> Sequence[ClusterEventWithHint]:
        return (
            on(EventResource.Node, ActionType.Add | ActionType.UpdateNodeTaint, self.after_node_change),
            on(EventResource.Pod, ActionType.UpdatePodToleration, self.after_pod_toleration_change),
        )

    def after_node_change(self, pod: Pod, old: Node | None, new: Node) -> QueueingHint:
        """Queue if a node is new and not cordoned, or no longer cordoned."""
        return queue_if((old is None or old.spec.unschedulable) and not new.spec.unschedulable)

    def after_pod_toleration_change(self, pod: Pod, old: Pod, new: Pod) -> QueueingHint:
        """Queue if the pod itself bears the taint by now."""
        return queue_if(is_same_pod(pod, new) and bears_unschedulable(new))

    def sign_pod(self, pod: PodInfo) -> Hashable:
        return bears_unschedulable(pod.pod)

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        refused = np.zeros(nodes.count, np.bool_) if bears_unschedulable(pod.pod) else nodes.unschedulable
        return Verdicts.refuse(refused, self.reason)

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        uncordon = Change(f"uncordon {nodes.names[row]}", node=uncordoned)
        return [Obstacle("is cordoned", (uncordon, tolerate(UNSCHEDULABLE)))]


def uncordoned(node: Node) -> Node:
    """Return a node without spec.unschedulable, and without the taint that a controller gives it for that."""
    taints = tuple(taint for taint in node.spec.taints if taint.key != UNSCHEDULABLE.key)
    return replaced(node, spec=replaced(node.spec, unschedulable=False, taints=taints))


def bears_unschedulable(pod: Pod) -> bool:
    """Tell whether a pod tolerates the taint that stands for a cordoned node."""
    return any(tolerates(toleration, UNSCHEDULABLE) for toleration in pod.spec.tolerations)
