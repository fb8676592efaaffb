"""Queueing hints of VolumeBinding (upstream: plugins/volumebinding)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugins.helper.claims import MIGRATED_PLUGINS
from plugins.helper.hints import on, uses_claim
from sched_core import ActionType, EventResource, QueueingHint, parse_quantity, queue_if, resource_amount

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, CSIDriver, CSINode, CSIStorageCapacity, Pod, StorageClass


def events_to_register() -> Sequence[ClusterEventWithHint]:
    """Return what VolumeBinding registers."""
    changes = ActionType.Add | ActionType.Update
    return (
        on(EventResource.StorageClass, changes, after_storage_class_change),
        on(EventResource.PersistentVolumeClaim, changes, uses_claim),
        on(EventResource.PersistentVolume, changes),
        on(EventResource.Node, ActionType.Add | ActionType.UpdateNodeLabel),
        on(EventResource.CSINode, changes, after_csi_node_change),
        on(EventResource.CSIDriver, ActionType.Update, after_csi_driver_change),
        on(EventResource.CSIStorageCapacity, changes, after_csi_storage_capacity_change),
    )


def after_storage_class_change(pod: Pod, old: StorageClass | None, new: StorageClass) -> QueueingHint:
    """Queue if the class is new or allows other topologies."""
    return queue_if(old is None or old.allowed_topologies != new.allowed_topologies)


def after_csi_node_change(pod: Pod, old: CSINode | None, new: CSINode) -> QueueingHint:
    """Queue if it is new or other plugins are migrated."""
    if old is None:
        return QueueingHint.Queue
    before, now = (each.metadata.annotations.get(MIGRATED_PLUGINS, "") for each in (old, new))
    return queue_if(before != now)


def after_csi_driver_change(pod: Pod, old: CSIDriver, new: CSIDriver) -> QueueingHint:
    """Queue if the driver of an inline volume of the pod no longer asks for its capacity to be looked at."""
    relaxed = bool(old.spec.storage_capacity) and not new.spec.storage_capacity
    used = any(volume.csi is not None and volume.csi.driver == new.metadata.name for volume in pod.spec.volumes)
    return queue_if(relaxed and used)


def after_csi_storage_capacity_change(
    pod: Pod, old: CSIStorageCapacity | None, new: CSIStorageCapacity
) -> QueueingHint:
    """Queue if it is new or larger volumes fit."""
    if old is None:
        return QueueingHint.Queue
    before, now = _limit(old), _limit(new)
    return queue_if(now is not None and (before is None or now > before))


def _limit(capacity: CSIStorageCapacity) -> int | None:
    limit = capacity.maximum_volume_size if capacity.maximum_volume_size is not None else capacity.capacity
    return resource_amount("storage", parse_quantity(limit)) if limit is not None else None
