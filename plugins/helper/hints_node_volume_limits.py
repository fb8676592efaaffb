"""Queueing hints of NodeVolumeLimits (upstream: plugins/nodevolumelimits/csi.go)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from plugins.helper.hints import holds_node, on, uses_claim
from sched_core import ActionType, EventResource, QueueingHint, queue_if

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, CSINode, Pod, Volume, VolumeAttachment

MIGRATED: Mapping[str, str] = {
    "gce_persistent_disk": "pd.csi.storage.gke.io",
    "aws_elastic_block_store": "ebs.csi.aws.com",
    "cinder": "cinder.csi.openstack.org",
    "azure_disk": "disk.csi.azure.com",
    "azure_file": "file.csi.azure.com",
    "vsphere_volume": "csi.vsphere.vmware.com",
    "portworx_volume": "pxd.portworx.com",
}
"""Inline volumes of old that CSI drivers have taken over."""


def events_to_register() -> Sequence[ClusterEventWithHint]:
    """Return what NodeVolumeLimits registers."""
    return (
        on(EventResource.CSINode, ActionType.Add),
        on(EventResource.CSINode, ActionType.Update, after_csi_node_updated),
        on(EventResource.Pod, ActionType.Delete, after_pod_deleted),
        on(EventResource.PersistentVolumeClaim, ActionType.Add, uses_claim),
        on(EventResource.VolumeAttachment, ActionType.Delete, after_volume_attachment_deleted),
    )


def after_pod_deleted(pod: Pod, old: Pod, new: None) -> QueueingHint:
    """Queue if the pod that is gone had a node, and a volume that may have been attached there."""
    return queue_if(holds_node(old) and any(_may_be_attached(volume) for volume in old.spec.volumes))


def after_csi_node_updated(pod: Pod, old: CSINode, new: CSINode) -> QueueingHint:
    """Queue if the limit of a driver has grown; a driver without a limit counts as 0."""
    before = _limits(old)
    return queue_if(any(limit > before.get(driver, 0) for driver, limit in _limits(new).items()))


def after_volume_attachment_deleted(pod: Pod, old: VolumeAttachment, new: None) -> QueueingHint:
    """Queue if the pod names a claim, or has an inline volume of the driver that has detached one."""
    attacher = old.spec.attacher
    return queue_if(
        any(
            volume.persistent_volume_claim is not None or (attacher and attacher == _driver(volume))
            for volume in pod.spec.volumes
        )
    )


def _driver(volume: Volume) -> str | None:
    """Return the CSI driver of an inline volume that was migrated, None for other volumes."""
    return next((driver for source, driver in MIGRATED.items() if getattr(volume, source) is not None), None)


def _may_be_attached(volume: Volume) -> bool:
    return volume.persistent_volume_claim is not None or volume.ephemeral is not None or _driver(volume) is not None


def _limits(csi_node: CSINode) -> dict[str, int]:
    limits = {driver.name: driver.allocatable for driver in csi_node.spec.drivers}
    return {name: (limit.count or 0) if limit is not None else 0 for name, limit in limits.items()}
