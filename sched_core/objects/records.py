"""All records in one place, and the table of kinds that a scheduler reads.

Records are ``msgspec.Struct``s: Python names are snake_case, wire names Kubernetes' own. Quantities stay as they stand
on the wire; read them with ``parse_quantity``. This module does *not* check values; ``load`` does.
"""

from __future__ import annotations

from typing import NamedTuple

from sched_core.objects.affinity import (
    Affinity,
    NodeAffinity,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    PreferredSchedulingTerm,
    Toleration,
    TopologySpreadConstraint,
    WeightedPodAffinityTerm,
)
from sched_core.objects.meta import (
    LabelSelector,
    LabelSelectorRequirement,
    ObjectMeta,
    OwnerReference,
    Quantity,
    Record,
    Resources,
)
from sched_core.objects.node import ContainerImage, Namespace, Node, NodeCondition, NodeSpec, NodeStatus, Taint
from sched_core.objects.others import (
    Other,
    PodDisruptionBudget,
    PriorityClass,
    ReplicaSet,
    ReplicationController,
    Service,
    StatefulSet,
)
from sched_core.objects.pod import (
    Container,
    ContainerPort,
    ContainerRestartRule,
    ContainerStatus,
    Pod,
    PodCondition,
    PodResourceClaim,
    PodSchedulingGate,
    PodSchedulingGroup,
    PodSpec,
    PodStatus,
    ResourceClaim,
    ResourceRequirements,
)
from sched_core.objects.pod_group import PodGroup, PodGroupSpec, PodGroupStatus
from sched_core.objects.storage import (
    CinderPersistentVolumeSource,
    CSIDriver,
    CSIDriverSpec,
    CSINode,
    CSINodeDriver,
    CSINodeSpec,
    CSIPersistentVolumeSource,
    CSIStorageCapacity,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeClaimSpec,
    PersistentVolumeClaimStatus,
    PersistentVolumeSpec,
    PersistentVolumeStatus,
    StorageClass,
    TopologySelectorLabelRequirement,
    TopologySelectorTerm,
    VolumeAttachment,
    VolumeAttachmentSource,
    VolumeAttachmentSpec,
    VolumeNodeAffinity,
    VolumeNodeResources,
    VolumeResourceRequirements,
)
from sched_core.objects.volume import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    AzureFileVolumeSource,
    CinderVolumeSource,
    CSIVolumeSource,
    EphemeralVolumeSource,
    GCEPersistentDiskVolumeSource,
    ImageVolumeSource,
    ISCSIVolumeSource,
    PersistentVolumeClaimVolumeSource,
    PortworxVolumeSource,
    RBDVolumeSource,
    Volume,
    VsphereVirtualDiskVolumeSource,
)

AnyObject = (
    Pod
    | Node
    | Namespace
    | Service
    | ReplicaSet
    | StatefulSet
    | ReplicationController
    | PersistentVolume
    | PersistentVolumeClaim
    | StorageClass
    | CSINode
    | CSIDriver
    | CSIStorageCapacity
    | VolumeAttachment
    | PodDisruptionBudget
    | PriorityClass
    | PodGroup
)


class Kind(NamedTuple):
    """How a kind is read."""

    name: str
    api_version: str
    """The only version that is understood."""
    namespaced: bool
    record: type[AnyObject]


KINDS: dict[str, Kind] = {
    kind.name: kind
    for kind in (
        Kind("Pod", "v1", True, Pod),
        Kind("Node", "v1", False, Node),
        Kind("Namespace", "v1", False, Namespace),
        Kind("Service", "v1", True, Service),
        Kind("ReplicaSet", "apps/v1", True, ReplicaSet),
        Kind("StatefulSet", "apps/v1", True, StatefulSet),
        Kind("ReplicationController", "v1", True, ReplicationController),
        Kind("PersistentVolume", "v1", False, PersistentVolume),
        Kind("PersistentVolumeClaim", "v1", True, PersistentVolumeClaim),
        Kind("StorageClass", "storage.k8s.io/v1", False, StorageClass),
        Kind("CSINode", "storage.k8s.io/v1", False, CSINode),
        Kind("CSIDriver", "storage.k8s.io/v1", False, CSIDriver),
        Kind("CSIStorageCapacity", "storage.k8s.io/v1", True, CSIStorageCapacity),
        Kind("VolumeAttachment", "storage.k8s.io/v1", False, VolumeAttachment),
        Kind("PodDisruptionBudget", "policy/v1", True, PodDisruptionBudget),
        Kind("PriorityClass", "scheduling.k8s.io/v1", False, PriorityClass),
        Kind("PodGroup", "scheduling.x-k8s.io/v1alpha1", True, PodGroup),
    )
}

__all__ = [
    "KINDS",
    "AWSElasticBlockStoreVolumeSource",
    "Affinity",
    "AnyObject",
    "AzureDiskVolumeSource",
    "AzureFileVolumeSource",
    "CSIDriver",
    "CSIDriverSpec",
    "CSINode",
    "CSINodeDriver",
    "CSINodeSpec",
    "CSIPersistentVolumeSource",
    "CSIStorageCapacity",
    "CSIVolumeSource",
    "CinderPersistentVolumeSource",
    "CinderVolumeSource",
    "Container",
    "ContainerImage",
    "ContainerPort",
    "ContainerRestartRule",
    "ContainerStatus",
    "EphemeralVolumeSource",
    "GCEPersistentDiskVolumeSource",
    "ISCSIVolumeSource",
    "ImageVolumeSource",
    "Kind",
    "LabelSelector",
    "LabelSelectorRequirement",
    "Namespace",
    "Node",
    "NodeAffinity",
    "NodeCondition",
    "NodeSelector",
    "NodeSelectorRequirement",
    "NodeSelectorTerm",
    "NodeSpec",
    "NodeStatus",
    "ObjectMeta",
    "ObjectReference",
    "Other",
    "OwnerReference",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PersistentVolumeClaimSpec",
    "PersistentVolumeClaimStatus",
    "PersistentVolumeClaimVolumeSource",
    "PersistentVolumeSpec",
    "PersistentVolumeStatus",
    "Pod",
    "PodAffinity",
    "PodAffinityTerm",
    "PodAntiAffinity",
    "PodCondition",
    "PodDisruptionBudget",
    "PodGroup",
    "PodGroupSpec",
    "PodGroupStatus",
    "PodResourceClaim",
    "PodSchedulingGate",
    "PodSchedulingGroup",
    "PodSpec",
    "PodStatus",
    "PortworxVolumeSource",
    "PreferredSchedulingTerm",
    "PriorityClass",
    "Quantity",
    "RBDVolumeSource",
    "Record",
    "ReplicaSet",
    "ReplicationController",
    "ResourceClaim",
    "ResourceRequirements",
    "Resources",
    "Service",
    "StatefulSet",
    "StorageClass",
    "Taint",
    "Toleration",
    "TopologySelectorLabelRequirement",
    "TopologySelectorTerm",
    "TopologySpreadConstraint",
    "Volume",
    "VolumeAttachment",
    "VolumeAttachmentSource",
    "VolumeAttachmentSpec",
    "VolumeNodeAffinity",
    "VolumeNodeResources",
    "VolumeResourceRequirements",
    "VsphereVirtualDiskVolumeSource",
    "WeightedPodAffinityTerm",
]
