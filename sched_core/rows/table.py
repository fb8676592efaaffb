"""What row functions see: the columns of a pod row and of a node row, and how compiled code receives them."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

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
    own: tuple[NDArray[Any], ...] = ()
    """The columns of plugins' own, ``[C, ..]`` each."""


class NodeRows(NamedTuple):
    """The columns of nodes: ``[R, N]``, ``[W, N]`` or ``[N]``, at their whole capacity (contiguous)."""

    allocatable: NDArray[np.int64]
    requested: NDArray[np.int64]
    nonzero_requested: NDArray[np.int64]
    used_ports: NDArray[np.uint64]
    pod_count: NDArray[np.int64]
    allowed_pods: NDArray[np.int64]
    own: tuple[NDArray[Any], ...] = ()
    """The columns of plugins' own, ``[.., N]`` each."""
    tables: tuple[NDArray[Any], ...] = ()
    """Not of nodes at all: what the row functions of a profile look up."""


POD_FIELDS, NODE_FIELDS = PodRows._fields[:-1], NodeRows._fields[:-2]
"""The columns that everybody has."""
BITS = frozenset({"port_conflicts", "port_bits", "used_ports"})
"""Columns of bit words; all others are numbers, which compiled batches see as float64."""
VECTORS = frozenset(set(POD_FIELDS + NODE_FIELDS) - {"priority", "pod_count", "allowed_pods"})
"""Columns with an entry for each resource or word; the others hold one value a row."""


def pod_rows(classes: PodClasses) -> PodRows:
    """Return the columns of all classes as they are now."""
    classes.fit_resources()
    columns = {name: getattr(classes, name) for name in POD_FIELDS}
    return PodRows(**columns, own=tuple(classes.own.values()))


def node_rows(nodes: NodeColumns) -> NodeRows:
    """Return the columns of all nodes as they are now, without tables."""
    columns: dict[str, Any] = {name: nodes.full(name) for name in NODE_FIELDS}
    return NodeRows(**columns, own=tuple(nodes.full(name) for name in nodes.owners.node))


def empty_node_rows(nodes: NodeColumns, length: int) -> NodeRows:
    """Return columns of the same form for ``length`` rows, all zero."""
    return _each_column(node_rows(nodes), lambda like: np.zeros((*like.shape[:-1], length), like.dtype))


def some_rows(nodes: NodeRows, rows: NDArray[np.int64] | NDArray[np.int32]) -> NodeRows:
    """Return a copy of some rows, contiguous as compiled loops need it."""
    return _each_column(nodes, lambda column: np.take(column, rows, axis=-1))


def _each_column(nodes: NodeRows, change: Callable[[NDArray[Any]], NDArray[Any]]) -> NodeRows:
    columns: dict[str, Any] = {name: change(getattr(nodes, name)) for name in NODE_FIELDS}
    return NodeRows(**columns, own=tuple(change(each) for each in nodes.own), tables=nodes.tables)


def widths(nodes: NodeColumns) -> dict[str, int]:
    """Return the number of entries of each vector column: resources R, or words W."""
    return {name: nodes.ports.words if name in BITS else nodes.resource_count for name in VECTORS}
