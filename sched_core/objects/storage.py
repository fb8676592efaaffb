"""Volumes of the cluster, claims to them, and what is known of drivers: the records that volume plugins read."""

from __future__ import annotations

from msgspec import field

from sched_core.objects.affinity import NodeSelector
from sched_core.objects.meta import FrozenRecord, LabelSelector, Quantity, Resources, Skip, SkipList
from sched_core.objects.others import Other
from sched_core.objects.pod import Int32
from sched_core.objects.volume import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    GCEPersistentDiskVolumeSource,
    PortworxVolumeSource,
)


class ObjectReference(FrozenRecord, frozen=True):
    """A reference to an object, such as the claim of a volume."""

    api_version: str = ""
    kind: str = ""
    namespace: str = ""
    name: str = ""
    uid: str = ""
    resource_version: str = ""
    field_path: str = ""


class CSIPersistentVolumeSource(FrozenRecord, frozen=True):
    """A volume of a CSI driver."""

    driver: str = ""
    volume_handle: str = ""
    read_only: bool = False
    fs_type: str = ""
    volume_attributes: Skip = None
    controller_expand_secret_ref: Skip = None
    controller_publish_secret_ref: Skip = None
    node_expand_secret_ref: Skip = None
    node_publish_secret_ref: Skip = None
    node_stage_secret_ref: Skip = None


class CinderPersistentVolumeSource(FrozenRecord, frozen=True):
    """A volume in OpenStack."""

    volume_id: str = ""
    fs_type: str = ""
    read_only: bool = False
    secret_ref: Skip = None


class VolumeNodeAffinity(FrozenRecord, frozen=True):
    """The nodes that a volume can be reached from."""

    required: NodeSelector | None = None


class PersistentVolumeSpec(FrozenRecord, frozen=True):
    """What a volume is; of the sources those that are translated to CSI are read."""

    capacity: Resources = field(default_factory=dict)
    access_modes: tuple[str, ...] = ()
    claim_ref: ObjectReference | None = None
    storage_class_name: str = ""
    volume_mode: str | None = None
    volume_attributes_class_name: str | None = None
    node_affinity: VolumeNodeAffinity | None = None
    persistent_volume_reclaim_policy: str = ""
    mount_options: tuple[str, ...] = ()
    csi: CSIPersistentVolumeSource | None = None
    aws_elastic_block_store: AWSElasticBlockStoreVolumeSource | None = None
    azure_disk: AzureDiskVolumeSource | None = None
    cinder: CinderPersistentVolumeSource | None = None
    gce_persistent_disk: GCEPersistentDiskVolumeSource | None = None
    portworx_volume: PortworxVolumeSource | None = None
    azure_file: Skip = None
    cephfs: Skip = None
    fc: Skip = None
    flex_volume: Skip = None
    flocker: Skip = None
    glusterfs: Skip = None
    host_path: Skip = None
    iscsi: Skip = None
    local: Skip = None
    nfs: Skip = None
    photon_persistent_disk: Skip = None
    quobyte: Skip = None
    rbd: Skip = None
    scale_io: Skip = None
    storageos: Skip = None
    vsphere_volume: Skip = None


class PersistentVolumeStatus(FrozenRecord, frozen=True):
    """Where a volume stands."""

    phase: str = ""
    message: str = ""
    reason: str = ""
    last_phase_transition_time: str | None = None


class PersistentVolume(Other, tag="PersistentVolume"):
    """A volume of the cluster (it has no namespace)."""

    spec: PersistentVolumeSpec = field(default_factory=PersistentVolumeSpec)
    status: PersistentVolumeStatus = field(default_factory=PersistentVolumeStatus)


class VolumeResourceRequirements(FrozenRecord, frozen=True):
    """How large a volume has to be."""

    requests: Resources = field(default_factory=dict)
    limits: Resources = field(default_factory=dict)


class PersistentVolumeClaimSpec(FrozenRecord, frozen=True):
    """What is wanted of a volume."""

    access_modes: tuple[str, ...] = ()
    resources: VolumeResourceRequirements = field(default_factory=VolumeResourceRequirements)
    selector: LabelSelector | None = None
    storage_class_name: str | None = None
    volume_attributes_class_name: str | None = None
    volume_mode: str | None = None
    volume_name: str = ""
    data_source: Skip = None
    data_source_ref: Skip = None


