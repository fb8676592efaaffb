"""DefaultPreemption: so far only the words with which preemption is refused (upstream: plugins/defaultpreemption).

Where pods of lower priority stand in the way, victims would have to be chosen; that is refused by name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from sched_core import Code, NotSupported, Plugin, PostFilterResult, unschedulable

if TYPE_CHECKING:
    from sched_core import CycleState, Diagnosis, NodeColumns, PodInfo

NEVER = "not eligible due to preemptionPolicy=Never."
NOT_HELPFUL = "Preemption is not helpful for scheduling"
NO_VICTIMS = "No preemption victims found for incoming pod"


class DefaultPreemption(Plugin):
    """Say why no pod has to leave for the one that fits nowhere.

    Candidates are the nodes with code Unschedulable; on others removing pods would not help.
    """

    name = "DefaultPreemption"
    reads_amounts = False

    def post_filter(
        self, state: CycleState, pod: PodInfo, nodes: NodeColumns, diagnosis: Diagnosis
    ) -> PostFilterResult:
        """Refuse, and clear the nomination unless the pod may not preempt at all.

        Raises NotSupported if a candidate holds a pod of lower priority.
        """
        if pod.pod.spec.preemption_policy == "Never":
            return PostFilterResult(unschedulable(f"preemption: {NEVER}"))
        candidates = nodes.alive & (diagnosis.codes == Code.Unschedulable)
        if np.any(candidates & (nodes.lowest_priority() < pod.priority)):
            raise NotSupported(
                f"pod {pod.key} could preempt pods of lower priority: DefaultPreemption does not choose victims yet"
            )
        text = refusal(diagnosis.nodes_total, int(np.count_nonzero(candidates)))
        return PostFilterResult(unschedulable(f"preemption: {text}"), nominated_node="")


def refusal(nodes: int, candidates: int) -> str:
    """Return upstream's sentence for so many nodes, of which so many were candidates without victims."""
    counts = {NO_VICTIMS: candidates, NOT_HELPFUL: nodes - candidates}
    parts = sorted(f"{count} {reason}" for reason, count in counts.items() if count)
    return f"0/{nodes} nodes are available: {', '.join(parts)}."
