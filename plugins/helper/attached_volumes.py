"""Which volumes of CSI drivers pods attach, and how many of each driver are on each node, each of them once.

Kept from pod to pod: only pods that came, moved or went since, and pods whose claims or volumes have changed, are
looked at again. Limits are not known here.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Collection, Iterable
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from plugins.helper.claims import (
    Storage,
    claim_of,
    claims_of,
    class_of_claim,
    has_claims,
    not_found,
    ownership_fault,
)
from plugins.helper.migration import DRIVERS, UNMIGRATED, TranslationError, in_tree_plugin, translate, translate_volume

if TYPE_CHECKING:
    from sched_core import Handle, NodeColumns, PersistentVolumeClaim, Pod

CLAIM, VOLUME, STORAGE_CLASS, ATTACHMENT = (
    "PersistentVolumeClaim", "PersistentVolume", "StorageClass", "VolumeAttachment",
)  # fmt: skip


class VolumeFault(Exception):
    """Volumes of a pod that cannot be counted; ``missing`` if that is because a claim is not there."""

    def __init__(self, reason: str, missing: bool = False) -> None:
        super().__init__(reason)
        self.missing = missing


class VolumeNumbers:
    """The volumes that pods attach, by number; volumes of one driver and handle are one."""

    def __init__(self, handle: Handle) -> None:
        self.storage = Storage(handle)
        self.driver_of: list[str] = []
        self.numbers: dict[str, int] = {}

    def intern(self, driver: str, handle: str) -> int:
        """Return the number of a volume."""
        number = self.numbers.setdefault(f"{driver}/{handle}", len(self.driver_of))
        if number == len(self.driver_of):
            self.driver_of.append(driver)
        return number

    def of_pod(self, pod: Pod, namespace: str, pod_name: str, *, new: bool) -> set[int]:
        """Return the numbers of the volumes that a pod attaches.

        Raises VolumeFault; a claim that is not there is one only if the pod is ``new``.
        """
        found = set()
        claims = self.storage.claims
        for volume in pod.spec.volumes:
            named = claim_of(volume, pod_name)
            if named is None:
                if in_tree_plugin(volume):
                    try:
                        found.add(self.intern(*translate(volume)))
                    except TranslationError as reason:
                        text = f"converting volume({volume.name}) from inline to csi: {reason}"
                        raise VolumeFault(text) from reason
                continue
            if not named.name:
                raise VolumeFault("PersistentVolumeClaim had no name")
            claim = claims.get(f"{namespace}/{named.name}")
            if claim is None:
                if new:
                    missing = not_found("persistentvolumeclaim", named.name)
                    raise VolumeFault(f"looking up PVC {namespace}/{named.name}: {missing}", missing=True)
                continue
            if named.ephemeral and (fault := ownership_fault(pod, namespace, pod_name, claim)):
                raise VolumeFault(fault)
            driver, handle = _csi_volume(self.storage, claim)
            if driver and handle:
                found.add(self.intern(driver, handle))
        return found


class ClassVolumes:
    """The volumes of the pods of each class, worked out again when an object behind them changes.

    What Reserve assumes of claims and volumes makes no other volumes of them, so only other changes count.
    """

    def __init__(self, numbers: VolumeNumbers, handle: Handle) -> None:
        self.faults: dict[int, str] = {}
        """Class -> why its volumes cannot be counted."""
        self.any = np.zeros(0, np.bool_)
        """[>= C]: whether the pods of a class attach a volume."""
        self._numbers, self._handle = numbers, handle
        self._of: list[frozenset[int]] = []
        self._users: dict[str, set[int]] = {}
        self._versions = dict.fromkeys((CLAIM, VOLUME, STORAGE_CLASS), 0)

    def of(self, pod_class: int) -> frozenset[int]:
        """Return the numbers of the volumes of a class."""
        return self._of[pod_class]

    def catch_up(self) -> dict[int, frozenset[int]]:
        """Look at new classes, and at old ones with changed objects; return what these had where it is other now."""
        pods = self._handle.classes.pods
        before: dict[int, frozenset[int]] = {}
        for pod_class in self._stale():
            volumes = self._of[pod_class]
            if self._look(pod_class, pods[pod_class]) != volumes:
                before[pod_class] = volumes
        if len(pods) > len(self.any):
            more = max(len(pods), 2 * len(self.any)) - len(self.any)
            self.any = np.concatenate([self.any, np.zeros(more, np.bool_)])
        for pod_class in range(len(self._of), len(pods)):
            self._of.append(frozenset())
            if attaches(pods[pod_class]):
                self._look(pod_class, pods[pod_class])
        return before

    def _stale(self) -> Collection[int]:
        """Return the classes that use an object which has changed since the last time."""
        stale: set[int] = set()
        for kind, version in self._versions.items():
            now = self._handle.version(kind, assumed=False)
            if now != version:
                self._versions[kind] = now
                changed = None if kind == STORAGE_CLASS else self._handle.changed(kind, version)
                for user in self._users if changed is None else (f"{kind} {key}" for key in changed):
                    stale |= self._users.get(user, set())
        return stale

    def _look(self, pod_class: int, pod: Pod) -> frozenset[int]:
        namespace, name = pod.metadata.namespace or "default", pod.metadata.name
        for each in claims_of(pod, name):
            key = f"{namespace}/{each.name}"
            self._users.setdefault(f"{CLAIM} {key}", set()).add(pod_class)
            claim = self._numbers.storage.claims.get(key)
            if claim is not None and claim.spec.volume_name:
                self._users.setdefault(f"{VOLUME} {claim.spec.volume_name}", set()).add(pod_class)
        self.faults.pop(pod_class, None)
        volumes: frozenset[int] = frozenset()
        try:
            volumes = frozenset(self._numbers.of_pod(pod, namespace, name, new=False))
        except VolumeFault as fault:
            self.faults[pod_class] = str(fault)
        self._of[pod_class], self.any[pod_class] = volumes, bool(volumes)
        return volumes


class AttachedVolumes:
    """The volumes on each node: those of placed pods, and others that VolumeAttachments name."""

    def __init__(self, handle: Handle) -> None:
        self.numbers = VolumeNumbers(handle)
        self.classes = ClassVolumes(self.numbers, handle)
        self._handle = handle
        self._class_of, self._node_of = np.zeros(0, np.int32), np.zeros(0, np.int32)
        self._uses: dict[int, dict[int, int]] = {}  # volume -> row -> pods
        self._attached: Counter[tuple[int, int]] = Counter()  # (row, volume) -> attachments
        self._pairs: dict[str, tuple[int, int]] = {}  # attachment -> (row, volume)
        self._of_volume: dict[str, set[str]] = {}  # persistent volume -> attachments
        self._versions = {ATTACHMENT: -1, VOLUME: -1, "Node": -1}
        self._counts: dict[str, NDArray[np.int64]] = {}

    def catch_up(self, nodes: NodeColumns) -> None:
        """Count what pods have brought and taken since the last time."""
        for driver, counts in self._counts.items():
            if len(counts) < nodes.count:
                self._counts[driver] = np.pad(counts, (0, nodes.count - len(counts)))
        before = self.classes.catch_up()
        for key in self._stale(nodes):
            self._attach(nodes, key)
        for pod_class, volumes in before.items():
            for row in self.rows_of_class(pod_class).tolist():
                self._count(nodes, row, volumes, -1)
                self._count(nodes, row, self.classes.of(pod_class), 1)
        self._catch_up_pods(nodes)

    def count(self, nodes: NodeColumns, driver: str) -> NDArray[np.int64]:
        """Return how many volumes of a driver are on each node, int64[N]. Not to be written to."""
        counts = self._counts.get(driver)
        if counts is None:
            counts = self._counts[driver] = np.zeros(nodes.count, np.int64)
        return counts

    def rows_of(self, volume: int) -> Collection[int]:
        """Return the rows of the nodes on which pods use a volume."""
        return self._uses.get(volume, {}).keys()

    def rows_of_class(self, pod_class: int) -> NDArray[np.int32]:
        """Return the rows on which pods of a class run, as of the last `catch_up`."""
        rows: NDArray[np.int32] = self._node_of[(self._class_of == pod_class) & (self._node_of >= 0)]
        return rows

    def _catch_up_pods(self, nodes: NodeColumns) -> None:
        """Compare the pod table with what is counted; so dry runs, which change it and change it back, count too."""
        class_of, node_of = nodes.pods.class_of, nodes.pods.node_of
        known, total = len(self._node_of), len(node_of)
        both = min(known, total)
        changed = np.flatnonzero((self._node_of[:both] != node_of[:both]) | (self._class_of[:both] != class_of[:both]))
        if known == total and not len(changed):
            return
        for numbers in (changed, slice(total, known)):
            self._count_pods(nodes, self._class_of[numbers], self._node_of[numbers], -1)
        for numbers in (changed, slice(known, total)):
            self._count_pods(nodes, class_of[numbers], node_of[numbers], 1)
        self._class_of, self._node_of = class_of.copy(), node_of.copy()

    def _count_pods(self, nodes: NodeColumns, classes: NDArray[np.int32], rows: NDArray[np.int32], sign: int) -> None:
        if not len(classes):
            return
        counted = self.classes.any[classes] & (rows >= 0)
        for pod_class, row in zip(classes[counted].tolist(), rows[counted].tolist(), strict=True):
            self._count(nodes, row, self.classes.of(pod_class), sign)

    def _count(self, nodes: NodeColumns, row: int, volumes: Iterable[int], sign: int) -> None:
        """Let a pod more or less use volumes on a node: the first and the last one count."""
        for volume in volumes:
            uses = self._uses.setdefault(volume, {})
            now = uses[row] = uses.get(row, 0) + sign
            if not now:
                del uses[row]
                if not uses:
                    del self._uses[volume]
            if now == (sign > 0) and (row, volume) not in self._attached:
                self.count(nodes, self.numbers.driver_of[volume])[row] += sign

    def _stale(self, nodes: NodeColumns) -> Collection[str]:
        """Return the VolumeAttachments whose volume or node may be another than the last time."""
        kinds = (ATTACHMENT, VOLUME)
        now = {kind: self._handle.version(kind, assumed=False) for kind in kinds} | {"Node": nodes.object_version}
        if now == self._versions:
            return ()
        before, self._versions = self._versions, now
        attachments, volumes = (self._handle.changed(kind, before[kind]) for kind in kinds)
        if attachments is None or volumes is None or now["Node"] != before["Node"]:
            return {*self._pairs, *self.numbers.storage.attachments}
        return set(attachments).union(*(self._of_volume.get(name, ()) for name in volumes))

    def _attach(self, nodes: NodeColumns, key: str) -> None:
        """Count the volume that a VolumeAttachment names, and no longer the one that it named."""
        storage, old = self.numbers.storage, self._pairs.pop(key, None)
        if old is not None:
            self._hold(nodes, old, -1)
        record = storage.attachments.get(key)
        name = record.spec.source.persistent_volume_name if record is not None else None
        if record is None or name is None:
            return
        self._of_volume.setdefault(name, set()).add(key)
        row, volume = nodes.row_of.get(record.spec.node_name), storage.volumes.get(name)
        if row is not None and record.spec.attacher and volume is not None and volume.spec.csi is not None:
            pair = (row, self.numbers.intern(record.spec.attacher, volume.spec.csi.volume_handle))
            self._pairs[key] = pair
            self._hold(nodes, pair, 1)

    def _hold(self, nodes: NodeColumns, pair: tuple[int, int], sign: int) -> None:
        """Let an attachment more or less hold a volume on a node: it counts where no pod uses it."""
        row, volume = pair
        self._attached[pair] += sign
        now = self._attached[pair]
        if not now:
            del self._attached[pair]
        if now == (sign > 0) and row not in self._uses.get(volume, ()):
            self.count(nodes, self.numbers.driver_of[volume])[row] += sign


def attaches(pod: Pod) -> bool:
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