class PersistentVolumeClaimStatus(FrozenRecord, frozen=True):
    """Where a claim stands."""

    phase: str = ""
    access_modes: tuple[str, ...] = ()
    allocated_resource_statuses: dict[str, str] = field(default_factory=dict)
    allocated_resources: Resources = field(default_factory=dict)
    capacity: Resources = field(default_factory=dict)
    conditions: SkipList = None
    current_volume_attributes_class_name: str | None = None
    modify_volume_status: Skip = None


class PersistentVolumeClaim(Other, tag="PersistentVolumeClaim"):
    """A claim to a volume."""

    spec: PersistentVolumeClaimSpec = field(default_factory=PersistentVolumeClaimSpec)
    status: PersistentVolumeClaimStatus = field(default_factory=PersistentVolumeClaimStatus)


class TopologySelectorLabelRequirement(FrozenRecord, frozen=True):
    """A label and the values that it may have."""

    key: str = ""
    values: tuple[str, ...] = ()


class TopologySelectorTerm(FrozenRecord, frozen=True):
    """A part of the cluster."""

    match_label_expressions: tuple[TopologySelectorLabelRequirement, ...] = ()


class StorageClass(Other, tag="StorageClass"):
    """How volumes are made."""

    provisioner: str = ""
    volume_binding_mode: str | None = None
    allowed_topologies: tuple[TopologySelectorTerm, ...] = ()
    parameters: dict[str, str] = field(default_factory=dict)
    reclaim_policy: str | None = None
    mount_options: tuple[str, ...] = ()
    allow_volume_expansion: bool | None = None


class VolumeNodeResources(FrozenRecord, frozen=True):
    """How many volumes of a driver a node can attach; no count is no limit."""

    count: Int32 | None = None


class CSINodeDriver(FrozenRecord, frozen=True):
    """A driver on a node."""

    name: str = ""
    node_id: str = field(default="", name="nodeID")
    allocatable: VolumeNodeResources | None = None
    topology_keys: tuple[str, ...] = ()


class CSINodeSpec(FrozenRecord, frozen=True):
    """The drivers on a node."""

    drivers: tuple[CSINodeDriver, ...] = ()


class CSINode(Other, tag="CSINode"):
    """Drivers on a node and how many volumes each can attach."""

    spec: CSINodeSpec = field(default_factory=CSINodeSpec)


class CSIDriverSpec(FrozenRecord, frozen=True):
    """What a driver can do."""

    storage_capacity: bool | None = None
    attach_required: bool | None = None
    fs_group_policy: str | None = None
    node_allocatable_update_period_seconds: int | None = None
    pod_info_on_mount: bool | None = None
    prevent_pod_scheduling_if_missing: bool | None = None
    requires_republish: bool | None = None
    se_linux_mount: bool | None = None
    service_account_token_in_secrets: bool | None = None
    token_requests: SkipList = None
    volume_lifecycle_modes: tuple[str, ...] = ()


class CSIDriver(Other, tag="CSIDriver"):
    """What a driver can do."""

    spec: CSIDriverSpec = field(default_factory=CSIDriverSpec)


class CSIStorageCapacity(Other, tag="CSIStorageCapacity"):
    """How much storage a driver has left for a class in a part of the cluster."""

    storage_class_name: str = ""
    capacity: Quantity | None = None
    maximum_volume_size: Quantity | None = None
    node_topology: LabelSelector | None = None


class VolumeAttachmentSource(FrozenRecord, frozen=True):
    """What is attached."""

    persistent_volume_name: str | None = None
    inline_volume_spec: Skip = None


class VolumeAttachmentSpec(FrozenRecord, frozen=True):
    """What is attached where, and by whom."""

    attacher: str = ""
    node_name: str = ""
    source: VolumeAttachmentSource = field(default_factory=VolumeAttachmentSource)


class VolumeAttachment(Other, tag="VolumeAttachment"):
    """A volume that is attached to a node."""

    spec: VolumeAttachmentSpec = field(default_factory=VolumeAttachmentSpec)
    status: Skip = None
