"""Capacity: how many more of one pod fit, where, and what runs out.

The pods are placed by `Engine.schedule_many` in batches that double until one fails, then all are taken back. Nobody is
evicted for them.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np

from sched_core.columns.arrays import NumberedNames, PodArray
from sched_core.columns.order import ZONE
from sched_core.engine.engine import Engine
from sched_core.explain.utilisation import Utilisation, utilisation
from sched_core.objects.meta import replaced
from sched_core.objects.records import Pod

LIMIT = 10_000_000
"""Where a count ends that nothing else stops, such as that of a profile without NodeResourcesFit."""
_FIRST = 64
_CYCLE_BATCH = 16
"""Pods in a batch where the cycle decides: each pod behind the last that fits costs an attempt."""


class Capacity(NamedTuple):
    """What came of filling a cluster with one pod."""

    pod: str
    fits: int
    """How many more fit."""
    by_node: dict[str, int]
    """Node -> how many of them, the most first; nodes that take none are left out."""
    by_zone: dict[str, int]
    """The same by zone, with "" for nodes in none."""
    stopped_by: str
    """Why the next one does not fit: the text of its event; empty if the limit was reached."""
    reasons: dict[str, int]
    """Reason -> number of nodes that give it to the next one, the most first."""
    error: bool
    """Whether the attempt that ended the count failed with an error."""
    before: dict[str, Utilisation]
    after: dict[str, Utilisation]


def capacity(engine: Engine, pod: Pod, *, limit: int = LIMIT) -> Capacity:
    """Return how many more of a pod fit on the cluster of an engine, which ends as it was.

    The pod is taken as one that waits for a node. No more than ``limit`` are counted.
    """
    meta = pod.metadata
    name = meta.name or "pod"
    pod = pending(pod)
    cluster = engine.cluster
    state, before = engine.snapshot(), utilisation(cluster.nodes)
    counts = np.zeros(cluster.nodes.count, np.int64)
    count, size, failure = 0, _FIRST, None
    try:
        while count < limit and failure is None:
            total = min(size, limit - count)
            names = NumberedNames(f"{_literal(name)}-capacity-{{}}", total, count)
            batch = engine.schedule_many(PodArray(names, [pod], np.zeros(total, np.int32)))
            rows = batch.node_of[batch.node_of >= 0]
            counts += np.bincount(rows, minlength=len(counts))
            count += len(rows)
            failure = batch.failures[min(batch.failures)] if batch.failures else None
            size = _CYCLE_BATCH if "cycle" in batch.speed_used else 2 * size
        after = utilisation(cluster.nodes)
    finally:
        engine.restore(state)
    nodes = cluster.nodes
    filled = sorted(np.flatnonzero(counts).tolist(), key=lambda row: -counts[row])
    by_zone: dict[str, int] = {}
    zones = nodes.label(ZONE)
    for row in np.flatnonzero(nodes.alive).tolist():
        zone = zones.values[zones.ids[row]] if zones.ids[row] >= 0 else ""
        by_zone[zone] = by_zone.get(zone, 0) + int(counts[row])
    reasons = sorted(failure.reasons.items(), key=lambda item: -item[1]) if failure is not None else []
    return Capacity(
        f"{meta.namespace or 'default'}/{name}",
        count,
        {nodes.names[row]: int(counts[row]) for row in filled},
        by_zone,
        failure.message if failure is not None else "",
        dict(reasons),
        failure is not None and failure.error,
        before,
        after,
    )


def pending(pod: Pod) -> Pod:
    """Return a pod as it was before it got a node."""
    blank = type(pod.status)()
    return replaced(pod, spec=replaced(pod.spec, node_name=""), status=blank)


def _literal(text: str) -> str:
    """Return text that stands for itself in a format string."""
    return text.replace("{", "{{").replace("}", "}}")
