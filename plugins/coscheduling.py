"""Coscheduling: the pods of a group get their nodes together or not at all (scheduler-plugins: pkg/coscheduling).

A pod belongs to the PodGroup that its label ``scheduling.x-k8s.io/pod-group`` names. Its members wait at Permit until
``spec.minMember`` of them have nodes; then all go on. When one of them cannot get a node, or has waited for too long,
those that wait are rejected and their nodes are free again.

Who is assigned is asked of the scheduler each time, not counted along as the original does: a pod that was rejected a
moment ago and has not given its node back yet does not count. Equally old groups are kept apart by their names.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple

from plugins.helper.cluster_resources import resource_gap
from plugins.helper.expiring import Expiring
from plugins.helper.hints import on
from sched_core import (
    SUCCESS,
    ActionType,
    Code,
    EventResource,
    NotSupported,
    Plugin,
    PostFilterResult,
    PreFilterResult,
    Status,
    nanoseconds,
    pod_key,
    pod_uid,
    unresolvable,
    unschedulable,
)

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, CycleState, Diagnosis, NodeColumns, Pod, PodGroup, PodInfo

LABEL = "scheduling.x-k8s.io/pod-group"
SECOND = 10**9
DEFAULT_WAIT_SECONDS = 60
DEFAULT_PERMITTED_SECONDS = 3


class CoschedulingArgs(NamedTuple):
    """The arguments of the plugin, with the original's defaults."""

    permit_waiting_time_seconds: int = DEFAULT_WAIT_SECONDS
    pod_group_backoff_seconds: int = 0
    pod_group_reject_percentage: int = 10
    """A group that lacks no more than this part of its members is not rejected when one of them does not fit."""


