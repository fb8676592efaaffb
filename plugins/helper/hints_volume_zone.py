"""Queueing hints of VolumeZone (upstream: plugins/volumezone)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugins.helper.hints import names_claim, on
from sched_core import ActionType, EventResource, QueueingHint, queue_if

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, PersistentVolume, Pod, StorageClass

TOPOLOGY_LABELS = (
    "failure-domain.beta.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region",
    "topology.kubernetes.io/zone",
    "topology.kubernetes.io/region",
)


def events_to_register() -> Sequence[ClusterEventWithHint]:
    """Return what VolumeZone registers."""
    changes = ActionType.Add | ActionType.Update
    return (
        on(EventResource.StorageClass, ActionType.Add, after_storage_class_added),
        on(EventResource.Node, ActionType.Add | ActionType.UpdateNodeLabel),
        on(EventResource.PersistentVolumeClaim, changes, names_claim),
        on(EventResource.PersistentVolume, changes, after_persistent_volume_change),
    )


def after_storage_class_added(pod: Pod, old: None, new: StorageClass) -> QueueingHint:
    """Queue if the class binds late."""
    return queue_if(new.volume_binding_mode == "WaitForFirstConsumer")


def after_persistent_volume_change(pod: Pod, old: PersistentVolume | None, new: PersistentVolume) -> QueueingHint:
    """Queue if the volume is new or is in other zones or regions."""
    return queue_if(old is None or _topologies(old) != _topologies(new))


def _topologies(volume: PersistentVolume) -> dict[str, frozenset[str]]:
    """Return the zones and regions of a volume; a label with an empty part does not count."""
    found = {}
    for key in TOPOLOGY_LABELS:
        value = volume.metadata.labels.get(key)
        if value is not None:
            parts = [part.strip() for part in value.split("__")]
            if all(parts):
                found[key] = frozenset(parts)
    return found
