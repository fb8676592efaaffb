"""Preemption put into effect: victims deleted, nominations of lower pods cleared, the preemptor held back meanwhile.

Whom to evict was decided by the PostFilter plugin. Source: framework/preemption/executor.go.
"""

from __future__ import annotations

from sched_core.columns.classes import PodInfo, pod_key, pod_uid
from sched_core.engine.decision import Decision
from sched_core.framework.preemption import Candidate
from sched_core.framework.status import Status
from sched_core.objects.pod import PodCondition
from sched_core.objects.records import Pod
from sched_core.queue.event_handlers import EventHandlers
from sched_core.scheduler.binding_cycles import BindingCycles
from sched_core.scheduler.client import Event, SchedulerClient
from sched_core.scheduler.conditions import updated_condition
from sched_core.scheduler.running import SchedulerRunning

DISRUPTION_TARGET, PREEMPTED_BY = "DisruptionTarget", "PreemptionByScheduler"


class Preemptions:
    """Evicts victims, and knows whose are not gone yet."""

    def __init__(
        self, handlers: EventHandlers, client: SchedulerClient, running: SchedulerRunning, cycles: BindingCycles
    ) -> None:
        self._handlers, self._client, self._running, self._cycles = handlers, client, running, cycles
        self._pending: dict[str, tuple[PodInfo, dict[str, Pod]]] = {}
        """By uid of the preemptor: the preemptor, and the victims by uid of whose deletion nothing is known yet."""
        running.preempting = self.is_preempting

    def is_preempting(self, uid: str) -> bool:
        """Tell whether a victim of a preemptor is still there: its deletion was asked for, but nothing came of it."""
        pending = self._pending.get(uid)
        return pending is not None and any(self._is_there(victim) for victim in pending[1].values())

    def actuate(self, pod: PodInfo, decision: Decision, now: int) -> Status | None:
        """Evict the victims of a decision; return the first error, None if there was none.

        Pods that are being deleted already are left alone; what is not bound yet is stopped in memory.
        """
        chosen = decision.preemption.chosen if decision.preemption is not None else None
        victims = self._victims(chosen) if chosen is not None else []
        if chosen is None or not victims:
            return None
        self._cycles.send(now)  # so that nobody is deleted before it is bound
        self._clear_nominations(pod, chosen.node)
        plugin = decision.post_filter.plugin if decision.post_filter is not None else ""
        pending: dict[str, Pod] = {}
        failed = None
        for victim in victims:
            note = f"Preempted by pod {pod_uid(pod.pod)} on node {chosen.node}"
            if self._stop_in_memory(victim, plugin):
                note += " (in kube-scheduler memory)."
            else:
                status = self._client.delete(victim, _disruption(victim, pod.pod, now))
                if status is None:
                    pending[pod_uid(victim)] = victim
                elif not status.is_success:
                    failed = failed or status
                    continue
            name = pod.pod.spec.scheduler_name
            self._client.record_event(Event("Normal", "Preempted", "Preempting", victim, note, name, pod.pod))
        if pending:
            self._pending[pod_uid(pod.pod)] = (pod, pending)
        return failed

    def finished(self, victim_uid: str, status: Status, now: int) -> None:
        """Take over the outcome of a deletion that was told later; after an error the preemptor is tried again."""
        for uid, (preemptor, victims) in list(self._pending.items()):
            if victims.pop(victim_uid, None) is None:
                continue
            if not victims:
                del self._pending[uid]
            if not status.is_success:
                self._pending.pop(uid, None)
                self._handlers.queue.activate([preemptor.pod], now)

    def _victims(self, chosen: Candidate) -> list[Pod]:
        found = []
        for key in chosen.victims:
            victim = self._handlers.pod(key)
            if victim is not None and victim.metadata.deletion_timestamp is None:
                assumed = self._handlers.assumed.get(pod_uid(victim))
                found.append(victim if assumed is None else assumed.placed)
        return found

    def _stop_in_memory(self, victim: Pod, plugin: str) -> bool:
        waiting = self._running.waiting.get(victim)
        if waiting is not None:
            return waiting.preempt(plugin, "preempted")
        return self._cycles.cancel_pre_bind(pod_uid(victim), f"preempted by {plugin}")

    def _clear_nominations(self, pod: PodInfo, node: str) -> None:
        """Have the status of pods of a lower priority say that they are not nominated to the node any more."""
        for other in self._handlers.queue.nominator.on(node):
            if other.priority < pod.priority and other.pod.status.nominated_node_name:
                self._client.patch_status(other.pod, None, "")

    def _is_there(self, victim: Pod) -> bool:
        known = self._handlers.pod(pod_key(victim))
        return known is not None and pod_uid(known) == pod_uid(victim) and known.metadata.deletion_timestamp is None


def _disruption(victim: Pod, preemptor: Pod, now: int) -> PodCondition | None:
    message = f"{preemptor.spec.scheduler_name}: preempting to accommodate a higher priority pod"
    return updated_condition(victim, DISRUPTION_TARGET, "True", PREEMPTED_BY, message, now)
