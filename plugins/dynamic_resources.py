"""DynamicResources, as far as a pod without resource claims can tell (upstream: plugins/dynamicresources).

A pod with claims is refused by name. What is left matters to messages: this plugin's PostFilter comes before
preemption and says so.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from typing import TYPE_CHECKING

from plugins.helper.hints import on
from sched_core import (
    SKIP,
    SUCCESS,
    ActionType,
    EventResource,
    NotSupported,
    Plugin,
    PostFilterResult,
    PreFilterResult,
    Status,
    error,
    unschedulable,
)

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, CycleState, Diagnosis, NodeColumns, PodInfo


class DynamicResources(Plugin):
    """Let pods without resource claims pass."""

    name = "DynamicResources"
    reads_amounts = False

    def events_to_register(self) -> Sequence[ClusterEventWithHint]:
        """Register changes of nodes; claims, classes and slices are not read."""
        actions = ActionType.Add | ActionType.UpdateNodeLabel | ActionType.UpdateNodeAllocatable
        return (on(EventResource.Node, actions),)

    def sign_pod(self, pod: PodInfo) -> Hashable:
        return bool(pod.pod.spec.resource_claims)

    def pre_enqueue(self, pod: PodInfo) -> Status:
        _refuse_claims(pod)
        return SUCCESS

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        _refuse_claims(pod)
        state[self.name] = ()  # no claims; written in spite of Skip, since PostFilter looks for it
        return PreFilterResult(SKIP)

    def post_filter(
        self, state: CycleState, pod: PodInfo, nodes: NodeColumns, diagnosis: Diagnosis
    ) -> PostFilterResult:
        """Answer that there is nothing to deallocate; when an earlier PreFilter plugin ended the attempt, fail."""
        if self.name not in state:
            return PostFilterResult(error("not found"))
        return PostFilterResult(unschedulable("no new claims to deallocate"))


def _refuse_claims(pod: PodInfo) -> None:
    if pod.pod.spec.resource_claims:
        raise NotSupported(f"pod {pod.key} has spec.resourceClaims: DynamicResources does not allocate devices yet")
