"""NodePorts: a host port goes to one pod of a node (upstream: plugins/nodeports)."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from sched_core import SKIP, Plugin, PreFilterResult

if TYPE_CHECKING:
    from sched_core import CycleState, NodeColumns, PodInfo


class NodePorts(Plugin):
    """Refuse nodes where a host port of the pod, of its containers or sidecars, is taken."""

    name = "NodePorts"
    reads_amounts = False
    without_pre_filter = 'reading "PreFilterNodePorts" from cycleState: not found'
    reasons = ("node(s) didn't have free ports for the requested pod ports",)

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        return PreFilterResult() if pod.has_host_ports else PreFilterResult(SKIP)

    @staticmethod
    def filter_row(pod: Any, node: Any, args: Any) -> Any:
        conflict = False
        for w in range(len(node.used_ports)):
            conflict |= (pod.port_conflicts[w] & node.used_ports[w]) != 0
        return 1 if conflict else 0
