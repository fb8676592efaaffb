"""PriorityQueue: the queue as a whole (upstream: scheduling_queue.go), with queueing hints and pops from back-off.

``now`` is nanoseconds since the Unix epoch and never goes back. Whoever owns the queue calls the two flushes (see
`PeriodicFlushes`) and tells it about the cluster (see `EventHandlers`).
"""

from __future__ import annotations

import warnings
from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum
from typing import Any, NamedTuple

from sched_core.columns.classes import PodInfo, pod_key, pod_uid
from sched_core.errors import PluginError
from sched_core.framework.events import (
    ASSIGNED_POD_ADD,
    BACKOFF_COMPLETE,
    FORCE_ACTIVATE,
    PROFILES_SWAPPED,
    SCHEDULE_ATTEMPT_FAILURE,
    UNSCHEDULABLE_TIMEOUT,
    UNSCHEDULED_POD_ADD,
    UNSCHEDULED_POD_UPDATE,
    ClusterEvent,
    QueueingHint,
    match_any,
    pod_scheduling_properties_change,
)
from sched_core.framework.profile import Profile
from sched_core.framework.status import Code
from sched_core.objects.records import Node, Pod
from sched_core.objects.times import SECOND
from sched_core.queue.backoff_queue import INITIAL_BACKOFF, MAX_BACKOFF, BackoffQueue
from sched_core.queue.heap import Place, PodHeap
from sched_core.queue.hints import ask_hint, build_queueing_hint_map
from sched_core.queue.in_flight import HappenedEvent, InFlightPods
from sched_core.queue.nominator import QueueNominator
from sched_core.queue.queued_pod_info import QueuedPodInfo
from sched_core.queue.unschedulable_pods import UnschedulablePods

MAX_IN_UNSCHEDULABLE_PODS = 300 * SECOND
MOST_AT_ONCE = 16
"""So often a pod is tried at one moment."""
_NOMINATING = (UNSCHEDULED_POD_ADD.label, UNSCHEDULED_POD_UPDATE.label)

PreCheck = Callable[[Pod], bool]


class QueueingStrategy(IntEnum):
    """Where a pod goes: it stays, goes where its back-off tells, or is tried at once."""

    Skip = 0
    AfterBackoff = 1
    Immediately = 2


class Lent(NamedTuple):
    """Pods that are next, and what the queue was like when they were lent."""

    heap: PodHeap
    places: list[Place]
    infos: list[QueuedPodInfo]
    arrivals: tuple[int, int]


