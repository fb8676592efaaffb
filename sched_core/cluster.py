"""Cluster: nodes, pod classes and placed pods together; the state that an engine decides on.

Objects come in (added, updated, removed), columns change. No decision is taken here, and nothing is read or written.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Mapping, Sequence
from types import MappingProxyType
from typing import Any, NamedTuple

import numpy as np
from msgspec import structs
from numpy.typing import NDArray

from sched_core.changes import Changes
from sched_core.columns.arrays import NodeArray
from sched_core.columns.classes import ClassState, PodClasses, pod_key
from sched_core.columns.kinds import PodKinds
from sched_core.columns.node_state import NodeState
from sched_core.columns.nodes import NodeColumns
from sched_core.columns.own import Moves, OwnColumns
from sched_core.columns.pods import NOT_STARTED, SLACK, PodState
from sched_core.errors import InvalidObjects, PluginError, Problem, StowageError
from sched_core.objects.load import Objects
from sched_core.objects.meta import object_key
from sched_core.objects.records import AnyObject, Node, Pod
from sched_core.objects.times import nanoseconds

ENDED = ("Succeeded", "Failed")


class ClusterState(NamedTuple):
    """What `Cluster.state` returns."""

    nodes: NodeState
    pods: PodState
    classes: ClassState
    placed_with_affinity: bool
    namespaces: dict[str, dict[str, str]]
    others: dict[str, dict[str, AnyObject]]
    uids: dict[str, str]
    annotations: dict[str, dict[str, str]]


class Cluster:
    """The state of a cluster."""

    def __init__(self) -> None:
        self.nodes = NodeColumns()
        self.classes = PodClasses(self.nodes)
        self.kinds = PodKinds(self.classes)
        self.namespaces: dict[str, dict[str, str]] = {}
        self.others: dict[str, dict[str, AnyObject]] = {}
        """Objects of all other kinds by kind and ``namespace/name`` (or name)."""
        self.others_version = 0
        self.versions: Counter[str] = Counter()
        """By kind, a number that grows with every change of an object."""
        self.changes: defaultdict[str, Changes] = defaultdict(Changes)
        """By kind, what has changed, without what plugins have assumed."""
        self.placed_with_affinity = False
        """Whether a pod with affinity to other pods was placed; it may be gone, up to the next `tidy`."""
        self.uids: dict[str, str] = {}
        """The uid by ``namespace/name`` of placed pods that have one."""
        self.annotations: dict[str, dict[str, str]] = {}
        """By ``namespace/name``, those of pods that had a node when they came: classes of such pods leave them out, yet
        a plugin whose columns come later may be told by them which devices a pod holds."""
        self._enough_classes = SLACK

    @classmethod
    def from_objects(cls, objects: Objects) -> Cluster:
        """Build a cluster from loaded objects; pods with ``spec.nodeName`` that have not ended are placed."""
        cluster = cls()
        cluster.namespaces = {each.metadata.name: dict(each.metadata.labels) for each in objects.namespaces}
        for record in (record for records in objects.others.values() for record in records):
            cluster.add_object(record)
        for node in objects.nodes:
            cluster.add_node(node)
        cluster.add_pods(pod for pod in objects.pods if pod.spec.node_name)
        return cluster

    def add_object(self, record: AnyObject) -> None:
        """Add or replace an object that is neither a node nor a pod."""
        self.changes[type(record).__name__].add(self.assume_object(record))
        self.others_version += 1

    def assume_object(self, record: AnyObject) -> str:
        """Put what a plugin has assumed of an object in its place; what pods concern does not depend on it.

        Returns the key of the object.
        """
        kind, key = type(record).__name__, object_key(record.metadata)
        self.others.setdefault(kind, {})[key] = record
        self.versions[kind] += 1
        return key

    def remove_object(self, kind: str, key: str) -> None:
        """Remove such an object."""
        del self.others[kind][key]
        self.versions[kind] += 1
        self.changes[kind].add(key)
        self.others_version += 1

    @classmethod
    def from_array(cls, nodes: NodeArray) -> Cluster:
        """Build a cluster without pods from templates (see `NodeArray`)."""
        cluster = cls()
        cluster.nodes.add_array(nodes)
        return cluster

    def sample(self) -> Cluster:
        """Return a small cluster with the same resources, for compiling what this one needs."""
        small = Cluster()
        for name in self.nodes.resources:
            small.nodes.resource_row(name)
        node = Node()
        node.status.allocatable = {"cpu": "4", "memory": "8Gi", "pods": "110"}
        small.nodes.add_array(NodeArray(["a", "b"], [node], np.zeros(2, np.int32)))
        return small

    def add_node(self, node: Node) -> int:
        """Add or update a node and return its row; pods that waited for this name count from now on."""
        self.nodes.tidy()
        known = self.nodes.row_of.get(node.metadata.name)
        row = self.nodes.add(node)
        if known is not None and self.nodes.owners.mover is not None:
            self._come_again(self.nodes.pods.on(row))
        for number in self.nodes.pods.enter(node.metadata.name, row):
            self.add_usage(int(self.nodes.pods.class_of[number]), row, number)
        return row

    update_node = add_node

    def remove_node(self, name: str) -> None:
        """Remove a node; its pods count for nothing until a node of that name comes back."""
        self.nodes.pods.leave(name, self.nodes.remove(name))

    def add_pods(self, pods: Iterable[Pod]) -> None:
        """Add pods that run on ``spec.nodeName``; those that have ended do not count, a known key is replaced."""
        for pod in pods:
            self.tidy()
            key, row = pod_key(pod), self.nodes.row_of.get(pod.spec.node_name, -1)
            remembered = self._remembered(key, row)
            if self.nodes.pods.find(key) is not None:
                self.remove_pod(key)
            if pod.status.phase in ENDED:
                continue
            pod_class = self.classes.intern(pod, placed=True)
            if pod.metadata.uid:
                self.uids[key] = pod.metadata.uid
            where = (np.array([pod_class], np.int32), np.array([row], np.int32))
            number = self.place([key], *where, start_time(pod), placed=remembered)
            if pod.metadata.annotations:
                self.annotations[key] = pod.metadata.annotations
            if row < 0:
                self.nodes.pods.wait(number, pod.spec.node_name)
            else:
                self.add_usage(pod_class, row, number)

    def _remembered(self, key: str, row: int) -> dict[str, NDArray[Any]]:
        """Return what plugins remember of a pod that comes again where it is: a changed label moves no device."""
        pods, columns = self.nodes.pods, self.nodes.owners.placed
        number = pods.find(key) if columns else None
        if number is None or pods.node_of[number] != row:
            return {}
        return {name: pods.own(name)[number : number + 1].copy() for name in columns}

    def add_pod(self, pod: Pod) -> None:
        self.add_pods([pod])

    def remove_pod(self, key: str) -> bool:
        """Remove a pod by ``namespace/name``; False if it is not there."""
        pods = self.nodes.pods
        number = pods.find(key)
        if number is None:
            return False
        row = int(pods.node_of[number])
        pods.drop(number)
        self.uids.pop(key, None)
        self.annotations.pop(key, None)
        if row >= 0:
            self._subtract_usage(int(pods.class_of[number]), row, number)
        return True

    def place(
        self, keys: Sequence[str], classes: NDArray[np.int32], rows: NDArray[np.int32], start: int = NOT_STARTED, *,
        placed: Mapping[str, NDArray[Any]] = MappingProxyType({}),
    ) -> int:  # fmt: skip
        """Note where pods are, without adding their usage; return the number of the first (it lasts until `tidy`).

        ``start`` is their start time in nanoseconds since 1970, ``placed`` what plugins remember of them.
        """
        if self.classes.with_affinity and self.classes.with_affinity.intersection(classes.tolist()):
            self.placed_with_affinity = True
        return self.nodes.pods.add(keys, classes, rows, self.classes.priority[classes], start, placed)

    def declare(self, owners: OwnColumns) -> None:
        """Have the own columns of these plugins and of no others, filled from nodes, pods and what is placed.

        What placements remember is kept where its column is declared alike. Raises PluginError, and has the columns
        and classes that it had before, where a plugin cannot fill its own.
        """
        if owners is self.nodes.owners or not (owners or self.nodes.owners):
            return
        before = self.state()
        try:
            self._declare(owners)
        except StowageError:
            self._set_owners(before.nodes.owners)
            self.restore(before)
            raise

    def _declare(self, owners: OwnColumns) -> None:
        self._set_owners(owners)
        fault = next((fault for faults in (self.nodes.faults, self.classes.faults) for fault in faults.values()), None)
        if fault is not None:
            raise fault
        if owners.mover is not None:
            nobody = Moves(np.zeros(0, np.int64), np.zeros(0, np.int32), np.zeros(0, np.int64))
            for sign in (1, -1):  # what cannot be compiled is found out now
                owners.mover(self, nobody, sign)
        self._settle(raising=True)

    def _set_owners(self, owners: OwnColumns) -> None:
        """Make the columns, with those of nodes filled as if they were empty; classes may have new numbers."""
        pods = self.nodes.pods
        pods.compact()
        pods.declare(tuple(owners.placed.values()))
        pods.class_of[:] = self.classes.declare(owners, pods.class_of)
        self._recall_annotations()
        self.kinds = PodKinds(self.classes)
        self.nodes.declare(owners)

    def _recall_annotations(self) -> None:
        """Give placed pods that plugins tell apart by their annotations classes of their own."""
        if not self.classes.owners.pod:
            return
        pods, classes = self.nodes.pods, self.classes
        for key, known in self.annotations.items():
            number = pods.find(key)
            assert number is not None  # annotations go with the pod
            like = classes.pods[pods.class_of[number]]
            if like.metadata.annotations != known:
                own = structs.replace(like, metadata=structs.replace(like.metadata, annotations=known))
                pods.class_of[number] = classes.intern(own, placed=True)

    def _settle(self, *, raising: bool = False) -> None:
        """Let all placed pods come to their nodes again, as far as own columns are concerned."""
        pods = self.nodes.pods
        placed = np.flatnonzero(pods.node_of >= 0)
        self._come_again(placed[np.argsort(pods.place[placed])], raising=raising)

    def _come_again(self, numbers: NDArray[np.int64], *, raising: bool = False) -> None:
        pods = self.nodes.pods
        self.move(Moves(pods.node_of[numbers].astype(np.int64), pods.class_of[numbers], numbers), 1, raising=raising)

    def move(self, moves: Moves, sign: int, *, raising: bool = False) -> None:
        """Have plugins change their own columns for pods that come (1) or leave (-1).

        Where one cannot, its error is raised, or noted as a fault of the node.
        """
        mover = self.nodes.owners.mover
        if mover is None or not len(moves.rows):
            return
        try:
            mover(self, moves, sign)
        except PluginError as fault:
            if raising:
                raise
            row = self.nodes.row_of.get(fault.node)
            self.nodes.faults[int(moves.rows[0]) if row is None else row] = fault

    def add_usage(self, pod_class: int, row: int, number: int, *, raising: bool = False) -> None:
        """Add what a pod of a class uses to a node (upstream: NodeInfo.AddPod); ``number`` is that in the pod table.

        Raises PluginError, with nothing added, only if ``raising``.
        """
        if self.nodes.owners:
            self.move(_one(pod_class, row, number), 1, raising=raising)
        self._change(pod_class, row, 1)
        self.nodes.used_ports[:, row] |= self.classes.port_bits[pod_class]

    def tidy(self) -> None:
        """Forget pods, and classes without pods, once they are more than the others; numbers of both may change.

        ``nodes.object_version`` tells of it, and ``classes.epoch`` of classes. Happens before a pod is added or tried.
        """
        pods, renewing = self.nodes.pods, False
        if len(self.classes) > self._enough_classes:
            self._enough_classes = 2 * len(np.unique(pods.class_of[~pods.gone])) + SLACK
            renewing = len(self.classes) > self._enough_classes
        if renewing or pods.is_sparse:
            pods.compact()
            if renewing:
                pods.class_of[:] = self.classes.renew(pods.class_of)
                self.kinds = PodKinds(self.classes)
            self.placed_with_affinity = not self.classes.with_affinity.isdisjoint(pods.class_of.tolist())
            self.nodes.object_version += 1

    def state(self) -> ClusterState:
        """Return a copy of all that changes when nodes and pods come and go."""
        nodes = self.nodes
        return ClusterState(
            nodes.state(), nodes.pods.state(), self.classes.state(), self.placed_with_affinity,
            dict(self.namespaces), {kind: dict(records) for kind, records in self.others.items()}, dict(self.uids),
            dict(self.annotations),
        )  # fmt: skip

    def restore(self, state: ClusterState) -> None:
        """Go back to a state that `state` returned."""
        nodes, pods = self.nodes, self.nodes.pods
        pods.restore(state.pods)
        pods.class_of[:] = self.classes.numbers_of(pods.class_of, state.classes)
        nodes.restore(state.nodes)
        self.placed_with_affinity, self.namespaces = state.placed_with_affinity, dict(state.namespaces)
        self.uids, self.annotations = dict(state.uids), dict(state.annotations)
        if state.nodes.owners is not nodes.owners:
            self._recall_annotations()
            for row in np.flatnonzero(nodes.alive).tolist() if nodes.owners.node else ():
                nodes.refill(row)
            self._settle()
        self.versions.update({*self.others, *state.others})
        for kind in {*self.others, *state.others}:
            self.changes[kind].add_all()
        self.others = {kind: dict(records) for kind, records in state.others.items()}
        self.others_version += 1

    def _subtract_usage(self, pod_class: int, row: int, number: int) -> None:
        self._change(pod_class, row, -1)
        if self.nodes.owners:
            self.move(_one(pod_class, row, number), -1)
        if self.classes.port_bits[pod_class].any():
            # a set: two pods that share a port free it together, so only the ports of the others are looked at
            self.nodes.used_ports[:, row] &= ~self.classes.port_bits[pod_class]

    def _change(self, pod_class: int, row: int, sign: int) -> None:
        nodes, classes = self.nodes, self.classes
        classes.fit_resources()
        nodes.requested[:, row] += sign * classes.usage[pod_class]
        nodes.nonzero_requested[:, row] += sign * classes.nonzero_usage[pod_class]
        if pod_class in classes.rare:
            nodes.rare_requested.add(classes.rare[pod_class].usage, row, sign)
        nodes.pod_count[row] += sign
        nodes.append_log(row)


def _one(pod_class: int, row: int, number: int) -> Moves:
    return Moves(np.array([row]), np.array([pod_class], np.int32), np.array([number]))


def start_time(pod: Pod) -> int:
    """Return ``status.startTime`` in nanoseconds since 1970; NOT_STARTED without one. Raises InvalidObjects."""
    text = pod.status.start_time
    if not text:
        return NOT_STARTED
    try:
        return nanoseconds(text)
    except ValueError:
        problem = Problem("<memory>", f"Pod {pod_key(pod)}", "status.startTime", f"is no time: {text!r}")
        raise InvalidObjects([problem]) from None
