"""TaintToleration: taints keep pods away or make a node less liked (upstream: plugins/tainttoleration)."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plugins.helper.changes import taint_text, tolerate, untaint
from plugins.helper.hints import is_same_pod, on
from sched_core import (
    SUCCESS,
    ActionType,
    EventResource,
    Obstacle,
    Plugin,
    QueueingHint,
    Status,
    Taint,
    Toleration,
    Verdicts,
    percent,
    queue_if,
    tolerates,
)

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, CycleState, Node, NodeColumns, Pod, PodInfo

STATE = "PreScoreTaintToleration"


class TaintToleration(Plugin):
    """Filter by taints that a pod does not bear, and prefer nodes with few taints of effect PreferNoSchedule."""

    name = "TaintToleration"
    reads_amounts = False
    reason = "node(s) had untolerated taint(s)"

    def events_to_register(self) -> Sequence[ClusterEventWithHint]:
        return (
            on(EventResource.Node, ActionType.Add | ActionType.UpdateNodeTaint, self.after_node_change),
            on(EventResource.Pod, ActionType.UpdatePodToleration, self.after_pod_toleration_change),
        )

    def after_node_change(self, pod: Pod, old: Node | None, new: Node) -> QueueingHint:
        """Queue if the taints of a node do not keep the pod away, as they did before."""
        tolerations = pod.spec.tolerations
        was_kept_away = old is None or _keeps_away(old.spec.taints, tolerations)
        return queue_if(bool(was_kept_away) and not _keeps_away(new.spec.taints, tolerations))

    def after_pod_toleration_change(self, pod: Pod, old: Pod, new: Pod) -> QueueingHint:
        """Queue if the tolerations are the pod's own."""
        return queue_if(is_same_pod(pod, new))

    def sign_pod(self, pod: PodInfo) -> Hashable:
        return pod.pod.spec.tolerations

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        tolerations = pod.pod.spec.tolerations
        return Verdicts.refuse(of_nodes(nodes, lambda taints: _keeps_away(taints, tolerations)) > 0, self.reason)

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        """Name each taint that the pod does not bear."""
        name, tolerations = nodes.names[row], pod.pod.spec.tolerations
        return [
            Obstacle(f"has the taint {taint_text(taint)}", (tolerate(taint), untaint(name, taint)))
            for taint in nodes.taint_sets[nodes.taint_set[row]]
            if _keeps_away((taint,), tolerations)
        ]

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, feasible: NDArray[np.int64]) -> Status:
        tolerations = pod.pod.spec.tolerations
        state[STATE] = [each for each in tolerations if each.effect in ("", "PreferNoSchedule")]
        return SUCCESS

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> NDArray[np.int64]:
        """Count the taints of effect PreferNoSchedule that the pod does not bear, int64[N]."""
        if STATE not in state:
            raise LookupError(f'failed to read "{STATE}" from cycleState: not found')
        tolerations = state[STATE]
        return of_nodes(nodes, lambda taints: _untolerated(taints, tolerations, ("PreferNoSchedule",)))

    @staticmethod
    def normalize_row(score: Any, lowest: Any, highest: Any) -> Any:
        return 100 - percent(score, max(highest, 1))


def of_nodes(nodes: NodeColumns, number: Callable[[tuple[Taint, ...]], int]) -> NDArray[np.int64]:
    """Return a number for the taints of each node, int64[N]: worked out once per distinct list of taints."""
    return np.array([number(taints) for taints in nodes.taint_sets], np.int64)[nodes.taint_set]


def _keeps_away(taints: Iterable[Taint], tolerations: Iterable[Toleration]) -> int:
    return _untolerated(taints, tolerations, ("NoSchedule", "NoExecute"))


def _untolerated(taints: Iterable[Taint], tolerations: Iterable[Toleration], effects: tuple[str, ...]) -> int:
    return sum(
        taint.effect in effects and not any(tolerates(toleration, taint) for toleration in tolerations)
        for taint in taints
    )
