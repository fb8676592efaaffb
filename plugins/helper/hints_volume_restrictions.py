"""Queueing hints of VolumeRestrictions (upstream: plugins/volumerestrictions)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugins.helper.hints import names_claim, on, own_claims
from sched_core import ActionType, EventResource, QueueingHint, queue_if

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, Pod, Volume

DEFAULT_POOL = "rbd"


def events_to_register() -> Sequence[ClusterEventWithHint]:
    """Return what VolumeRestrictions registers."""
    return (
        on(EventResource.Pod, ActionType.Delete, after_pod_deleted),
        on(EventResource.Node, ActionType.Add),
        on(EventResource.PersistentVolumeClaim, ActionType.Add, names_claim),
    )


def after_pod_deleted(pod: Pod, old: Pod, new: None) -> QueueingHint:
    """Queue if the pod that is gone had a disk or a claim that this one wants."""
    if old.metadata.namespace != pod.metadata.namespace:
        return QueueingHint.QueueSkip
    disks = any(_conflict(mine, theirs) for mine in pod.spec.volumes for theirs in old.spec.volumes)
    return queue_if(disks or not set(own_claims(pod)).isdisjoint(own_claims(old)))


def _conflict(mine: Volume, theirs: Volume) -> bool:
    """Tell whether two volumes are one disk that cannot be shared; disks of GCE, iSCSI and RBD can be, to read."""
    if (disk := mine.gce_persistent_disk) is not None and (other := theirs.gce_persistent_disk) is not None:
        return disk.pd_name == other.pd_name and not (disk.read_only and other.read_only)
    if (block := mine.aws_elastic_block_store) is not None and (store := theirs.aws_elastic_block_store) is not None:
        return block.volume_id == store.volume_id
    if (target := mine.iscsi) is not None and (unit := theirs.iscsi) is not None:
        return target.iqn == unit.iqn and not (target.read_only and unit.read_only)
    if (image := mine.rbd) is not None and (copy := theirs.rbd) is not None:
        same = (image.pool or DEFAULT_POOL, image.image) == (copy.pool or DEFAULT_POOL, copy.image)
        return same and not set(image.monitors).isdisjoint(copy.monitors) and not (image.read_only and copy.read_only)
    return False
