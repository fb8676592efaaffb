"""NodeState: all of the node columns that changes, as a snapshot keeps it."""

from __future__ import annotations

from typing import Any, NamedTuple

from numpy.typing import NDArray

from sched_core.columns.images import ImageSizes
from sched_core.columns.interned import InternTable
from sched_core.columns.order import NodeTree
from sched_core.columns.own import OwnColumns
from sched_core.columns.ports import PortTable
from sched_core.columns.sparse import SparseColumns
from sched_core.errors import PluginError
from sched_core.objects.records import Node


class NodeState(NamedTuple):
    """What `NodeColumns.state` returns."""

    rows: int
    arrays: dict[str, NDArray[Any]]
    names: list[str]
    row_of: dict[str, int]
    objects: list[Node | None]
    tree: NodeTree
    free: list[int]
    image_sizes: ImageSizes
    sets: dict[str, InternTable]
    ports: PortTable
    rare_allocatable: SparseColumns
    rare_requested: SparseColumns
    owners: OwnColumns
    faults: dict[int, PluginError]
