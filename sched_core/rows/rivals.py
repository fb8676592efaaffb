"""Nodes to which pods are nominated: they must have room for a pod twice, as they are and with those pods on them.

Each such node has an entry with its numbers and those of the nominated pods that count (rivals) added up; row filters
run over the entries as over nodes. What they refuse is held back from the pod.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sched_core.kernels.jit import kernel
from sched_core.rows.table import PodRows
from sched_core.rows.tuples import Rivals


@kernel(inline=True)
def is_held(c: int, e: int, pods: PodRows, rivals: Rivals) -> bool:
    """Tell whether an entry counts for pods of a class and a filter refused it."""
    priority = pods.priority[c]
    return bool(rivals.sums[e] < 0 and rivals.above[e] < priority <= rivals.up_to[e])


@kernel
def hold_rows(c: int, pods: PodRows, rivals: Rivals, sums: NDArray[np.float64]) -> None:
    """Make rows infeasible whose totals are in ``sums`` by row."""
    for e in range(len(rivals.row)):
        if is_held(c, e, pods, rivals):
            sums[rivals.row[e]] = -1.0


@kernel
def hold_stretch(
    c: int, j: int, width: int, pods: PodRows, rivals: Rivals, position: NDArray[np.int32], sums: NDArray[np.float64]
) -> None:
    """Make positions from ``j`` on infeasible whose totals are in ``sums`` from 0 on."""
    for e in range(len(rivals.row)):
        offset = position[rivals.row[e]] - j
        if 0 <= offset < width and is_held(c, e, pods, rivals):
            sums[offset] = -1.0


@kernel
def crowd(c: int, i: int, pods: PodRows, rivals: Rivals) -> None:
    """Add what a pod that was placed on a row uses to the entries of the row."""
    nodes = rivals.nodes
    for e in range(len(rivals.row)):
        if rivals.row[e] == i:
            for r in range(nodes.requested.shape[0]):
                nodes.requested[r, e] += pods.usage[c, r]
                nodes.nonzero_requested[r, e] += pods.nonzero_usage[c, r]
            for w in range(nodes.used_ports.shape[0]):
                nodes.used_ports[w, e] |= pods.port_bits[c, w]
            nodes.pod_count[e] += 1
