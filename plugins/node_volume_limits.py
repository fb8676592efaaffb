"""NodeVolumeLimits: how many volumes of a CSI driver a node can attach (upstream: plugins/nodevolumelimits, csi.go).

The gate VolumeLimitScaling is off, as it is upstream.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

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


class VolumeFault(Exception):
    """Volumes of a pod that cannot be counted; ``missing`` if that is because a claim is not there."""

    def __init__(self, reason: str, missing: bool = False) -> None:
        super().__init__(reason)
        self.missing = missing


class NodeVolumeLimits(Plugin):
    """Count the volumes of a driver on each node, each once, with those that are still attached."""

    name = "NodeVolumeLimits"
    reads_amounts = False
    reason = "node(s) exceed max volume count"

    def __init__(self, args: object = None) -> None:
        super().__init__(args)
        self._number: dict[str, int] = {}
        self._drivers: list[str] = []
        self._kept: dict[tuple[int, str], NDArray[np.int64] | str] = {}
        self._versions: tuple[int, ...] = ()
        self._seen = 0
        self._with_volumes: list[int] = []

    def concerns(self, pod: PodInfo) -> bool:
        return _counts(pod.pod)

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        return PreFilterResult() if _counts(pod.pod) else PreFilterResult(SKIP)

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        nothing = np.zeros(nodes.count, np.int64)
        storage = Storage(self.handle)
        try:
            wanted = self._volumes(storage, pod.pod, *namespace_and_name(pod), new=True)
        except VolumeFault as fault:
            if fault.missing:
                return Verdicts(nothing + 1, (str(fault),))
            return Verdicts(nothing, (), errors=dict.fromkeys(nodes.row_of.values(), str(fault)))
        limits = self._limits(storage, nodes)
        if not wanted or not limits:
            return Verdicts(nothing, ())
        numbers, rows, errors = self._attached(storage, nodes, limits)
        exceeded = np.zeros(nodes.count, np.bool_)
        for driver in {self._drivers[number] for number in wanted} & limits.keys():
            mine = [number for number in wanted if self._drivers[number] == driver]
            more = np.full(nodes.count, len(mine))
            for number in mine:
                more[np.unique(rows[numbers == number])] -= 1
            limit = limits[driver]
            exceeded |= (limit >= 0) & (more > 0) & (self._count(storage, nodes, driver, numbers, rows) + more > limit)
        return Verdicts(exceeded.astype(np.int64), (self.reason,), Code.Unschedulable, errors=errors)

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
        limits: dict[str, Counts] = {}
        for name, record in storage.csi_nodes.items():
            row = nodes.row_of.get(name)
            for driver in record.spec.drivers if row is not None else ():
                if driver.allocatable is not None and driver.allocatable.count is not None:
                    limit = limits.setdefault(driver.name, np.full(nodes.count, -1))
                    limit[row] = driver.allocatable.count
        return limits

    def _attached(
        self, storage: Storage, nodes: NodeColumns, limits: dict[str, Counts]
    ) -> tuple[NDArray[np.int64], NDArray[np.int64], dict[int, str]]:
        """Return the volumes of placed pods and their rows, and what cannot be counted, for nodes with limits."""
        limited = np.zeros(nodes.count, np.bool_)
        for limit in limits.values():
            limited |= limit >= 0
        numbers: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        rows: list[NDArray[np.int64]] = [np.zeros(0, np.int64)]
        errors: dict[int, str] = {}
        for pod, row in self._placed(nodes, limited):
            volumes = self._of_placed(storage, nodes, pod)
            if isinstance(volumes, str):
                errors.setdefault(row, volumes)
            else:
                numbers.append(volumes)
                rows.append(np.full(len(volumes), row))
        return np.concatenate(numbers), np.concatenate(rows), errors

    def _placed(self, nodes: NodeColumns, limited: NDArray[np.bool_]) -> Iterable[tuple[int, int]]:
        """Return number and row of the placed pods that have volumes to count."""
        pods = self.handle.classes.pods
        self._with_volumes += [number for number in range(self._seen, len(pods)) if _counts(pods[number])]
        self._seen = len(pods)
        wanted = np.zeros(self._seen, np.bool_)
        wanted[self._with_volumes] = True
        node_of = nodes.pods.node_of
        found = np.flatnonzero(wanted[nodes.pods.class_of] & (node_of >= 0))
        found = found[limited[node_of[found]]]
        return zip(found.tolist(), node_of[found].tolist(), strict=True)

    def _of_placed(self, storage: Storage, nodes: NodeColumns, number: int) -> NDArray[np.int64] | str:
        """Return the volumes of a placed pod, or what is wrong with them; kept until an object changes."""
        versions = tuple(self.handle.version(kind) for kind in _KINDS)
        if versions != self._versions:
            self._versions = versions
            self._kept.clear()
        pod_class = int(nodes.pods.class_of[number])
        pod: Pod = self.handle.classes.pods[pod_class]
        own = any(each.ephemeral is not None for each in pod.spec.volumes)
        key = (pod_class, nodes.pods.key(number) if own else "")
        volumes = self._kept.get(key)
        if volumes is None:
            namespace, name = pod.metadata.namespace or "default", key[1].partition("/")[2]
            try:
                found = self._volumes(storage, pod, namespace, name, new=False)
                volumes = np.fromiter(found, np.int64, len(found))
            except VolumeFault as fault:
                volumes = str(fault)
            self._kept[key] = volumes
        return volumes

    def _count(
        self, storage: Storage, nodes: NodeColumns, driver: str, numbers: NDArray[np.int64], rows: NDArray[np.int64]
    ) -> Counts:
        """Return the volumes of a driver by node: those of placed pods, and others that are still attached."""
        used = {(row, number) for row, number in zip(rows.tolist(), numbers.tolist(), strict=True)}
        for record in storage.attachments.values():
            name, row = record.spec.source.persistent_volume_name, nodes.row_of.get(record.spec.node_name)
            volume = storage.volumes.get(name) if name is not None else None
            if row is None or record.spec.attacher != driver or volume is None or volume.spec.csi is None:
                continue
            used.add((row, self._intern(driver, volume.spec.csi.volume_handle)))
        counts = np.zeros(nodes.count, np.int64)
        mine = [row for row, number in used if self._drivers[number] == driver]
        np.add.at(counts, mine, 1)
        return counts


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
