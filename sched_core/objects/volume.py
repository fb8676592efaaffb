"""Volumes of a pod: the sources that the scheduler's volume plugins read, all others skipped."""

from __future__ import annotations

from typing import Any

from msgspec import field

from sched_core.objects.meta import FrozenRecord, Skip


class AWSElasticBlockStoreVolumeSource(FrozenRecord, frozen=True):
    """A disk in AWS."""

    volume_id: str = ""
    fs_type: str = ""
    partition: int = 0
    read_only: bool = False


class AzureDiskVolumeSource(FrozenRecord, frozen=True):
    """A data disk in Azure."""

    disk_name: str = ""
    disk_uri: str = ""
    caching_mode: str | None = None
    fs_type: str | None = None
    kind: str | None = None
    read_only: bool | None = None


class AzureFileVolumeSource(FrozenRecord, frozen=True):
    """A file share in Azure."""

    secret_name: str = ""
    share_name: str = ""
    read_only: bool = False


class CinderVolumeSource(FrozenRecord, frozen=True):
    """A volume in OpenStack."""

    volume_id: str = ""
    fs_type: str = ""
    read_only: bool = False
    secret_ref: Skip = None


class CSIVolumeSource(FrozenRecord, frozen=True):
    """An ephemeral volume of a CSI driver, written into the pod."""

    driver: str = ""
    fs_type: str | None = None
    node_publish_secret_ref: Skip = None
    read_only: bool | None = None
    volume_attributes: Skip = None


class EphemeralVolumeSource(FrozenRecord, frozen=True):
    """A claim that is made for the pod and named ``<pod>-<volume>``."""

    volume_claim_template: dict[str, Any] = field(default_factory=dict)


class GCEPersistentDiskVolumeSource(FrozenRecord, frozen=True):
    """A disk in Google's cloud."""

    pd_name: str = ""
    fs_type: str = ""
    partition: int = 0
    read_only: bool = False


class ImageVolumeSource(FrozenRecord, frozen=True):
    """The content of an image as a volume."""

    reference: str = ""
    pull_policy: str = ""


class ISCSIVolumeSource(FrozenRecord, frozen=True):
    """A disk behind iSCSI."""

    target_portal: str = ""
    iqn: str = ""
    lun: int = 0
    read_only: bool = False
    chap_auth_discovery: bool = False
    chap_auth_session: bool = False
    fs_type: str = ""
    initiator_name: str | None = None
    iscsi_interface: str = ""
    portals: tuple[str, ...] = ()
    secret_ref: Skip = None


class PersistentVolumeClaimVolumeSource(FrozenRecord, frozen=True):
    """A claim in the pod's namespace."""

    claim_name: str = ""
    read_only: bool = False


class PortworxVolumeSource(FrozenRecord, frozen=True):
    """A Portworx volume."""

    volume_id: str = ""
    fs_type: str = ""
    read_only: bool = False


class RBDVolumeSource(FrozenRecord, frozen=True):
    """A Ceph block device."""

    monitors: tuple[str, ...] = ()
    image: str = ""
    pool: str = ""
    """Empty stands for ``rbd``, the API's default."""
    read_only: bool = False
    fs_type: str = ""
    keyring: str = ""
    secret_ref: Skip = None
    user: str = ""


class VsphereVirtualDiskVolumeSource(FrozenRecord, frozen=True):
    """A disk in vSphere."""

    volume_path: str = ""
    fs_type: str = ""
    storage_policy_id: str = field(default="", name="storagePolicyID")
    storage_policy_name: str = ""


class Volume(FrozenRecord, frozen=True):
    """A volume of a pod: one of the sources is set."""

    name: str = ""
    aws_elastic_block_store: AWSElasticBlockStoreVolumeSource | None = None
    azure_disk: AzureDiskVolumeSource | None = None
    azure_file: AzureFileVolumeSource | None = None
    cinder: CinderVolumeSource | None = None
    csi: CSIVolumeSource | None = None
    ephemeral: EphemeralVolumeSource | None = None
    gce_persistent_disk: GCEPersistentDiskVolumeSource | None = None
    image: ImageVolumeSource | None = None
    iscsi: ISCSIVolumeSource | None = None
    persistent_volume_claim: PersistentVolumeClaimVolumeSource | None = None
    portworx_volume: PortworxVolumeSource | None = None
    rbd: RBDVolumeSource | None = None
    vsphere_volume: VsphereVirtualDiskVolumeSource | None = None
    cephfs: Skip = None
    config_map: Skip = None
    downward_api: Skip = None
    empty_dir: Skip = None
    fc: Skip = None
    flex_volume: Skip = None
    flocker: Skip = None
    git_repo: Skip = None
    glusterfs: Skip = None
    host_path: Skip = None
    nfs: Skip = None
    photon_persistent_disk: Skip = None
    projected: Skip = None
    quobyte: Skip = None
    scale_io: Skip = None
    secret: Skip = None
    storageos: Skip = None
