"""Explanation: all that one attempt finds out about one pod, node by node and plugin by plugin, in plain values.

Every node is looked at, whatever the profile says of samples: which nodes a sample has depends on the pods before.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.engine.decision import Decision
from sched_core.engine.engine import Engine
from sched_core.explain.fix import FIXES, Fix, Way, find_fixes, ways
from sched_core.explain.trial import PASSED, SKIPPED, Trial
from sched_core.framework.obstacle import Obstacle
from sched_core.framework.preemption import Preemption
from sched_core.framework.status import Code
from sched_core.kernels.select import select_host
from sched_core.objects.records import Pod

Outcome = Literal["scheduled", "unschedulable", "not tried", "error"]


class Score(NamedTuple):
    """What one plugin says for a node: before and after normalisation, and times its weight."""

    raw: int
    normalized: int
    weighted: int


@dataclass(frozen=True)
class NodeExplanation:
    """One node: the verdict of each filter, and the scores or the obstacles."""

    node: str
    verdicts: dict[str, str]
    """Filter -> ``passed``, ``skipped`` (PreFilter had nothing to ask), or its reasons; also of those that the cycle
    does not ask because one before them says no."""
    refused_by: str = ""
    """The plugin that the cycle hears first; empty where the node passes, or where PreFilter named other nodes."""
    reasons: tuple[str, ...] = ()
    scores: dict[str, Score] = field(default_factory=dict)
    total: int | None = None
    """None where the node is refused, or where it is the only one and nothing is scored."""
    obstacles: tuple[Obstacle, ...] = ()

    @property
    def feasible(self) -> bool:
        return not self.reasons


class Margin(NamedTuple):
    """By how much the chosen node is ahead of the runner-up."""

    node: str
    points: int
    """0 is a tie: the order in which nodes are looked at decides."""
    by_plugin: dict[str, int]
    """Weighted points that each plugin gives the chosen node more (or, negative, less) than the runner-up."""

    @property
    def decisive(self) -> str:
        """The plugin that is most for the chosen node; empty in a tie."""
        return max(self.by_plugin, key=self.by_plugin.__getitem__) if self.points else ""


@dataclass(frozen=True)
class Explanation:
    """Why a pod goes where it goes, or nowhere."""

    pod: str
    scheduler_name: str
    outcome: Outcome
    node: str | None = None
    message: str = ""
    """Text of the FailedScheduling event, or why the pod is not tried."""
    nodes: tuple[NodeExplanation, ...] = ()
    """The nodes that pass, the best first; then the others, those nearest to passing first.

    A pod that is nominated to a node that passes goes there, and other nodes that pass are not in the list.
    """
    weights: dict[str, int] = field(default_factory=dict)
    reasons: dict[str, int] = field(default_factory=dict)
    """Reason -> number of nodes; also where other nodes pass."""
    margin: Margin | None = None
    fixes: tuple[Fix, ...] = ()
    """The smallest proven changes with which the pod would fit; empty if none is known."""
    preemption: Preemption | None = None
    decision: Decision | None = None

    @property
    def nominated(self) -> bool:
        """Whether the pod goes to the node that it is nominated to, without a look at others."""
        return self.decision is not None and self.decision.nominated_node_used

    def of(self, node: str) -> NodeExplanation:
        """Return what is said of a node; raises KeyError if it is not there."""
        for each in self.nodes:
            if each.node == node:
                return each
        raise KeyError(node)


def explain(engine: Engine, pod: Pod, *, fixes: int = FIXES, node: str = "") -> Explanation:
    """Explain what becomes of a pod on the cluster of an engine, which ends as it was.

    A pod that runs there counts as one of its own neighbours: take it away first (`Engine.forget`), and explain it as
    `pending` gives it back.
    Where the pod fits nowhere, changes are looked for until ``fixes`` nodes have one; with ``node`` for that node, also
    where others pass. Raises KeyError if there is no such node, NotSupported where a plugin refuses the pod by name,
    PluginError where its explanation fails.
    """
    info = engine.cluster.classes.info(pod)
    name = pod.spec.scheduler_name
    wanted = engine.cluster.nodes.row_of[node] if node else -1
    admitted = engine.admit(info)
    if not admitted.is_success:
        text = f"{admitted.plugin}: {admitted.message}" if admitted.plugin else admitted.message
        return Explanation(info.key, name, "not tried", message=text)
    decision = engine.evaluate(pod, all_nodes=True)
    if decision.status.code == Code.Error:
        return Explanation(info.key, name, "error", message=decision.message, decision=decision)
    trial = Trial(engine, pod)
    refused = _refused_rows(decision)
    nearest = ways(trial, refused)
    tried = nearest if decision.row < 0 else []
    if node:
        tried = ways(trial, refused[refused == wanted])
    margin = _margin(decision)
    nodes = (*_feasible(decision, trial, margin), *_refused(decision, trial, nearest))
    return Explanation(
        info.key,
        name,
        "scheduled" if decision.row >= 0 else "unschedulable",
        node=decision.node,
        message=decision.message,
        nodes=nodes,
        weights=dict(decision.weights),
        reasons=dict(decision.diagnosis.histogram().most_common()) if decision.diagnosis is not None else {},
        margin=margin,
        fixes=tuple(find_fixes(engine, pod, tried, fixes)),
        preemption=decision.preemption.kept() if decision.preemption is not None else None,
        decision=decision,
    )


def _verdicts(trial: Trial, row: int) -> dict[str, str]:
    refused = {each.plugin.name: ", ".join(each.reasons) for each in trial.refused(row)}
    return {
        plugin.name: SKIPPED if plugin.name in trial.state.skip_filter else refused.get(plugin.name, PASSED)
        for plugin, _ in zip(trial.filters, trial.verdicts, strict=False)
    }


def _feasible(decision: Decision, trial: Trial, margin: Margin | None) -> list[NodeExplanation]:
    """Return the nodes that pass: the chosen one, the runner-up, then by total and the order of the scan."""
    rows, names = decision.feasible_rows.tolist(), decision.nodes.names
    total = decision.total.tolist() if len(decision.total) == len(rows) else [None] * len(rows)
    first = [decision.node, margin.node if margin is not None else None]

    def place(position: int) -> tuple[int, int]:
        name = names[rows[position]]
        return first.index(name) if name in first else len(first), -(total[position] or 0)

    found = []
    for position in sorted(range(len(rows)), key=place):
        scores = {}
        for plugin, score in decision.scores.items():
            normalized = int(score[position])
            raw = int(decision.raw_scores[plugin][position])
            scores[plugin] = Score(raw, normalized, normalized * decision.weights[plugin])
        row = rows[position]
        found.append(NodeExplanation(names[row], _verdicts(trial, row), scores=scores, total=total[position]))
    return found


def _refused_rows(decision: Decision) -> NDArray[np.int64]:
    if decision.diagnosis is None:
        return np.zeros(0, np.int64)
    order = decision.nodes.order()
    rows: NDArray[np.int64] = order[decision.diagnosis.codes[order] != Code.Success].astype(np.int64)
    return rows


def _refused(decision: Decision, trial: Trial, nearest: Sequence[Way]) -> list[NodeExplanation]:
    """Return the nodes that are refused, in the order of ``nearest``, then those that were not examined."""
    if decision.diagnosis is None:
        return []
    place = {way.row: (number, way.obstacles) for number, way in enumerate(nearest)}
    unknown: tuple[int, tuple[Obstacle, ...]] = (len(place), ())
    found = []
    for plugin, reasons, rows in decision.diagnosis.groups():
        for row in rows.tolist():
            number, obstacles = place.get(row, unknown)
            name = decision.nodes.names[row]
            each = NodeExplanation(name, _verdicts(trial, row), plugin, reasons, obstacles=obstacles)
            found.append((number, each))
    return [each for _, each in sorted(found, key=lambda item: item[0])]


def _margin(decision: Decision) -> Margin | None:
    """Return the runner-up: what would be chosen if the chosen node were not there."""
    rows, total = decision.feasible_rows, decision.total
    if len(rows) < 2 or len(total) != len(rows):
        return None
    chosen = int(np.flatnonzero(rows == decision.row)[0])
    others: NDArray[np.int64] = np.flatnonzero(rows != decision.row)
    ranks = np.unique(total[others], return_inverse=True)[1].astype(np.int32)
    second = int(others[select_host(ranks)])
    by_plugin = {
        plugin: int(score[chosen] - score[second]) * decision.weights[plugin]
        for plugin, score in decision.scores.items()
    }
    return Margin(decision.nodes.names[int(rows[second])], int(total[chosen] - total[second]), by_plugin)
