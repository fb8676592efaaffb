"""VolumeRestrictions: disks that cannot be mounted twice, claims for one pod alone (upstream:
plugins/volumerestrictions).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from plugins.helper import hints_volume_restrictions
from plugins.helper.changes import evict, named
from plugins.helper.claims import Storage, namespace_and_name, not_found
from sched_core import SKIP, SUCCESS, Code, Obstacle, Plugin, PreFilterResult, Status, Verdicts, unresolvable

if TYPE_CHECKING:
    from sched_core import CycleState, NodeColumns, PodInfo, Volume

READ_WRITE_ONCE_POD = "ReadWriteOncePod"


class Exclusive:
    """The ReadWriteOncePod claims of a pod and how often placed pods use them."""

    def __init__(self, names: frozenset[str], uses: int) -> None:
        self.names, self.uses = names, uses

    def uses_by(self, other: PodInfo) -> int:
        """Return how many volumes of a pod have such a name; in which namespace is not asked, as upstream."""
        claims = (each.persistent_volume_claim for each in other.pod.spec.volumes)
        return sum(claim is not None and claim.claim_name in self.names for claim in claims)


class VolumeRestrictions(Plugin):
    """Refuse nodes where a disk of the pod is in use, and all nodes if a claim for one pod alone is."""

    name = "VolumeRestrictions"
    reads_amounts = False
    object_kinds = frozenset()
    events_to_register = staticmethod(hints_volume_restrictions.events_to_register)
    reasons = (
        "node(s) had no available disk",
        "node(s) unavailable due to PersistentVolumeClaim with ReadWriteOncePod access mode already in-use by another"
        " pod",
    )
    without_pre_filter = 'cannot read "PreFilterVolumeRestrictions" from cycleState'

    def __init__(self, args: object = None) -> None:
        super().__init__(args)
        self._forget(-1)

    def _forget(self, epoch: int) -> None:
        """Forget what the pods of all classes use: the classes have new numbers."""
        self._epoch, self._seen = epoch, 0
        self._users: dict[str, list[int]] = {}
        self._with_disks: list[int] = []

    def concerns(self, pod: PodInfo) -> bool:
        """Tell whether the pod has disks, or claims that are missing or for one pod alone."""
        names, status = self._exclusive(pod)
        return bool(names) or not status.is_success or any(map(_is_disk, pod.pod.spec.volumes))

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        """Count the uses of the pod's ReadWriteOncePod claims; Skip if there are none and it has no disks."""
        names, status = self._exclusive(pod)
        if not status.is_success:
            return PreFilterResult(status)
        uses = 0
        if names:
            namespace, _ = namespace_and_name(pod)
            self._meet_classes()
            uses = sum(len(self._rows(nodes, self._users.get(f"{namespace}/{name}", []))) > 0 for name in names)
        if not uses and not any(map(_is_disk, pod.pod.spec.volumes)):
            return PreFilterResult(SKIP)
        state[self.name] = Exclusive(names, uses)
        return PreFilterResult()

    def add_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, row: int) -> None:
        exclusive: Exclusive = state[self.name]
        exclusive.uses += exclusive.uses_by(other)

    def remove_pod(self, state: CycleState, pod: PodInfo, other: PodInfo, row: int) -> None:
        exclusive: Exclusive = state[self.name]
        exclusive.uses -= exclusive.uses_by(other)

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        bits = np.full(nodes.count, 0b10 if state[self.name].uses > 0 else 0, np.int64)
        disks = [each for each in pod.pod.spec.volumes if _is_disk(each)]
        if disks:
            self._meet_classes()
            pods = self.handle.classes.pods
            taken = [
                number
                for number in self._with_disks
                if any(_conflict(mine, other) for mine in disks for other in pods[number].spec.volumes)
            ]
            bits[self._rows(nodes, taken)] = 0b01  # and the claims are not asked
        return Verdicts(bits, self.reasons, Code.Unschedulable)

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        """Name the pods that hold the disks, and those that use the claims."""
        pods, table, namespace = self.handle.classes.pods, nodes.pods, namespace_and_name(pod)[0]
        disks = [each for each in pod.pod.spec.volumes if _is_disk(each)]
        found = []
        holders = [
            number
            for number in table.on(row).tolist()
            if any(_conflict(mine, other) for mine in disks for other in pods[table.class_of[number]].spec.volumes)
        ]
        if holders:
            keys = [table.key(number) for number in holders]
            found.append(Obstacle(f"a disk of the pod is in use by {named(keys)}", (evict(nodes, holders),)))
        for name in sorted(state[self.name].names):
            classes = self._users.get(f"{namespace}/{name}", [])
            users = np.flatnonzero(np.isin(table.class_of, classes) & (table.node_of >= 0)).tolist()
            if users:
                keys = [table.key(number) for number in users]
                text = f"the claim {name} is for one pod alone (ReadWriteOncePod) and in use by {named(keys)}"
                found.append(Obstacle(text, (evict(nodes, users),)))
        return found

    def _exclusive(self, pod: PodInfo) -> tuple[frozenset[str], Status]:
        """Return the names of the pod's ReadWriteOncePod claims, or what is wrong with the first that is missing."""
        claims = Storage(self.handle).claims
        namespace, _ = namespace_and_name(pod)
        names = []
        for each in pod.pod.spec.volumes:
            if each.persistent_volume_claim is None:
                continue
            name = each.persistent_volume_claim.claim_name
            claim = claims.get(f"{namespace}/{name}")
            if claim is None:
                return frozenset(), unresolvable(not_found("persistentvolumeclaim", name))
            if READ_WRITE_ONCE_POD in claim.spec.access_modes:
                names.append(name)
        return frozenset(names), SUCCESS

    def _meet_classes(self) -> None:
        """Note what the pods of new classes use."""
        if self._epoch != self.handle.classes.epoch:
            self._forget(self.handle.classes.epoch)
        pods = self.handle.classes.pods
        for number in range(self._seen, len(pods)):
            pod = pods[number]
            for each in pod.spec.volumes:
                if each.persistent_volume_claim is not None:
                    key = f"{pod.metadata.namespace or 'default'}/{each.persistent_volume_claim.claim_name}"
                    self._users.setdefault(key, []).append(number)
            if any(_is_disk(each) for each in pod.spec.volumes):
                self._with_disks.append(number)
        self._seen = len(pods)

    def _rows(self, nodes: NodeColumns, numbers: list[int]) -> NDArray[np.int32]:
        """Return the rows on which pods of some classes run."""
        if not numbers:
            return np.zeros(0, np.int32)
        wanted = np.zeros(self._seen, np.bool_)
        wanted[numbers] = True
        rows = nodes.pods.node_of[wanted[nodes.pods.class_of]]
        return rows[rows >= 0]


