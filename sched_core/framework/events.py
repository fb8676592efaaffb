"""Cluster events: what changed, who wants to know, and whether it may help a pod (upstream: kube-scheduler/framework).

A plugin registers the events that may help the pods that it rejected. Nothing here moves pods; `sched_core.queue` does.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from enum import IntEnum, IntFlag
from typing import Any, NamedTuple

from sched_core.objects.meta import Quantity
from sched_core.objects.quantity import milli_value, parse_quantity
from sched_core.objects.records import Node, Pod
from sched_core.objects.requests import pod_requests


class ActionType(IntFlag):
    """Kinds of change, in upstream's order: a registration covers an event whose number is not above its own."""

    Add = 1 << 0
    Delete = 1 << 1
    UpdateNodeAllocatable = 1 << 2
    UpdateNodeLabel = 1 << 3
    UpdateNodeTaint = 1 << 4
    """Taints changed, or ``spec.unschedulable`` is gone."""
    UpdateNodeCondition = 1 << 5
    UpdateNodeAnnotation = 1 << 6
    UpdateNodeDeclaredFeature = 1 << 7
    UpdatePodLabel = 1 << 8
    UpdatePodScaleDown = 1 << 9
    UpdatePodToleration = 1 << 10
    UpdatePodSchedulingGatesEliminated = 1 << 11
    UpdatePodGeneratedResourceClaim = 1 << 12
    Update = (1 << 13) - 4
    All = (1 << 13) - 1


class EventResource:
    """Names of the resources that events are about."""

    Pod = "Pod"
    AssignedPod = "AssignedPod"
    UnschedulablePod = "UnschedulablePod"
    Node = "Node"
    PersistentVolume = "PersistentVolume"
    PersistentVolumeClaim = "PersistentVolumeClaim"
    CSINode = "storage.k8s.io/CSINode"
    CSIDriver = "storage.k8s.io/CSIDriver"
    CSIStorageCapacity = "storage.k8s.io/CSIStorageCapacity"
    VolumeAttachment = "storage.k8s.io/VolumeAttachment"
    StorageClass = "storage.k8s.io/StorageClass"
    ResourceClaim = "resource.k8s.io/ResourceClaim"
    DeviceClass = "resource.k8s.io/DeviceClass"
    PodGroup = "podgroups.v1alpha1.scheduling.x-k8s.io"
    WildCard = "*"


class ClusterEvent(NamedTuple):
    """A change of a kind of resource; what a plugin registers has the same form as what happens."""

    resource: str
    action_type: ActionType
    custom_label: str = ""

    @property
    def label(self) -> str:
        """The event's name in metrics, such as ``AssignedPodDelete``."""
        return self.custom_label or f"{self.resource}{self.action_type.name}"

    @property
    def is_wild_card(self) -> bool:
        return self.resource == EventResource.WildCard and self.action_type == ActionType.All

    def matches(self, incoming: ClusterEvent) -> bool:
        """Tell whether this registration covers what happened: the same or something more special."""
        if self.is_wild_card:
            return True
        resource = incoming.resource
        if self.resource not in (EventResource.WildCard, resource):
            pods = (EventResource.AssignedPod, EventResource.UnschedulablePod)
            if self.resource != EventResource.Pod or resource not in pods:
                return False
        mine, theirs = int(self.action_type), int(incoming.action_type)
        return mine & theirs != 0 and theirs <= mine


class QueueingHint(IntEnum):
    """Whether an event may make a pod schedulable."""

    QueueSkip = 0
    Queue = 1


QueueingHintFn = Callable[[Pod, Any, Any], QueueingHint]
"""``(pod, old, new)``: a pod that the plugin rejected, and the object before and after (None: added, deleted)."""


class ClusterEventWithHint(NamedTuple):
    """An event that a plugin registers; without a hint every such event is worth another attempt."""

    event: ClusterEvent
    queueing_hint_fn: QueueingHintFn | None = None


