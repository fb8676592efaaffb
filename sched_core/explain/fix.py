"""The smallest changes that make a pod fit: proposed by the plugins, tried out on the cluster, and undone.

A change is claimed only if all filters pass the node with it, and no part of it can be left out. Only what plugins
propose is tried: there may be other ways.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import islice, product
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.cluster import ClusterState
from sched_core.engine.engine import Engine
from sched_core.explain.trial import Trial
from sched_core.framework.obstacle import Change, Obstacle
from sched_core.objects.records import Pod

FIXES = 3
"""Nodes for which a change is looked for unless more are wanted."""
EXAMINED = 2000
"""Nodes whose obstacles are looked at, those that the fewest filters refuse first."""
_TRIED_NODES = 4
"""Nodes that are tried for each one wanted."""
_COMBINATIONS = 12
"""Ways to combine the changes that are tried on one node."""
_ROUNDS = 3
"""How often what a combination brings up is taken away too: a node with another label has other neighbours."""


class Fix(NamedTuple):
    """Changes that make the pod fit on a node; none can be left out."""

    node: str
    changes: tuple[Change, ...]
    alternatives: tuple[tuple[Change, ...], ...]
    """For each change, others that would do in its place."""


class Way(NamedTuple):
    """A node with all that stands in the way."""

    row: int
    obstacles: tuple[Obstacle, ...]

    @property
    def hopeless(self) -> bool:
        """Whether something stands in the way that no proposed change takes away."""
        return any(not obstacle.changes for obstacle in self.obstacles)

    @property
    def price(self) -> tuple[bool, int, float]:
        """What a change would cost: how many parts, then how big they are."""
        sizes = [obstacle.changes[0].size for obstacle in self.obstacles if obstacle.changes]
        return self.hopeless, len(self.obstacles), sum(sizes)


def ways(trial: Trial, refused: NDArray[np.int64]) -> list[Way]:
    """Return the nodes of some rows with what stands in the way, the smallest change first.

    Of very many nodes, those that the fewest filters refuse.
    """
    if trial.error or trial.refusal is not None:
        return []
    against = trial.refusals()[refused] + ~trial.named[refused]
    examined = refused[np.argsort(against, kind="stable")][:EXAMINED].tolist()
    return sorted((Way(row, tuple(trial.obstacles(row))) for row in examined), key=lambda way: way.price)


def find_fixes(engine: Engine, pod: Pod, found: Sequence[Way], wanted: int = FIXES) -> list[Fix]:
    """Return proven changes for the first nodes of ``ways`` that have any; the cluster ends as it was."""
    if not found or not wanted:
        return []
    before = engine.snapshot()
    tried = islice((way for way in found if not way.hopeless), _TRIED_NODES * wanted)
    fixes = []
    try:
        for way in tried:
            if fix := _Prover(engine, pod, way.row, before.cluster).fix(way.obstacles):
                fixes.append(fix)
            if len(fixes) == wanted:
                break
    finally:
        engine.restore(before)
    return sorted(fixes, key=lambda fix: (len(fix.changes), sum(change.size for change in fix.changes)))


class _Prover:
    """Tries changes for one pod on one node."""

    def __init__(self, engine: Engine, pod: Pod, row: int, before: ClusterState) -> None:
        self.engine, self.pod, self.row, self._before = engine, pod, row, before
        self.node = engine.cluster.nodes.names[row]

    def fix(self, obstacles: Sequence[Obstacle]) -> Fix | None:
        """Return the first combination that works, cut down to what is needed; None if none does."""
        for combination in islice(product(*(obstacle.changes for obstacle in obstacles)), _COMBINATIONS):
            parts = list(zip(combination, obstacles, strict=True))
            for _ in range(_ROUNDS):
                left = self._left([change for change, _ in parts])
                if not left:
                    return self._cut_down(parts)
                if any(not obstacle.changes for obstacle in left):
                    break
                parts += [(obstacle.changes[0], obstacle) for obstacle in left]
        return None

    def _cut_down(self, parts: list[tuple[Change, Obstacle]]) -> Fix:
        before = len(parts) + 1
        while len(parts) < before:  # what only a part made necessary can go once that part has gone
            before = len(parts)
            for item in reversed(parts):
                without = [each for each in parts if each is not item]
                if without and not self._left([change for change, _ in without]):
                    parts = without
        alternatives = []
        for change, obstacle in parts:
            rest = [other for other, _ in parts if other is not change]
            others = [other for other in obstacle.changes if other is not change]
            alternatives.append(tuple(other for other in others if not self._left([*rest, other])))
        return Fix(self.node, tuple(change for change, _ in parts), tuple(alternatives))

    def _left(self, changes: Sequence[Change]) -> list[Obstacle]:
        """Return what stands in the way once changes are made; nothing if the pod fits."""
        pod = make_changes(self.engine, self.pod, self.node, changes)
        try:
            trial = Trial(self.engine, pod)
            if trial.fits(self.row):
                return []
            failure = trial.error or (trial.refusal.message if trial.refusal is not None else "")
            return [Obstacle(failure)] if failure else list(trial.obstacles(self.row))
        finally:
            self.engine.cluster.restore(self._before)


def make_changes(engine: Engine, pod: Pod, node: str, changes: Sequence[Change]) -> Pod:
    """Make changes to the cluster of an engine, and return the pod as it would be."""
    cluster = engine.cluster
    for change in changes:
        if change.pod is not None:
            pod = change.pod(pod)
        if change.node is not None:
            cluster.update_node(change.node(cluster.nodes.record(cluster.nodes.row_of[node])))
        for key in change.evict:
            cluster.remove_pod(key)
        if change.object is not None:
            cluster.add_object(change.object)
    return pod
