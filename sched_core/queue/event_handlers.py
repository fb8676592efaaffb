"""What the informers report, told to the cluster and to the queue (upstream: eventhandlers.go, and the failure handler
of schedule_one.go).

The objects as they were last reported are kept here; the objects that come in must not be changed afterwards.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

import msgspec

from sched_core.cluster import ENDED, Cluster
from sched_core.columns.classes import has_status_resources, pod_key, pod_uid
from sched_core.framework.events import (
    ASSIGNED_POD_DELETE,
    ActionType,
    ClusterEvent,
    EventResource,
    node_scheduling_properties_change,
    pod_scheduling_properties_change,
)
from sched_core.objects.meta import object_key
from sched_core.objects.records import AnyObject, Namespace, Node, Pod
from sched_core.queue.pods_by_label import PodsByLabel
from sched_core.queue.queued_pod_info import QueuedPodInfo
from sched_core.queue.scheduling_queue import PriorityQueue

RESOURCES: Mapping[str, str] = {
    "PersistentVolume": EventResource.PersistentVolume,
    "PersistentVolumeClaim": EventResource.PersistentVolumeClaim,
    "StorageClass": EventResource.StorageClass,
    "CSINode": EventResource.CSINode,
    "CSIDriver": EventResource.CSIDriver,
    "CSIStorageCapacity": EventResource.CSIStorageCapacity,
    "VolumeAttachment": EventResource.VolumeAttachment,
    "PodGroup": EventResource.PodGroup,
}
"""Kinds, beside pods and nodes, of which plugins want to know."""


class Assumed(msgspec.Struct, frozen=True, gc=False):
    """A pod that was placed and has yet to be reported as bound."""

    pod: Pod
    node_name: str

    @property
    def placed(self) -> Pod:
        """The pod with its node."""
        return with_node(self.pod, self.node_name)


class EventHandlers:
    """Keeps a cluster and a queue up to date; ``queue`` has pods of the profiles named by ``scheduler_names`` only."""

    def __init__(self, queue: PriorityQueue, cluster: Cluster, scheduler_names: frozenset[str]) -> None:
        self.queue, self.cluster, self.scheduler_names = queue, cluster, scheduler_names
        self.pods: dict[str, Pod] = {}
        self.pods_by_label = PodsByLabel(self.pods)
        self.objects: dict[str, dict[str, Any]] = {"Pod": self.pods}
        """Kind -> ``namespace/name`` (or name) -> the object that was reported last."""
        self.assumed: dict[str, Assumed] = {}
        """Pods by uid that were placed and have yet to be reported as bound."""
        self.reject_waiting: Callable[[Pod], bool] = lambda pod: False
        """Rejects a pod that waits at Permit; False if it does not wait there."""
        queue.nominator.find = self.pod

    def swap(self, scheduler_names: frozenset[str], now: int) -> None:
        """Serve other scheduler names, with a queue that does so already: pods that waited for one come in."""
        new, self.scheduler_names = scheduler_names - self.scheduler_names, scheduler_names
        for pod in list(self.pods.values()) if new else ():
            if not pod.spec.node_name and pod.spec.scheduler_name in new and pod_uid(pod) not in self.assumed:
                self.queue.add(pod, now)

    def pod(self, key: str) -> Pod | None:
        """Return a pod as it was last reported."""
        return self.pods.get(key)

    def apply_many(self, records: Iterable[AnyObject], now: int) -> None:
        """Take over objects one after the other."""
        for record in records:
            if type(record) is Pod:
                self._apply_pod(record, now)
            else:
                self.apply(record, now)

    def apply(self, record: AnyObject, now: int) -> None:
        """Take over an object that is new or changed."""
        if isinstance(record, Pod):
            self._apply_pod(record, now)
            return
        kind, key = type(record).__name__, object_key(record.metadata)
        known = self.objects.setdefault(kind, {})
        old = known.get(key)
        known[key] = record
        if isinstance(record, Node):
            self.cluster.add_node(record)
            added = [ClusterEvent(EventResource.Node, ActionType.Add)]
            events = added if old is None else node_scheduling_properties_change(record, old)
        elif isinstance(record, Namespace):
            self.cluster.namespaces[key] = dict(record.metadata.labels)
            return
        else:
            self.cluster.add_object(record)
            events = self._events(kind, ActionType.Add if old is None else ActionType.Update)
        for event in events:
            if isinstance(record, Node):
                self.queue.node_changed(event, old, record, now)
            else:
                self.queue.move_all_to_active_or_backoff_queue(event, old, record, now)

    def delete(self, kind: str, key: str, now: int) -> None:
        """Forget an object; raises KeyError if it is not known."""
        old = self.objects[kind].pop(key)
        if isinstance(old, Pod):
            self.pods_by_label.change(old, None)
            self._delete_pod(old, now)
        elif isinstance(old, Node):
            event = ClusterEvent(EventResource.Node, ActionType.Delete)
            self.queue.move_all_to_active_or_backoff_queue(event, old, None, now)
            self.cluster.remove_node(key)
        elif isinstance(old, Namespace):
            self.cluster.namespaces.pop(key, None)
        else:
            self.cluster.remove_object(kind, key)
            for event in self._events(kind, ActionType.Delete):
                self.queue.move_all_to_active_or_backoff_queue(event, old, None, now)

    def assume(self, pod: Pod, node_name: str) -> None:
        """Note that a pod was placed and has yet to be reported as bound; its nomination is over."""
        self.assumed[pod_uid(pod)] = Assumed(pod, node_name)
        self.queue.nominator.withdraw(pod)

    def forget(self, pod: Pod) -> bool:
        """Take away a pod which was assumed and is not bound after all; False if it is reported as bound."""
        if self.assumed.pop(pod_uid(pod), None) is not None:
            self.cluster.remove_pod(pod_key(pod))
            return True
        known = self.pod(pod_key(pod))
        return known is None or not known.spec.node_name or pod_uid(known) != pod_uid(pod)

    def handle_scheduling_failure(
        self,
        info: QueuedPodInfo,
        now: int,
        unschedulable_plugins: frozenset[str] = frozenset(),
        pending_plugins: frozenset[str] = frozenset(),
    ) -> bool:
        """End an attempt without a node: the pod goes back as it was last reported; no plugins say that it failed.

        Returns False where it does not go back: it is gone, was created again, or has got a node.
        """
        known = self.pod(info.key)
        if known is None or known.spec.node_name or pod_uid(known) != info.uid:
            self.queue.done(info.uid)
            return False
        if known.spec.scheduler_name not in self.scheduler_names:  # its profile was swapped for others meanwhile
            self.queue.done(info.uid)
            return False
        info.unschedulable_plugins, info.pending_plugins = unschedulable_plugins, pending_plugins
        info.pod_info = self.cluster.classes.info(known, info.key)
        self.queue.add_unschedulable_if_not_present(info, now)
        return True

    def _events(self, kind: str, action: ActionType) -> list[ClusterEvent]:
        return [ClusterEvent(RESOURCES[kind], action)] if kind in RESOURCES else []

    def _apply_pod(self, pod: Pod, now: int) -> None:
        key = pod_key(pod)
        old = self.pods.get(key)
        if pod.status.phase in ENDED:
            if old is not None:
                self.delete("Pod", key, now)
            return
        self.pods[key] = pod
        self.pods_by_label.change(old, pod)
        self._add_pod(pod, now) if old is None else self._update_pod(old, pod, now)

    def _add_pod(self, pod: Pod, now: int) -> None:
        if pod.spec.node_name:
            self._add_assigned_pod(pod, now)
        elif pod.spec.scheduler_name in self.scheduler_names:
            self.queue.add(pod, now)

    def _update_pod(self, old: Pod, new: Pod, now: int) -> None:
        queue = self.queue
        if old.spec.node_name:
            self.cluster.add_pod(new)
            for event in pod_scheduling_properties_change(new, old):
                queue.assigned_pod_updated(event, old, new, now)
        elif new.spec.node_name:
            self._add_assigned_pod(new, now)
            if old.spec.scheduler_name in self.scheduler_names:
                queue.delete(old)
        elif old.spec.scheduler_name in self.scheduler_names:
            if old.metadata.resource_version == new.metadata.resource_version:
                return
            if pod_uid(new) in self.assumed:
                if new.metadata.deletion_timestamp and not old.metadata.deletion_timestamp:
                    self._delete_assumed_pod(new, now)
                return
            queue.update(old, new, now)
            nominated = old.status.nominated_node_name
            if nominated and nominated != new.status.nominated_node_name:
                self._leave_nominated_node(old, now)

    def _delete_pod(self, pod: Pod, now: int) -> None:
        if pod.spec.node_name:
            self.cluster.remove_pod(pod_key(pod))
            self.queue.move_all_to_active_or_backoff_queue(ASSIGNED_POD_DELETE, pod, None, now)
        elif pod.spec.scheduler_name in self.scheduler_names or pod_uid(pod) in self.assumed:
            self.queue.delete(pod)
            if pod_uid(pod) in self.assumed:
                self._delete_assumed_pod(pod, now)
            elif pod.status.nominated_node_name:
                self._leave_nominated_node(pod, now)

    def _add_assigned_pod(self, pod: Pod, now: int) -> None:
        assumed = self.assumed.pop(pod_uid(pod), None)
        if assumed is None or not confirms(pod, assumed):
            self.cluster.add_pod(pod)
        self.queue.assigned_pod_added(pod, now)

    def _delete_assumed_pod(self, pod: Pod, now: int) -> None:
        """Give back what a pod holds that is deleted between its placement and its binding."""
        placed = self.assumed[pod_uid(pod)].placed
        if not self.reject_waiting(pod):
            self.forget(pod)
        self.queue.move_all_to_active_or_backoff_queue(ASSIGNED_POD_DELETE, placed, None, now)

    def _leave_nominated_node(self, pod: Pod, now: int) -> None:
        """Let those know for which a nominated pod counted as placed: pods of no higher priority."""
        priority = pod.spec.priority or 0
        self.queue.move_all_to_active_or_backoff_queue(
            ASSIGNED_POD_DELETE, pod, None, now, lambda other: (other.spec.priority or 0) <= priority
        )


def with_node(pod: Pod, node_name: str) -> Pod:
    """Return a pod as it is when it is bound to a node."""
    return msgspec.structs.replace(pod, spec=msgspec.structs.replace(pod.spec, node_name=node_name))


def confirms(pod: Pod, assumed: Assumed) -> bool:
    """Tell whether a pod is reported as it was assumed, so that it counts as it is counted already."""
    if pod.spec.node_name != assumed.node_name:
        return False
    known = assumed.pod
    return (
        pod.metadata.labels == known.metadata.labels
        and pod.metadata.deletion_timestamp == known.metadata.deletion_timestamp
        and pod.status.start_time == known.status.start_time
        and not has_status_resources(pod)
        and not has_status_resources(known)
        and pod.spec == msgspec.structs.replace(known.spec, node_name=assumed.node_name)
    )
