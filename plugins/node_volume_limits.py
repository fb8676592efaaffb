"""NodeVolumeLimits: how many volumes of a CSI driver a node can attach (upstream: plugins/nodevolumelimits, csi.go).

The gate VolumeLimitScaling is off, as it is upstream.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from plugins.helper import hints_node_volume_limits
from plugins.helper.attached_volumes import AttachedVolumes, VolumeFault, attaches
from plugins.helper.claims import Storage, namespace_and_name
from sched_core import SKIP, Change, Code, Obstacle, Plugin, PreFilterResult, Verdicts, replaced

if TYPE_CHECKING:
    from sched_core import CSINode, CycleState, NodeColumns, PodInfo

Counts = NDArray[np.int64]

NO_LIMIT = np.iinfo(np.int64).max


class NodeVolumeLimits(Plugin):
    """Count the volumes of a driver on each node, each once, with those that are still attached."""

    name = "NodeVolumeLimits"
    reads_amounts = False
    object_kinds = frozenset({"CSINode"})
    events_to_register = staticmethod(hints_node_volume_limits.events_to_register)
    reason = "node(s) exceed max volume count"

    def __init__(self, args: object = None) -> None:
        super().__init__(args)
        self._limits_kept: tuple[tuple[int, ...], dict[str, Counts]] = ((), {})
        self._attached_kept: tuple[int, AttachedVolumes] | None = None

    def concerns(self, pod: PodInfo) -> bool:
        """Tell whether the pod has volumes that count while nodes have limits, or some that cannot be counted."""
        if not attaches(pod.pod):
            return False
        try:
            wanted = self._attached.numbers.of_pod(pod.pod, *namespace_and_name(pod), new=True)
        except VolumeFault:
            return True
        return bool(wanted) and bool(self._limits(self.handle.nodes))

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        return PreFilterResult() if attaches(pod.pod) else PreFilterResult(SKIP)

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        try:
            wanted = self._attached.numbers.of_pod(pod.pod, *namespace_and_name(pod), new=True)
        except VolumeFault as fault:
            if fault.missing:
                return Verdicts(np.ones(nodes.count, np.int64), (str(fault),))
            errors = dict.fromkeys(nodes.row_of.values(), str(fault))
            return Verdicts(np.zeros(nodes.count, np.int64), (), errors=errors)
        limits = self._limits(nodes)
        if not wanted or not limits:
            return Verdicts(np.zeros(nodes.count, np.int64), ())
        attached = self._attached
        attached.catch_up(nodes)
        drivers = self._attached.numbers.driver_of
        bits = np.zeros(nodes.count, np.int64)
        for driver in {drivers[number] for number in wanted} & limits.keys():
            mine = [number for number in wanted if drivers[number] == driver]
            free = limits[driver] - attached.count(nodes, driver)
            if free.min() >= len(mine):
                continue
            exceeded = free < len(mine)
            for row, known in Counter(row for number in mine for row in attached.rows_of(number)).items():
                exceeded[row] = 0 < len(mine) - known > free[row]
            bits |= exceeded
        return Verdicts(bits, (self.reason,), Code.Unschedulable, errors=self._errors(limits))

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        """Say of each driver how many volumes are attached, and how many there may be."""
        name, found = nodes.names[row], []
        try:
            wanted = self._attached.numbers.of_pod(pod.pod, *namespace_and_name(pod), new=True)
        except VolumeFault:
            return ()
        limits, attached, drivers = self._limits(nodes), self._attached, self._attached.numbers.driver_of
        attached.catch_up(nodes)
        more = Counter(drivers[number] for number in wanted if row not in attached.rows_of(number))
        for driver in sorted(more.keys() & limits.keys()):
            limit, count = int(limits[driver][row]), int(attached.count(nodes, driver)[row])
            if count + more[driver] > limit:
                enough = count + more[driver]
                text = f"has {count} volumes of {driver} attached, the pod adds {more[driver]}"
                text += f", at most {limit} are allowed"
                raised = raised_limit(self._attached.numbers.storage.csi_nodes[name], driver, enough)
                change = Change(f"raise the limit of {driver} on {name} to {enough}", object=raised)
                found.append(Obstacle(text, (change,)))
        return found

    def _errors(self, limits: dict[str, Counts]) -> dict[int, str]:
        """Return what cannot be counted on nodes with limits."""
        errors: dict[int, str] = {}
        for pod_class, fault in self._attached.classes.faults.items():
            for row in self._attached.rows_of_class(pod_class).tolist():
                if any(limit[row] != NO_LIMIT for limit in limits.values()):
                    errors[row] = fault
        return errors

    def _limits(self, nodes: NodeColumns) -> dict[str, Counts]:
        """Return the limit of each driver by node, int64[N]."""
        versions = (nodes.object_version, self.handle.version("CSINode"))
        if self._limits_kept[0] != versions:
            limits: dict[str, Counts] = {}
            for name, record in Storage(self.handle).csi_nodes.items():
                row = nodes.row_of.get(name)
                for driver in record.spec.drivers if row is not None else ():
                    if driver.allocatable is not None and driver.allocatable.count is not None:
                        if driver.name not in limits:
                            limits[driver.name] = np.full(nodes.count, NO_LIMIT)
                        limits[driver.name][row] = driver.allocatable.count
            self._limits_kept = (versions, limits)
        return self._limits_kept[1]

    @property
    def _attached(self) -> AttachedVolumes:
        """What is attached where; counted anew where classes have new numbers."""
        epoch = self.handle.classes.epoch
        if self._attached_kept is None or self._attached_kept[0] != epoch:
            self._attached_kept = (epoch, AttachedVolumes(self.handle))
        return self._attached_kept[1]


def raised_limit(record: CSINode, driver: str, count: int) -> CSINode:
    """Return a CSINode on which a driver may attach more volumes."""
    drivers = tuple(
        replaced(each, allocatable=replaced(each.allocatable, count=count))
        if each.name == driver and each.allocatable is not None
        else each
        for each in record.spec.drivers
    )
    return replaced(record, spec=replaced(record.spec, drivers=drivers))
