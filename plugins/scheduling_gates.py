"""SchedulingGates: a pod with gates stays out of the queue (upstream: plugins/schedulinggates)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugins.helper.hints import is_same_pod, on
from sched_core import SUCCESS, ActionType, EventResource, Plugin, QueueingHint, Status, queue_if, unresolvable

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, Pod, PodInfo


class SchedulingGates(Plugin):
    """Hold a pod back while ``spec.schedulingGates`` has an entry."""

    name = "SchedulingGates"
    reads_amounts = False

    def events_to_register(self) -> Sequence[ClusterEventWithHint]:
        return (on(EventResource.Pod, ActionType.UpdatePodSchedulingGatesEliminated, self.after_gates_eliminated),)

    def after_gates_eliminated(self, pod: Pod, old: Pod, new: Pod) -> QueueingHint:
        """Queue if the gates are the pod's own."""
        return queue_if(is_same_pod(pod, new))

    def pre_enqueue(self, pod: PodInfo) -> Status:
        gates = pod.pod.spec.scheduling_gates
        if not gates:
            return SUCCESS
        return unresolvable(f"waiting for scheduling gates: [{' '.join(gate.name for gate in gates)}]")
