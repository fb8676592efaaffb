"""One attempt of one pod, from the decision to the beginning of its binding cycle (upstream: schedule_one.go,
scheduleOnePod).
"""

from __future__ import annotations

from sched_core.engine import points
from sched_core.engine.decision import Decision
from sched_core.engine.engine import Engine
from sched_core.errors import NotSupported, PluginError
from sched_core.framework.status import Code, Status
from sched_core.queue.event_handlers import EventHandlers
from sched_core.queue.queued_pod_info import QueuedPodInfo
from sched_core.scheduler.binding_cycles import BindingCycle, BindingCycles, activate_wanted
from sched_core.scheduler.client import Event, SchedulerClient
from sched_core.scheduler.failures import AttemptFailure, Failures, failure_of, refused_at
from sched_core.scheduler.preemptions import Preemptions
from sched_core.scheduler.running import SchedulerRunning


class Attempts:
    """Makes attempts, each of which has begun in the queue."""

    def __init__(
        self, engine: Engine, handlers: EventHandlers, client: SchedulerClient, running: SchedulerRunning,
        failures: Failures, cycles: BindingCycles, preemptions: Preemptions, async_preemption: bool,
    ) -> None:  # fmt: skip
        self._engine, self._handlers, self._client, self._running = engine, handlers, client, running
        self._failures, self._cycles, self._preemptions = failures, cycles, preemptions
        self._async_preemption = async_preemption

    def is_skipped(self, info: QueuedPodInfo) -> bool:
        """Tell whether a pod is not tried: it is being deleted (which is said in an event), or was placed already."""
        pod = info.pod
        if pod.metadata.deletion_timestamp is not None:
            note = f"skip schedule deleting pod: {info.key}"
            name = pod.spec.scheduler_name
            self._client.record_event(Event("Warning", "FailedScheduling", "Scheduling", pod, note, name))
            return True
        return info.uid in self._handlers.assumed

    def make(self, info: QueuedPodInfo, now: int) -> AttemptFailure | None:
        """Decide on a pod and begin its binding cycle, or end the attempt.

        Returns why no node takes it if that goes for each pod of its class until something changes; else None.
        """
        if self.is_skipped(info):
            self._handlers.queue.done(info.uid)
            return None
        sides = self._engine.sides(info.pod.spec.scheduler_name)
        assert sides is not None  # the queue takes pods of its profiles only
        try:
            decision = self._engine.decide(info.pod_info, sides)
        except NotSupported as refusal:
            failure = AttemptFailure(str(refusal), rejected=False)
            self._failures.handle(info, failure, now)
            return failure
        self._engine.advance(decision)
        if decision.row < 0:
            return self._no_node(info, decision, now)
        cycle = BindingCycle(info, decision.node or "", sides.profile, decision.state)
        try:
            self._engine.place(info.pod_info, decision.row)
        except PluginError as fault:
            failure = AttemptFailure(str(fault), rejected=False)
            self._failures.handle(info, failure, now)
            return failure
        self._handlers.assume(info.pod, cycle.node_name)
        status = points.reserve(*cycle.about)
        waits: dict[str, int] = {}
        if status.is_success:
            status, waits = points.permit(*cycle.about)
        if not status.is_success and status.code != Code.Wait:
            points.unreserve(*cycle.about)
            self._handlers.forget(info.pod)
            self._failures.handle(info, refused_at(status), now)
            return None
        activate_wanted(cycle.state, self._running)
        self._cycles.start(cycle, waits, now)
        return None

    def _no_node(self, info: QueuedPodInfo, decision: Decision, now: int) -> AttemptFailure | None:
        """End an attempt without a node, and evict whom PostFilter wants evicted."""
        failure, preemptor = failure_of(decision), info.pod_info
        if decision.preemption is None or decision.preemption.chosen is None:
            self._failures.handle(info, failure, now)
            return failure
        if self._async_preemption:
            self._failures.handle(info, failure, now)
            if self._preemptions.actuate(preemptor, decision, now) is not None:
                self._handlers.queue.activate([preemptor.pod], now)
        else:
            fault = self._preemptions.actuate(preemptor, decision, now)
            if fault is not None:
                failure = failure._replace(message=_with_fault(decision, fault), nominated_node=None)
            self._failures.handle(info, failure, now)
        return None


def _with_fault(decision: Decision, fault: Status) -> str:
    assert decision.diagnosis is not None
    return decision.diagnosis.message(f"preemption: {fault.message}")
