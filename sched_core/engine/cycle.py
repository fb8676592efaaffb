"""The scheduling cycle: one pod, all nodes, every extension point in order, statuses and reasons kept (upstream:
schedule_one.go).

This is the reference in production form: compiled batches are held against it, it is held against recorded decisions
of kube-scheduler. It takes a decision and changes nothing; whoever calls it places the pod.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from sched_core.cluster import Cluster
from sched_core.columns.classes import PodInfo
from sched_core.columns.nodes import NodeColumns
from sched_core.engine.answers import CycleError, checked, expect, failed, numbers, whole
from sched_core.engine.decision import Decision
from sched_core.engine.diagnosis import Diagnosis
from sched_core.engine.dry_run import DryRuns, FilterError
from sched_core.engine.nominated_pods import NominatedPods
from sched_core.engine.program import Program, in_rows, is_row
from sched_core.engine.signed import PASSES, SignedAnswers
from sched_core.errors import ExtenderError, NotSupported, PluginError, StowageError
from sched_core.extender import Extenders
from sched_core.extender.filter import Feasible, changed_node
from sched_core.framework.cycle_state import CycleState
from sched_core.framework.nominator import Nominator
from sched_core.framework.plugin import (
    MAX_NODE_SCORE,
    MIN_NODE_SCORE,
    Plugin,
    PostFilterResult,
    PreFilterResult,
    Verdicts,
)
from sched_core.framework.profile import Profile
from sched_core.framework.status import SUCCESS, Code, Status, error, unresolvable
from sched_core.kernels.scan import scan
from sched_core.kernels.select import select_host

NO_NODES = "no nodes available to schedule pods"


def nodes_to_find(percentage: int, nodes: int) -> int:
    """Return how many feasible nodes are wanted (upstream: numFeasibleNodesToFind); percentage 0 is adaptive."""
    if nodes < 100:
        return nodes
    if percentage == 0:
        percentage = max(50 - nodes // 125, 5)
    return max(nodes * percentage // 100, 100)


class Cycle:
    """The cycle of one profile on one cluster."""

    def __init__(
        self, profile: Profile, cluster: Cluster, program: Program, nominator: Nominator, extenders: Extenders
    ) -> None:
        self.profile, self.cluster, self.nodes, self.program = profile, cluster, cluster.nodes, program
        self.nominator, self.nominated, self.extenders = nominator, NominatedPods(cluster, nominator), extenders
        self.signed = SignedAnswers(cluster.nodes)

    def run(self, pod: PodInfo, start: int = 0, *, all_nodes: bool = False) -> Decision:
        """Decide on a pod; ``start`` is the index at which the scan begins.

        With ``all_nodes`` the configured percentage does not count. Raises NotSupported.
        """
        decision = Decision(pod, self.nodes, state=CycleState(all_nodes=all_nodes))
        if not self.nodes.snapshot_size:
            decision.status, decision.message, decision.nominated_node = unresolvable(NO_NODES), NO_NODES, ""
            return decision
        state = decision.state
        diagnosis = Diagnosis.of(self.nodes, self.profile.points["filter"])
        decision.diagnosis = diagnosis
        try:
            order = self._order(decision)
            candidates = self.pre_filter(state, pod, diagnosis)
            feasible = Feasible(decision.feasible_rows)
            if candidates is not None:
                feasible = self._find_feasible(state, decision, diagnosis, candidates, order, start, all_nodes)
                decision.feasible_rows = feasible.rows
            if not len(feasible.rows):
                self._post_filter(state, decision, diagnosis)
                return decision
            decision.row = self._select(state, decision, feasible)
        except CycleError as reason:
            decision.status, decision.message, decision.row = error(str(reason)), str(reason), -1
            if reason.asked is not None:
                plugin, method = reason.asked
                decision.fault = PluginError(plugin.name, method, str(reason), pod.key, reason.node)
            decision.nominated_node, decision.preemption = "", None
            decision.feasible_rows = decision.feasible_rows[:0]
        return decision

    def _order(self, decision: Decision) -> NDArray[np.int32]:
        """Return the order of the nodes; what is wrong with own columns or ranks ends the attempt."""
        fault = self.cluster.classes.faults.get(decision.pod.row) or next(iter(self.nodes.faults.values()), None)
        try:
            if fault is not None:
                raise fault
            return self.program.order()
        except PluginError as reason:
            at = reason.plugin, reason.extension_point, reason.reason
            decision.fault = PluginError(*at, decision.key, reason.node)
            raise CycleError(str(reason)) from reason

    def pre_filter(self, state: CycleState, pod: PodInfo, diagnosis: Diagnosis) -> NDArray[np.bool_] | None:
        """Return the nodes worth a look, bool[N]; None when the pod as a whole was refused."""
        names: frozenset[str] | None = None
        by: list[str] = []
        refused: Status | None = None
        for plugin in self.profile.points["preFilter"]:
            asked = plugin, "pre_filter"
            result = expect(PreFilterResult, self._call(*asked, state, pod, self.nodes), *asked)
            status = result.status
            if status.is_skip:
                state.skip_filter.add(plugin.name)
            elif status.code == Code.UnschedulableAndUnresolvable:
                diagnosis.named_by = ()
                self._refuse_all(diagnosis, status.of(plugin.name))
                return None
            elif status.code == Code.Unschedulable:
                refused = status.of(plugin.name)
            elif not status.is_success:
                raise failed(*asked, status.message)
            if result.node_names is not None:
                by.append(plugin.name)
                names = result.node_names if names is None else names & result.node_names
                diagnosis.named_by = tuple(by)
                if not names:
                    self._refuse_all(diagnosis, unresolvable(_unsatisfied(by)))
                    return None
        if refused is not None:
            self._refuse_all(diagnosis, refused)
            return None
        if names is None:
            return self.nodes.alive.copy()
        candidates = np.zeros(self.nodes.count, np.bool_)
        candidates[[self.nodes.row_of[name] for name in names if name in self.nodes.row_of]] = True
        self._absent(diagnosis, unresolvable(f"node(s) didn't satisfy plugin(s) [{' '.join(by)}]"), ~candidates)
        return candidates

    def _refuse_all(self, diagnosis: Diagnosis, status: Status) -> None:
        diagnosis.pre_filter_message = status.message
        self._absent(diagnosis, status, np.ones(self.nodes.count, np.bool_))

    def _absent(self, diagnosis: Diagnosis, status: Status, mask: NDArray[np.bool_]) -> None:
        diagnosis.absent, diagnosis.absent_mask = status, mask & self.nodes.alive
        diagnosis.codes[diagnosis.absent_mask] = status.code

    def _find_feasible(
        self, state: CycleState, decision: Decision, diagnosis: Diagnosis, candidates: NDArray[np.bool_],
        order: NDArray[np.int32], start: int, all_nodes: bool,
    ) -> Feasible:  # fmt: skip
        """Return the feasible nodes: the nominated one alone if it passes, else those of the (sampled) scan."""
        passed = self._filter(state, decision.pod, diagnosis, candidates)
        passed = self._count_nominated(state, decision.pod, diagnosis, candidates, passed)
        nominated = self.nodes.row_of.get(self.nominator.node_of(decision.pod))
        statuses: dict[str, Status] = {}
        if nominated is not None and passed[nominated]:
            feasible = self._ask_about_nominated(decision.pod, nominated, statuses)
            if len(feasible.rows):
                decision.nominated_node_used = True
                return feasible
        scanned = order[candidates[order]] if diagnosis.absent_mask is not None else order
        wanted = len(scanned) if all_nodes else nodes_to_find(self.profile.percentage_of_nodes_to_score, len(scanned))
        scores = self.profile.points["score"] or self.extenders.prioritizes
        if not scores and not self.extenders.filters and not all_nodes:
            wanted = 1
        start %= max(len(scanned), 1)
        found = np.empty(wanted, np.int64)
        count, evaluated = scan(scanned, passed, start, wanted, found)
        rows = found[:count]
        if diagnosis.reasons and evaluated < len(scanned):
            diagnosis.forget(np.roll(scanned, -start)[evaluated:])
        if statuses:
            reached = np.roll(scanned, -start)[:evaluated]
            for row in reached[~passed[reached]].tolist():
                statuses.pop(self.nodes.names[row], None)  # what a plugin says is said later
        decision.evaluated = evaluated + len(statuses)
        return self._ask_filters(decision.pod, diagnosis, rows, statuses)

    def _ask_about_nominated(self, pod: PodInfo, row: int, statuses: dict[str, Status]) -> Feasible:
        """Return what extenders leave of the nominated node; errors do not count here, what they say stays said."""
        try:
            return self.extenders.filter(pod, np.array([row], np.int64), statuses)
        except ExtenderError:
            return Feasible(np.zeros(0, np.int64))

    def _ask_filters(
        self, pod: PodInfo, diagnosis: Diagnosis, rows: NDArray[np.int64], statuses: dict[str, Status]
    ) -> Feasible:
        """Return what extenders leave of the feasible rows."""
        if not self.extenders or not len(rows):
            left = Feasible(rows)
        else:
            try:
                left = self.extenders.filter(pod, rows, statuses)
            except ExtenderError as reason:
                raise CycleError(str(reason)) from reason
        if statuses or len(left.rows) != len(rows):
            diagnosis.refuse_by_extenders(statuses, rows, left.rows, self.nodes.row_of)
        return left

    def _filter(
        self, state: CycleState, pod: PodInfo, diagnosis: Diagnosis, candidates: NDArray[np.bool_]
    ) -> NDArray[np.bool_]:
        left = candidates
        if not left.any():
            return left
        for number, plugin in enumerate(self.profile.points["filter"]):
            if plugin.name in state.skip_filter or (diagnosis.reasons and not left.any()):
                continue
            if plugin.without_pre_filter and plugin.name not in self.profile.named["preFilter"]:
                raise CycleError(f'running "{plugin.name}" filter plugin: {plugin.without_pre_filter}')
            verdicts = self.verdicts(plugin, state, pod)
            if verdicts is None:
                continue
            for row in verdicts.errors:
                if left[row]:
                    raise CycleError(f'running "{plugin.name}" filter plugin: {verdicts.errors[row]}')
            left = diagnosis.refuse(number, verdicts, left)
        return left

    def verdicts(self, plugin: Plugin, state: CycleState, pod: PodInfo) -> Verdicts | None:
        """Return what one filter says of all rows, None if it refuses none; raises CycleError."""
        if in_rows(plugin, pod):
            try:
                bits = self.program.refusals(plugin, pod.row)
            except PluginError as reason:
                raise failed(plugin, "filter_row", reason.reason) from reason
            lasting = (bits >> 62) & 1 == 1
            return Verdicts(bits & ~(1 << 62), plugin.reasons, Code.Unschedulable, lasting) if bits.any() else None
        key = self.signed.key(plugin, "filter", pod)
        known = self.signed.get(key)
        if known is None:
            verdicts = self._asked(plugin, state, pod)
            known = verdicts if verdicts.errors or verdicts.bits.any() else PASSES
            if key is not None:
                self.signed.keep(key, known)
        return None if known is PASSES else known

    def _asked(self, plugin: Plugin, state: CycleState, pod: PodInfo) -> Verdicts:
        try:
            return checked(self._call(plugin, "filter", state, pod, self.nodes), self.nodes.count)
        except ValueError as reason:
            raise failed(plugin, "filter", str(reason)) from reason

    def _count_nominated(
        self, state: CycleState, pod: PodInfo, diagnosis: Diagnosis, candidates: NDArray[np.bool_],
        passed: NDArray[np.bool_],
    ) -> NDArray[np.bool_]:  # fmt: skip
        """Ask about nodes to which other pods are nominated once more, with these on them; that answer comes first."""
        claimed, _ = self.nominated.rivals(pod)
        there = np.unique(claimed[candidates[claimed]])
        if not len(there):
            return passed
        runs, left = DryRuns(self, state, pod), passed.copy()
        run = runs.on_rows(there)
        if run is not None:
            refusals = run.refusals_with_nominated()
            diagnosis.refuse_some(there, refusals)
            left[there[~refusals.passed]] = False
            return left
        for row in there.tolist():
            try:
                with runs.on(row) as dry_run:
                    refusal = dry_run.refusal_with_nominated()
            except FilterError as reason:
                raise CycleError(str(reason)) from reason
            if refusal is not None:
                left[row] = False
                diagnosis.refuse_one(row, refusal.number, refusal.bits, refusal.reasons, refusal.code)
        return left

    def _select(self, state: CycleState, decision: Decision, feasible: Feasible) -> int:
        rows = feasible.rows
        if len(rows) == 1:
            return int(rows[0])
        nodes = self.nodes
        if feasible.returned is not None:
            changed = changed_node(feasible.returned, nodes)
            if changed:
                text = f"pod {decision.key}: an extender returned node {changed} with other labels, taints or resources"
                raise NotSupported(text)
            nodes = nodes.without_pods(rows)
        self._score(state, decision, nodes)
        self._add_priorities(decision, feasible)
        limits = np.iinfo(np.int32)
        total, scored = decision.total, decision.extender_scored
        if total.max() > limits.max or total.min() < limits.min or scored is not None:
            total = np.unique(total, return_inverse=True)[1]  # ranks order the nodes in the same way
        if scored is not None:
            total = 2 * total + scored
        if self.program.order.by_rank:
            return self.program.order.first(rows[total == total.max()])
        return int(rows[select_host(total.astype(np.int32))])

    def _add_priorities(self, decision: Decision, feasible: Feasible) -> None:
        """Add what extenders say to the totals."""
        if not self.extenders.interested(decision.pod.pod):
            return
        decision.extender_scores, decision.extender_scored = self.extenders.prioritize(decision.pod, feasible)
        for added in decision.extender_scores.values():
            decision.total += added

    def _score(self, state: CycleState, decision: Decision, nodes: NodeColumns) -> None:
        """Fill in raw, normalised and total scores over the feasible rows of ``nodes``."""
        pod, rows = decision.pod, decision.feasible_rows
        for plugin in self.profile.points["preScore"]:
            asked = plugin, "pre_score"
            status = expect(Status, self._call(*asked, state, pod, nodes, rows), *asked)
            if status.is_skip:
                state.skip_score.add(plugin.name)
            elif not status.is_success:
                raise failed(*asked, status.message)
        raw: dict[str, NDArray[np.int64]] = {}
        scores: dict[str, NDArray[np.int64]] = {}
        active = [plugin for plugin in self.profile.points["score"] if plugin.name not in state.skip_score]
        for plugin in active:
            raw[plugin.name] = self._raw(plugin, state, pod, nodes, rows)
        for plugin in active:
            scores[plugin.name] = self._normalized(plugin, state, pod, raw[plugin.name], rows)
        decision.weights = {name: self.profile.weights[name] for name in raw}
        decision.raw_scores, decision.scores = raw, scores
        decision.total = np.zeros(len(rows), np.int64)
        for name, score in scores.items():
            decision.total += score * decision.weights[name]
        if not self.profile.points["score"] and not self.extenders:
            decision.total += 1

    def _raw(
        self, plugin: Plugin, state: CycleState, pod: PodInfo, nodes: NodeColumns, rows: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        if is_row(plugin, "score"):
            try:
                return numbers(self.program.scores(plugin, pod.row, rows, nodes), rows, nodes, plugin, "score_row")
            except PluginError as reason:
                raise failed(plugin, "score_row", reason.reason) from reason
        key = self.signed.key(plugin, "score", pod) if nodes is self.nodes else None
        scores: NDArray[np.int64] | None = self.signed.get(key)
        if scores is None:
            scores = whole(self._call(plugin, "score", state, pod, nodes), None, nodes, plugin, "score")
            if key is not None:
                self.signed.keep(key, scores)
        return scores[rows]

    def _normalized(
        self, plugin: Plugin, state: CycleState, pod: PodInfo, raw: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> NDArray[np.int64]:
        scores, point = raw, "score_row" if is_row(plugin, "score") else "score"
        if hasattr(plugin, "normalize_score"):
            point = "normalize_score"
            scores = whole(self._call(plugin, point, state, pod, raw.copy()), rows, self.nodes, plugin, point)
        elif hasattr(plugin, "normalize_row"):
            point = "normalize_row"
            try:
                scores = numbers(self.program.normalize(plugin, raw), rows, self.nodes, plugin, point)
            except PluginError as reason:
                raise failed(plugin, point, reason.reason) from reason
        if scores.view(np.uint64).max() > MAX_NODE_SCORE:  # a negative one is very large then
            worst = int(np.argmax((scores < MIN_NODE_SCORE) | (scores > MAX_NODE_SCORE)))
            raise CycleError(
                f'plugin "{plugin.name}" returns an invalid score {scores[worst]}, it should in the range of '
                f"[{MIN_NODE_SCORE}, {MAX_NODE_SCORE}] after normalizing",
                (plugin, point),
                self.nodes.names[rows[worst]],
            )  # fmt: skip
        return scores

    def _post_filter(self, state: CycleState, decision: Decision, diagnosis: Diagnosis) -> None:
        """Run PostFilter and word the failure."""
        reasons: list[str] = []
        outcome = SUCCESS
        for plugin in self.profile.points["postFilter"]:
            asked = plugin, "post_filter"
            answer = self._call(*asked, state, decision.pod, self.nodes, diagnosis)
            result = expect(PostFilterResult, answer, *asked)
            outcome = result.status.of(plugin.name)
            if result.nominated_node is not None:
                decision.nominated_node = result.nominated_node
            if result.preemption is not None:
                decision.preemption = result.preemption
            if outcome.is_success:
                reasons = []
                break
            reasons += outcome.reasons
            if outcome.code != Code.Unschedulable:
                if not outcome.is_rejected:
                    reasons = list(outcome.reasons)
                break
        if not self.profile.points["postFilter"]:
            decision.nominated_node = ""
        else:
            decision.post_filter = outcome._replace(reasons=tuple(reasons))
        decision.message = diagnosis.message(", ".join(reasons))
        decision.status = Status(Code.Unschedulable, (decision.message,))

    def _call(self, plugin: Plugin, method: str, *arguments: object) -> Any:
        """Call a plugin; what it raises becomes the error of the attempt, naming the plugin."""
        try:
            return getattr(plugin, method)(*arguments)
        except (StowageError, KeyboardInterrupt):
            raise
        except Exception as reason:
            raise failed(plugin, method, str(reason) or type(reason).__name__) from reason


def _unsatisfied(plugins: list[str]) -> str:
    if len(plugins) == 1:
        return f"node(s) didn't satisfy plugin {plugins[0]}"
    return f"node(s) didn't satisfy plugin(s) [{' '.join(sorted(plugins))}] simultaneously"