ASSIGNED_POD_ADD = ClusterEvent(EventResource.AssignedPod, ActionType.Add)
ASSIGNED_POD_DELETE = ClusterEvent(EventResource.AssignedPod, ActionType.Delete)
UNSCHEDULED_POD_ADD = ClusterEvent(EventResource.UnschedulablePod, ActionType.Add)
UNSCHEDULED_POD_UPDATE = ClusterEvent(EventResource.UnschedulablePod, ActionType.Update)
UNSCHEDULABLE_TIMEOUT = ClusterEvent(EventResource.WildCard, ActionType.All, "UnschedulableTimeout")
FORCE_ACTIVATE = ClusterEvent(EventResource.WildCard, ActionType.All, "ForceActivate")
PROFILES_SWAPPED = ClusterEvent(EventResource.WildCard, ActionType.All, "ProfilesSwapped")
SCHEDULE_ATTEMPT_FAILURE, BACKOFF_COMPLETE = "ScheduleAttemptFailure", "BackoffComplete"

UNROLLED_WILD_CARD = tuple(
    ClusterEventWithHint(ClusterEvent(resource, ActionType.All))
    for resource in (
        EventResource.Pod,
        EventResource.Node,
        EventResource.PersistentVolume,
        EventResource.PersistentVolumeClaim,
        EventResource.CSINode,
        EventResource.CSIDriver,
        EventResource.CSIStorageCapacity,
        EventResource.StorageClass,
        EventResource.ResourceClaim,
        EventResource.DeviceClass,
    )
)
"""What a plugin that registers nothing by itself is taken to have registered."""


def queue_if(worth: bool) -> QueueingHint:
    """Return Queue or QueueSkip."""
    return QueueingHint.Queue if worth else QueueingHint.QueueSkip


def pod_scheduling_properties_change(new: Pod, old: Pod) -> list[ClusterEvent]:
    """Return one event for each kind of change of a pod; the general Update if there is none of these kinds.

    Of resource claim statuses only the number is known here.
    """
    resource = EventResource.AssignedPod if new.spec.node_name else EventResource.UnschedulablePod
    kinds = []
    if new.metadata.labels != old.metadata.labels:
        kinds.append(ActionType.UpdatePodLabel)
    if _is_scaled_down(new, old):
        kinds.append(ActionType.UpdatePodScaleDown)
    if old.spec.scheduling_gates and not new.spec.scheduling_gates:
        kinds.append(ActionType.UpdatePodSchedulingGatesEliminated)
    if len(new.spec.tolerations) != len(old.spec.tolerations):
        kinds.append(ActionType.UpdatePodToleration)
    if (new.status.resource_claim_statuses or ()) != (old.status.resource_claim_statuses or ()):
        kinds.append(ActionType.UpdatePodGeneratedResourceClaim)
    return [ClusterEvent(resource, kind) for kind in kinds or [ActionType.Update]]


def node_scheduling_properties_change(new: Node, old: Node) -> list[ClusterEvent]:
    """Return one event for each kind of change of a node; none if nothing changed that matters."""
    kinds = []
    if old.spec.unschedulable and not new.spec.unschedulable:
        kinds.append(ActionType.UpdateNodeTaint)
    if _amounts(new.status.allocatable) != _amounts(old.status.allocatable):
        kinds.append(ActionType.UpdateNodeAllocatable)
    if new.metadata.labels != old.metadata.labels:
        kinds.append(ActionType.UpdateNodeLabel)
    if new.spec.taints != old.spec.taints:
        kinds.append(ActionType.UpdateNodeTaint)
    if _statuses(new) != _statuses(old):
        kinds.append(ActionType.UpdateNodeCondition)
    if new.metadata.annotations != old.metadata.annotations:
        kinds.append(ActionType.UpdateNodeAnnotation)
    if new.status.declared_features != old.status.declared_features:
        kinds.append(ActionType.UpdateNodeDeclaredFeature)
    return [ClusterEvent(EventResource.Node, kind) for kind in kinds]


def match_any(event: ClusterEvent, registered: Iterable[ClusterEvent]) -> bool:
    """Tell whether one of the registrations covers an event."""
    return any(each.matches(event) for each in registered)


def _is_scaled_down(new: Pod, old: Pod) -> bool:
    before, now = pod_requests(old, use_status=True), pod_requests(new, use_status=True)
    return any(name not in now or milli_value(nano) > milli_value(now[name]) for name, nano in before.items())


def _amounts(resources: Mapping[str, Quantity]) -> dict[str, int]:
    return {name: parse_quantity(quantity) for name, quantity in resources.items()}


def _statuses(node: Node) -> dict[str, str]:
    return {condition.type: condition.status for condition in node.status.conditions}
