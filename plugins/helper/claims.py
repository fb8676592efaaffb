"""The claims of a pod and the objects behind them; what the volume plugins share.

Upstream: component-helpers/storage.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import TYPE_CHECKING, NamedTuple, cast

from sched_core import parse_quantity

if TYPE_CHECKING:
    from sched_core import (
        CSIDriver,
        CSINode,
        CSIStorageCapacity,
        Handle,
        PersistentVolume,
        PersistentVolumeClaim,
        Pod,
        PodInfo,
        StorageClass,
        Volume,
        VolumeAttachment,
    )

BIND_COMPLETED = "pv.kubernetes.io/bind-completed"
BOUND_BY_CONTROLLER = "pv.kubernetes.io/bound-by-controller"
MIGRATED_PLUGINS = "storage.alpha.kubernetes.io/migrated-plugins"
SELECTED_NODE = "volume.kubernetes.io/selected-node"
WAIT_FOR_FIRST_CONSUMER = "WaitForFirstConsumer"
ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"
BETA_ZONE, BETA_REGION = "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region"

_CLASS = "volume.beta.kubernetes.io/storage-class"
_NANO = 10**9


class Storage:
    """The objects of the cluster that volumes are about, by kind."""

    def __init__(self, handle: Handle) -> None:
        self._handle = handle

    @property
    def claims(self) -> Mapping[str, PersistentVolumeClaim]:
        return cast("Mapping[str, PersistentVolumeClaim]", self._handle.objects("PersistentVolumeClaim"))

    @property
    def volumes(self) -> Mapping[str, PersistentVolume]:
        return cast("Mapping[str, PersistentVolume]", self._handle.objects("PersistentVolume"))

    @property
    def classes(self) -> Mapping[str, StorageClass]:
        return cast("Mapping[str, StorageClass]", self._handle.objects("StorageClass"))

    @property
    def csi_nodes(self) -> Mapping[str, CSINode]:
        return cast("Mapping[str, CSINode]", self._handle.objects("CSINode"))

    @property
    def csi_drivers(self) -> Mapping[str, CSIDriver]:
        return cast("Mapping[str, CSIDriver]", self._handle.objects("CSIDriver"))

    @property
    def capacities(self) -> Mapping[str, CSIStorageCapacity]:
        return cast("Mapping[str, CSIStorageCapacity]", self._handle.objects("CSIStorageCapacity"))

    @property
    def attachments(self) -> Mapping[str, VolumeAttachment]:
        return cast("Mapping[str, VolumeAttachment]", self._handle.objects("VolumeAttachment"))


class ClaimName(NamedTuple):
    """A claim that a pod names, or that is made for one of its ephemeral volumes."""

    name: str
    ephemeral: bool


def has_claims(pod: Pod) -> bool:
    """Tell whether a pod has a volume that comes with a claim."""
    return any(each.persistent_volume_claim is not None or each.ephemeral is not None for each in pod.spec.volumes)


def namespace_and_name(pod: PodInfo) -> tuple[str, str]:
    """Return namespace and name of a pod; the record may be that of another pod of its class."""
    namespace, _, name = pod.key.partition("/")
    return namespace, name


def claim_of(volume: Volume, pod_name: str) -> ClaimName | None:
    """Return the claim of one volume of a pod."""
    if volume.persistent_volume_claim is not None:
        return ClaimName(volume.persistent_volume_claim.claim_name, False)
    return ClaimName(f"{pod_name}-{volume.name}", True) if volume.ephemeral is not None else None


def claims_of(pod: Pod, pod_name: str) -> Iterator[ClaimName]:
    """Yield the claims of a pod in the order of its volumes."""
    for volume in pod.spec.volumes:
        claim = claim_of(volume, pod_name)
        if claim is not None:
            yield claim


def not_found(resource: str, name: str) -> str:
    """Return what the API says of an object that is not there."""
    return f'{resource} "{name}" not found'


def ownership_fault(pod: Pod, namespace: str, pod_name: str, claim: PersistentVolumeClaim) -> str:
    """Return what is wrong if the claim of an ephemeral volume was not made for its pod; empty if it was."""
    owner = next((each for each in claim.metadata.owner_references if each.controller), None)
    if owner is not None and owner.uid == pod.metadata.uid:
        return ""
    of = f"{claim.metadata.namespace}/{claim.metadata.name}"
    return f"PVC {of} was not created for pod {namespace}/{pod_name} (pod is not owner)"


def class_of_claim(claim: PersistentVolumeClaim) -> str:
    """Return the name of the storage class that a claim asks for; empty if there is none."""
    name = claim.metadata.annotations.get(_CLASS)
    return name if name is not None else claim.spec.storage_class_name or ""


def class_of_volume(volume: PersistentVolume) -> str:
    """Return the name of the storage class of a volume."""
    return volume.metadata.annotations.get(_CLASS, volume.spec.storage_class_name)


def is_fully_bound(claim: PersistentVolumeClaim) -> bool:
    """Tell whether a claim has its volume and the binding is complete."""
    return bool(claim.spec.volume_name) and BIND_COMPLETED in claim.metadata.annotations


def is_bound_to(volume: PersistentVolume, claim: PersistentVolumeClaim) -> bool:
    """Tell whether a volume is bound to a claim, or set aside for it by name."""
    ref, meta = volume.spec.claim_ref, claim.metadata
    if ref is None or (ref.namespace, ref.name) != (meta.namespace, meta.name):
        return False
    return not ref.uid or ref.uid == meta.uid


def requested_storage(claim: PersistentVolumeClaim) -> int:
    """Return the size that a claim asks for, in nano bytes; 0 if it names none."""
    return parse_quantity(claim.spec.resources.requests.get("storage", 0))


def storage_of(volume: PersistentVolume) -> int:
    """Return the size of a volume in nano bytes."""
    return parse_quantity(volume.spec.capacity.get("storage", 0))


def whole_bytes(nano: int) -> int:
    """Return an amount in bytes, rounded up."""
    return -(-nano // _NANO)
