"""Volumes of a pod: one source each, names unique, paths of projected files unique and within the volume."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path, quoted
from cluster_shim.api.validation import amounts, formats, paths
from cluster_shim.api.validation.checks import NOTHING, Errors, Object, need, refuse
from cluster_shim.api.validation.core import claim_spec, containers, downward
from cluster_shim.api.validation.core import volume_sources as sources
from cluster_shim.api.validation.core.mounts import Volumes
from cluster_shim.api.validation.core.pod_options import PodOptions
from cluster_shim.api.validation.core.projected import projected


def volumes(
    errors: Errors, items: Sequence[Object], metadata: Object | None, path: Path, options: PodOptions
) -> Volumes:
    """Check the volumes of a pod and return those that are well-formed; `metadata` is None in templates."""
    pod_name = (metadata or NOTHING).get("name") or ""
    made = {f"{pod_name}-{each.get('name', '')}" for each in items if pod_name and "ephemeral" in each}
    found: dict[str, Object] = {}
    for index, each in enumerate(items):
        name, at, before = each.get("name", ""), path.index(index), len(errors)
        _source(errors, each, pod_name, at, options)
        if not name:
            errors.append(fields.required(at.child("name")))
        elif messages := formats.dns_label(name):
            refuse(errors, at.child("name"), name, messages)
        if name in found:
            errors.append(fields.duplicate(at.child("name"), name))
        if len(errors) == before:
            found[name] = each
        claim = (each.get("persistentVolumeClaim") or NOTHING).get("claimName")
        if claim in made:
            detail = "must not reference a PVC that gets created for an ephemeral volume"
            errors.append(fields.invalid(at.child("persistentVolumeClaim", "claimName"), claim, detail))
    return found


def _source(errors: Errors, volume: Object, pod_name: str, path: Path, options: PodOptions) -> None:
    count = 0
    if "emptyDir" in volume:
        count = 1
        limit = volume["emptyDir"].get("sizeLimit")
        if limit is not None and amounts.nano(limit) < 0:
            detail = "SizeLimit field must be a valid resource quantity"
            errors.append(fields.forbidden(path.child("emptyDir", "sizeLimit"), detail))
    for key, second, own, check in _ROWS:
        if key not in volume:
            continue
        if count:
            errors.append(fields.forbidden(path.child(second), sources.MORE_THAN_ONE))
        else:
            count = 1
            check(errors, volume[key], path.child(own), options)
            if key == "ephemeral" and pod_name and volume.get("name"):
                _claim_name(errors, f"{pod_name}-{volume['name']}", volume["name"], path.child("name"))
        if key == "iscsi":
            _iscsi_name(errors, volume, path.child("name"))
    if not count:
        errors.append(fields.required(path, "must specify a volume type"))


def _claim_name(errors: Errors, claim: str, name: str, path: Path) -> None:
    problems = formats.dns_subdomain(claim)
    refuse(errors, path, name, [f"PVC name {quoted(claim)}: {each}" for each in problems])


def _iscsi_name(errors: Errors, volume: Object, path: Path) -> None:
    source, name = volume["iscsi"], volume.get("name", "")
    total = f"{name}:{source.get('targetPortal', '')}"
    if "initiatorName" in source and formats.size(total) > 64:
        errors.append(fields.invalid(path, name, sources.ISCSI_TOO_LONG))


def _git_repo(errors: Errors, source: Object, path: Path) -> None:
    need(errors, source, "repository", path)
    paths.descending(errors, source.get("directory", ""), path.child("directory"))


def _keyed(name: str) -> sources.Check:
    """Return the check of a Secret or a ConfigMap whose keys become files."""

    def check(errors: Errors, source: Object, path: Path) -> None:
        need(errors, source, name, path)
        paths.mode(errors, source.get("defaultMode"), path.child("defaultMode"))
        for index, each in enumerate(source.get("items") or ()):
            downward.key_to_path(errors, each, path.child("items").index(index))

    return check


def _downward_api(errors: Errors, source: Object, path: Path) -> None:
    paths.mode(errors, source.get("defaultMode"), path.child("defaultMode"))
    for each in source.get("items") or ():
        downward.file(errors, each, path)


def _ephemeral(errors: Errors, source: Object, path: Path) -> None:
    template = source.get("volumeClaimTemplate")
    if template is None:
        errors.append(fields.required(path.child("volumeClaimTemplate")))
    else:
        claim_spec.template(errors, template, path.child("volumeClaimTemplate"))


def _image(errors: Errors, source: Object, path: Path, options: PodOptions) -> None:
    if options.is_pod:
        need(errors, source, "reference", path)
    containers.pull_policy(errors, source.get("pullPolicy", ""), path.child("pullPolicy"))


OptionsCheck = Callable[[Errors, Object, Path, PodOptions], None]


def _plain(check: sources.Check) -> OptionsCheck:
    return lambda errors, source, path, options: check(errors, source, path)


# Member, its name in the error about a second source, its name in errors about itself (upstream's, typing errors
# included), check.
_ROWS: tuple[tuple[str, str, str, OptionsCheck], ...] = (
    ("hostPath", "hostPath", "hostPath", _plain(sources.host_path)),
    ("gitRepo", "gitRepo", "gitRepo", _plain(_git_repo)),
    ("gcePersistentDisk", "gcePersistentDisk", "persistentDisk", _plain(sources.partitioned("pdName"))),
    ("awsElasticBlockStore", "awsElasticBlockStore", "awsElasticBlockStore", _plain(sources.partitioned("volumeID"))),
    ("secret", "secret", "secret", _plain(_keyed("secretName"))),
    ("nfs", "nfs", "nfs", _plain(sources.nfs)),
    ("iscsi", "iscsi", "iscsi", _plain(sources.iscsi)),
    ("glusterfs", "glusterfs", "glusterfs", _plain(sources.needing("endpoints", "path"))),
    ("flocker", "flocker", "flocker", _plain(sources.flocker)),
    (
        "persistentVolumeClaim",
        "persistentVolumeClaim",
        "persistentVolumeClaim",
        _plain(sources.needing("claimName")),
    ),
    ("rbd", "rbd", "rbd", _plain(sources.needing("monitors", "image"))),
    ("cinder", "cinder", "cinder", _plain(sources.cinder)),
    ("cephfs", "cephFS", "cephfs", _plain(sources.needing("monitors"))),
    ("quobyte", "quobyte", "quobyte", _plain(sources.quobyte)),
    ("downwardAPI", "downwarAPI", "downwardAPI", _plain(_downward_api)),
    ("fc", "fc", "fc", _plain(sources.fibre_channel)),
    ("flexVolume", "flexVolume", "flexVolume", _plain(sources.flex)),
    ("configMap", "configMap", "configMap", _plain(_keyed("name"))),
    ("azureFile", "azureFile", "azureFile", _plain(sources.needing("secretName", "shareName"))),
    ("vsphereVolume", "vsphereVolume", "vsphereVolume", _plain(sources.needing("volumePath"))),
    ("photonPersistentDisk", "photonPersistentDisk", "photonPersistentDisk", _plain(sources.needing("pdID"))),
    ("portworxVolume", "portworxVolume", "portworxVolume", _plain(sources.needing("volumeID"))),
    ("azureDisk", "azureDisk", "azureDisk", _plain(sources.azure_disk)),
    ("storageos", "storageos", "storageos", _plain(sources.storage_os)),
    ("projected", "projected", "projected", projected),
    ("scaleIO", "scaleIO", "scaleIO", _plain(sources.needing("gateway", "system", "volumeName"))),
    ("csi", "csi", "csi", _plain(sources.csi)),
    ("ephemeral", "ephemeral", "ephemeral", _plain(_ephemeral)),
    ("image", "image", "image", _image),
)
