"""The queue of a scheduler whose gate SchedulerQueueingHints is off, as it was before hints.

Every event that a plugin has registered helps the pods that the plugin rejected. A pod in flight remembers no events:
if anything of interest happened since its attempt began, it backs off, else it waits. Three kinds of events look at the
pods first: a node must admit them, and a pod with a node helps those that spread or want to be near it.
Source: scheduling_queue.go, eventhandlers.go (preCheckForNode).
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import msgspec

from sched_core.cluster import Cluster
from sched_core.columns.classes import pod_key
from sched_core.framework.events import ASSIGNED_POD_ADD, ActionType, ClusterEvent
from sched_core.framework.profile import Profile
from sched_core.objects.affinity import PodAffinityTerm
from sched_core.objects.records import Node, Pod
from sched_core.objects.selectors import matches_label_selector
from sched_core.queue.admission import admits
from sched_core.queue.backoff_queue import INITIAL_BACKOFF, MAX_BACKOFF
from sched_core.queue.nominator import QueueNominator
from sched_core.queue.queued_pod_info import QueuedPodInfo
from sched_core.queue.scheduling_queue import PreCheck, PriorityQueue, QueueingStrategy

SPREADING = "PodTopologySpread"


class QueueWithoutHints(PriorityQueue):
    """As `PriorityQueue`, on a cluster by which nodes and namespaces are known."""

    with_hints = False

    def __init__(
        self,
        profiles: Mapping[str, Profile],
        cluster: Cluster,
        *,
        initial_backoff: int = INITIAL_BACKOFF,
        max_backoff: int = MAX_BACKOFF,
        nominator: QueueNominator | None = None,
    ) -> None:
        super().__init__(
            profiles, cluster.classes.info, initial_backoff=initial_backoff, max_backoff=max_backoff,
            nominator=nominator,
        )  # fmt: skip
        self._cluster = cluster
        self._move_request_cycle = -1
        """During which attempt something of interest has happened last."""

    def move_all_to_active_or_backoff_queue(
        self, event: ClusterEvent, old: Any, new: Any, now: int, pre_check: PreCheck | None = None
    ) -> None:
        if event.is_wild_card or self._interested(event):
            self._move_request_cycle = self.scheduling_cycle
        super().move_all_to_active_or_backoff_queue(event, old, new, now, pre_check)

    def assigned_pod_added(self, pod: Pod, now: int) -> None:
        self._move_near(pod, ASSIGNED_POD_ADD, None, now)

    def assigned_pod_updated(self, event: ClusterEvent, old: Pod, new: Pod, now: int) -> None:
        if event.action_type & ActionType.UpdatePodScaleDown:
            self.move_all_to_active_or_backoff_queue(event, old, new, now)
        else:
            self._move_near(new, event, old, now)

    def node_changed(self, event: ClusterEvent, old: Node | None, new: Node, now: int) -> None:
        cluster = self._cluster
        self.move_all_to_active_or_backoff_queue(event, old, new, now, lambda pod: admits(cluster, new, pod))

    def _move_near(self, pod: Pod, event: ClusterEvent, old: Pod | None, now: int) -> None:
        self.move_all_to_active_or_backoff_queue(event, old, pod, now, lambda waiting: self._is_near(waiting, pod))

    def _is_near(self, waiting: Pod, pod: Pod) -> bool:
        """Tell whether where a pod is placed may matter to one that waits."""
        info = self.get(pod_key(waiting))
        spreads = info is not None and SPREADING in info.unschedulable_plugins
        if spreads and waiting.metadata.namespace == pod.metadata.namespace:
            return True
        labels = self._cluster.namespaces.get(pod.metadata.namespace, {})
        return any(_matches(term, waiting, pod, labels) for term in _wanted(waiting))

    def _move(self, infos: Iterable[QueuedPodInfo], event: ClusterEvent, old: Any, new: Any, now: int) -> None:
        self._move_request_cycle = self.scheduling_cycle
        super()._move(infos, event, old, new, now)

    def _activate_in_flight(self, pod: Pod) -> None:
        self._move_request_cycle = self.scheduling_cycle

    def _strategy_after_attempt(self, info: QueuedPodInfo) -> QueueingStrategy:
        missed = self._move_request_cycle >= self.scheduling_cycle
        return QueueingStrategy.AfterBackoff if missed or not info.rejector_plugins else QueueingStrategy.Skip

    def _see_whether_it_helps(
        self, info: QueuedPodInfo, events: Iterable[ClusterEvent], old: Pod, new: Pod, now: int
    ) -> None:
        """Move a pod that waits if more of it has changed than its status."""
        helps = _without_status(old) != _without_status(new)
        strategy = QueueingStrategy.AfterBackoff if helps else QueueingStrategy.Skip
        self._requeue(info, strategy, "UnschedulablePodUpdate", now)


def _wanted(pod: Pod) -> tuple[PodAffinityTerm, ...]:
    affinity = pod.spec.affinity.pod_affinity if pod.spec.affinity is not None else None
    return affinity.required_during_scheduling_ignored_during_execution if affinity is not None else ()


def _matches(term: PodAffinityTerm, waiting: Pod, pod: Pod, namespace_labels: Mapping[str, str]) -> bool:
    namespaces = term.namespaces
    if not namespaces and term.namespace_selector is None:
        namespaces = (waiting.metadata.namespace,)
    near = pod.metadata.namespace in namespaces or matches_label_selector(term.namespace_selector, namespace_labels)
    return near and matches_label_selector(term.label_selector, pod.metadata.labels)


def _without_status(pod: Pod) -> Pod:
    meta = msgspec.structs.replace(pod.metadata, resource_version="")
    return Pod(metadata=meta, spec=pod.spec)
