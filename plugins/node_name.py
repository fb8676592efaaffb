"""NodeName: a pod that names its node goes nowhere else (upstream: plugins/nodename)."""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

import numpy as np

from plugins.helper.changes import change_pod, edited_spec
from plugins.helper.hints import on
from sched_core import ActionType, EventResource, Obstacle, Plugin, Verdicts

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, CycleState, NodeColumns, PodInfo


class NodeName(Plugin):
    """Refuse all nodes but the one in ``spec.nodeName``."""

    name = "NodeName"
    reads_amounts = False
    reason = "node(s) didn't match the requested node name"

    def events_to_register(self) -> Sequence[ClusterEventWithHint]:
        return (on(EventResource.Node, ActionType.Add),)

    def sign_pod(self, pod: PodInfo) -> Hashable:
        return pod.pod.spec.node_name

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        wanted = pod.pod.spec.node_name
        others = np.full(nodes.count, bool(wanted))
        if wanted in nodes.row_of:
            others[nodes.row_of[wanted]] = False
        return Verdicts.refuse(others, self.reason)

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        clear = change_pod("leave spec.nodeName empty", lambda pod: edited_spec(pod, node_name=""))
        return [Obstacle(f"the pod names the node {pod.pod.spec.node_name}", (clear,))]
