"""How allocation and fragmentation of a cluster go while pods arrive: worked out afterwards from where they went."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.traces.trace import WHOLE, Nodes
from plugins.policies.fragmentation import fragmentation
from plugins.policies.gpu_share import GpuShare
from plugins.policies.typical_pods import TypicalPod, tables
from sched_core import kernel


class Placements(NamedTuple):
    """Where the pods of E events went."""

    node: NDArray[np.int32]
    """[E]: index of the node, -1: nowhere."""
    taken: NDArray[np.int64]
    """[E, G]: what each took of each device, in milli-GPU."""
    cpu_milli: NDArray[np.int64]
    """[E]."""


def frag_ratios(nodes: Nodes, typical: Sequence[TypicalPod], placements: Placements) -> NDArray[np.float64]:
    """Return how much of what is free on all devices is fragmented after each event, float64[E], in percent.

    0 where nothing is free any more.
    """
    share = GpuShare({"devices": placements.taken.shape[1]})
    shapes = [nodes.shapes[number] for number in nodes.shape_of.tolist()]
    gpus = np.array([shape.gpus for shape in shapes], np.int64)
    free = np.where(np.arange(placements.taken.shape[1]) < gpus[:, None], WHOLE, 0)
    cpu = np.array([shape.cpu_milli for shape in shapes], np.int64)
    model = np.array([share.model_bit(shape.model) for shape in shapes], np.int64)
    ratios, parts = np.zeros(len(placements.node)), np.zeros(len(shapes))
    _follow(*placements, free, cpu, model, *tables(typical, share.model_bits), parts, ratios)
    return ratios


@kernel
def _follow(
    node: Any, taken: Any, cpu_milli: Any, free: Any, cpu: Any, model: Any, shares: Any, cpus: Any, millis: Any,
    counts: Any, models: Any, parts: Any, ratios: Any,
) -> None:  # fmt: skip
    """Place pod after pod in ``free`` int64[N, G] and ``cpu`` int64[N]; ``parts`` float64[N] is scratch."""
    idle = 0
    for i in range(len(parts)):
        for g in range(free.shape[1]):
            idle += free[i, g]
        parts[i] = fragmentation(free[i], 0, 0, 0, cpu[i], model[i], shares, cpus, millis, counts, models)
    total = 0.0
    for e in range(len(node)):
        i = node[e]
        if i >= 0:
            cpu[i] -= cpu_milli[e]
            for g in range(free.shape[1]):
                free[i, g] -= taken[e, g]
                idle -= taken[e, g]
            parts[i] = fragmentation(free[i], 0, 0, 0, cpu[i], model[i], shares, cpus, millis, counts, models)
        if i >= 0 or e == 0:
            total = 0.0
            for j in range(len(parts)):
                total += parts[j]
        ratios[e] = 100 * total / idle if idle > 0 else 0.0
