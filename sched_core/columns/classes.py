"""Pod classes: pods whose scheduling-relevant spec is equal share one row of numbers.

A Deployment of 10,000 replicas is one class. The rows are what compiled kernels read of a pod; `PodInfo` is what a
plugin reads of it.
"""

from __future__ import annotations

from collections.abc import Mapping
from operator import attrgetter
from typing import Any, NamedTuple, get_type_hints

import msgspec
import numpy as np
from numpy.typing import NDArray

from sched_core.columns.nodes import FIXED_RESOURCES, NodeColumns, in_unit
from sched_core.columns.own import NO_COLUMNS, OwnColumns
from sched_core.columns.ports import HostPort, PortTable, host_ports
from sched_core.errors import InvalidObjects, PluginError, Problem
from sched_core.objects.meta import Skip
from sched_core.objects.records import Pod, Volume
from sched_core.objects.requests import is_scalar_resource, pod_requests

_encode = msgspec.json.Encoder().encode
_INT64_MAX = 2**63 - 1
RECENT = 4096
"""Whole specs that are remembered; with more different ones in turn remembering them does not pay."""
_sources = attrgetter(*(name for name, kind in get_type_hints(Volume).items() if name != "name" and kind is not Skip))
"""Returns the sources of a volume that are read at all; the others (secrets, directories) decide about no node."""


def pod_key(pod: Pod) -> str:
    """Return ``namespace/name``."""
    return f"{pod.metadata.namespace or 'default'}/{pod.metadata.name}"


def pod_uid(pod: Pod) -> str:
    """Return the uid; ``namespace/name`` for a pod that no API server has seen."""
    return pod.metadata.uid or pod_key(pod)


def shape_key(pod: Pod, placed: bool = False) -> bytes:
    """Return what of a pod can matter to scheduling but for how much it requests, as bytes.

    The name, uid and times of a pod are left out, and, if it is placed, its node and its annotations too. So are the
    names of claims, and volumes that are not read. Name and uid count where claims are made for the pod: they are its
    own.
    """
    meta, spec = pod.metadata, pod.spec
    return _encode(
        (
            meta.namespace,
            meta.labels,
            None if placed else (meta.annotations, spec.node_name, pod.status.nominated_node_name),
            meta.owner_references,
            _ending(pod),
            [(each.image, each.ports, each.restart_policy_rules) for each in spec.containers],
            [(each.image, each.ports, each.restart_policy, each.restart_policy_rules) for each in spec.init_containers],
            [_without_claim(each) for each in spec.volumes if any(_sources(each))] if spec.volumes else (),
            (meta.name, meta.uid) if any(each.ephemeral is not None for each in spec.volumes) else None,
            spec.node_selector,
            spec.affinity,
            spec.tolerations,
            spec.topology_spread_constraints,
            (spec.scheduler_name, spec.scheduling_gates, spec.scheduling_group, spec.resource_claims),
            (spec.priority, spec.preemption_policy, spec.host_network, spec.host_users),
        )
    )


def _ending(pod: Pod) -> tuple[str, ...] | None:
    """Return what tells pods that are being deleted apart: who is to blame. None for all others."""
    if pod.metadata.deletion_timestamp is None:
        return None
    blamed = (each for each in pod.status.conditions if each.type == "DisruptionTarget")
    return next(((each.status, each.reason) for each in blamed), ())


def _without_claim(volume: Volume) -> Volume | None:
    return None if volume.persistent_volume_claim is not None else volume


def claims_key(pod: Pod) -> tuple[str, ...]:
    """Return the names of the claims that a pod mounts, in the order of its volumes."""
    claims = [each.persistent_volume_claim for each in pod.spec.volumes]
    return tuple([each.claim_name for each in claims if each is not None])


def amounts_key(pod: Pod) -> bytes:
    """Return all that the amounts of a pod are worked out from, as bytes."""
    spec, status = pod.spec, pod.status
    resized = None
    if has_status_resources(pod):
        resized = (
            [(each.name, each.resources, each.allocated_resources) for each in status.container_statuses],
            [(each.name, each.resources, each.allocated_resources) for each in status.init_container_statuses],
            [(each.name, each.restart_policy) for each in (*spec.containers, *spec.init_containers)],
            status.resources,
            status.allocated_resources,
            [(condition.type, condition.reason) for condition in status.conditions],
        )
    return _encode(
        (
            [each.resources for each in spec.containers],
            [each.resources for each in spec.init_containers],
            spec.overhead,
            spec.resources,
            resized,
        )
    )


