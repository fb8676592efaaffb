"""NodePorts: a host port goes to one pod of a node (upstream: plugins/nodeports)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

from plugins.helper.hints import holds_node, on
from sched_core import SKIP, ActionType, EventResource, Plugin, PreFilterResult, QueueingHint, host_ports, queue_if

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, CycleState, NodeColumns, Pod, PodInfo


class NodePorts(Plugin):
    """Refuse nodes where a host port of the pod, of its containers or sidecars, is taken."""

    name = "NodePorts"
    reads_amounts = False
    without_pre_filter = 'reading "PreFilterNodePorts" from cycleState: not found'
    reasons = ("node(s) didn't have free ports for the requested pod ports",)

    def events_to_register(self) -> Sequence[ClusterEventWithHint]:
        return (
            on(EventResource.Pod, ActionType.Delete, self.after_pod_deleted),
            on(EventResource.Node, ActionType.Add),
        )

    def after_pod_deleted(self, pod: Pod, old: Pod, new: None) -> QueueingHint:
        """Queue if the pod that is gone held a port that this one wants."""
        wanted = list(host_ports(pod))
        return queue_if(holds_node(old) and any(port.conflicts(each) for port in host_ports(old) for each in wanted))

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        return PreFilterResult() if pod.has_host_ports else PreFilterResult(SKIP)

    @staticmethod
    def filter_row(pod: Any, node: Any, args: Any) -> Any:
        conflict = False
        for w in range(len(node.used_ports)):
            conflict |= (pod.port_conflicts[w] & node.used_ports[w]) != 0
        return 1 if conflict else 0
