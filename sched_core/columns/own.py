"""Own columns: what plugins keep of nodes, of pods and of placements, beside the columns that everybody has.

A plugin declares them, fills those of nodes and pods from objects, and changes them whenever a pod comes to a node or
leaves it. Here is which there are, and what filling gives; how placements change them is handed in as a `Mover`.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

from sched_core.errors import PluginError
from sched_core.objects.records import Node, Pod

if TYPE_CHECKING:
    from sched_core.cluster import Cluster

Values = dict[str, NDArray[Any]]
"""By column, what one node or pod has: an array of the column's shape."""


class Column(NamedTuple):
    """A column of a plugin's own: numbers of one type, of the same shape for each row."""

    name: str
    dtype: Any = np.int64
    """Booleans, integers or floating-point numbers; the same in the cycle and in compiled batches."""
    shape: tuple[int, ...] = ()
    """Of one row; () is one number."""

    def empty(self, rows: int, *, rows_last: bool) -> NDArray[Any]:
        """Return zeros for so many rows, on the last axis or on the first."""
        return np.zeros((*self.shape, rows) if rows_last else (rows, *self.shape), self.dtype)

    def read(self, value: Any) -> NDArray[Any]:
        """Return a value as an array of this column's type and shape; raises ValueError where it is another one."""
        found = np.asarray(value)
        if found.shape != self.shape:
            raise ValueError(f"column {self.name}: it is of shape {found.shape}, not {self.shape}")
        wanted = np.dtype(self.dtype)
        if found.dtype.kind not in ("biuf" if wanted.kind == "f" else "biu"):
            raise ValueError(f"column {self.name}: it is of type {found.dtype}, not {wanted}")
        if wanted.kind == "f" and not np.isfinite(found).all():
            raise ValueError(f"column {self.name}: it is not a finite number")
        cast = found.astype(wanted)
        if wanted.kind != "f" and not (cast == found).all():
            raise ValueError(f"column {self.name}: {found.tolist()} is not within {wanted}")
        return cast


class Owner(Protocol):
    """What is known here of a plugin with own columns; see `sched_core.framework.plugin`."""

    name: str
    node_columns: Sequence[Column]
    pod_columns: Sequence[Column]
    placed_columns: Sequence[Column]

    def fill_node(self, node: Node) -> Mapping[str, Any]: ...
    def fill_pod(self, pod: Pod) -> Mapping[str, Any]: ...


class Moves(NamedTuple):
    """Pods that come to nodes or leave them, M of them, in this order."""

    rows: NDArray[np.int64]
    """[M]: row of the node."""
    classes: NDArray[np.int32]
    """[M]."""
    numbers: NDArray[np.int64]
    """[M]: number in the pod table."""


Mover = Callable[["Cluster", Moves, int], None]
"""Changes own columns of a cluster for pods that come (1) or leave (-1). Raises PluginError, which names the node, and
leaves the columns of that node as they were."""


class OwnColumns:
    """All own columns of the plugins of an engine, in the order of the plugins."""

    def __init__(self, owners: Sequence[Owner] = (), mover: Mover | None = None) -> None:
        self.owners = tuple(owners)
        self.node = {column.name: column for owner in self.owners for column in owner.node_columns}
        self.pod = {column.name: column for owner in self.owners for column in owner.pod_columns}
        self.placed = {column.name: column for owner in self.owners for column in owner.placed_columns}
        self.mover = mover
        """None if no plugin changes its columns with placements."""

    @property
    def in_python(self) -> bool:
        """Whether a plugin has no compiled form for what it does with placements: then there are no batches."""
        return any(hasattr(owner, "reserve_pod") for owner in self.owners)

    def __bool__(self) -> bool:
        return bool(self.owners)

    def fill_node(self, node: Node) -> Values:
        """Return what the plugins fill in for a node; raises PluginError."""
        found: Values = {}
        for owner in self.owners:
            if owner.node_columns:
                found |= _filled(owner, "fill_node", node, owner.node_columns, node=node.metadata.name)
        return found

    def fill_pod(self, pod: Pod) -> Values:
        """Return what the plugins fill in for a pod; raises PluginError."""
        found: Values = {}
        for owner in self.owners:
            if owner.pod_columns:
                key = f"{pod.metadata.namespace or 'default'}/{pod.metadata.name}"
                found |= _filled(owner, "fill_pod", pod, owner.pod_columns, pod=key)
        return found

    def try_pod(self, pod: Pod) -> tuple[Values, PluginError | None]:
        """Return what the plugins fill in for a pod; zeros and the error where one cannot."""
        try:
            return self.fill_pod(pod), None
        except PluginError as fault:
            return {name: np.zeros(each.shape, each.dtype) for name, each in self.pod.items()}, fault


NO_COLUMNS = OwnColumns()


def _filled(owner: Owner, method: str, record: Node | Pod, columns: Sequence[Column], **where: str) -> Values:
    """Return the values of some columns; what is left out is zero."""
    try:
        given = dict(getattr(owner, method)(record))
        found = {each.name: each.read(given.pop(each.name, np.zeros(each.shape, each.dtype))) for each in columns}
        if given:
            raise ValueError(f"no column {', '.join(given)} was declared")
    except PluginError:
        raise
    except Exception as reason:
        text = str(reason) if isinstance(reason, ValueError) else f"{type(reason).__name__}: {reason}"
        raise PluginError(owner.name, method, text, **where) from reason
    return found
