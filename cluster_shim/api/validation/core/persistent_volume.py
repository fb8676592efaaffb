"""Persistent volumes: one source, a capacity, and what stays once they are there."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import amounts, formats, metadata, names
from cluster_shim.api.validation.checks import (
    IS_IMMUTABLE,
    METADATA,
    NOTHING,
    SPEC,
    Errors,
    Object,
    immutable,
    need,
    optional_one_of,
    refuse,
)
from cluster_shim.api.validation.core import affinity, resources
from cluster_shim.api.validation.core import volume_sources as sources
from cluster_shim.api.validation.core.claim_spec import VOLUME_MODES, access_modes
from cluster_shim.api.validation.structs import difference, dump

_RECLAIM = ("Delete", "Recycle", "Retain")

_BEFORE_ISCSI: tuple[tuple[str, str, str, sources.Check], ...] = (
    ("hostPath", "hostPath", "hostPath", sources.host_path),
    ("gcePersistentDisk", "gcePersistentDisk", "persistentDisk", sources.partitioned("pdName")),
    ("awsElasticBlockStore", "awsElasticBlockStore", "awsElasticBlockStore", sources.partitioned("volumeID")),
    ("glusterfs", "glusterfs", "glusterfs", sources.glusterfs_persistent),
    ("flocker", "flocker", "flocker", sources.flocker),
    ("nfs", "nfs", "nfs", sources.nfs),
    ("rbd", "rbd", "rbd", sources.needing("monitors", "image")),
    ("quobyte", "quobyte", "quobyte", sources.quobyte),
    ("cephfs", "cephFS", "cephfs", sources.needing("monitors")),
)
_BEFORE_FLEX: tuple[tuple[str, str, str, sources.Check], ...] = (
    ("cinder", "cinder", "cinder", sources.cinder_persistent),
    ("fc", "fc", "fc", sources.fibre_channel),
)
_BEFORE_LOCAL: tuple[tuple[str, str, str, sources.Check], ...] = (
    ("azureFile", "azureFile", "azureFile", sources.azure_file_persistent),
    ("vsphereVolume", "vsphereVolume", "vsphereVolume", sources.needing("volumePath")),
    ("photonPersistentDisk", "photonPersistentDisk", "photonPersistentDisk", sources.needing("pdID")),
    ("portworxVolume", "portworxVolume", "portworxVolume", sources.needing("volumeID")),
    ("azureDisk", "azureDisk", "azureDisk", sources.azure_disk),
    ("scaleIO", "scaleIO", "scaleIO", sources.needing("gateway", "system", "volumeName")),
)
_AFTER_LOCAL: tuple[tuple[str, str, str, sources.Check], ...] = (
    ("storageos", "storageos", "storageos", sources.storage_os_persistent),
    ("csi", "csi", "csi", sources.csi_persistent),
)
_SOURCES = frozenset(
    {each[0] for rows in (_BEFORE_ISCSI, _BEFORE_FLEX, _BEFORE_LOCAL, _AFTER_LOCAL) for each in rows}
    | {"iscsi", "flexVolume", "local"}
)


_MOUNT_OPTIONS = "volume.beta.kubernetes.io/mount-options"
_WITH_MOUNT_OPTIONS = (
    _SOURCES
    - {"hostPath", "flocker", "fc", "flexVolume", "portworxVolume", "scaleIO"}
    - {
        "local",
        "storageos",
        "csi",
    }
)


def create(errors: Errors, volume: Object) -> None:
    """Check a new persistent volume."""
    _volume(errors, volume, any_affinity_value=False)
    _mount_options(errors, volume)


def _mount_options(errors: Errors, volume: Object) -> None:
    annotations = (volume.get("metadata") or NOTHING).get("annotations") or NOTHING
    if _MOUNT_OPTIONS in annotations and not volume["spec"].keys() & _WITH_MOUNT_OPTIONS:
        at = METADATA.child("annotations", _MOUNT_OPTIONS)
        errors.append(fields.forbidden(at, "may not specify mount options for this volume type"))


def _volume(errors: Errors, volume: Object, any_affinity_value: bool) -> None:
    metadata.create(errors, volume, False, names.dns_subdomain)
    name = (volume.get("metadata") or NOTHING).get("name", "")
    spec(errors, volume["spec"], name, SPEC, any_affinity_value=any_affinity_value)


def spec(
    errors: Errors, wanted: Object, name: str, path: Path, inline: bool = False, any_affinity_value: bool = False
) -> None:
    """Check the spec of a volume; `inline` ones stand in a VolumeAttachment and have only a source."""
    if inline:
        _inline(errors, wanted, path)
    need(errors, wanted, "accessModes", path)
    access_modes(errors, wanted.get("accessModes") or (), path.child("accessModes"))
    if not inline:
        _capacity(errors, wanted.get("capacity") or {}, path.child("capacity"))
    if policy := wanted.get("persistentVolumeReclaimPolicy"):
        at = path.child("persistentVolumeReclaimPolicy")
        if inline and policy != "Retain":
            errors.append(fields.forbidden(at, "may only be Retain in the context of inline volumes"))
        elif not inline and policy not in _RECLAIM:
            errors.append(fields.not_supported(at, policy, _RECLAIM))
    if "nodeAffinity" in wanted:
        _node_affinity(errors, wanted["nodeAffinity"], path.child("nodeAffinity"), inline, any_affinity_value)
    _source(errors, wanted, name, path)
    host_path = (wanted.get("hostPath") or NOTHING).get("path")
    if host_path and posixpath.normpath(host_path) in ("/", "//") and policy == "Recycle":
        detail = "may not be 'recycle' for a hostPath mount of '/'"
        errors.append(fields.forbidden(path.child("persistentVolumeReclaimPolicy"), detail))
    if class_name := wanted.get("storageClassName"):
        if inline:
            detail = "may not be specified in the context of inline volumes"
            errors.append(fields.forbidden(path.child("storageClassName"), detail))
        else:
            refuse(errors, path.child("storageClassName"), class_name, formats.dns_subdomain(class_name))
    if inline and wanted.get("volumeMode") not in (None, "Filesystem"):
        detail = "may not specify volumeMode other than Filesystem in the context of inline volumes"
        errors.append(fields.forbidden(path.child("volumeMode"), detail))
    elif not inline:
        optional_one_of(errors, wanted, "volumeMode", path, VOLUME_MODES)
    _attributes_class(errors, wanted, path)


def _inline(errors: Errors, wanted: Object, path: Path) -> None:
    detail = "may not be specified in the context of inline volumes"
    if "claimRef" in wanted:
        errors.append(fields.forbidden(path.child("claimRef"), detail))
    if wanted.get("capacity"):
        errors.append(fields.forbidden(path.child("capacity"), detail))
    if "csi" not in wanted:
        errors.append(fields.required(path.child("csi"), "has to be specified in the context of inline volumes"))


def _capacity(errors: Errors, capacity: Mapping[str, str], path: Path) -> None:
    if not capacity:
        errors.append(fields.required(path))
    if "storage" not in capacity or len(capacity) > 1:
        errors.append(fields.not_supported(path, dict(capacity) or None, ("storage",)))
    for name, amount in capacity.items():
        resources.basic(errors, amount, path.key(name))
        amounts.positive(errors, amount, path.key(name))


def _node_affinity(errors: Errors, wanted: Object, path: Path, inline: bool, any_value: bool) -> None:
    if inline:
        errors.append(fields.forbidden(path, "may not be specified in the context of inline volumes"))
    elif "required" in wanted:
        affinity.node_selector(errors, wanted["required"], path.child("required"), any_value)
    else:
        errors.append(fields.required(path.child("required"), "must specify required node constraints"))


def _source(errors: Errors, wanted: Object, name: str, path: Path) -> None:
    count = sources.at_most_one(errors, wanted, path, _BEFORE_ISCSI)
    count = sources.at_most_one(errors, wanted, path, (("iscsi", "iscsi", "iscsi", sources.iscsi_of(name)),), count)
    count = sources.at_most_one(errors, wanted, path, _BEFORE_FLEX, count)
    if "flexVolume" in wanted:  # upstream lets it stand beside another source
        count += 1
        sources.flex(errors, wanted["flexVolume"], path.child("flexVolume"))
    count = sources.at_most_one(errors, wanted, path, _BEFORE_LOCAL, count)
    if "local" in wanted:
        is_first = not count
        count = sources.at_most_one(errors, wanted, path, (("local", "local", "local", sources.local),), count)
        if is_first and "nodeAffinity" not in wanted:
            errors.append(fields.required(path.child("nodeAffinity"), "Local volume requires node affinity"))
    count = sources.at_most_one(errors, wanted, path, _AFTER_LOCAL, count)
    if not count:
        errors.append(fields.required(path, "must specify a volume type"))


def _attributes_class(errors: Errors, wanted: Object, path: Path) -> None:
    name, at = wanted.get("volumeAttributesClassName"), path.child("volumeAttributesClassName")
    if name is None:
        return
    if not name:
        errors.append(fields.required(at, "an empty string is disallowed"))
    else:
        refuse(errors, at, name, formats.dns_subdomain(name))
    if "csi" not in wanted:
        detail = "has to be specified when using volumeAttributesClassName"
        errors.append(fields.required(path.child("csi"), detail))


def update(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of a persistent volume."""
    wanted, before = new["spec"], old["spec"]
    terms = ((before.get("nodeAffinity") or NOTHING).get("required") or NOTHING).get("nodeSelectorTerms") or ()
    had_bad_values = any(
        formats.label_value(value)
        for term in terms
        for each in term.get("matchExpressions") or ()
        for value in each.get("values") or ()
    )
    _volume(errors, new, any_affinity_value=had_bad_values)
    _mount_options(errors, new)
    _volume(errors, new, any_affinity_value=had_bad_values)  # upstream does, and lists each cause twice
    _source_stays(errors, wanted, before)
    immutable(errors, wanted.get("volumeMode"), before.get("volumeMode"), Path("volumeMode"))
    if "nodeAffinity" in before and not _same_affinity(wanted.get("nodeAffinity"), before["nodeAffinity"]):
        shown = dump("*VolumeNodeAffinity", wanted.get("nodeAffinity"))
        detail = f"{IS_IMMUTABLE}, except for updating from beta label to GA"
        errors.append(fields.invalid(Path("nodeAffinity"), shown, detail))
    if "volumeAttributesClassName" in before and "volumeAttributesClassName" not in wanted:
        at = SPEC.child("volumeAttributesClassName")
        errors.append(fields.forbidden(at, "update from non-nil value to nil is forbidden"))


