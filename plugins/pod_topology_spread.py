"""PodTopologySpread: pods of a set spread evenly over zones, nodes and the like (upstream: plugins/podtopologyspread).

Pods are weighed by class and summed by domain (`PlacedPods`). Upstream remembers two "critical paths" in place of the
minimum over all domains; as long as one node at a time is tried out, both are the same, so the minimum is taken.
"""

from __future__ import annotations

from collections.abc import Hashable, Sequence
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from plugins.helper import default_selector, hints_pod_topology_spread
from plugins.helper.affinity_terms import label_weigher, namespace_of
from plugins.helper.kinds import KindIndex, Weights
from plugins.helper.label_selector import Selector, matches
from plugins.helper.logarithm import go_log, go_logs
from plugins.helper.placed_pods import PlacedPods
from plugins.helper.pod_topology_spread_obstacles import label_obstacle, skew_obstacle
from plugins.helper.spread_constraints import (
    HOSTNAME,
    SYSTEM_DEFAULTS,
    Constraint,
    Counted,
    Plan,
    Planner,
    counts_pod,
)
from sched_core import (
    NO_TERMS,
    SKIP,
    SUCCESS,
    Code,
    Domains,
    DomainTerms,
    Plugin,
    PodInfo,
    PreFilterResult,
    Spread,
    Status,
    Tally,
    Verdicts,
    Weighted,
    quotient,
)

if TYPE_CHECKING:
    from sched_core import CycleState, NodeColumns, Obstacle, Pod, PodTopologySpreadArgs

STATE = "PreFilterPodTopologySpread"
SCORE_STATE = "PreScorePodTopologySpread"
HARD, SOFT = "DoNotSchedule", "ScheduleAnyway"

_KEPT_BYTES = 64 << 20
_REASON = "node(s) didn't match pod topology spread constraints"


class PreFilterState:
    """The matching pods of each hard constraint by domain; ``add_pod`` and ``remove_pod`` change them."""

    def __init__(self, plan: Plan, counts: list[NDArray[np.int64]]) -> None:
        self.plan, self.counts = plan, counts

    def clone(self) -> PreFilterState:
        """Return a copy that can be changed by itself."""
        return PreFilterState(self.plan, [counts.copy() for counts in self.counts])

    def __copy__(self) -> PreFilterState:
        return self.clone()

    def __deepcopy__(self, memo: object) -> PreFilterState:
        return self.clone()


class ScoreState:
    """What PreScore leaves: the raw score int64[N] and the nodes that are not scored, bool[N]."""

    def __init__(self, raw: NDArray[np.int64], ignored: NDArray[np.bool_], feasible: NDArray[np.int64]) -> None:
        self.raw, self.ignored, self.feasible = raw, ignored, feasible


