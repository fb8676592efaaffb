"""What row functions see: the columns of a pod row and of a node row, and how compiled code receives them."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.classes import PodClasses
from sched_core.columns.nodes import NodeColumns


class PodRows(NamedTuple):
    """The columns of pod classes: ``[C, R]``, ``[C, W]`` or ``[C]``."""

    requests: NDArray[np.int64]
    usage: NDArray[np.int64]
    score_requests: NDArray[np.int64]
    nonzero_usage: NDArray[np.int64]
    port_conflicts: NDArray[np.uint64]
    port_bits: NDArray[np.uint64]
    priority: NDArray[np.int64]


class NodeRows(NamedTuple):
    """The columns of nodes: ``[R, N]``, ``[W, N]`` or ``[N]``, at their whole capacity (contiguous)."""

    allocatable: NDArray[np.int64]
    requested: NDArray[np.int64]
    nonzero_requested: NDArray[np.int64]
    used_ports: NDArray[np.uint64]
    pod_count: NDArray[np.int64]
    allowed_pods: NDArray[np.int64]


BITS = frozenset({"port_conflicts", "port_bits", "used_ports"})
"""Columns of bit words; all others are numbers, which compiled batches see as float64."""
VECTORS = frozenset(set(PodRows._fields + NodeRows._fields) - {"priority", "pod_count", "allowed_pods"})
"""Columns with an entry for each resource or word; the others hold one value a row."""


def pod_rows(classes: PodClasses) -> PodRows:
    """Return the columns of all classes as they are now."""
    classes.fit_resources()
    return PodRows(*(getattr(classes, name) for name in PodRows._fields))


def node_rows(nodes: NodeColumns) -> NodeRows:
    """Return the columns of all nodes as they are now."""
    return NodeRows(*(nodes.full(name) for name in NodeRows._fields))


def empty_node_rows(nodes: NodeColumns, length: int) -> NodeRows:
    """Return columns of the same form for ``length`` rows, all zero."""
    shapes = ((name, nodes.full(name)) for name in NodeRows._fields)
    return NodeRows(**{name: np.zeros((*like.shape[:-1], length), like.dtype) for name, like in shapes})


def some_rows(nodes: NodeRows, rows: NDArray[np.int64] | NDArray[np.int32]) -> NodeRows:
    """Return a copy of some rows, contiguous as compiled loops need it."""
    return NodeRows(**{name: np.take(getattr(nodes, name), rows, axis=-1) for name in NodeRows._fields})


def widths(nodes: NodeColumns) -> dict[str, int]:
    """Return the number of entries of each vector column: resources R, or words W."""
    return {name: nodes.ports.words if name in BITS else nodes.resource_count for name in VECTORS}