class Coscheduling(Plugin):
    """Schedule the pods of a group together; orders the queue so that members of a group come one after the other."""

    name = "Coscheduling"
    reads_amounts = False

    def __init__(self, args: Mapping[str, Any] | None = None) -> None:
        super().__init__(args)
        self._args = read_args(args or {})
        self._backed_off = Expiring()
        self._permitted = Expiring()
        """Groups for which the cluster has had room lately."""
        self._failed_at: dict[str, int] = {}

    def events_to_register(self) -> Sequence[ClusterEventWithHint]:
        return (
            on(EventResource.Pod, ActionType.Add),
            on(EventResource.PodGroup, ActionType.Add | ActionType.Update),
        )

    def concerns(self, pod: PodInfo) -> bool:
        return bool(group_of(pod.pod))

    def queue_sort_key(self, pod: PodInfo, timestamp: int, first: int) -> tuple[int, int, str, str]:
        """Order by priority, then by the age of the group; a group that has failed lately is as old as its failure."""
        group = group_of(pod.pod)
        return -pod.priority, self._age(group, first), group or pod.key, pod.key

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        """Refuse a pod whose group has failed just now, is not complete, or finds no room in the whole cluster."""
        name, group = self._find(pod.pod)
        if not name:
            return PreFilterResult()
        if self.handle.pod(pod.key) is None:
            raise NotSupported(f"pod {pod.key}: Coscheduling needs a scheduler that knows the pods of a group")
        if group is None:
            return PreFilterResult()
        now = self.handle.now
        if self._backed_off.has(name, now):
            return PreFilterResult(unresolvable(f"podGroup {name} failed recently"))
        members = self._members(pod.pod)
        refusal = self._incomplete(pod.pod, group, members)
        if refusal or group.spec.min_resources is None or self._permitted.has(name, now):
            return PreFilterResult(unresolvable(refusal) if refusal else SUCCESS)
        wanted = {**group.spec.min_resources, "pods": group.spec.min_member}
        gap = resource_gap(nodes, self.handle.classes, [pod_key(each) for each in members], wanted)
        if gap:
            return PreFilterResult(unresolvable(f"resource gap: {gap}"))
        seconds = self._args.permit_waiting_time_seconds or DEFAULT_PERMITTED_SECONDS
        self._permitted.add(name, now, seconds * SECOND)
        return PreFilterResult()

    def post_filter(
        self, state: CycleState, pod: PodInfo, nodes: NodeColumns, diagnosis: Diagnosis
    ) -> PostFilterResult:
        """Reject the members that wait, unless enough of them have nodes or nearly enough."""
        name, group = self._find(pod.pod)
        if group is None:
            return PostFilterResult(unschedulable("can not find pod group"))
        members = self._members(pod.pod)
        lacking = group.spec.min_member - self._assigned(members)
        if lacking <= 0 or lacking / group.spec.min_member <= self._args.pod_group_reject_percentage / 100:
            return PostFilterResult(unschedulable())
        now = self.handle.now
        self._reject(name, "optimistic rejection in PostFilter")
        if self._args.pod_group_backoff_seconds and len(members) >= group.spec.min_member:
            self._backed_off.add(name, now, self._args.pod_group_backoff_seconds * SECOND)
        self._failed(name)
        text = (
            f"PodGroup {name} gets rejected due to Pod {pod.pod.metadata.name} is unschedulable even after PostFilter"
        )
        return PostFilterResult(unschedulable(text))

    def permit(self, state: CycleState, pod: PodInfo, node_name: str) -> tuple[Status, float]:
        """Let a member wait until enough have nodes; the one that makes it enough lets all go on."""
        name, group = self._find(pod.pod)
        if not name:
            return SUCCESS, 0
        if group is None:
            return unschedulable("PodGroup not found"), 0
        others = [each for each in self._members(pod.pod) if pod_uid(each) != pod_uid(pod.pod)]
        assigned = 1 + self._assigned(others)
        if assigned >= group.spec.min_member:
            self._failed_at.pop(name, None)
            for waiting in self.handle.waiting_pods():
                if group_of(waiting.pod) == name:
                    waiting.allow(self.name)
            return SUCCESS, 0
        if assigned == 1:  # the others need not wait for an event: there are enough of them, and room for some
            state.pods_to_activate.update((pod_key(each), each) for each in others)
        seconds = group.spec.schedule_timeout_seconds or self._args.permit_waiting_time_seconds or DEFAULT_WAIT_SECONDS
        return Status(Code.Wait), seconds

    def reserve(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        return SUCCESS

    def unreserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        """Reject all members that wait: one of them has lost its node."""
        name, group = self._find(pod.pod)
        if group is not None:
            self._reject(name, "rejection in Unreserve")
            self._failed(name)

    def _find(self, pod: Pod) -> tuple[str, PodGroup | None]:
        """Return the name of a pod's group, empty if it is in none, and the group if there is one of that name."""
        name = group_of(pod)
        return name, self.handle.objects("PodGroup").get(name) if name else None  # type: ignore[return-value]

    def _members(self, pod: Pod) -> list[Pod]:
        return self.handle.pods_labelled(pod.metadata.namespace, LABEL, pod.metadata.labels[LABEL])

    def _incomplete(self, pod: Pod, group: PodGroup, members: Sequence[Pod]) -> str:
        """Return why there are not enough members that can be scheduled; empty if there are."""
        name, needed = pod.metadata.name, group.spec.min_member
        if len(members) < needed:
            there = f"current pods number: {len(members)}, minMember of group: {needed}"
            return f"pre-filter pod {name} cannot find enough sibling pods, {there}"
        gated = sum(bool(each.spec.scheduling_gates) for each in members)
        if gated and len(members) - gated < needed:
            return f"pre-filter pod {name} cannot proceed due to gated pods in the same PodGroup"
        return ""

    def _assigned(self, members: Sequence[Pod]) -> int:
        """Count the members that have a node and are to keep it, as far as anybody knows."""
        return sum(bool(each.spec.node_name) or self._holds_node(each) for each in members)

    def _holds_node(self, pod: Pod) -> bool:
        if not self.handle.is_assumed(pod):
            return False
        waiting = self.handle.waiting_pod(pod)
        return waiting is None or waiting.status is None or waiting.status.is_success

    def _reject(self, name: str, message: str) -> None:
        for waiting in self.handle.waiting_pods():
            if group_of(waiting.pod) == name:
                waiting.reject(self.name, message)

    def _failed(self, name: str) -> None:
        """Note that a group has failed now: it is looked at again, and comes behind those that have not."""
        groups = self.handle.objects("PodGroup")
        if len(self._failed_at) > 2 * len(groups):
            self._failed_at = {known: at for known, at in self._failed_at.items() if known in groups}
        self._permitted.discard(name)
        self._failed_at[name] = self.handle.now

    def _age(self, name: str, first: int) -> int:
        if name in self._failed_at:
            return self._failed_at[name]
        group = self.handle.objects("PodGroup").get(name) if name else None
        if group is None:
            return first
        created = group.metadata.creation_timestamp
        return nanoseconds(created) if created is not None else 0


def group_of(pod: Pod) -> str:
    """Return ``namespace/name`` of the group that a pod is in; empty if it is in none."""
    name = pod.metadata.labels.get(LABEL, "")
    return f"{pod.metadata.namespace or 'default'}/{name}" if name else ""


def read_args(args: Mapping[str, Any]) -> CoschedulingArgs:
    """Return the arguments of a configuration with the defaults; raises ValueError with what is wrong with them."""
    limits = {
        "permitWaitingTimeSeconds": (2**63 - 1, "must be greater than 0"),
        "podGroupBackoffSeconds": (2**63 - 1, "must be greater than 0"),
        "podGroupRejectPercentage": (100, "must be between 0 and 100"),
    }
    faults = [f'unknown field "{name}"' for name in args if name not in (*limits, "apiVersion", "kind")]
    values = []
    for (name, (highest, wrong)), default in zip(limits.items(), CoschedulingArgs(), strict=True):
        value = args.get(name)
        values.append(default if value is None else value)
        if value is not None and (type(value) is not int or not 0 <= value <= highest):
            faults.append(f"{name}: Invalid value: {value!r}: {wrong}")
    if faults:
        raise ValueError("; ".join(faults))
    return CoschedulingArgs(*values)