def has_status_resources(pod: Pod) -> bool:
    """Tell whether the kubelet says of resources what differs from the spec, or may."""
    status = pod.status
    return bool(
        status.container_statuses or status.init_container_statuses or status.resources or status.allocated_resources
    )


def is_special(pod: Pod) -> bool:
    """Tell whether more of a pod matters than its spec, namespace, labels, annotations and owners."""
    return bool(
        pod.metadata.deletion_timestamp is not None
        or pod.status.nominated_node_name
        or has_status_resources(pod)
        or any(each.ephemeral is not None for each in pod.spec.volumes)
    )


class PodInfo(msgspec.Struct, eq=False, gc=False):
    """A pod as plugins see it: the record, its key ``namespace/name``, and its row of numbers."""

    pod: Pod
    _row: int
    _classes: PodClasses
    key: str
    _epoch: int = -1

    def __post_init__(self) -> None:
        self._epoch = self._classes.epoch

    @property
    def uid(self) -> str:
        """The pod's own uid; empty if it has none, or shares the record of others."""
        return self.pod.metadata.uid if pod_key(self.pod) == self.key else ""

    @property
    def row(self) -> int:
        """The number of its class; looked up again where the classes have new numbers."""
        if self._epoch != self._classes.epoch:
            self._row, self._epoch = self._classes.intern(self.pod), self._classes.epoch
        return self._row

    @property
    def priority(self) -> int:
        return self.pod.spec.priority or 0

    @property
    def requests(self) -> NDArray[np.int64]:
        """int64[R]: what NodeResourcesFit filters by (no status, pod-level resources count)."""
        return self._amounts_of("requests")

    @property
    def usage(self) -> NDArray[np.int64]:
        """int64[R]: what the pod adds to a node's Requested (status and pod-level resources count)."""
        return self._amounts_of("usage")

    @property
    def score_requests(self) -> NDArray[np.int64]:
        """int64[R]: what NodeResourcesFit scores by (containers only, with the 100m and 200Mi defaults)."""
        return self._amounts_of("score_requests")

    @property
    def nonzero_usage(self) -> NDArray[np.int64]:
        """int64[R]: what the pod adds to a node's NonZeroRequested."""
        return self._amounts_of("nonzero_usage")

    @property
    def rare_requests(self) -> Mapping[str, int]:
        """The same as ``requests`` for resources without a row, by name; what is 0 is left out."""
        rare = self._classes.rare.get(self.row)
        return rare.requests if rare is not None else {}

    @property
    def requests_by_name(self) -> dict[str, int]:
        """All that NodeResourcesFit filters by, rare or not; what is 0 is left out."""
        names = zip(self._classes.nodes.resources, self.requests.tolist(), strict=False)
        return {name: amount for name, amount in names if amount} | dict(self.rare_requests)

    def own(self, name: str) -> Any:
        """Return what a plugin has filled in for the pod: a number, or an array of the column's shape."""
        row = self.row  # first: it may make new arrays
        return self._classes.own[name][row]

    def _amounts_of(self, name: str) -> NDArray[Any]:
        row = self.row
        return getattr(self._classes, name)[row, :]  # type: ignore[no-any-return]

    @property
    def has_host_ports(self) -> bool:
        return self._classes.has_host_ports(self.row)

    @property
    def port_bits(self) -> NDArray[np.uint64]:
        """uint64[W]: the host ports that the pod uses."""
        return self._amounts_of("port_bits")

    @property
    def port_conflicts(self) -> NDArray[np.uint64]:
        """uint64[W]: the host ports that it cannot share a node with."""
        return self._amounts_of("port_conflicts")


class RareAmounts(NamedTuple):
    """What the pods of a class have of rare resources by name, counted in four ways as in the rows; 0 is left out."""

    requests: dict[str, int]
    usage: dict[str, int]
    score_requests: dict[str, int]
    nonzero_usage: dict[str, int]


_AMOUNTS = RareAmounts._fields


