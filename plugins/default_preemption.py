"""DefaultPreemption: whom to evict, and where, so that a pod fits that fits nowhere.

Upstream: plugins/defaultpreemption, framework/preemption.

Evicts nobody: the answer names the victims, whoever runs the engine evicts them, and PreEnqueue holds the pod back
until that is done. Which of several equal nodes upstream takes is random; here it is the first in the order in which
nodes are looked at, and candidates are searched from the beginning of that order.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from plugins.helper import hints_default_preemption
from plugins.helper.disruption_budgets import Budgets
from plugins.helper.reprieve import find_victims
from plugins.helper.victims import NOBODY, cheapest, enough, joined, price_of
from sched_core import (
    SUCCESS,
    Candidate,
    Code,
    DefaultPreemptionArgs,
    Plugin,
    PostFilterResult,
    Preemption,
    Status,
    error,
    unresolvable,
    unschedulable,
)

if TYPE_CHECKING:
    from sched_core import CycleState, Diagnosis, NodeColumns, PodInfo

NEVER = "not eligible due to preemptionPolicy=Never."
TERMINATING = "not eligible due to a terminating pod on the nominated node."
NOT_HELPFUL = "Preemption is not helpful for scheduling"
PREEMPTING = "waiting for the preemption for this pod to be finished"
NO_CANDIDATE = "no candidate node for preemption"


class DefaultPreemption(Plugin):
    """Find the node where evicting pods of lower priority makes room at the lowest price.

    Candidates are the nodes with code Unschedulable; on others removing pods would not help.
    """

    name = "DefaultPreemption"
    reads_amounts = False
    events_to_register = staticmethod(hints_default_preemption.events_to_register)

    def __init__(self, args: DefaultPreemptionArgs | None = None) -> None:
        super().__init__(args if args is not None else DefaultPreemptionArgs())
        self._known_budgets: tuple[int, Budgets] | None = None

    def pre_enqueue(self, pod: PodInfo) -> Status:
        """Hold a pod back whose victims are being deleted."""
        return unresolvable(PREEMPTING) if self.handle.is_preempting(pod.pod) else SUCCESS

    def post_filter(
        self, state: CycleState, pod: PodInfo, nodes: NodeColumns, diagnosis: Diagnosis
    ) -> PostFilterResult:
        """Name the node and its victims; or refuse, and clear the nomination unless the pod may not preempt at all."""
        reason = self._not_eligible(pod, nodes, diagnosis)
        if reason:
            return PostFilterResult(unschedulable(f"preemption: {reason}"), preemption=Preemption(False))
        order = nodes.order()
        rows = order[diagnosis.codes[order] == Code.Unschedulable].astype(np.int64)
        candidates, price, statuses = self._find(state, pod, nodes, rows)
        errors = dict.fromkeys(status.message for status in statuses if status.code == Code.Error)
        if not candidates and errors:
            text = ", ".join(errors) if len(errors) == 1 else f"[{', '.join(errors)}]"
            return PostFilterResult(error(f"preemption: {text}"), preemption=Preemption(True))
        if not candidates:
            text = refusal(diagnosis.nodes_total, statuses)
            return PostFilterResult(unschedulable(f"preemption: {text}"), "", Preemption(True))
        if self.handle.has_extenders:
            agreed = self.handle.process_preemption(pod, candidates)
            if isinstance(agreed, Status):
                return PostFilterResult(error(f"preemption: {agreed.message}"), preemption=Preemption(True))
            if not agreed:
                return PostFilterResult(unschedulable(f"preemption: {NO_CANDIDATE}"), preemption=Preemption(True))
            candidates, price = tuple(agreed), np.array([self._price(each) for each in agreed], np.int64)
        best = cheapest(price)
        tied = tuple(candidates[number].node for number in best)
        found = [*candidates[: best[0]], candidates[best[0]].kept(), *candidates[best[0] + 1 :]]
        return PostFilterResult(SUCCESS, tied[0], Preemption(True, found, tied))

    def _price(self, candidate: Candidate) -> tuple[int, ...]:
        """Return what a candidate costs as extenders left it."""
        return price_of([self.handle.placed(key) for key in candidate.victims], candidate.pdb_violations)

    def _not_eligible(self, pod: PodInfo, nodes: NodeColumns, diagnosis: Diagnosis) -> str:
        """Return why a pod may not preempt others; empty if it may."""
        if pod.pod.spec.preemption_policy == "Never":
            return NEVER
        row = nodes.row_of.get(self.handle.nominated_node(pod), -1)
        if row < 0 or diagnosis.codes[row] == Code.UnschedulableAndUnresolvable:
            return ""
        leaving = any(is_leaving(placed.info) for placed in self.handle.lower_pods(pod.priority)[row])
        return TERMINATING if leaving else ""

    def _find(
        self, state: CycleState, pod: PodInfo, nodes: NodeColumns, rows: NDArray[np.int64]
    ) -> tuple[tuple[Candidate, ...], NDArray[np.int64], Counter[Status]]:
        """Return the candidates and their prices, int64[K, 5], and what was said of how many other nodes.

        Nodes are tried in their order until there are enough candidates.
        """
        wanted = len(rows) if state.all_nodes else self._wanted(len(rows))
        placed, runs = self.handle.lower_pods(pod.priority), self.handle.dry_runs(state, pod)
        found, counted, statuses = NOBODY, np.zeros(0, np.int64), Counter[Status]()
        for victims, said in find_victims(nodes, runs, placed, rows, self._budgets(), wanted):
            found = joined(found, victims)
            statuses.update(said)
            counted, is_enough = enough(found, wanted)
            if is_enough:
                break
        price, first = found.price[counted], found.first[counted]
        pods = zip(first.tolist(), (first + price[:, 3]).tolist(), strict=True)
        keys = [nodes.pods.keys(found.numbers[begin:end]) for begin, end in pods]
        names = [nodes.names[row] for row in found.rows[counted].tolist()]
        return tuple(map(Candidate, names, keys, price[:, 0].tolist())), price, statuses

    def _budgets(self) -> Budgets:
        version = self.handle.version("PodDisruptionBudget")
        if self._known_budgets is None or self._known_budgets[0] != version:
            self._known_budgets = (version, Budgets(self.handle.objects("PodDisruptionBudget")))
        return self._known_budgets[1]

    def _wanted(self, nodes: int) -> int:
        """Return how many candidates are enough."""
        share = nodes * self.args.min_candidate_nodes_percentage // 100
        enough: int = max(share, self.args.min_candidate_nodes_absolute)
        return min(enough, nodes)


def is_leaving(pod: PodInfo) -> bool:
    """Tell whether a pod is being deleted because it was preempted."""
    if pod.pod.metadata.deletion_timestamp is None:
        return False
    blamed = [each for each in pod.pod.status.conditions if each.type == "DisruptionTarget"]
    return bool(blamed) and (blamed[0].status, blamed[0].reason) == ("True", "PreemptionByScheduler")


def refusal(nodes: int, statuses: Counter[Status]) -> str:
    """Return upstream's sentence for so many nodes, with what was said of those that were tried."""
    counts: Counter[str] = Counter()
    for status, times in statuses.items():
        for reason in status.reasons:
            counts[reason] += times
    counts[NOT_HELPFUL] += nodes - statuses.total()
    parts = sorted(f"{count} {reason}" for reason, count in counts.items() if count)
    return f"0/{nodes} nodes are available: {', '.join(parts)}."
