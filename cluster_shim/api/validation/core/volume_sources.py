"""Sources of volumes that pods and persistent volumes share: what each must have. A new one is a row of a table."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats, paths
from cluster_shim.api.validation.checks import Errors, Object, need, need_formatted, optional_one_of, refuse

Check = Callable[[Errors, Object, Path], None]

MORE_THAN_ONE = "may not specify more than 1 volume type"

_HOST_PATH_TYPES = (
    "",
    "BlockDevice",
    "CharDevice",
    "Directory",
    "DirectoryOrCreate",
    "File",
    "FileOrCreate",
    "Socket",
)


def needing(*keys: str) -> Check:
    """Return a check that demands some members and nothing else."""

    def check(errors: Errors, source: Object, path: Path) -> None:
        for key in keys:
            need(errors, source, key, path)

    return check


def host_path(errors: Errors, source: Object, path: Path) -> None:
    """Check a hostPath."""
    if need(errors, source, "path", path):
        paths.no_backsteps(errors, source["path"], path.child("path"))
        optional_one_of(errors, source, "type", path, _HOST_PATH_TYPES)


def partitioned(key: str) -> Check:
    """Return the check of a disk with partitions, which is named by a member."""

    def check(errors: Errors, source: Object, path: Path) -> None:
        need(errors, source, key, path)
        partition = source.get("partition") or 0
        if not 0 <= partition <= 255:
            errors.append(fields.invalid(path.child("partition"), partition, formats.in_range(1, 255)))

    return check


def nfs(errors: Errors, source: Object, path: Path) -> None:
    """Check an NFS export."""
    need(errors, source, "server", path)
    need(errors, source, "path", path)
    if not source.get("path", "").startswith("/"):
        errors.append(fields.invalid(path.child("path"), source.get("path", ""), "must be an absolute path"))


_QUALIFIED_NAMES = {
    "iqn": re.compile(r"iqn\.\d{4}-\d{2}\.([A-Za-z0-9\-.]+)(:[^,;*&$|\s]+)$"),
    "eui": re.compile(r"^eui.[A-Za-z0-9]{16}$"),
    "naa": re.compile(r"^naa.[A-Za-z0-9]{32}$"),
}


def _qualified_name(errors: Errors, name: str, path: Path, unknown: str) -> None:
    pattern = _QUALIFIED_NAMES.get(name[:3])
    if pattern is None:
        errors.append(fields.invalid(path, name, unknown))
    elif not pattern.search(name):
        errors.append(fields.invalid(path, name, _ISCSI_BAD))


_ISCSI_BAD = "must be valid format"
_ISCSI_UNKNOWN = "must be valid format starting with iqn, eui, or naa"


def iscsi(errors: Errors, source: Object, path: Path) -> None:
    """Check an iSCSI target of a pod."""
    need(errors, source, "targetPortal", path)
    _iscsi_disk(errors, source, path, _ISCSI_UNKNOWN)
    if (initiator := source.get("initiatorName")) is not None:
        _qualified_name(errors, initiator, path.child("initiatorname"), _ISCSI_UNKNOWN)


def iscsi_of(volume_name: str) -> Check:
    """Return the check of an iSCSI target of a persistent volume with a name."""

    def check(errors: Errors, source: Object, path: Path) -> None:
        need(errors, source, "targetPortal", path)
        initiator, portal = source.get("initiatorName"), source.get("targetPortal", "")
        if initiator is not None and formats.size(f"{volume_name}:{portal}") > 64:
            errors.append(fields.invalid(path.child("targetportal"), portal, ISCSI_TOO_LONG))
        _iscsi_disk(errors, source, path, _ISCSI_BAD)
        if "secretRef" in source:
            need(errors, source["secretRef"], "name", path.child("secretRef"))
        if initiator is not None:
            _qualified_name(errors, initiator, path.child("initiatorname"), _ISCSI_BAD)

    return check


ISCSI_TOO_LONG = (
    "Total length of <volume name>:<iscsi.targetPortal> must be under 64 characters if iscsi.initiatorName is "
    "specified."
)


def _iscsi_disk(errors: Errors, source: Object, path: Path, unknown: str) -> None:
    if need(errors, source, "iqn", path):
        _qualified_name(errors, source["iqn"], path.child("iqn"), unknown)
    lun = source.get("lun") or 0
    if not 0 <= lun <= 255:
        errors.append(fields.invalid(path.child("lun"), lun, formats.in_range(0, 255)))
    if (source.get("chapAuthDiscovery") or source.get("chapAuthSession")) and "secretRef" not in source:
        errors.append(fields.required(path.child("secretRef")))


def fibre_channel(errors: Errors, source: Object, path: Path) -> None:
    """Check a fibre channel disk."""
    names, lun = source.get("targetWWNs"), source.get("lun")
    if not names and not source.get("wwids"):
        detail = "must specify either targetWWNs or wwids, but not both"
        errors.append(fields.required(path.child("targetWWNs"), detail))
    if names and source.get("wwids"):
        detail = "targetWWNs and wwids can not be specified simultaneously"
        errors.append(fields.invalid(path.child("targetWWNs"), names, detail))
    if names and lun is None:
        errors.append(fields.required(path.child("lun"), "lun is required if targetWWNs is specified"))
    elif names and lun is not None and not 0 <= lun <= 255:
        errors.append(fields.invalid(path.child("lun"), lun, formats.in_range(0, 255)))


_HOST_AND_PORT = re.compile(r"(\[[^\[\]]*\]|[^:\[\]]*):[^:\[\]]*")
_PAIRS = "must be a host:port pair or multiple pairs separated by commas"


def quobyte(errors: Errors, source: Object, path: Path) -> None:
    """Check a Quobyte volume."""
    registry = source.get("registry", "")
    if not registry:
        errors.append(fields.required(path.child("registry"), _PAIRS))
    elif formats.size(source.get("tenant", "")) >= 65:
        detail = "must be a UUID and may not exceed a length of 64 characters"
        errors.append(fields.required(path.child("tenant"), detail))
    else:
        for each in registry.split(","):
            if not _HOST_AND_PORT.fullmatch(each):
                errors.append(fields.invalid(path.child("registry"), registry, _PAIRS))
    need(errors, source, "volume", path)


def glusterfs_persistent(errors: Errors, source: Object, path: Path) -> None:
    """Check a Glusterfs volume of a persistent volume."""
    need(errors, source, "endpoints", path)
    need(errors, source, "path", path)
    namespace = source.get("endpointsNamespace")
    if namespace == "":
        detail = "if the endpointnamespace is set, it must be a valid namespace name"
        errors.append(fields.invalid(path.child("endpointsNamespace"), namespace, detail))
    elif namespace is not None:
        refuse(errors, path.child("endpointsNamespace"), namespace, formats.dns_label(namespace))


def flocker(errors: Errors, source: Object, path: Path) -> None:
    """Check a Flocker volume."""
    name, uuid = source.get("datasetName", ""), source.get("datasetUUID", "")
    if not name and not uuid:
        errors.append(fields.required(path, "one of datasetName and datasetUUID is required"))
    if name and uuid:
        detail = "datasetName and datasetUUID can not be specified simultaneously"
        errors.append(fields.invalid(path, "resource", detail))
    if "/" in name:
        errors.append(fields.invalid(path.child("datasetName"), name, "must not contain '/'"))


def _with_secret(key: str, *of_secret: str) -> Check:
    """Return a check that demands a member, and some of its secretRef if it has one."""

    def check(errors: Errors, source: Object, path: Path) -> None:
        need(errors, source, key, path)
        if "secretRef" in source:
            for each in of_secret:
                need(errors, source["secretRef"], each, path.child("secretRef"))

    return check


cinder = _with_secret("volumeID", "name")
cinder_persistent = _with_secret("volumeID", "name", "namespace")


def flex(errors: Errors, source: Object, path: Path) -> None:
    """Check a FlexVolume."""
    need(errors, source, "driver", path)
    for key in source.get("options") or ():
        if f".{key.partition('/')[0].lower()}".endswith((".kubernetes.io", ".k8s.io")):
            detail = "kubernetes.io and k8s.io namespaces are reserved"
            errors.append(fields.invalid(path.child("options").key(key), key, detail))


def azure_file_persistent(errors: Errors, source: Object, path: Path) -> None:
    """Check an Azure file share of a persistent volume."""
    need(errors, source, "secretName", path)
    need(errors, source, "shareName", path)
    if source.get("secretNamespace") == "":
        errors.append(fields.required(path.child("secretNamespace")))


_MANAGED_URI = "/subscriptions/{sub-id}/resourcegroups/{group-name}/providers/microsoft.compute/disks/{disk-id}"
_BLOB_URI = "https://{account-name}.blob.core.windows.net/{container-name}/{disk-name}.vhd"


def azure_disk(errors: Errors, source: Object, path: Path) -> None:
    """Check an Azure disk."""
    need(errors, source, "diskName", path)
    need(errors, source, "diskURI", path)
    optional_one_of(errors, source, "cachingMode", path, ("None", "ReadOnly", "ReadWrite"))
    kind, uri = source.get("kind"), source.get("diskURI", "")
    optional_one_of(errors, source, "kind", path, ("Dedicated", "Managed", "Shared"))
    if kind == "Managed" and not uri.startswith("/subscriptions/"):
        errors.append(fields.not_supported(path.child("diskURI"), uri, (_MANAGED_URI,)))
    if kind is not None and kind != "Managed" and not uri.startswith("https://"):
        errors.append(fields.not_supported(path.child("diskURI"), uri, (_BLOB_URI,)))


def _storage_os(*of_secret: str) -> Check:
    def check(errors: Errors, source: Object, path: Path) -> None:
        need_formatted(errors, source, "volumeName", path, formats.dns_label)
        if namespace := source.get("volumeNamespace"):
            refuse(errors, path.child("volumeNamespace"), namespace, formats.dns_label(namespace))
        if "secretRef" in source:
            for each in of_secret:
                need(errors, source["secretRef"], each, path.child("secretRef"))

    return check


storage_os = _storage_os("name")
storage_os_persistent = _storage_os("name", "namespace")


def local(errors: Errors, source: Object, path: Path) -> None:
    """Check a local disk."""
    if need(errors, source, "path", path):
        paths.no_backsteps(errors, source["path"], path.child("path"))


def csi_driver_name(errors: Errors, name: str, path: Path) -> None:
    """Check the name of a CSI driver."""
    if not name:
        errors.append(fields.required(path))
        return
    if formats.size(name) > 63:
        errors.append(fields.too_long(path, 63))
    refuse(errors, path, name, formats.dns_subdomain(name.lower()))


def csi(errors: Errors, source: Object, path: Path) -> None:
    """Check an inline CSI volume."""
    csi_driver_name(errors, source.get("driver", ""), path.child("driver"))
    if "nodePublishSecretRef" in source:
        name = source["nodePublishSecretRef"].get("name", "")
        if not name:
            errors.append(fields.required(path.child("nodePublishSecretRef", "name")))
        else:
            refuse(errors, path.child("name"), name, formats.dns_subdomain(name))


_CSI_SECRETS = (
    "controllerPublishSecretRef",
    "controllerExpandSecretRef",
    "nodePublishSecretRef",
    "nodeExpandSecretRef",
)


def csi_persistent(errors: Errors, source: Object, path: Path) -> None:
    """Check a CSI volume of a persistent volume."""
    csi_driver_name(errors, source.get("driver", ""), path.child("driver"))
    need(errors, source, "volumeHandle", path)
    for key in _CSI_SECRETS:
        if key in source:
            need_formatted(errors, source[key], "name", path.child(key), formats.dns_subdomain)
            need_formatted(errors, source[key], "namespace", path.child(key), formats.dns_label)


def at_most_one(
    errors: Errors, holder: Object, path: Path, rows: Sequence[tuple[str, str, str, Check]], count: int = 0
) -> int:
    """Check the source that a volume has and forbid further ones; return how many were found.

    A row: member, name of the member in the error about a second source, name in the errors about itself, check.
    """
    for key, second, own, check in rows:
        if key not in holder:
            continue
        if count:
            errors.append(fields.forbidden(path.child(second), MORE_THAN_ONE))
        else:
            count = 1
            check(errors, holder[key], path.child(own))
    return count
