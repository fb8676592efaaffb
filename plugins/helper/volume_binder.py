"""Binding of the volumes that were picked for one pod: what is written, and what is waited for (upstream:
plugins/volumebinding/binder.go, BindPodVolumes).

The volume controller of the cluster does the binding; what it has done is read from what was reported, not from what
pods after this one were told to assume.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, cast

from plugins.helper.claims import MIGRATED_PLUGINS, SELECTED_NODE, is_fully_bound, not_found
from plugins.helper.migration import TranslationError, in_tree_plugin, translate_volume, translated_affinity
from plugins.helper.volume_matching import affinity_mask
from sched_core import Code, Status, error, object_key

if TYPE_CHECKING:
    from plugins.helper.node_selector import NodeSelectorMasks
    from sched_core import CSINode, Handle, PersistentVolume, PersistentVolumeClaim, PodInfo

    Object = PersistentVolume | PersistentVolumeClaim

SECOND = 10**9
WAIT = Status(Code.Wait)


class Taken(NamedTuple):
    """A volume that was set aside for a claim, or a claim that is to be provisioned, as it was and as it is assumed."""

    claim: PersistentVolumeClaim
    before: Object
    after: Object


class VolumeBinder:
    """Binds what one pod has taken, on one node."""

    def __init__(
        self, handle: Handle, masks: NodeSelectorMasks, pod: PodInfo, node_name: str, taken: list[Taken],
        timeout_seconds: int,
    ) -> None:  # fmt: skip
        self._handle, self._masks, self._pod, self._node_name, self._taken = handle, masks, pod, node_name, taken
        self._next, self._end = handle.now + SECOND, handle.now + timeout_seconds * SECOND
        self._seen: list[Object | None] = []
        """What was reported of each when it was written."""

    def write(self) -> Status:
        """Write all; returns Wait, or the first failure."""
        for each in self._taken:
            self._seen.append(self._reported(each.after))
            status = self._handle.write(each.after)
            if not status.is_success:
                return status
        return self.look()

    def look(self) -> Status:
        """Return Success once all is bound; looks once a second, for the first time after one, until time is up."""
        now = self._handle.now
        if now < min(self._next, self._end):
            return WAIT
        self._next += ((now - self._next) // SECOND + 1) * SECOND
        status = self._check()
        if status.code == Code.Wait and now >= self._end:
            status = error("context deadline exceeded")
        return error(f"binding volumes: {status.message}") if status.code == Code.Error else status

    def _check(self) -> Status:
        if self._node_name not in self._handle.nodes.row_of:
            return error(f'failed to get node "{self._node_name}": {not_found("node", self._node_name)}')
        if self._handle.pod(self._pod.key) is None:
            name = self._pod.key.partition("/")[2]
            return error(f"pod does not exist any more: {not_found('pod', name)}")
        for each, seen in zip(self._taken, self._seen, strict=True):
            found = self._reported(each.after)
            claim = cast("PersistentVolumeClaim | None", self._reported(each.claim))
            if found is None or claim is None:
                what = "check provisioning pvc" if each.claim is each.before else "check binding"
                lost = each.after if found is None else each.claim
                return error(f'failed to {what}: could not find v1.{type(lost).__name__} "{object_key(lost.metadata)}"')
            if found == seen != each.after:
                return WAIT  # what was written is not reported yet
            if each.claim is each.before:
                status = self._check_claim(claim)
            else:
                status = self._check_volume(cast("PersistentVolume", found))
            if not status.is_success:
                return status
            if not is_fully_bound(claim):
                return WAIT
        return Status()

    def _check_volume(self, volume: PersistentVolume) -> Status:
        """Tell whether a volume is still set aside, in reach of the node."""
        status = self._reaches(volume, "failed to translate pv to csi: ")
        if not status.is_success:
            return status
        ref = volume.spec.claim_ref
        return Status() if ref is not None and ref.uid else error(f'ClaimRef got reset for pv "{volume.metadata.name}"')

    def _check_claim(self, claim: PersistentVolumeClaim) -> Status:
        """Tell whether a claim is still to be provisioned for the node, and got a volume in reach of it if any."""
        meta = claim.metadata
        if not meta.annotations:
            return error(f'selectedNode annotation reset for PVC "{meta.name}"')
        if meta.annotations.get(SELECTED_NODE) != self._node_name:
            return error(f'provisioning failed for PVC "{meta.name}"')
        if not claim.spec.volume_name:
            return Status()
        volume = self._handle.reported("PersistentVolume", claim.spec.volume_name)
        return WAIT if volume is None else self._reaches(cast("PersistentVolume", volume), "")

    def _reaches(self, volume: PersistentVolume, prefix: str) -> Status:
        """Tell whether the node reaches a volume, as its CSI driver has it where the node translates it."""
        plugin = in_tree_plugin(volume.spec)
        affinity = volume.spec.node_affinity
        required = affinity.required if affinity is not None else None
        if plugin and plugin in self._migrated():
            try:
                translate_volume(volume)
            except TranslationError as reason:
                return error(f"{prefix}could not translate pv: {reason}")
            required = translated_affinity(volume)
        nodes = self._handle.nodes
        if affinity_mask(self._masks, nodes, required)[nodes.row_of[self._node_name]]:
            return Status()
        what = f'pv "{volume.metadata.name}" node affinity doesn\'t match node "{self._node_name}"'
        return error(f"{what}: no matching NodeSelectorTerms")

    def _migrated(self) -> list[str]:
        """Return the in-tree plugins that the node has CSI drivers for."""
        found = cast("CSINode | None", self._handle.reported("CSINode", self._node_name))
        return found.metadata.annotations.get(MIGRATED_PLUGINS, "").split(",") if found is not None else []

    def _reported(self, record: Object) -> Object | None:
        return cast("Object | None", self._handle.reported(type(record).__name__, object_key(record.metadata)))
