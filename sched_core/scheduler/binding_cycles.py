"""The binding cycles: from Permit to PostBind, for as many pods at once as are on their way (upstream:
schedule_one.go, bindingCycle).

Upstream runs each in a goroutine; here each is a record that goes on when something happens: a decision about a waiting
pod, an event that PreBind waited for, the outcome of a binding. Bindings are collected and sent together.
"""

from __future__ import annotations

import warnings
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass

from msgspec import Struct

from sched_core.columns.classes import PodInfo, pod_uid
from sched_core.engine import points
from sched_core.errors import PluginError
from sched_core.extender import Extenders
from sched_core.framework.cycle_state import CycleState
from sched_core.framework.events import ASSIGNED_POD_DELETE
from sched_core.framework.plugin import Plugin
from sched_core.framework.profile import Profile
from sched_core.framework.status import Code, Status, error
from sched_core.framework.waiting_pods import WaitingPod
from sched_core.objects.records import Pod
from sched_core.objects.times import SECOND
from sched_core.queue.event_handlers import EventHandlers, with_node
from sched_core.queue.queued_pod_info import QueuedPodInfo
from sched_core.scheduler.client import Binding, Event, SchedulerClient
from sched_core.scheduler.failures import AttemptFailure, Failures, refused_at
from sched_core.scheduler.running import SchedulerRunning


@dataclass(slots=True, eq=False)
class BindingCycle:
    """A pod on its way from the chosen node to its binding."""

    info: QueuedPodInfo
    node_name: str
    profile: Profile
    state: CycleState
    busy: tuple[Plugin, ...] = ()
    """PreBind plugins that are not done yet."""
    began: int = 0
    """When PreBind began."""
    cancelled: str = ""
    """Why a preemptor has stopped PreBind."""

    @property
    def pod(self) -> PodInfo:
        return self.info.pod_info

    @property
    def about(self) -> tuple[Profile, CycleState, PodInfo, str]:
        """What the extension points are told."""
        return self.profile, self.state, self.info.pod_info, self.node_name


class ToBind(Struct, frozen=True, gc=False):
    """A pod that is to be bound; without a cycle no plugin has had anything to do for it."""

    info: QueuedPodInfo
    node_name: str
    cycle: BindingCycle | None = None


