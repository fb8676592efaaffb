"""NodeColumns: all nodes as a struct of arrays (upstream: framework/types.go, NodeInfo; backend/cache).

Numbers are int64 and resource-major (``requested[R, N]``: one resource streams). A node that goes leaves a free row.
Resources beyond the first `MET_RESOURCES` are *rare*: they have no row in the arrays and are kept sparsely.
Every change of a row by a placement is appended to the change log; a change of a node object bumps
``object_version``. No scheduling happens here.
"""

from __future__ import annotations

import copy
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.arrays import NodeArray
from sched_core.columns.images import ImageSizes, ImageState
from sched_core.columns.interned import SLACK, InternTable
from sched_core.columns.labels import HOSTNAME, LabelColumn, label_column, label_set
from sched_core.columns.node_state import NodeState
from sched_core.columns.order import NodeTree, zone_key
from sched_core.columns.own import NO_COLUMNS, OwnColumns
from sched_core.columns.pods import PodTable
from sched_core.columns.ports import PortTable
from sched_core.columns.sparse import ResourceColumn, SparseColumns
from sched_core.errors import LimitExceeded, PluginError
from sched_core.objects.quantity import milli_value, parse_quantity, value
from sched_core.objects.records import ContainerImage, Node, NodeSpec, NodeStatus, ObjectMeta, Resources, Taint
from sched_core.objects.requests import is_scalar_resource

FIXED_RESOURCES = ("cpu", "memory", "ephemeral-storage")
MET_RESOURCES = 48
"""So many resources get a row by being met, fixed ones included; the other rows are for those that plugins name."""
MAX_RESOURCES = 60
"""Rows of the arrays: a reason needs a bit of an int64, and two bits have other uses."""


def in_unit(resource: str, nano: int) -> int:
    """Return an amount in the unit of its column: 1/1000 for cpu, 1 for everything else, rounded up."""
    return milli_value(nano) if resource == "cpu" else value(nano)


def padded(count: int) -> int:
    """Return the number of resource rows that kernels are compiled for: the next of 4, 8, 16, 32, 64."""
    size = 4
    while size < count:
        size *= 2
    return size


