"""NodeVolumeLimits: how many volumes of a CSI driver a node can attach (upstream: plugins/nodevolumelimits, csi.go).

The gate VolumeLimitScaling is off, as it is upstream.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plugins.helper import hints_node_volume_limits
from plugins.helper.claims import (
    Storage,
    claim_of,
    class_of_claim,
    has_claims,
    namespace_and_name,
    not_found,
    ownership_fault,
)
from plugins.helper.migration import (
    DRIVERS,
    UNMIGRATED,
    TranslationError,
    in_tree_plugin,
    translate,
    translate_volume,
)
from sched_core import SKIP, Code, Plugin, PreFilterResult, Verdicts

if TYPE_CHECKING:
    from sched_core import CycleState, NodeColumns, PersistentVolumeClaim, Pod, PodInfo

Counts = NDArray[np.int64]

_KINDS = ("PersistentVolumeClaim", "PersistentVolume", "StorageClass")


class Pairs(NamedTuple):
    """Volumes on nodes: two arrays of one length."""

    rows: NDArray[np.int64]
    numbers: NDArray[np.int64]


NO_PAIRS = Pairs(np.zeros(0, np.int64), np.zeros(0, np.int64))


class VolumeFault(Exception):
    """Volumes of a pod that cannot be counted; ``missing`` if that is because a claim is not there."""

    def __init__(self, reason: str, missing: bool = False) -> None:
        super().__init__(reason)
        self.missing = missing


class NodeVolumeLimits(Plugin):
    """Count the volumes of a driver on each node, each once, with those that are still attached."""

    name = "NodeVolumeLimits"
    reads_amounts = False
    events_to_register = staticmethod(hints_node_volume_limits.events_to_register)
    reason = "node(s) exceed max volume count"

    def __init__(self, args: object = None) -> None:
        super().__init__(args)
        self._limits_kept: tuple[tuple[int, ...], dict[str, Counts]] = ((), {})
        self._forget(())

    def _forget(self, versions: tuple[int, ...]) -> None:
        """Forget which volumes there are and which the classes have."""
        self._versions = versions
        self._number: dict[str, int] = {}
        self._drivers: list[str] = []
        self._attachments_kept: tuple[tuple[int, ...], Pairs] = ((), NO_PAIRS)
        self._first: list[int] = [0]
        self._flat: list[int] = []
        self._faults: dict[int, str] = {}
        self._arrays = (np.zeros(1, np.int64), np.zeros(0, np.int64))

    def concerns(self, pod: PodInfo) -> bool:
        return _counts(pod.pod)

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        return PreFilterResult() if _counts(pod.pod) else PreFilterResult(SKIP)

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        nothing = np.zeros(nodes.count, np.int64)
        storage = Storage(self.handle)
        self._catch_up()
        try:
            wanted = self._volumes(storage, pod.pod, *namespace_and_name(pod), new=True)
        except VolumeFault as fault:
            if fault.missing:
                return Verdicts(nothing + 1, (str(fault),))
            return Verdicts(nothing, (), errors=dict.fromkeys(nodes.row_of.values(), str(fault)))
        limits = self._limits(storage, nodes)
        if not wanted or not limits:
            return Verdicts(nothing, ())
        used, errors = self._used(storage, nodes, limits)
        exceeded = np.zeros(nodes.count, np.bool_)
        for driver in {self._drivers[number] for number in wanted} & limits.keys():
            mine = [number for number in wanted if self._drivers[number] == driver]
            more = np.full(nodes.count, len(mine))
            for number in mine:
                more[np.unique(used.rows[used.numbers == number])] -= 1
            limit = limits[driver]
            count = self._count(nodes, driver, used, self._attachments(storage, nodes))
            exceeded |= (limit >= 0) & (more > 0) & (count + more > limit)
        return Verdicts(exceeded.astype(np.int64), (self.reason,), Code.Unschedulable, errors=errors)

    def _catch_up(self) -> None:
        """Forget what is known of volumes when an object or the numbers of classes have changed.

        What Reserve assumes of claims and volumes makes no other volumes of them, so only other changes count.
        """
        versions = (self.handle.classes.epoch, *(self.handle.version(kind, assumed=False) for kind in _KINDS))
        if versions != self._versions:
            self._forget(versions)

    def _volumes(self, storage: Storage, pod: Pod, namespace: str, pod_name: str, *, new: bool) -> set[int]:
        """Return the numbers of the volumes that a pod attaches.

        Raises VolumeFault; a claim that is not there is one only if the pod is ``new``.
        """
        found = set()
        for volume in pod.spec.volumes:
            named = claim_of(volume, pod_name)
            if named is None:
                if in_tree_plugin(volume):
                    try:
                        found.add(self._intern(*translate(volume)))
                    except TranslationError as reason:
                        text = f"converting volume({volume.name}) from inline to csi: {reason}"
                        raise VolumeFault(text) from reason
                continue
            if not named.name:
                raise VolumeFault("PersistentVolumeClaim had no name")
            claim = storage.claims.get(f"{namespace}/{named.name}")
            if claim is None:
                if new:
                    missing = not_found("persistentvolumeclaim", named.name)
                    raise VolumeFault(f"looking up PVC {namespace}/{named.name}: {missing}", missing=True)
                continue
            if named.ephemeral and (fault := ownership_fault(pod, namespace, pod_name, claim)):
                raise VolumeFault(fault)
            driver, handle = _csi_volume(storage, claim)
            if driver and handle:
                found.add(self._intern(driver, handle))
        return found

    def _intern(self, driver: str, handle: str) -> int:
        """Return the number of a volume."""
        number = self._number.setdefault(f"{driver}/{handle}", len(self._drivers))
        if number == len(self._drivers):
            self._drivers.append(driver)
        return number

    def _limits(self, storage: Storage, nodes: NodeColumns) -> dict[str, Counts]:
        """Return the limit of each driver by node, int64[N]; -1 where there is none."""
        versions = (nodes.object_version, self.handle.version("CSINode"))
        if self._limits_kept[0] != versions:
            limits: dict[str, Counts] = {}
            for name, record in storage.csi_nodes.items():
                row = nodes.row_of.get(name)
                for driver in record.spec.drivers if row is not None else ():
                    if driver.allocatable is not None and driver.allocatable.count is not None:
                        if driver.name not in limits:
                            limits[driver.name] = np.full(nodes.count, -1)
                        limits[driver.name][row] = driver.allocatable.count
            self._limits_kept = (versions, limits)
        return self._limits_kept[1]

    def _used(self, storage: Storage, nodes: NodeColumns, limits: dict[str, Counts]) -> tuple[Pairs, dict[int, str]]:
        """Return the volumes of placed pods, and what cannot be counted, for nodes with limits."""
        first, flat = self._volumes_of_classes(storage)
        class_of, node_of = nodes.pods.class_of, nodes.pods.node_of
        limited = np.zeros(nodes.count, np.bool_)
        for limit in limits.values():
            limited |= limit >= 0
        errors: dict[int, str] = {}
        for pod_class, fault in self._faults.items():
            rows = node_of[(class_of == pod_class) & (node_of >= 0)]
            errors |= dict.fromkeys(rows[limited[rows]].tolist(), fault)
        total = first[1:] - first[:-1]
        found = np.flatnonzero((total[class_of] > 0) & (node_of >= 0))
        count, start = total[class_of[found]], first[class_of[found]]
        offset = np.arange(int(count.sum())) - np.repeat(np.cumsum(count) - count, count)
        return Pairs(np.repeat(node_of[found].astype(np.int64), count), flat[np.repeat(start, count) + offset]), errors

    def _volumes_of_classes(self, storage: Storage) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        """Return the volumes of all classes one after the other, and where those of each class begin, int64[C + 1]."""
        pods = self.handle.classes.pods
        seen = len(self._first) - 1
        for number in range(seen, len(pods)):
            pod = pods[number]
            if _counts(pod):
                namespace = pod.metadata.namespace or "default"
                try:
                    self._flat += sorted(self._volumes(storage, pod, namespace, pod.metadata.name, new=False))
                except VolumeFault as fault:
                    self._faults[number] = str(fault)
            self._first.append(len(self._flat))
        if seen < len(pods):
            self._arrays = (np.array(self._first, np.int64), np.array(self._flat, np.int64))
        return self._arrays

    def _attachments(self, storage: Storage, nodes: NodeColumns) -> Pairs:
        """Return the volumes that are attached according to VolumeAttachments."""
        versions = tuple(self.handle.version(kind, assumed=False) for kind in ("VolumeAttachment", "PersistentVolume"))
        versions = (nodes.object_version, *versions)
        if self._attachments_kept[0] != versions:
            rows, numbers = [], []
            for record in storage.attachments.values():
                name, row = record.spec.source.persistent_volume_name, nodes.row_of.get(record.spec.node_name)
                volume = storage.volumes.get(name) if name is not None else None
                if row is None or not record.spec.attacher or volume is None or volume.spec.csi is None:
                    continue
                rows.append(row)
                numbers.append(self._intern(record.spec.attacher, volume.spec.csi.volume_handle))
            self._attachments_kept = (versions, Pairs(np.array(rows, np.int64), np.array(numbers, np.int64)))
        return self._attachments_kept[1]

    def _count(self, nodes: NodeColumns, driver: str, used: Pairs, attached: Pairs) -> Counts:
        """Return the volumes of a driver by node, each once: those of placed pods, and others that are attached."""
        of_driver = np.array([each == driver for each in self._drivers], np.bool_)
        rows = np.concatenate([used.rows, attached.rows])
        numbers = np.concatenate([used.numbers, attached.numbers])
        mine = of_driver[numbers]
        distinct = np.unique(rows[mine] * len(self._drivers) + numbers[mine])
        return np.bincount(distinct // len(self._drivers), minlength=nodes.count)


def _counts(pod: Pod) -> bool:
    """Tell whether a pod has volumes that may be attached through CSI."""
    return has_claims(pod) or any(in_tree_plugin(each) for each in pod.spec.volumes)


def _csi_volume(storage: Storage, claim: PersistentVolumeClaim) -> tuple[str, str]:
    """Return driver and handle of a claim's volume, the class's driver if there is none yet; empty if not counted."""
    volume = storage.volumes.get(claim.spec.volume_name)
    if not claim.spec.volume_name or volume is None:
        storage_class = storage.classes.get(class_of_claim(claim))
        if storage_class is None or storage_class.provisioner in UNMIGRATED:
            return "", ""
        handle = f" {claim.metadata.namespace}/{claim.metadata.name}"  # like no handle of a real volume
        return DRIVERS.get(storage_class.provisioner, storage_class.provisioner), handle
    if volume.spec.csi is not None:
        return volume.spec.csi.driver, volume.spec.csi.volume_handle
    if not in_tree_plugin(volume.spec):
        return "", ""
    try:
        return translate_volume(volume)
    except TranslationError:
        return "", ""