def _source_stays(errors: Errors, wanted: Object, before: Object) -> None:
    after = {key: value for key, value in wanted.items() if key in _SOURCES}
    source = {key: value for key, value in before.items() if key in _SOURCES}
    secret = "controllerExpandSecretRef"
    if "csi" in after and "csi" in source and secret not in source["csi"]:
        after["csi"] = {key: value for key, value in after["csi"].items() if key != secret}
    if after != source:
        changes = difference("PersistentVolumeSource", source, after)
        detail = f"spec.persistentvolumesource is immutable after creation\n{changes}"
        errors.append(fields.forbidden(Path("spec").child("persistentvolumesource"), detail))


_GA_LABELS = {
    "failure-domain.beta.kubernetes.io/zone": "topology.kubernetes.io/zone",
    "failure-domain.beta.kubernetes.io/region": "topology.kubernetes.io/region",
    "beta.kubernetes.io/os": "kubernetes.io/os",
    "beta.kubernetes.io/arch": "kubernetes.io/arch",
    "beta.kubernetes.io/instance-type": "node.kubernetes.io/instance-type",
}


def _same_affinity(new: Object | None, old: Object) -> bool:
    if new is None:
        return False
    terms = [(each.get("required") or NOTHING).get("nodeSelectorTerms") or [] for each in (new, old)]
    if ("required" in new) != ("required" in old) or len(terms[0]) != len(terms[1]):
        return False
    for term, before in zip(*terms, strict=True):
        if term.get("matchFields") != before.get("matchFields"):
            return False
        after, expected = term.get("matchExpressions") or [], before.get("matchExpressions") or []
        if len(after) != len(expected):
            return False
        for each, had in zip(after, expected, strict=True):
            key = each.get("key", "")  # to none is allowed from everywhere: upstream asks its table for a missing entry
            renamed = {**had, "key": key} if _GA_LABELS.get(had.get("key"), "") == key else had
            if {"key": key, **each} != renamed:
                return False
    return True


def update_status(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of the status of a persistent volume."""
    metadata.update(errors, new, old)
    if not (new.get("metadata") or NOTHING).get("resourceVersion"):
        errors.append(fields.required(Path("resourceVersion")))
