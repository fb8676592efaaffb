"""DefaultPreemption: whom to evict, and where, so that a pod fits that fits nowhere.

Upstream: plugins/defaultpreemption, framework/preemption.

Evicts nobody: the answer names the victims, whoever runs the engine evicts them, and PreEnqueue holds the pod back
until that is done. Which of several equal nodes upstream takes is random; here it is the first in the order in which
nodes are looked at, and candidates are searched from the beginning of that order. Pods that the kubelet has not started
count as just started; upstream's sort leaves those of one priority in reverse order, here too (for more than twelve
upstream's order follows no rule).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

from plugins.helper import hints_default_preemption
from plugins.helper.disruption_budgets import Budgets
from sched_core import (
    NOT_STARTED,
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
    from sched_core import CycleState, Diagnosis, DryRun, NodeColumns, PlacedPod, PodInfo

NEVER = "not eligible due to preemptionPolicy=Never."
TERMINATING = "not eligible due to a terminating pod on the nominated node."
NOT_HELPFUL = "Preemption is not helpful for scheduling"
PREEMPTING = "waiting for the preemption for this pod to be finished"
NO_VICTIMS = "No preemption victims found for incoming pod"
NO_CANDIDATE = "no candidate node for preemption"

BIAS = 1 << 31
"""What is added to each victim's priority, so that more victims never sum up to less."""


class Victims(NamedTuple):
    """The pods that would have to leave a node."""

    node: str
    pods: tuple[PlacedPod, ...]
    """The most important first."""
    pdb_violations: int


class DefaultPreemption(Plugin):
    """Find the node where evicting pods of lower priority makes room at the lowest price.

    Candidates are the nodes with code Unschedulable; on others removing pods would not help.
    """

    name = "DefaultPreemption"
    reads_amounts = False
    events_to_register = staticmethod(hints_default_preemption.events_to_register)

    def __init__(self, args: DefaultPreemptionArgs | None = None) -> None:
        super().__init__(args if args is not None else DefaultPreemptionArgs())

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
        rows = order[diagnosis.codes[order] == Code.Unschedulable].tolist()
        found, statuses = self._find(state, pod, nodes, rows)
        errors = dict.fromkeys(status.message for status in statuses if status.code == Code.Error)
        if not found and errors:
            text = ", ".join(errors) if len(errors) == 1 else f"[{', '.join(errors)}]"
            return PostFilterResult(error(f"preemption: {text}"), preemption=Preemption(True))
        if not found:
            text = refusal(diagnosis.nodes_total, statuses)
            return PostFilterResult(unschedulable(f"preemption: {text}"), "", Preemption(True))
        candidates = tuple(
            Candidate(each.node, tuple(placed.key for placed in each.pods), each.pdb_violations) for each in found
        )
        if self.handle.has_extenders:
            agreed = self.handle.process_preemption(pod, candidates)
            if isinstance(agreed, Status):
                return PostFilterResult(error(f"preemption: {agreed.message}"), preemption=Preemption(True))
            if not agreed:
                return PostFilterResult(unschedulable(f"preemption: {NO_CANDIDATE}"), preemption=Preemption(True))
            candidates, found = tuple(agreed), [self._as_told(each) for each in agreed]
        tied = tuple(each.node for each in cheapest(found))
        return PostFilterResult(SUCCESS, tied[0], Preemption(True, candidates, tied))

    def _as_told(self, candidate: Candidate) -> Victims:
        """Return the victims of a candidate as extenders left it."""
        pods = tuple(self.handle.placed(key) for key in candidate.victims)
        return Victims(candidate.node, pods, candidate.pdb_violations)

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
        self, state: CycleState, pod: PodInfo, nodes: NodeColumns, rows: Sequence[int]
    ) -> tuple[list[Victims], list[Status]]:
        """Return the candidates, those without a broken budget first, and what was said of the other nodes."""
        wanted = len(rows) if state.all_nodes else self._wanted(len(rows))
        kept: list[Victims] = []
        costly: list[Victims] = []
        statuses = []
        known: dict[Hashable, tuple[int, ...] | Status] = {}
        lower = self.handle.lower_pods(pod.priority)
        budgets = Budgets(self.handle.objects("PodDisruptionBudget"))
        runs = self.handle.dry_runs(state, pod)
        for row in rows:
            pods = lower[row]
            if not pods:
                statuses.append(unresolvable(NO_VICTIMS))
                continue
            breaking, others = budgets.split(by_importance(pods))
            classes = tuple(placed.info.row for placed in breaking), tuple(placed.info.row for placed in others)
            key = runs.key(row)
            selected = known.get((key, classes)) if key is not None else None
            if selected is None:
                with runs.on(row) as dry_run:
                    selected = known[key, classes] = select_victims(dry_run, breaking, others)
            if isinstance(selected, Status):
                statuses.append(selected)
                continue
            victims = _victims(nodes.names[row], selected, breaking, others)
            if not victims.pods:
                statuses.append(error(f'expected at least one victim pod on node "{victims.node}"'))
                continue
            group = costly if victims.pdb_violations else kept
            if len(group) < wanted:
                group.append(victims)
            if kept and len(kept) + len(costly) >= wanted and not state.all_nodes:
                break
        return kept + costly, statuses

    def _wanted(self, nodes: int) -> int:
        """Return how many candidates are enough."""
        share = nodes * self.args.min_candidate_nodes_percentage // 100
        enough: int = max(share, self.args.min_candidate_nodes_absolute)
        return min(enough, nodes)


