"""NodePorts: a host port goes to one pod of a node (upstream: plugins/nodeports)."""

from __future__ import annotations

from collections.abc import Sequence
from functools import partial
from typing import TYPE_CHECKING, Any

from plugins.helper.changes import change_pod, edited_spec, evict, named
from plugins.helper.hints import holds_node, on
from sched_core import (
    SKIP,
    ActionType,
    EventResource,
    Obstacle,
    Plugin,
    PreFilterResult,
    QueueingHint,
    host_ports,
    queue_if,
    replaced,
)

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, ContainerPort, CycleState, HostPort, NodeColumns, Pod, PodInfo


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

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        """Name the pods that hold the ports; one that holds several of them is one obstacle for each."""
        classes, found = self.handle.classes, []
        there = [(number, classes.pods[nodes.pods.class_of[number]]) for number in nodes.pods.on(row).tolist()]
        for port in host_ports(pod.pod):
            holders = [number for number, other in there if any(port.conflicts(each) for each in host_ports(other))]
            if holders:
                wanted = f"the host port {port.port}/{port.protocol}"
                give_up = change_pod(f"do without {wanted}", partial(without_host_port, port=port))
                keys = [nodes.pods.key(number) for number in holders]
                found.append(Obstacle(f"{wanted} is held by {named(keys)}", (evict(nodes, holders), give_up)))
        return found

    @staticmethod
    def filter_row(pod: Any, node: Any, args: Any) -> Any:
        conflict = False
        for w in range(len(node.used_ports)):
            conflict |= (pod.port_conflicts[w] & node.used_ports[w]) != 0
        return 1 if conflict else 0


def without_host_port(pod: Pod, port: HostPort) -> Pod:
    """Return a pod whose containers and sidecars do not ask for a host port; the ports themselves stay."""

    def edit(each: ContainerPort) -> ContainerPort:
        same = (each.host_port, each.protocol or "TCP") == (port.port, port.protocol)
        return replaced(each, host_port=0) if same else each

    fields = {}
    for field in ("containers", "init_containers"):
        fields[field] = tuple(replaced(each, ports=tuple(map(edit, each.ports))) for each in getattr(pod.spec, field))
    return edited_spec(pod, **fields)