class PodTopologySpread(Plugin):
    """Filter by hard spread constraints, score by soft ones."""

    name = "PodTopologySpread"
    reads_amounts = False
    object_kinds = default_selector.KINDS
    events_to_register = staticmethod(hints_pod_topology_spread.events_to_register)
    reasons = (f"{_REASON} (missing required label)", _REASON)
    without_pre_filter = f'reading "{STATE}" from cycleState: not found'

    def __init__(self, args: PodTopologySpreadArgs) -> None:
        super().__init__(args)
        system = args.defaulting_type == "System"
        self._planner = Planner(SYSTEM_DEFAULTS if system else args.default_constraints, system)
        self._pods = PlacedPods()
        self._plans: dict[tuple[int, str], Plan | None] = {}
        self._version = (-1, -1)
        self._own_rows = Domains("rows", np.zeros(0, np.int64), 0)
        self._index = KindIndex()
        self._labelled: dict[Hashable, Domains] = {}
        self._logs = np.zeros(0)
        self._said: dict[int, DomainTerms] = {}

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        """Count the matching pods of each domain; skip where there is no hard constraint."""
        plan = self._plan(pod, HARD, nodes)
        if plan is None:
            return PreFilterResult(SKIP)
        counts = [self._counts(nodes, pod.pod, each.constraint, each.counted).copy() for each in plan.constraints]
        state[STATE] = PreFilterState(plan, counts)
        return PreFilterResult()

    def add_pod(self, state: CycleState, pod: PodInfo, added: PodInfo | Pod, row: int) -> Status:
        """Count a pod as if it ran on the node of ``row`` too."""
        return self._update(state, pod, added, row, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, removed: PodInfo | Pod, row: int) -> Status:
        """Count a pod that runs on the node of ``row`` no more."""
        return self._update(state, pod, removed, row, -1)

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        """Refuse nodes by the first constraint that they do not meet."""
        found: PreFilterState = state[STATE]
        bits = np.zeros(nodes.count, np.int64)
        for each, counts in zip(found.plan.constraints, found.counts, strict=True):
            constraint, domain = each.constraint, each.domain
            lowest = 0
            if len(each.present) and len(each.present) >= constraint.min_domains:
                lowest = int(counts[each.present].min())
            itself = int(matches(constraint.selector, pod.pod.metadata.labels))
            refusal = np.where(counts + itself - lowest > constraint.max_skew, 0b10, 0)
            refusal[-1] = 0b01
            bits = np.where(bits == 0, refusal[domain.of], bits)
        return Verdicts(bits, self.reasons, Code.Unschedulable, bits == 0b01)

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        """Name each constraint that the node does not meet, and by how much."""
        state_of_pod: PreFilterState = state[STATE]
        found = []
        for position, (each, counts) in enumerate(zip(state_of_pod.plan.constraints, state_of_pod.counts, strict=True)):
            if each.domain.of[row] >= each.domain.size:
                found.append(label_obstacle(each, counts, position, nodes, row))
            elif obstacle := skew_obstacle(each, counts, pod.pod, position, self.handle, row):
                found.append(obstacle)
        return found

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, feasible: NDArray[np.int64]) -> Status:
        """Work out the raw scores from the domains of the feasible nodes; skip where there is no soft constraint."""
        plan = self._plan(pod, SOFT, nodes)
        if plan is None or not nodes.snapshot_size:
            return SKIP
        ignored = ~plan.labelled if plan.require_all else np.zeros(nodes.count, np.bool_)
        scored = feasible[~ignored[feasible]]
        total = np.zeros(nodes.count, np.float64)
        for each in plan.constraints:
            constraint, domain = each.constraint, each.domain
            if constraint.topology_key == HOSTNAME:
                size = len(scored)
                matching = self._counts(nodes, pod.pod, constraint, self._rows(nodes))[:-1]
            else:
                of = domain.of[scored]
                size = int(np.count_nonzero(np.bincount(of, minlength=1)))
                # of the cluster's own nodes: those that an extender returned have no pods
                matching = self._counts(self.handle.nodes, pod.pod, constraint, each.counted)[domain.of]
            part = matching * go_log(size + 2) + float(constraint.max_skew - 1)
            total += part if plan.require_all else np.where(_has(nodes, constraint.topology_key), part, 0.0)
        total[ignored] = 0.0
        state[SCORE_STATE] = ScoreState(_rounded(total), ignored, feasible)
        return SUCCESS

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> NDArray[np.int64]:
        """Return the raw scores, int64[N]: the more matching pods, the higher."""
        if SCORE_STATE not in state:
            raise LookupError(f'error reading "{SCORE_STATE}" from cycleState: not found')
        found: ScoreState = state[SCORE_STATE]
        return found.raw

    def normalize_score(self, state: CycleState, pod: PodInfo, scores: NDArray[np.int64]) -> NDArray[np.int64]:
        """Turn scores round: the lowest gets 100; nodes that are not scored get 0."""
        found: ScoreState = state[SCORE_STATE]
        ignored = found.ignored[found.feasible]
        counted = scores[~ignored]
        highest = int(counted.max(initial=0))
        if highest == 0:
            return np.where(ignored, 0, 100)
        return np.where(ignored, 0, 100 * (highest + int(counted.min()) - scores) // highest)

    @staticmethod
    def normalize_row(score: int, lowest: int, highest: int) -> int:
        """Do what `normalize_score` does for a node that is scored."""
        return quotient(100 * (highest + lowest - score), max(highest, 1)) if highest > 0 else 100

    def domain_terms(self, pod: PodInfo, nodes: NodeColumns) -> DomainTerms:
        """Say the same as filter and score by rules over tallies."""
        hard, soft = self._plan(pod, HARD, nodes), self._plan(pod, SOFT, nodes)
        if hard is None and soft is None:
            return NO_TERMS
        shape = int(self.handle.classes.shape_of[pod.row])
        if shape not in self._said:
            filters = () if hard is None else tuple(self._rule(pod.pod, each) for each in hard.constraints)
            scores = () if soft is None else tuple(self._weighted(pod.pod, each, nodes) for each in soft.constraints)
            scored = soft.labelled if soft is not None and soft.require_all else None
            self._said[shape] = DomainTerms(filters, scores, scored)
        return self._said[shape]

    def _rule(self, pod: Pod, each: Counted) -> Spread:
        constraint = each.constraint
        itself = int(matches(constraint.selector, pod.metadata.labels))
        tally = self._tally(pod, constraint, each.counted)
        return Spread(tally, each.domain, each.present, itself, constraint.max_skew, constraint.min_domains)

    def _weighted(self, pod: Pod, each: Counted, nodes: NodeColumns) -> Weighted:
        constraint = each.constraint
        by_host = constraint.topology_key == HOSTNAME
        counted, domain = (self._rows(nodes),) * 2 if by_host else (each.counted, each.domain)
        if len(self._logs) != nodes.count + 1:
            self._logs = go_logs(np.arange(2, nodes.count + 3))
        read = self._where_labelled(constraint.topology_key, domain, nodes)
        tally = self._tally(pod, constraint, counted)
        return Weighted(tally, read, constant=float(constraint.max_skew - 1), by_count=self._logs, counted=domain)

    def _where_labelled(self, key: str, domain: Domains, nodes: NodeColumns) -> Domains:
        """Return domains without the nodes that lack a label; like constraints share them."""
        own = (key, domain.key)
        if own not in self._labelled:
            self._labelled[own] = Domains(own, np.where(_has(nodes, key), domain.of, domain.size), domain.size)
        return self._labelled[own]

    def _tally(self, pod: Pod, constraint: Constraint, domains: Domains) -> Tally:
        namespace, selector = namespace_of(pod), constraint.selector
        return Tally((namespace, selector), partial(self._weigh, namespace, selector), domains)

    def _weigh(self, namespace: str, selector: Selector, first: int, end: int) -> Weights:
        self._index.catch_up(self.handle.kinds)
        return self._index.weigh(selector, first, end, lambda other: counts_pod(selector, namespace, other))

    def _update(self, state: CycleState, pod: PodInfo, other: PodInfo | Pod, row: int, sign: int) -> Status:
        found: PreFilterState | None = state.get(STATE)
        if found is None:  # PreFilter skipped the pod
            return SUCCESS
        record = other.pod if isinstance(other, PodInfo) else other
        if namespace_of(record) != namespace_of(pod.pod) or not found.plan.labelled[row]:
            return SUCCESS
        for each, counts in zip(found.plan.constraints, found.counts, strict=True):
            domain = each.counted.of[row]
            # Not as in PreFilter: pods that are being deleted and empty selectors count here.
            if domain < each.counted.size and matches(each.constraint.selector, record.metadata.labels):
                counts[domain] += sign
        return SUCCESS

    def _counts(self, nodes: NodeColumns, pod: Pod, constraint: Constraint, domains: Domains) -> NDArray[np.int64]:
        namespace, selector = namespace_of(pod), constraint.selector
        weigh = label_weigher(self.handle.kinds, lambda other: counts_pod(selector, namespace, other))
        return self._pods.sums(nodes, len(self.handle.classes), (namespace, selector), weigh, domains)

    def _plan(self, pod: PodInfo, action: str, nodes: NodeColumns) -> Plan | None:
        version = (nodes.object_version, self.handle.version(*default_selector.KINDS))
        if version != self._version or len(self._plans) * nodes.count * 24 > _KEPT_BYTES:
            self._version = version
            self._plans.clear()
            self._labelled.clear()
            self._said.clear()
        key = (int(self.handle.classes.shape_of[pod.row]), action)
        if key not in self._plans:
            self._plans[key] = self._planner.plan(pod.pod, action, self.handle, nodes)
        return self._plans[key]

    def _rows(self, nodes: NodeColumns) -> Domains:
        """Return domains of one node each, whatever its labels."""
        if self._own_rows.size != nodes.count:
            self._own_rows = Domains("rows", np.arange(nodes.count), nodes.count)
        return self._own_rows


def _has(nodes: NodeColumns, key: str) -> NDArray[np.bool_]:
    return nodes.label(key).ids >= 0


def _rounded(values: NDArray[np.float64]) -> NDArray[np.int64]:
    """Round as Go does: halves away from zero (no value is negative)."""
    whole = np.floor(values)
    return (whole + (values - whole >= 0.5)).astype(np.int64)