class ClassState(NamedTuple):
    """What `PodClasses.state` returns."""

    epoch: int
    pods: list[Pod]
    placed: list[bool]


class PodClasses:
    """The table of the classes seen so far: ``requests[C, R]`` and its siblings, one representative pod each.

    A class keeps its number for an ``epoch``; `renew` begins the next one.
    """

    def __init__(self, nodes: NodeColumns) -> None:
        self.nodes, self.epoch = nodes, 0
        self.owners = NO_COLUMNS
        self._clear()

    def _clear(self) -> None:
        nodes = self.nodes
        self.pods: list[Pod] = []
        self._placed: list[bool] = []
        """Whether the representative of a class was placed already when it came."""
        self.shape_of = np.zeros(0, np.int32)
        """[C]: shape of each class. Classes of one shape differ only in how much they request of the same resources,
        and in the names of the claims that they mount."""
        self._number: dict[tuple[int, bytes, tuple[str, ...], bytes], int] = {}
        self._first: dict[tuple[int, bytes, bytes], int] = {}
        """The first of the classes that differ only in the names of their claims."""
        self._recent: dict[bytes, int] = {}
        """Classes by the encoding of a whole spec, so that the next pod of a template is found with one look."""
        self._spec_number: dict[bytes, int] = {}
        self._shape_number: dict[tuple[int, tuple[int | str, ...]], int] = {}
        self.with_affinity: set[int] = set()
        """Classes with affinity or anti-affinity to pods."""
        self.with_claims: set[int] = set()
        """Classes with volumes that come with a claim."""
        self.rare: dict[int, RareAmounts] = {}
        """What classes have of resources without a row; only the cycle can decide on their pods."""
        self._rows_known = len(nodes.resources)
        self._ports: dict[int, list[HostPort]] = {}
        self._capacity = 0
        self.requests = np.zeros((0, nodes.resource_count), np.int64)
        self.usage = self.requests.copy()
        self.score_requests = self.requests.copy()
        self.nonzero_usage = self.requests.copy()
        self.port_bits = np.zeros((0, nodes.ports.words), np.uint64)
        self.port_conflicts = self.port_bits.copy()
        self.priority = np.zeros(0, np.int64)
        self.own = {name: column.empty(0, rows_last=False) for name, column in self.owners.pod.items()}
        """The columns that plugins have filled, [C, ..] each."""
        self.faults: dict[int, PluginError] = {}
        """Classes that a plugin could not fill its columns from; their pods are not placed."""

    def __len__(self) -> int:
        return len(self.pods)

    def intern(self, pod: Pod, placed: bool = False) -> int:
        """Return the class of a pod; a new one gets the next row."""
        if placed or is_special(pod):
            return self._intern(pod, placed)
        meta = pod.metadata
        whole = _encode((meta.namespace, meta.labels, meta.annotations, meta.owner_references, pod.spec))
        number = self._recent.get(whole)
        if number is None:
            if len(self._recent) == RECENT:
                self._recent.clear()
            number = self._recent[whole] = self._intern(pod, placed)
        return number

    def _intern(self, pod: Pod, placed: bool) -> int:
        spec = self._spec_number.setdefault(shape_key(pod, placed), len(self._spec_number))
        amounts, claims = amounts_key(pod), claims_key(pod) if pod.spec.volumes else ()
        values, fault = self.owners.try_pod(pod)
        own = b"".join([value.tobytes() for value in values.values()])
        number = self._number.get((spec, amounts, claims, own))
        if number is None:
            number = self._add(pod, spec, self._first.get((spec, amounts, own)))
            self._number[spec, amounts, claims, own] = number
            if claims:
                self._first.setdefault((spec, amounts, own), number)
            self._placed.append(placed)
            for name, value in values.items():
                self.own[name][number] = value
            if fault is not None:
                self.faults[number] = fault
        return number

    def declare(self, owners: OwnColumns, kept: NDArray[np.int32]) -> NDArray[np.int32]:
        """Have these own columns of pods and no others; begins an epoch as `renew` does where that changes any."""
        changes = bool(self.owners.pod or owners.pod)
        self.owners = owners
        return self.renew(kept) if changes else kept

    def renew(self, kept: NDArray[np.int32]) -> NDArray[np.int32]:
        """Begin an epoch in which only the classes ``kept`` int32[P] are known, and return their new numbers.

        Host ports have new numbers too.
        """
        state, ports = self.state(), self.nodes.ports
        self.epoch += 1
        self.nodes.ports = PortTable(ports.words)
        self._clear()
        numbers = self.numbers_of(kept, state)
        self.nodes.translate_ports(ports)
        return numbers

    def state(self) -> ClassState:
        """Return what tells classes of this epoch apart, for `numbers_of`."""
        return ClassState(self.epoch, self.pods, self._placed)

    def numbers_of(self, classes: NDArray[np.int32], state: ClassState) -> NDArray[np.int32]:
        """Return the numbers now of classes of an earlier epoch; those that are not known any more come in again."""
        if state.epoch == self.epoch or not len(classes):
            return classes
        distinct, inverse = np.unique(classes, return_inverse=True)
        now = [self.intern(state.pods[number], state.placed[number]) for number in distinct.tolist()]
        return np.array(now, np.int32)[inverse]

    def info(self, pod: Pod, key: str | None = None) -> PodInfo:
        """Return the pod as plugins see it."""
        return PodInfo(pod, self.intern(pod), self, key if key is not None else pod_key(pod))

    def info_of(self, number: int) -> PodInfo:
        """Return the representative of a class."""
        return PodInfo(self.pods[number], number, self, pod_key(self.pods[number]))

    def has_host_ports(self, number: int) -> bool:
        """Tell whether the pods of a class use host ports."""
        return number in self._ports

    def usage_of(self, resource: str, classes: NDArray[np.int32]) -> NDArray[np.int64]:
        """Return what pods of classes int32[P] use of a resource, int64[P]."""
        self.fit_resources()
        if resource in self.nodes.resources:
            used: NDArray[np.int64] = self.usage[classes, self.nodes.resources.index(resource)]
            return used
        rare = (self.rare.get(number) for number in classes.tolist())
        return np.array([each.usage.get(resource, 0) if each is not None else 0 for each in rare], np.int64)

    def fit_resources(self) -> None:
        """Give all rows the width that the node columns have by now."""
        missing = self.nodes.resource_count - self.requests.shape[1]
        if missing > 0:
            for name in _AMOUNTS:
                setattr(self, name, np.pad(getattr(self, name), ((0, 0), (0, missing))))
        if self._rows_known != len(self.nodes.resources):
            self._rows_known = len(self.nodes.resources)
            self._take_from_rare()

    def _add(self, pod: Pod, spec: int, like: int | None) -> int:
        """Add a class; ``like`` is one of the same amounts and shape."""
        number = len(self.pods)
        amounts, rare = self._amounts(pod) if like is None else (None, self.rare.get(like))
        if number == self._capacity:
            self._grow(max(64, 2 * self._capacity))
        self.fit_resources()
        if amounts is None:
            for name in (*_AMOUNTS, "shape_of"):
                getattr(self, name)[number] = getattr(self, name)[like]
        else:
            for name, row in amounts.items():
                getattr(self, name)[number, : len(row)] = row
            requested = [resource for resource, amount in enumerate(amounts["usage"]) if amount > 0]
            shape = (spec, (*requested, *(rare.usage if rare is not None else ())))
            self.shape_of[number] = self._shape_number.setdefault(shape, len(self._shape_number))
        if rare is not None:
            self.rare[number] = rare
        self.priority[number] = pod.spec.priority or 0
        self.pods.append(pod)
        affinity = pod.spec.affinity
        if affinity is not None and (affinity.pod_affinity is not None or affinity.pod_anti_affinity is not None):
            self.with_affinity.add(number)
        if any(each.persistent_volume_claim is not None or each.ephemeral is not None for each in pod.spec.volumes):
            self.with_claims.add(number)
        if ports := list(host_ports(pod)):
            self._add_ports(number, ports)
        return number

    def _take_from_rare(self) -> None:
        """Write what classes have of resources that have got a row meanwhile into the arrays."""
        row_of = {name: row for row, name in enumerate(self.nodes.resources)}
        for number, rare in list(self.rare.items()):
            for kind, amounts in rare._asdict().items():
                for name in amounts.keys() & row_of.keys():
                    getattr(self, kind)[number, row_of[name]] = amounts[name]
            left = [{name: each[name] for name in each if name not in row_of} for each in rare]
            self.rare[number] = RareAmounts(*left)
            if not any(left):
                del self.rare[number]

    def _amounts(self, pod: Pod) -> tuple[dict[str, list[int]], RareAmounts | None]:
        """Return the four rows of a pod, in the units of the columns, and what has none; refuse what exceeds int64."""
        requests = pod_requests(pod, use_status=False)
        plain = not has_status_resources(pod)
        usage = requests if plain else pod_requests(pod, use_status=True)
        nonzero = usage if _names_cpu_and_memory(pod) else pod_requests(pod, use_status=True, non_missing=True)
        score = nonzero
        if pod.spec.resources is not None:
            score = pod_requests(pod, use_status=False, pod_level=False, non_missing=True)
        elif not plain:
            score = pod_requests(pod, use_status=False, non_missing=True)
        rows: list[tuple[dict[str, int], tuple[list[int], dict[str, int]]]] = []
        found = []
        for amounts in (requests, usage, score, nonzero):
            row = next((known for same, known in rows if same == amounts), None)  # most pods have one row in all four
            if row is None:
                row = self._row(pod, amounts)
                rows.append((amounts, row))
            found.append(row)
        rare = RareAmounts(*(beside for _, beside in found)) if any(beside for _, beside in found) else None
        return {name: row for name, (row, _) in zip(_AMOUNTS, found, strict=True)}, rare

    def _row(self, pod: Pod, amounts: dict[str, int]) -> tuple[list[int], dict[str, int]]:
        """Return a row, and what is requested of resources that have none."""
        row, rare = [0] * len(self.nodes.resources), {}
        for name, nano in amounts.items():
            if name in FIXED_RESOURCES or is_scalar_resource(name):
                resource, amount = self.nodes.row_of_met(name), in_unit(name, nano)
                if amount > _INT64_MAX:
                    where = ("<memory>", f"Pod {pod_key(pod)}", f"spec.resources[{name}]")
                    raise InvalidObjects([Problem(*where, "more than int64 holds")])
                if resource is not None:
                    row += [0] * (resource + 1 - len(row))
                    row[resource] = amount
                elif amount:
                    rare[name] = amount
        return row, rare

    def _add_ports(self, number: int, ports: list[HostPort]) -> None:
        table = self.nodes.ports
        self._ports[number] = ports
        fresh = [known for known, new in map(table.intern, ports) if new]
        if table.words != self.port_bits.shape[1]:
            self.nodes.grow_port_words()
            width = ((0, 0), (0, table.words - self.port_bits.shape[1]))
            self.port_bits, self.port_conflicts = np.pad(self.port_bits, width), np.pad(self.port_conflicts, width)
        for port in ports:
            _set_bit(self.port_bits, number, table.intern(port)[0])
            for other in table.conflicts_of(port):
                _set_bit(self.port_conflicts, number, other)
        for known in fresh:  # classes that came before learn of the new ports
            for other, theirs in self._ports.items():
                if any(port.conflicts(table.ports[known]) for port in theirs):
                    _set_bit(self.port_conflicts, other, known)

    def _grow(self, capacity: int) -> None:
        self.fit_resources()
        for name in (*_AMOUNTS, "port_bits", "port_conflicts", "priority", "shape_of"):
            array: NDArray[Any] = getattr(self, name)
            grown = np.zeros((capacity, *array.shape[1:]), array.dtype)
            grown[: len(array)] = array
            setattr(self, name, grown)
        for name, own in self.own.items():
            self.own[name] = self.owners.pod[name].empty(capacity, rows_last=False)
            self.own[name][: len(own)] = own
        self._capacity = capacity


def _names_cpu_and_memory(pod: Pod) -> bool:
    """Tell whether every container requests both, so that no default of NodeResourcesFit's score applies."""
    if pod.spec.resources is not None or pod.spec.init_containers or pod.status.container_statuses:
        return False
    wanted = [each.resources.requests for each in pod.spec.containers if each.resources is not None]
    return len(wanted) == len(pod.spec.containers) and all("cpu" in each and "memory" in each for each in wanted)


def _set_bit(words: NDArray[np.uint64], row: int, bit: int) -> None:
    words[row, bit >> 6] |= np.uint64(1 << (bit & 63))