class BindingCycles:
    """All cycles that are under way."""

    def __init__(
        self, profiles: Mapping[str, Profile], extenders: Extenders, handlers: EventHandlers, client: SchedulerClient,
        running: SchedulerRunning, failures: Failures,
    ) -> None:  # fmt: skip
        self._extenders = extenders
        self._profiles, self._handlers, self._queue, self._client = profiles, handlers, handlers.queue, client
        self._running, self._failures = running, failures
        self._waiting: dict[str, BindingCycle] = {}
        self._in_pre_bind: dict[str, BindingCycle] = {}
        self._cancelled: deque[BindingCycle] = deque()
        self._to_bind: list[ToBind] = []
        self._binding: dict[str, ToBind] = {}
        handlers.reject_waiting = self._reject_waiting

    def swap(self, extenders: Extenders) -> None:
        """Go on with other extenders; cycles that have begun keep the plugins that they began with."""
        self._extenders = extenders

    def start(self, cycle: BindingCycle, waits: dict[str, int], now: int) -> None:
        """Begin the cycle of a pod that has passed Permit, or is to wait for some plugins."""
        status, cycle.busy = points.pre_bind_pre_flight(*cycle.about)
        if status.code == Code.Error:
            self._fail(cycle.info, cycle.node_name, cycle, status, now)
            return
        if (waits or cycle.busy) and cycle.pod.pod.status.nominated_node_name != cycle.node_name:
            self._client.patch_status(cycle.pod.pod, None, cycle.node_name)
        if waits:
            self._waiting[cycle.info.uid] = cycle
            self._running.waiting.add(cycle.pod, cycle.node_name, waits, now)
        else:
            self._after_permit(cycle, now)

    def settle(self, now: int) -> None:
        """Go on with the pods that have been decided on while they waited or were in PreBind, in that order."""
        decided = self._running.waiting.decided
        while decided or self._cancelled:
            while decided:
                self._decided(decided.popleft(), now)
            while self._cancelled:
                self._pre_bind(self._cancelled.popleft(), now)

    def ask_again(self, now: int) -> None:
        """Ask the PreBind plugins that were not done again, since time has passed or something has happened."""
        for cycle in list(self._in_pre_bind.values()):
            self._pre_bind(cycle, now)
        self.settle(now)

    def next_due(self, now: int) -> int | None:
        """Return when a pod has been in PreBind for another full second; None if none is there."""
        begun = (cycle.began for cycle in self._in_pre_bind.values())
        return min((now + SECOND - (now - began) % SECOND for began in begun), default=None)

    def cancel_pre_bind(self, uid: str, message: str) -> bool:
        """Stop the PreBind of a pod; False if it is not there."""
        cycle = self._in_pre_bind.get(uid)
        if cycle is None:
            return False
        cycle.cancelled = message
        self._cancelled.append(cycle)
        return True

    def bind_later(self, info: QueuedPodInfo, node_name: str, cycle: BindingCycle | None = None) -> None:
        """Have a pod bound with the next ones; without a cycle no plugin has anything to do for it."""
        self._to_bind.append(ToBind(info, node_name, cycle))

    def send(self, now: int) -> None:
        """Send the bindings that have come together."""
        batch, self._to_bind = self._to_bind, []
        if not batch:
            return
        statuses = self._client.bind([Binding(each.info.pod_info.pod, each.node_name) for each in batch])
        for entry, status in zip(batch, statuses, strict=True):
            if status is None:
                self._binding[entry.info.uid] = entry
            elif status.code == Code.Success:
                self._bound(entry)
            else:
                self._not_bound(entry, status, now)

    def finished(self, uid: str, status: Status, now: int) -> None:
        """Take over the outcome of a binding that was told later; raises KeyError if none is awaited."""
        entry = self._binding.pop(uid)
        if status.is_success:
            self._bound(entry)
        else:
            self._not_bound(entry, status, now)

    def _decided(self, waiting: WaitingPod, now: int) -> None:
        self._running.waiting.remove(waiting)
        cycle, status = self._waiting.pop(pod_uid(waiting.pod)), waiting.status
        if status is None or status.is_success:
            self._after_permit(cycle, now)
            return
        if not status.is_rejected:
            status = error(f"waiting on permit for pod: {status.message}").of(status.plugin)
        self._fail(cycle.info, cycle.node_name, cycle, status, now, at_permit=status.is_rejected)

    def _after_permit(self, cycle: BindingCycle, now: int) -> None:
        self._queue.done(cycle.info.uid)
        if cycle.busy:
            self._in_pre_bind[cycle.info.uid], cycle.began = cycle, now
        self._pre_bind(cycle, now)

    def _pre_bind(self, cycle: BindingCycle, now: int) -> None:
        while cycle.busy:
            plugin = cycle.busy[0]
            if cycle.cancelled:
                status = error(f'running PreBind plugin "{plugin.name}": {cycle.cancelled}')
            else:
                status = points.pre_bind(plugin, *cycle.about[1:])
            if status.code == Code.Wait:
                return
            if not status.is_success and not status.is_skip:
                del self._in_pre_bind[cycle.info.uid]
                self._fail(cycle.info, cycle.node_name, cycle, status, now)
                return
            cycle.busy = cycle.busy[1:]
        self._in_pre_bind.pop(cycle.info.uid, None)
        status, is_asked = points.bind(self._extenders, *cycle.about)
        if not status.is_success:
            self._fail(cycle.info, cycle.node_name, cycle, status, now)
        elif is_asked:
            self.bind_later(cycle.info, cycle.node_name, cycle)
        else:
            self._bound(ToBind(cycle.info, cycle.node_name, cycle))

    def _bound(self, entry: ToBind) -> None:
        info, cycle = entry.info, entry.cycle
        pod = info.pod_info.pod
        note = f"Successfully assigned {info.pod_info.key} to {entry.node_name}"
        self._client.record_event(Event("Normal", "Scheduled", "Binding", pod, note, pod.spec.scheduler_name))
        if cycle is not None:
            try:
                points.post_bind(*cycle.about)
            except PluginError as reason:
                warnings.warn(str(reason), RuntimeWarning, stacklevel=2)
            activate_wanted(cycle.state, self._running)

    def _not_bound(self, entry: ToBind, status: Status, now: int) -> None:
        profile = self._profiles.get(entry.info.pod.spec.scheduler_name)
        bind = profile.points["bind"] if profile is not None else ()
        plugin = next((each for each in bind if each.in_memory), None)
        if plugin is not None:  # it may have been swapped for another meanwhile
            status = points.judged(plugin, status, f'running Bind plugin "{plugin.name}"')
        self._fail(entry.info, entry.node_name, entry.cycle, status, now)

    def _fail(
        self, info: QueuedPodInfo, node_name: str, cycle: BindingCycle | None, status: Status, now: int, *,
        at_permit: bool = False,
    ) -> None:  # fmt: skip
        """Give back what the pod holds, tell the others, and end its attempt.

        A pod that was refused is not moved itself by what it gives back: the others are told after it is in the queue.
        """
        if cycle is not None:
            points.unreserve(*cycle.about)
        rejected, uid, placed = status.is_rejected, info.uid, with_node(info.pod, node_name)
        forgotten = self._handlers.forget(info.pod)
        if forgotten and not rejected:
            self._queue.move_all_to_active_or_backoff_queue(ASSIGNED_POD_DELETE, placed, None, now)
        failure = refused_at(status) if at_permit else AttemptFailure(status.message, rejected)
        self._failures.handle(info, failure, now)
        if forgotten and rejected:
            self._queue.move_all_to_active_or_backoff_queue(
                ASSIGNED_POD_DELETE, placed, None, now, lambda other: pod_uid(other) != uid
            )

    def _reject_waiting(self, pod: Pod) -> bool:
        waiting = self._running.waiting.get(pod)
        return waiting is not None and waiting.reject("", "removed")


def activate_wanted(state: CycleState, running: SchedulerRunning) -> None:
    """Activate the pods that plugins have left in the state of a cycle, once."""
    if state.pods_to_activate:
        running.activate(list(state.pods_to_activate.values()))
        state.pods_to_activate.clear()