class PriorityQueue:
    """Pods without a node, of the profiles given by scheduler name; pods of other schedulers have no place here.

    The order is that of the queue sort plugin of the first profile. ``info_of`` turns a pod into what plugins see of
    it.
    """

    with_hints = True

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        info_of: Callable[[Pod], PodInfo],
        *,
        initial_backoff: int = INITIAL_BACKOFF,
        max_backoff: int = MAX_BACKOFF,
        max_in_unschedulable_pods: int = MAX_IN_UNSCHEDULABLE_PODS,
        nominator: QueueNominator | None = None,
    ) -> None:
        self._info_of = info_of
        self._use(profiles)
        self._max_in_unschedulable_pods = max_in_unschedulable_pods
        self._numbers = 0
        self.active_q = PodHeap(self._order)
        self.backoff_q = BackoffQueue(initial_backoff, max_backoff, self._order)
        self.unschedulable_pods = UnschedulablePods()
        self.in_flight = InFlightPods()
        self.nominator = nominator if nominator is not None else QueueNominator(info_of)
        self.nominator.queued = self._info_in_queue
        self.scheduling_cycle = 0
        """How many attempts have begun."""

    def _use(self, profiles: Mapping[str, Profile]) -> None:
        self._hints = {
            name: build_queueing_hint_map(profile, with_hints=self.with_hints) for name, profile in profiles.items()
        }
        self._interest: dict[ClusterEvent, set[str]] = {}
        self._pre_enqueue = {
            name: [(plugin.name, plugin.pre_enqueue) for plugin in profile.points["preEnqueue"]]  # type: ignore[attr-defined]
            for name, profile in profiles.items()
        }
        self._sort: Any = next(iter(profiles.values())).points["queueSort"][0]

    def swap(self, profiles: Mapping[str, Profile], initial_backoff: int, max_backoff: int, now: int) -> None:
        """Go on with other profiles; nothing may be lent.

        What plugins of the old ones have said of waiting pods means nothing any more: all are tried again, after their
        back-off. Pods that no profile is for any more leave; their attempts that are under way end as they would.
        """
        active = self.active_q.list()
        backing_off = [*self.backoff_q.pod_backoff_q.list(), *self.backoff_q.pod_error_backoff_q.list()]
        waiting = list(self.unschedulable_pods)
        self._use(profiles)
        self.active_q.clear()
        self.backoff_q.clear(initial_backoff, max_backoff)
        for number, info in enumerate((*active, *backing_off, *waiting)):
            self.unschedulable_pods.delete(info.key)
            if info.pod.spec.scheduler_name not in profiles:
                self.nominator.withdraw(info.pod)
                continue
            info.unschedulable_plugins = info.pending_plugins = frozenset()
            info.gating_plugin, info.gating_plugin_events = "", ()
            info.backoff_expiration = None
            if number >= len(active) and self.backoff_q.is_pod_backing_off(info, now):
                self._move_to_backoff_q(info)
            else:
                self._move_to_active_q(info, PROFILES_SWAPPED.label, now)
        self.in_flight.record([HappenedEvent(PROFILES_SWAPPED, None, None)])

    def pop(self) -> QueuedPodInfo | None:
        """Take the next pod, and begin its attempt; None if there is none to take.

        Where no pod is active, the first that waits after a rejection comes, its back-off over or not.
        """
        while True:
            info = self.active_q.pop() or self.backoff_q.pod_backoff_q.pop()
            if info is None:
                return None
            if self._begin(info):
                return info

    def lend(self, limit: int, now: int) -> Lent:
        """Return the pods that `pop` would return next, at most ``limit``, without beginning their attempts.

        They stay in the queue until `take`, and go back with `give_back`. Meanwhile nothing may be popped. A pod that
        has failed several times at this very moment is passed over until time moves on, as it does on any clock: else
        pods that get in each other's way could be tried for ever.
        """
        heap = self.active_q
        places = self._lend(heap, limit, now)
        if not places and not len(heap):
            heap = self.backoff_q.pod_backoff_q
            places = self._lend(heap, limit, now)
        return Lent(heap, places, [place[-1] for place in places], self._arrivals(heap))

    def has_next(self, now: int) -> bool:
        """Tell whether `lend` has a pod."""
        heap = self.active_q if len(self.active_q) else self.backoff_q.pod_backoff_q
        return any(not _is_stuck(info, now) for info in heap)

    def _lend(self, heap: PodHeap, limit: int, now: int) -> list[Place]:
        ready: list[Place] = []
        held: list[Place] = []
        while len(ready) < limit and (places := heap.lend(limit - len(ready))):
            for place in places:
                (held if _is_stuck(place[-1], now) else ready).append(place)
        heap.give_back(held)
        return ready

    def take(self, lent: Lent, position: int) -> bool:
        """Begin the attempt of a lent pod; False if it has left the queue by now or is in flight already."""
        return lent.heap.take(lent.places[position]) and self._begin(lent.infos[position])

    def take_for_good(self, lent: Lent, position: int) -> None:
        """Begin and end the attempt of a lent pod that gets a node while nothing else happens."""
        lent.heap.take(lent.places[position])
        lent.infos[position].attempts += 1
        self.nominator.touch(lent.infos[position].key)
        self.scheduling_cycle += 1

    def is_disturbed(self, lent: Lent) -> bool:
        """Tell whether pods have become active or backed off since, so that others may be next."""
        return lent.arrivals != self._arrivals(lent.heap)

    def give_back(self, lent: Lent, start: int) -> None:
        """Take back lent pods from the position ``start`` on."""
        lent.heap.give_back(lent.places[start:])

    def _arrivals(self, heap: PodHeap) -> tuple[int, int]:
        """Return what tells whether others may be next than pods lent from a heap: active pods are before all."""
        return self.active_q.arrivals, heap.arrivals

    def _begin(self, info: QueuedPodInfo) -> bool:
        info.attempts += 1
        self.nominator.touch(info.key)
        if not self.in_flight.add(info.pod):
            return False
        self.scheduling_cycle += 1
        return True

    def add(self, pod: Pod, now: int) -> None:
        """Queue a new pod, unless a PreEnqueue plugin holds it back."""
        self._move_to_active_q(self._queued(pod, now), UNSCHEDULED_POD_ADD.label, now)

    def update(self, old: Pod, new: Pod, now: int) -> None:
        """Take over a changed pod, and see whether the change helps it."""
        events = pod_scheduling_properties_change(new, old)
        key = pod_key(new)
        if pod_uid(new) in self.in_flight:
            self.in_flight.record(HappenedEvent(event, old, new) for event in events)
            return
        info = self.get(key)
        if info is None:
            self._move_to_active_q(self._queued(new, now), UNSCHEDULED_POD_UPDATE.label, now)
            return
        info.pod_info = self._info_of(new)
        self.nominator.update(old, info.pod_info)
        self.nominator.touch(key)
        if key in self.active_q:
            self.active_q.add_or_update(info)
        elif key in self.backoff_q:
            self.backoff_q.update(info)
        else:
            self._see_whether_it_helps(info, events, old, new, now)

    def delete(self, pod: Pod) -> None:
        """Forget a pod that waits; an attempt that is going on is not touched."""
        self.nominator.withdraw(pod)
        if not len(self):
            return
        key = pod_key(pod)
        if self.active_q.delete(key) is None and self.backoff_q.delete(key) is None:
            self.unschedulable_pods.delete(key)

    def done(self, uid: str) -> None:
        """End the attempt of a pod that does not come back."""
        self.in_flight.done(uid)

    def add_unschedulable_if_not_present(self, info: QueuedPodInfo, now: int) -> None:
        """End an attempt that failed: ``info`` says which plugins rejected the pod, none after an error.

        Raises ValueError if the pod is in the queue already; its attempt is over all the same.
        """
        self.nominator.touch(info.key)
        try:
            self._check_absent(info.key)
            if info.rejector_plugins:
                info.unschedulable_count += 1
                info.consecutive_errors_count = 0
            else:
                info.consecutive_errors_count += 1
            info.failures_at_once = info.failures_at_once + 1 if info.timestamp == now else 1
            info.timestamp = now
            info.backoff_expiration = None
            info.was_flushed_from_unschedulable = False
            self._requeue(info, self._strategy_after_attempt(info), SCHEDULE_ATTEMPT_FAILURE, now)
        finally:
            self.in_flight.done(info.uid)

    def move_all_to_active_or_backoff_queue(
        self, event: ClusterEvent, old: Any, new: Any, now: int, pre_check: PreCheck | None = None
    ) -> None:
        """Let an event move the pods that it helps, of those that pass the check, and keep it for pods in flight."""
        waiting = self.unschedulable_pods
        if not len(waiting) and not len(self.in_flight):
            return
        plugins = self._interested(event)
        if not plugins and not event.is_wild_card:
            return
        infos: Iterable[QueuedPodInfo] = waiting if event.is_wild_card else waiting.rejected_by(plugins)
        self._move(
            infos if pre_check is None else filter(lambda info: pre_check(info.pod), infos), event, old, new, now
        )

    def assigned_pod_added(self, pod: Pod, now: int) -> None:
        """Let a pod that has got a node move those that it helps."""
        self.move_all_to_active_or_backoff_queue(ASSIGNED_POD_ADD, None, pod, now)

    def assigned_pod_updated(self, event: ClusterEvent, old: Pod, new: Pod, now: int) -> None:
        """Let a change of a pod with a node move those that it helps."""
        self.move_all_to_active_or_backoff_queue(event, old, new, now)

    def node_changed(self, event: ClusterEvent, old: Node | None, new: Node, now: int) -> None:
        """Let a node that is new or has changed move those that it helps."""
        self.move_all_to_active_or_backoff_queue(event, old, new, now)

    def activate(self, pods: Iterable[Pod], now: int) -> None:
        """Make pods active whatever rejected them; one in flight is tried again after its attempt."""
        for pod in pods:
            key = pod_key(pod)
            waiting = self.unschedulable_pods.get(key)
            info = waiting or self.backoff_q.delete(key)
            label, from_backoff = FORCE_ACTIVATE.label, waiting is None
            moved = info is not None and self._move_to_active_q(info, label, now, from_backoff)
            if not moved:
                self._activate_in_flight(pod)

    def flush_backoff_q_completed(self, now: int) -> None:
        """Make the pods active whose back-off is over."""
        for info in self.backoff_q.pop_all_backoff_completed(now):
            self._move_to_active_q(info, BACKOFF_COMPLETE, now, from_backoff=True)

    def flush_unschedulable_pods_leftover(self, now: int) -> None:
        """Move on the pods that have waited for too long."""
        limit = self._max_in_unschedulable_pods
        left_over = [info for info in self.unschedulable_pods if now - info.timestamp > limit]
        for info in left_over:
            info.was_flushed_from_unschedulable = True
        if left_over:
            self._move(left_over, UNSCHEDULABLE_TIMEOUT, None, None, now)

    def get(self, key: str) -> QueuedPodInfo | None:
        """Return a pod that waits, by ``namespace/name``."""
        return self.backoff_q.get(key) or self.unschedulable_pods.get(key) or self.active_q.get(key)

    def _info_in_queue(self, key: str) -> PodInfo | None:
        info = self.get(key)
        return info.pod_info if info is not None else None

    def __len__(self) -> int:
        """Return how many pods wait."""
        return len(self.active_q) + len(self.backoff_q) + len(self.unschedulable_pods)

    def _see_whether_it_helps(
        self, info: QueuedPodInfo, events: Iterable[ClusterEvent], old: Pod, new: Pod, now: int
    ) -> None:
        """Move a pod that waits for an event if its own change is one that helps."""
        for event in events:
            self._requeue(info, self._is_pod_worth_requeuing(info, event, old, new), event.label, now)
            if info.key not in self.unschedulable_pods:
                return

    def _activate_in_flight(self, pod: Pod) -> None:
        if pod_uid(pod) in self.in_flight:
            self.in_flight.record([HappenedEvent(FORCE_ACTIVATE, None, pod)])

    def _order(self, info: QueuedPodInfo) -> Any:
        first = info.initial_attempt_timestamp
        return self._sort.queue_sort_key(info.pod_info, info.timestamp, info.timestamp if first is None else first)

    def _queued(self, pod: Pod, now: int) -> QueuedPodInfo:
        self._numbers += 1
        return QueuedPodInfo(self._info_of(pod), now, self._numbers)

    def _check_absent(self, key: str) -> None:
        if key in self.unschedulable_pods:
            raise ValueError(f"Pod {key} is already present in unschedulable queue")
        if key in self.active_q or key in self.backoff_q:
            name = "active" if key in self.active_q else "backoff"
            raise ValueError(f"Pod {key} is already present in the {name} queue")

    def _move(self, infos: Iterable[QueuedPodInfo], event: ClusterEvent, old: Any, new: Any, now: int) -> None:
        for info in infos:
            if info.gated and not match_any(event, info.gating_plugin_events):
                continue
            strategy = self._is_pod_worth_requeuing(info, event, old, new)
            if strategy != QueueingStrategy.Skip:
                self.unschedulable_pods.delete(info.key)
                self._requeue(info, strategy, event.label, now)
        self.in_flight.record([HappenedEvent(event, old, new)])

    def _requeue(self, info: QueuedPodInfo, strategy: QueueingStrategy, event: str, now: int) -> None:
        if strategy == QueueingStrategy.Skip:
            self.unschedulable_pods.add_or_update(info)
        elif strategy == QueueingStrategy.AfterBackoff and self.backoff_q.is_pod_backing_off(info, now):
            self._move_to_backoff_q(info)
        else:
            self._move_to_active_q(info, event, now)

    def _move_to_active_q(self, info: QueuedPodInfo, event: str, now: int, from_backoff: bool = False) -> bool:
        """Make a pod active; False if a PreEnqueue plugin, which ran before the back-off if there was one, gates it."""
        if not from_backoff:
            self._run_pre_enqueue_plugins(info)
        key = info.key
        if info.gated:
            if key not in self.active_q and key not in self.backoff_q:
                self.unschedulable_pods.add_or_update(info)
            return False
        if info.initial_attempt_timestamp is None:
            info.initial_attempt_timestamp = now
        self.unschedulable_pods.delete(key)
        self.backoff_q.delete(key)
        self.active_q.add_or_update(info)
        if event in _NOMINATING:
            self.nominator.nominate(info.pod_info)
        return True

    def _move_to_backoff_q(self, info: QueuedPodInfo) -> None:
        self._run_pre_enqueue_plugins(info)
        if info.gated:
            self.unschedulable_pods.add_or_update(info)
            return
        self.unschedulable_pods.delete(info.key)
        self.backoff_q.add(info)

    def _run_pre_enqueue_plugins(self, info: QueuedPodInfo) -> None:
        """Ask the plugins, first the one that held the pod back last, until one holds it back."""
        scheduler_name = info.pod_info.pod.spec.scheduler_name
        plugins = self._pre_enqueue[scheduler_name]
        if info.gated:
            plugins = sorted(plugins, key=lambda named: named[0] != info.gating_plugin)
        for name, pre_enqueue in plugins:
            try:
                passes = pre_enqueue(info.pod_info).code == Code.Success
            except Exception as reason:
                fault = PluginError(name, "preEnqueue", f"{type(reason).__name__}: {reason}", info.key)
                warnings.warn(str(fault), RuntimeWarning, stacklevel=2)
                passes = False
            if not passes:
                info.unschedulable_plugins |= {name}
                info.gating_plugin = name
                info.gating_plugin_events = self._hints[scheduler_name].events_of(name)
                return
        info.gating_plugin = ""

    def _interested(self, event: ClusterEvent) -> set[str]:
        """Return the plugins of all profiles that want to know of an event."""
        found = self._interest.get(event)
        if found is None:
            found = {plugin for hints in self._hints.values() for plugin in hints.wanted(event)}
            self._interest[event] = found
        return found

    def _strategy_after_attempt(self, info: QueuedPodInfo) -> QueueingStrategy:
        """Look at what happened during an attempt that failed."""
        if not info.rejector_plugins or info.uid not in self.in_flight:
            return QueueingStrategy.AfterBackoff
        strategy = QueueingStrategy.Skip
        enough = QueueingStrategy.Immediately if info.pending_plugins else QueueingStrategy.AfterBackoff
        for event, old, new in self.in_flight.events_since(info.uid):
            strategy = max(strategy, self._is_pod_worth_requeuing(info, event, old, new))
            if strategy >= enough:
                break
        return strategy

    def _is_pod_worth_requeuing(self, info: QueuedPodInfo, event: ClusterEvent, old: Any, new: Any) -> QueueingStrategy:
        """Ask the hints of the plugins that rejected a pod; one that answered Pending counts most."""
        rejectors = info.rejector_plugins
        if not rejectors:
            return QueueingStrategy.AfterBackoff
        pod = info.pod
        if event.is_wild_card:
            for_another = isinstance(new, Pod) and pod_uid(new) != info.uid
            return QueueingStrategy.Skip if for_another else QueueingStrategy.AfterBackoff
        wanted = self._hints[pod.spec.scheduler_name].wanted(event)
        for plugin in sorted(rejectors, key=lambda name: name not in info.pending_plugins):
            pending = plugin in info.pending_plugins
            for hint in wanted.get(plugin, ()):
                if ask_hint(plugin, hint, pod, old, new) == QueueingHint.Queue:
                    return QueueingStrategy.Immediately if pending else QueueingStrategy.AfterBackoff
        return QueueingStrategy.Skip


def _is_stuck(info: QueuedPodInfo, now: int) -> bool:
    """Tell whether a pod has failed so often at one moment that it makes no progress while no time passes."""
    return info.failures_at_once >= MOST_AT_ONCE and info.timestamp >= now