class NodeColumns:
    """The nodes of a cluster; see the module for the rules and `count`-long views for the arrays."""

    def __init__(self) -> None:
        self.count = 0
        """Rows in use, free ones among them included."""
        self.resources: list[str] = list(FIXED_RESOURCES)
        """Those with a row of the arrays, by row."""
        self.rare_allocatable, self.rare_requested = SparseColumns(), SparseColumns()
        """The same two columns for all other resources."""
        self.names: list[str] = []
        self.row_of: dict[str, int] = {}
        self.objects: list[Node | None] = []
        self.object_version = 0
        self.ports = PortTable()
        self.pods = PodTable()
        self.log = np.zeros(1 << 10, np.int32)
        self.log_head = np.zeros(1, np.int64)
        self.owners = NO_COLUMNS
        """Who has own columns here (see `own`)."""
        self.faults: dict[int, PluginError] = {}
        """Rows whose own columns a plugin could not fill or keep; nothing is placed as long as there are any."""
        self._resource_row = {name: row for row, name in enumerate(self.resources)}
        self._sets = {name: InternTable() for name in ("taint_set", "feature_set", "image_set", "label_set")}
        """What the columns of these names hold numbers of."""
        self._tree = NodeTree()
        self._free: list[int] = []
        self._capacity = 0
        self._columns: tuple[int, dict[str, LabelColumn]] = (-1, {})
        self._images: tuple[int, dict[str, ImageState]] = (-1, {})
        self._image_sizes = ImageSizes()
        self._arrays: dict[str, NDArray[Any]] = {
            "allocatable": np.zeros((4, 0), np.int64),
            "requested": np.zeros((4, 0), np.int64),
            "nonzero_requested": np.zeros((4, 0), np.int64),
            "used_ports": np.zeros((1, 0), np.uint64),
            "pod_count": np.zeros(0, np.int64),
            "allowed_pods": np.zeros(0, np.int64),
            "alive": np.zeros(0, np.bool_),
            "unschedulable": np.zeros(0, np.bool_),
            "hostname_is_name": np.zeros(0, np.bool_),
            "taint_set": np.zeros(0, np.int32),
            "feature_set": np.zeros(0, np.int32),
            "image_set": np.zeros(0, np.int32),
            "label_set": np.zeros(0, np.int32),
        }
        self._publish()

    # The arrays, `count` long on the node axis.
    allocatable: NDArray[np.int64]
    requested: NDArray[np.int64]
    nonzero_requested: NDArray[np.int64]
    used_ports: NDArray[np.uint64]
    pod_count: NDArray[np.int64]
    allowed_pods: NDArray[np.int64]
    alive: NDArray[np.bool_]
    unschedulable: NDArray[np.bool_]
    hostname_is_name: NDArray[np.bool_]
    taint_set: NDArray[np.int32]
    feature_set: NDArray[np.int32]
    image_set: NDArray[np.int32]
    label_set: NDArray[np.int32]

    @property
    def taint_sets(self) -> list[tuple[Taint, ...]]:
        """What ``taint_set`` indexes; so do the next two."""
        return self._sets["taint_set"].values

    @property
    def feature_sets(self) -> list[frozenset[str]]:
        return self._sets["feature_set"].values

    @property
    def image_sets(self) -> list[tuple[ContainerImage, ...]]:
        return self._sets["image_set"].values

    @property
    def label_sets(self) -> list[dict[str, str]]:
        """The same for ``label_set``, without the hostname label where it is the node's name."""
        return self._sets["label_set"].values

    @property
    def resource_count(self) -> int:
        """Number of resource rows R, padded so that a new resource seldom means new kernels."""
        return len(self._arrays["requested"])

    @property
    def snapshot_size(self) -> int:
        return len(self.row_of)

    def order(self) -> NDArray[np.int32]:
        """Return the rows int32[n] in the order in which they are looked at."""
        order, free = self._tree.order()
        self._free.extend(free)
        return order

    def resource_row(self, name: str) -> int:
        """Return the row of a resource that compiled code reads; one that has none gets the next one.

        Raises LimitExceeded if there is none left.
        """
        row = self._resource_row.get(name)
        if row is None:
            if len(self.resources) >= MAX_RESOURCES:
                raise LimitExceeded(f"more than {MAX_RESOURCES} resources with a column; the next one is {name}")
            row = self._resource_row[name] = len(self.resources)
            self.resources.append(name)
            for key in ("allocatable", "requested", "nonzero_requested"):
                self._arrays[key] = _grow_rows(self._arrays[key], padded(len(self.resources)))
            self._publish()
            self._take_from_rare(name)
        return row

    def row_of_met(self, name: str) -> int | None:
        """Return the row of a resource that an object has; None if it is rare."""
        row = self._resource_row.get(name)
        if row is None and len(self.resources) < MET_RESOURCES:
            return self.resource_row(name)
        return row

    @property
    def rare_names(self) -> list[str]:
        """The rare resources that some node has, then those that are only used."""
        return list(dict.fromkeys([*self.rare_allocatable.names, *self.rare_requested.names]))

    def resource(self, name: str) -> ResourceColumn:
        """Return what all nodes have of a resource, whether or not it is rare, and what their pods use."""
        row = self._resource_row.get(name)
        if row is not None:
            return ResourceColumn(self.allocatable[row], self.requested[row])
        return ResourceColumn(*(each.column(name, self.count) for each in (self.rare_allocatable, self.rare_requested)))

    def own(self, name: str) -> NDArray[Any]:
        """Return a column of a plugin's own, [N] or [.., N]; raises KeyError if no plugin has declared it."""
        self.owners.node[name]
        return self._arrays[name][..., : self.count]

    def declare(self, owners: OwnColumns) -> None:
        """Have these own columns and no others, filled from the node objects as if no pod ran on them."""
        for name in self.owners.node:
            del self._arrays[name]
            delattr(self, name)
        self.owners = owners
        for column in owners.node.values():
            self._arrays[column.name] = column.empty(self._capacity, rows_last=True)
        self._publish()
        self.faults.clear()
        if owners.node:
            for row in np.flatnonzero(self.alive).tolist():
                self._fill_own(np.array([row]), self.record(row))
        self.object_version += 1

    def refill(self, row: int) -> None:
        """Fill the own columns of a node as if no pod ran on it."""
        self._fill_own(np.array([row]), self.record(row))

    def grow_port_words(self) -> None:
        """Make room for the bits of all known host ports."""
        self._arrays["used_ports"] = _grow_rows(self._arrays["used_ports"], self.ports.words)
        self._publish()

    def label(self, key: str) -> LabelColumn:
        """Return the values of a label key as ids int32[N], -1 where a node lacks it."""
        if self._columns[0] != self.object_version:
            self._columns = (self.object_version, {})
        column = self._columns[1].get(key)
        if column is None:
            column = label_column(key, self.label_sets, self.label_set, self.hostname_is_name, self.names)
            self._columns[1][key] = column
        return column

    @property
    def images(self) -> Mapping[str, ImageState]:
        """The images that nodes list, by exact name."""
        if self._images[0] != self.object_version:
            alive = np.flatnonzero(self.alive)
            found = self._image_sizes.states(self.image_sets, self.image_set, alive)
            self._images = (self.object_version, found)
        return self._images[1]

    def labels_of(self, row: int) -> dict[str, str]:
        """Return the labels of one node."""
        labels = dict(self.label_sets[self.label_set[row]])
        if self.hostname_is_name[row]:
            labels[HOSTNAME] = self.names[row]
        return labels

    def record(self, row: int) -> Node:
        """Return a node as an object; one that came from a template is made up again from its columns."""
        known = self.objects[row]
        if known is not None:
            return known
        allocatable: Resources = {"pods": str(self.allowed_pods[row])}
        for name, amount in zip(self.resources, self.allocatable[:, row].tolist(), strict=False):
            if amount:
                allocatable[name] = f"{amount}m" if name == "cpu" else str(amount)
        allocatable |= {name: str(amount) for name, amount in self.rare_allocatable.row(row).items()}
        return Node(
            api_version="v1",
            metadata=ObjectMeta(name=self.names[row], labels=self.labels_of(row)),
            spec=NodeSpec(unschedulable=bool(self.unschedulable[row]), taints=self.taint_sets[self.taint_set[row]]),
            status=NodeStatus(
                capacity=allocatable,
                allocatable=allocatable,
                images=self.image_sets[self.image_set[row]],
                declared_features=tuple(sorted(self.feature_sets[self.feature_set[row]])),
            ),
        )

    def without_pods(self, rows: NDArray[np.int64]) -> NodeColumns:
        """Return columns in which nothing runs on these nodes and no images are known; they are only to be read."""
        emptied = copy.copy(self)
        emptied._arrays = dict(self._arrays)
        for key in ("requested", "nonzero_requested", "used_ports", "pod_count", "image_set"):
            emptied._arrays[key] = self._arrays[key].copy()
            emptied._arrays[key][..., rows] = 0
        for key in self.owners.node:
            emptied._arrays[key] = self._arrays[key].copy()
        emptied.rare_requested = self.rare_requested.without(rows)
        emptied.object_version = -1 - self.object_version  # what plugins keep by it is kept apart
        emptied._columns, emptied._images = (emptied.object_version, {}), (emptied.object_version, {})
        emptied.pods = self.pods.without(rows)
        emptied._publish()
        emptied.faults = dict(self.faults)
        for row in rows.tolist() if self.owners.node else ():
            emptied.refill(row)
        return emptied

    def add(self, node: Node) -> int:
        """Add a node and return its row; a name that is there already is updated."""
        name = node.metadata.name
        if name in self.row_of:
            return self.update(node)
        row = self._tree.reserved_row(name)
        if row is None:
            row = self._free.pop() if self._free else self.count
        if row == self.count:
            self._resize(self.count + 1)
            self.names.append(name)
            self.objects.append(node)
        self.names[row], self.row_of[name] = name, row
        self._fill(row, node)
        self._tree.add(name, row, zone_key(node.metadata.labels))
        return row

    def add_array(self, nodes: NodeArray) -> NDArray[np.int64]:
        """Add many new nodes at once and return their rows int64[N].

        Raises ValueError when a name is there already or twice.
        """
        total = len(nodes.names)
        rows = np.arange(self.count, self.count + total)
        names = list(nodes.names)
        if len(set(names)) != total or not self.row_of.keys().isdisjoint(names):
            raise ValueError("a node name occurs twice")
        self.row_of.update(zip(names, rows.tolist(), strict=True))
        self._resize(self.count + total)
        self.names += names
        self.objects += [None] * total
        used, first = np.unique(nodes.template_of, return_index=True)
        for number in used[np.argsort(first)].tolist():  # in the order in which the nodes come
            self._fill_many(rows[nodes.template_of == number], nodes.templates[number])
        zones = [zone_key(template.metadata.labels) for template in nodes.templates]
        self._tree.add_many(rows, zones, nodes.template_of.astype(np.int64))
        return rows

    def update(self, node: Node) -> int:
        """Replace a node that is there and return its row; pods on it stay."""
        row = self.row_of[node.metadata.name]
        self._fill(row, node)
        self._tree.move(row, zone_key(node.metadata.labels))
        return row

    def remove(self, name: str) -> int:
        """Take a node out and return its row, which will be used again; its usage is zeroed."""
        row = self.row_of.pop(name)
        self._tree.remove(name, row)
        self._unlist_images(np.array([row]))
        self.alive[row] = False
        self.objects[row] = None
        for key in ("requested", "nonzero_requested", "used_ports"):
            self._arrays[key][:, row] = 0
        self.pod_count[row] = 0
        for own in self.owners.node:
            self._arrays[own][..., row] = 0
        self.faults.pop(row, None)
        self.rare_allocatable.clear(row)
        self.rare_requested.clear(row)
        self.object_version += 1
        return row

    def full(self, name: str) -> NDArray[Any]:
        """Return an array at its whole capacity on the node axis: contiguous, as compiled loops need it."""
        return self._arrays[name]

    def state(self) -> NodeState:
        """Return a copy of all that changes; tables that only ever grow are kept as they are, resources left out."""
        arrays = {key: array[..., : self.count].copy() for key, array in self._arrays.items()}
        lists = (list(self.names), dict(self.row_of), list(self.objects))
        tree = copy.deepcopy(self._tree)
        images, sets = self._image_sizes.copy(), dict(self._sets)
        rare = self.rare_allocatable.copy(), self.rare_requested.copy()
        return NodeState(
            self.count, arrays, *lists, tree, list(self._free), images, sets, self.ports, *rare, self.owners,
            dict(self.faults),
        )  # fmt: skip

    def restore(self, state: NodeState) -> None:
        """Go back to a state that `state` returned; the host ports of its pods must be known."""
        arrays = state.arrays
        if state.ports is not self.ports:
            arrays = arrays | {"used_ports": self.ports.translate(arrays["used_ports"], state.ports)}
        for key, array in self._arrays.items():
            array[...] = 0
            if key in self.owners.node and state.owners is not self.owners:
                continue  # it has come since; who restores fills it
            if array.ndim == 1:
                array[: state.rows] = arrays[key]
            else:
                array[: len(arrays[key]), ..., : state.rows] = arrays[key]
        self.faults = dict(state.faults)
        self.names, self.row_of = list(state.names), dict(state.row_of)
        self.objects, self._free = list(state.objects), list(state.free)
        self._image_sizes, self._sets = state.image_sizes.copy(), dict(state.sets)
        self._tree = copy.deepcopy(state.tree)
        self._tree.resize(self._capacity)
        self.count = state.rows
        self.object_version += 1
        self._publish()
        self.rare_allocatable, self.rare_requested = state.rare_allocatable.copy(), state.rare_requested.copy()
        for name in self._resource_row.keys() & set(self.rare_names):
            self._take_from_rare(name)

    def translate_ports(self, table: PortTable) -> None:
        """Write the host ports in use, which are numbered as in ``table``, with the numbers of ``ports``."""
        self._arrays["used_ports"] = self.ports.translate(self._arrays["used_ports"], table)
        self._publish()

    def tidy(self) -> None:
        """Forget sets and zones that no node has, once they are more than the others; numbers of sets may change."""
        enough = 2 * len(self.row_of) + SLACK
        for name, table in self._sets.items():
            if len(table) > enough:
                column = self._arrays[name]
                used = np.unique(np.append(getattr(self, name)[self.alive], np.int32(0)))  # 0 is what free rows have
                self._sets[name], number_of = table.only(used)
                column[:] = number_of[column]
                self.object_version += 1
        self._tree.tidy(enough)

    def append_log(self, row: int) -> None:
        """Note that a placement changed a row."""
        self.log[self.log_head[0] & (len(self.log) - 1)] = row
        self.log_head[0] += 1

    def _fill(self, row: int, node: Node) -> None:
        self._fill_many(np.array([row]), node, hostname_is=node.metadata.name)
        self.objects[row] = node

    def _fill_many(self, rows: NDArray[np.int64], node: Node, hostname_is: str | None = None) -> None:
        """Write what a node object says into its rows; a template's hostname stands for each row's name."""
        amounts = {name: parse_quantity(text) for name, text in node.status.allocatable.items()}
        counted = [name for name in amounts if name in FIXED_RESOURCES or is_scalar_resource(name)]
        known = {name: self.row_of_met(name) for name in counted}
        self.allocatable[:, rows] = 0
        rare = {}
        for name, resource in known.items():
            if resource is not None:
                self.allocatable[resource, rows] = in_unit(name, amounts[name])
            else:
                rare[name] = in_unit(name, amounts[name])
        for row in rows.tolist() if rare or self.rare_allocatable.names else ():
            self.rare_allocatable.clear(row)
            self.rare_allocatable.add(rare, row)
        self.allowed_pods[rows] = value(amounts.get("pods", 0))
        self.unschedulable[rows] = node.spec.unschedulable
        taints = tuple(node.spec.taints)
        key = tuple((taint.key, taint.value, taint.effect) for taint in taints)
        self.taint_set[rows] = self._sets["taint_set"].intern(key, taints)
        features = frozenset(node.status.declared_features)
        self.feature_set[rows] = self._sets["feature_set"].intern(features, features)
        images = tuple(node.status.images)
        self._unlist_images(rows)
        self.image_set[rows] = self._sets["image_set"].intern(images, images)
        self._image_sizes.count(images, len(rows))
        labels = node.metadata.labels
        name = hostname_is if hostname_is is not None else labels.get(HOSTNAME, "")
        items, is_name = label_set(labels, name)
        self.label_set[rows] = self._sets["label_set"].intern(items, dict(items))
        self.hostname_is_name[rows] = is_name and HOSTNAME in labels
        self.alive[rows] = True
        if self.owners.node:
            self._fill_own(rows, node)
        self.object_version += 1

    def _fill_own(self, rows: NDArray[np.int64], node: Node) -> None:
        """Write what plugins say of a node into their columns; where one cannot, that is noted as a fault."""
        try:
            values = self.owners.fill_node(node)
        except PluginError as fault:
            values = {name: np.zeros(column.shape, column.dtype) for name, column in self.owners.node.items()}
            self.faults.update(dict.fromkeys(rows.tolist(), fault))
        else:
            for row in rows.tolist() if self.faults else ():
                self.faults.pop(row, None)
        for name, filled in values.items():
            self._arrays[name][..., rows] = filled[..., np.newaxis]

    def _take_from_rare(self, name: str) -> None:
        """Write what is kept sparsely of a resource that has a row now into the arrays."""
        if name not in self.rare_names:
            return
        row = self._resource_row[name]
        self.allocatable[row] = self.rare_allocatable.pop(name, self.count)
        self.requested[row] = self.nonzero_requested[row] = self.rare_requested.pop(name, self.count)
        self.object_version += 1

    def _unlist_images(self, rows: NDArray[np.int64]) -> None:
        for number, nodes in zip(*np.unique(self.image_set[rows[self.alive[rows]]], return_counts=True), strict=True):
            self._image_sizes.count(self.image_sets[number], -int(nodes))

    def _resize(self, count: int) -> None:
        if count > self._capacity:
            self._capacity = max(count, 2 * self._capacity, 16)
            for key, array in self._arrays.items():
                shape = (*array.shape[:-1], self._capacity)
                grown = np.zeros(shape, array.dtype)
                grown[..., : array.shape[-1]] = array
                self._arrays[key] = grown
            self._tree.resize(self._capacity)
            size = len(self.log)
            while size < 2 * self._capacity:
                size *= 2
            if size != len(self.log):
                self.log = np.zeros(size, np.int32)
                self.object_version += 1  # forgets the log: everything is scored anew
        self.count = count
        self._publish()

    def _publish(self) -> None:
        for key, array in self._arrays.items():
            setattr(self, key, array[..., : self.count])


def _grow_rows(array: NDArray[Any], rows: int) -> NDArray[Any]:
    if rows == len(array):
        return array
    return np.concatenate([array, np.zeros((rows - len(array), array.shape[1]), array.dtype)])
