"""The end of an attempt without a node: back to the queue, nomination, event, condition (upstream:
schedule_one.go, handleSchedulingFailure).
"""

from __future__ import annotations

from contextlib import suppress
from typing import NamedTuple

from sched_core.columns.classes import pod_uid
from sched_core.engine.decision import Decision
from sched_core.engine.points import refusal_of_one_node
from sched_core.framework.status import Status
from sched_core.queue.event_handlers import EventHandlers
from sched_core.queue.queued_pod_info import QueuedPodInfo
from sched_core.scheduler.client import Event, SchedulerClient, cut
from sched_core.scheduler.conditions import updated_condition

POD_SCHEDULED = "PodScheduled"
UNSCHEDULABLE, SCHEDULER_ERROR = "Unschedulable", "SchedulerError"
NOBODY: frozenset[str] = frozenset()


class AttemptFailure(NamedTuple):
    """Why an attempt ended without a node, and who is to blame."""

    message: str
    rejected: bool
    """Whether the pod was refused; else the attempt could not be made."""
    unschedulable_plugins: frozenset[str] = NOBODY
    pending_plugins: frozenset[str] = NOBODY
    nominated_node: str | None = ""
    """The node that the pod is nominated to, "" to lose its nomination, None to keep it."""


def failure_of(decision: Decision) -> AttemptFailure:
    """Return why a decision found no node. That there are no nodes is nobody's fault, as upstream has it."""
    rejected = decision.status.is_rejected
    blamed, pending = NOBODY, NOBODY
    if rejected and decision.diagnosis is not None:
        blamed, pending = decision.diagnosis.rejectors
    return AttemptFailure(decision.message, rejected, blamed, pending, decision.nominated_node)


def refused_at(status: Status) -> AttemptFailure:
    """Return the failure of a pod that Reserve or Permit refused for the chosen node; or where one of them failed."""
    if not status.is_rejected:
        return AttemptFailure(status.message, rejected=False)
    pending = frozenset({status.plugin}) if status.is_pending else NOBODY
    return AttemptFailure(refusal_of_one_node(status), True, frozenset({status.plugin}), pending)


class Failures:
    """Ends attempts that have failed."""

    def __init__(self, handlers: EventHandlers, client: SchedulerClient) -> None:
        self._handlers, self._client = handlers, client

    def handle(self, info: QueuedPodInfo, failure: AttemptFailure, now: int) -> None:
        """End an attempt; nothing is written of a pod whose name another pod has got meanwhile."""
        handlers, known = self._handlers, self._handlers.pod(info.key)
        with suppress(ValueError):  # it was queued anew while it was on its way: one entry is enough
            handlers.handle_scheduling_failure(info, now, failure.unschedulable_plugins, failure.pending_plugins)
        if known is not None and not known.spec.node_name and pod_uid(known) != info.uid:
            return
        handlers.queue.nominator.nominate(info.pod_info, failure.nominated_node)
        pod, message = info.pod, failure.message
        name = pod.spec.scheduler_name
        self._client.record_event(Event("Warning", "FailedScheduling", "Scheduling", pod, cut(message), name))
        reason = UNSCHEDULABLE if failure.rejected else SCHEDULER_ERROR
        condition = updated_condition(pod, POD_SCHEDULED, "False", reason, message, now)
        nominated = failure.nominated_node
        if nominated == pod.status.nominated_node_name:
            nominated = None
        if condition is not None or nominated is not None:
            self._client.patch_status(pod, condition, nominated)