def _is_disk(volume: Volume) -> bool:
    return (
        volume.gce_persistent_disk is not None
        or volume.aws_elastic_block_store is not None
        or volume.rbd is not None
        or volume.iscsi is not None
    )


def _conflict(mine: Volume, other: Volume) -> bool:
    """Tell whether two volumes are the same disk; most may be mounted twice for reading."""
    block, other_block = mine.aws_elastic_block_store, other.aws_elastic_block_store
    if block is not None and other_block is not None and block.volume_id == other_block.volume_id:
        return True
    disk, other_disk = mine.gce_persistent_disk, other.gce_persistent_disk
    same, reads = False, False
    if disk is not None and other_disk is not None:
        same, reads = disk.pd_name == other_disk.pd_name, disk.read_only and other_disk.read_only
    iscsi, other_iscsi = mine.iscsi, other.iscsi
    if iscsi is not None and other_iscsi is not None:
        same, reads = iscsi.iqn == other_iscsi.iqn, iscsi.read_only and other_iscsi.read_only
    rbd, other_rbd = mine.rbd, other.rbd
    if rbd is not None and other_rbd is not None:
        same = (rbd.pool or "rbd", rbd.image) == (other_rbd.pool or "rbd", other_rbd.image)
        same, reads = (
            same and not set(rbd.monitors).isdisjoint(other_rbd.monitors),
            rbd.read_only and other_rbd.read_only,
        )
    return same and not reads