def select_victims(
    dry_run: DryRun, breaking: Sequence[PlacedPod], others: Sequence[PlacedPod]
) -> tuple[int, ...] | Status:
    """Return the fewest victims among the pods of lower priority on a node, or why evicting all would not help.

    All are taken away; then as many as possible come back, those that would break a budget first. Victims are told by
    their positions in ``breaking`` and ``others`` together.
    """
    pods = [*breaking, *others]
    for placed in pods:
        dry_run.remove(placed)
    status = dry_run.status()
    if not status.is_success:
        return status
    victims = []
    for position, placed in enumerate(pods):
        dry_run.put_back(placed)
        if not dry_run.status().is_success:
            dry_run.remove(placed)
            victims.append(position)
    return tuple(victims)


def _victims(
    node: str, selected: tuple[int, ...], breaking: Sequence[PlacedPod], others: Sequence[PlacedPod]
) -> Victims:
    pods = [*breaking, *others]
    found = [pods[position] for position in selected]
    if breaking and others:
        found = by_importance(found)
    return Victims(node, tuple(found), sum(position < len(breaking) for position in selected))


def by_importance(pods: Sequence[PlacedPod]) -> list[PlacedPod]:
    """Sort pods by priority, the highest first, then by start time, the earliest first."""

    def key(item: tuple[int, PlacedPod]) -> tuple[int, int, int]:
        position, placed = item
        last = placed.start_time == NOT_STARTED
        return -placed.priority, placed.start_time, -position if last else position

    return [placed for _, placed in sorted(enumerate(pods), key=key)]


def earliest_start(victims: Victims) -> int:
    """Return the earliest start among the victims of the highest priority, in nanoseconds."""
    highest = victims.pods[0].priority
    return min(placed.start_time for placed in victims.pods if placed.priority == highest)


_COMPARISONS: tuple[Callable[[Victims], int], ...] = (
    lambda victims: victims.pdb_violations,
    lambda victims: victims.pods[0].priority,
    lambda victims: sum(placed.priority + BIAS for placed in victims.pods),
    lambda victims: len(victims.pods),
    lambda victims: -earliest_start(victims),
)
"""Upstream's comparisons, one after the other; the lowest is best."""


def cheapest(candidates: Sequence[Victims]) -> list[Victims]:
    """Return the candidates that remain after all comparisons."""
    left = list(candidates)
    for price in _COMPARISONS:
        prices = [price(victims) for victims in left]
        left = [victims for victims, mine in zip(left, prices, strict=True) if mine == min(prices)]
    return left


def is_leaving(pod: PodInfo) -> bool:
    """Tell whether a pod is being deleted because it was preempted."""
    if pod.pod.metadata.deletion_timestamp is None:
        return False
    blamed = [each for each in pod.pod.status.conditions if each.type == "DisruptionTarget"]
    return bool(blamed) and (blamed[0].status, blamed[0].reason) == ("True", "PreemptionByScheduler")


def refusal(nodes: int, statuses: Iterable[Status]) -> str:
    """Return upstream's sentence for so many nodes, with what was said of those that were tried."""
    counts: Counter[str] = Counter()
    tried = 0
    for status in statuses:
        tried += 1
        counts.update(status.reasons)
    counts[NOT_HELPFUL] += nodes - tried
    parts = sorted(f"{count} {reason}" for reason, count in counts.items() if count)
    return f"0/{nodes} nodes are available: {', '.join(parts)}."
