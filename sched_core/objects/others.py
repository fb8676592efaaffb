"""Light records of the other kinds that a scheduler reads: metadata, and the rest as it stands in the JSON.

Only the top level is known here; what is inside ``spec`` and ``status`` is neither checked nor typed.
"""

from __future__ import annotations

from typing import Any

from msgspec import field

from sched_core.objects.meta import ObjectMeta, Quantity, Record
from sched_core.objects.pod import Int32

Fields = dict[str, Any]
"""A JSON object as it stands."""


class Other(Record, tag_field="kind"):
    """What all light records have."""

    api_version: str = ""
    metadata: ObjectMeta = field(default_factory=ObjectMeta)


class Service(Other, tag="Service"):
    """A service: its selector spreads pods by default."""

    spec: Fields = field(default_factory=dict)
    status: Fields = field(default_factory=dict)


class ReplicaSet(Other, tag="ReplicaSet"):
    """A replica set."""

    spec: Fields = field(default_factory=dict)
    status: Fields = field(default_factory=dict)


class StatefulSet(Other, tag="StatefulSet"):
    """A stateful set."""

    spec: Fields = field(default_factory=dict)
    status: Fields = field(default_factory=dict)


class ReplicationController(Other, tag="ReplicationController"):
    """A replication controller."""

    spec: Fields = field(default_factory=dict)
    status: Fields = field(default_factory=dict)


class PersistentVolume(Other, tag="PersistentVolume"):
    """A volume of the cluster (it has no namespace)."""

    spec: Fields = field(default_factory=dict)
    status: Fields = field(default_factory=dict)


class PersistentVolumeClaim(Other, tag="PersistentVolumeClaim"):
    """A claim to a volume."""

    spec: Fields = field(default_factory=dict)
    status: Fields = field(default_factory=dict)


class StorageClass(Other, tag="StorageClass"):
    """How volumes are made."""

    provisioner: str = ""
    volume_binding_mode: str | None = None
    allowed_topologies: tuple[Fields, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    reclaim_policy: str | None = None
    mount_options: tuple[str, ...] = ()
    allow_volume_expansion: bool | None = None


class CSINode(Other, tag="CSINode"):
    """Drivers on a node and how many volumes each can attach."""

    spec: Fields = field(default_factory=dict)


class CSIDriver(Other, tag="CSIDriver"):
    """What a driver can do."""

    spec: Fields = field(default_factory=dict)


class CSIStorageCapacity(Other, tag="CSIStorageCapacity"):
    """How much storage a driver has left for a class in a part of the cluster."""

    storage_class_name: str = ""
    capacity: Quantity | None = None
    maximum_volume_size: Quantity | None = None
    node_topology: Fields | None = None


class VolumeAttachment(Other, tag="VolumeAttachment"):
    """A volume that is attached to a node."""

    spec: Fields = field(default_factory=dict)
    status: Fields = field(default_factory=dict)


class PodDisruptionBudget(Other, tag="PodDisruptionBudget"):
    """How many pods of a set may be away."""

    spec: Fields = field(default_factory=dict)
    status: Fields = field(default_factory=dict)


class PriorityClass(Other, tag="PriorityClass"):
    """A named priority."""

    value: Int32 = 0
    global_default: bool = False
    description: str = ""
    preemption_policy: str | None = None
