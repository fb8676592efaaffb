"""SchedulingGates: a pod with gates stays out of the queue (upstream: plugins/schedulinggates)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sched_core import SUCCESS, Plugin, Status, unresolvable

if TYPE_CHECKING:
    from sched_core import PodInfo


class SchedulingGates(Plugin):
    """Hold a pod back while ``spec.schedulingGates`` has an entry."""

    name = "SchedulingGates"
    reads_amounts = False

    def pre_enqueue(self, pod: PodInfo) -> Status:
        gates = pod.pod.spec.scheduling_gates
        if not gates:
            return SUCCESS
        return unresolvable(f"waiting for scheduling gates: [{' '.join(gate.name for gate in gates)}]")
