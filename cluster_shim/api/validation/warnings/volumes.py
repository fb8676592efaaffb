"""Warnings about volumes: kinds that are gone, files that lie over each other; fractions of bytes in claims."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import NamedTuple

from cluster_shim.api.fields import Path, quoted
from cluster_shim.api.validation import amounts
from cluster_shim.api.validation.checks import NOTHING, Object

_SINCE_1_28 = "deprecated in v1.28, non-functional in v1.31+"
_SINCE_1_22 = "deprecated in v1.22, non-functional in v1.25+"
_GONE = {
    "photonPersistentDisk": "deprecated in v1.11, non-functional in v1.16+",
    "gitRepo": "deprecated in v1.11, and disabled by default in v1.33+",
    "scaleIO": "deprecated in v1.16, non-functional in v1.22+",
    "flocker": _SINCE_1_22,
    "storageOS": _SINCE_1_22,
    "storageos": _SINCE_1_22,
    "quobyte": _SINCE_1_22,
    "glusterfs": "deprecated in v1.25, non-functional in v1.26+",
    "cephfs": _SINCE_1_28,
    "rbd": _SINCE_1_28,
}
_OF_PERSISTENT = ("cephfs", "photonPersistentDisk", "scaleIO", "storageos", "glusterfs", "rbd")
_WITH_FILES = {"configMap": "ConfigMap", "secret": "Secret", "downwardAPI": "DownwardAPI"}
_CERTIFICATE_FILES = {
    "certificateChainPath": "PodCertificate chain",
    "keyPath": "PodCertificate key",
    "credentialBundlePath": "PodCertificate credential bundle",
}


def fraction(quantities: Object | None, name: str, path: Path) -> list[str]:
    """Return what is said of an amount of bytes that is no integer."""
    amount = (quantities or NOTHING).get(name)
    if amount is None or amounts.is_integer(amount):
        return []
    return [f"{path.key(name)}: fractional byte value {quoted(str(amount))} is invalid, must be an integer"]


def claim_spec(spec: Object, path: Path) -> list[str]:
    """Return what is said of the spec of a claim."""
    resources, at = spec.get("resources") or NOTHING, path.child("resources")
    return [
        *fraction(resources.get("requests"), "storage", at.child("requests")),
        *fraction(resources.get("limits"), "storage", at.child("limits")),
    ]


def persistent(spec: Object, path: Path) -> list[str]:
    """Return what is said of the source of a PersistentVolume."""
    found = []
    for key in _OF_PERSISTENT:
        if spec.get(key) is not None:
            shown = "storageOS" if key == "storageos" else key
            found.append(f"{path.child(shown)}: {_GONE[key]}")
    return found


def of_pod(volumes: Sequence[Object], path: Path) -> list[str]:
    """Return what is said of the volumes of a pod."""
    found: list[str] = []
    for index, volume in enumerate(volumes):
        for key in volume:
            if key in _GONE:
                shown = "storageOS" if key == "storageos" else key
                found.append(f"{path.index(index).child(shown)}: {_GONE[key]}")
        template = (volume.get("ephemeral") or NOTHING).get("volumeClaimTemplate")
        if template is not None:
            at = path.index(index).child("ephemeral", "volumeClaimTemplate", "spec")
            found += claim_spec(template.get("spec") or NOTHING, at)
    for volume in volumes:
        found += _overlaps(volume)
    return found


class _File(NamedTuple):
    path: str
    source: str

    def __str__(self) -> str:
        return f"{quoted(self.path)} ({self.source})" if self.source else quoted(self.path)


def _overlaps(volume: Object) -> list[str]:
    found: list[str] = []
    name = quoted(volume.get("name", ""))
    for key, kind in _WITH_FILES.items():
        source = volume.get(key)
        if source is not None and source.get("items"):
            files = [_File(each.get("path", ""), "") for each in source["items"]]
            title = _title(kind, source.get("secretName" if key == "secret" else "name", ""))
            found += [f"volume {name} ({title}): overlapping paths: {each}" for each in _collisions(files)]
    if (projected := volume.get("projected")) is not None:
        files = []
        for source in projected.get("sources") or ():
            if not source:
                found.append(f"volume {name} (Projected) has no sources provided")
            files += _projected(source)
        found += [f"volume {name} (Projected): overlapping paths: {each}" for each in _collisions(files)]
    return found


def _title(kind: str, name: str) -> str:
    return kind if kind == "DownwardAPI" else f"{kind} {quoted(name)}"


def _projected(source: Object) -> list[_File]:
    for key, kind in _WITH_FILES.items():
        if (each := source.get(key)) is not None and each.get("items"):
            title = _title(kind, each.get("name", ""))
            return [_File(item.get("path", ""), title) for item in each["items"]]
    if (token := source.get("serviceAccountToken")) is not None:
        return [_File(token.get("path", ""), "ServiceAccountToken")]
    if (bundle := source.get("clusterTrustBundle")) is not None:
        name = bundle["name"] if bundle.get("name") is not None else bundle.get("signerName") or ""
        return [_File(bundle.get("path", ""), f"ClusterTrustBundle {quoted(name)}")]
    certificate = source.get("podCertificate") or NOTHING
    return [_File(certificate[key], title) for key, title in _CERTIFICATE_FILES.items() if certificate.get(key)]


def _collisions(files: Iterable[_File]) -> list[str]:
    found, seen = [], list[_File]()
    for each in files:
        file = _File(each.path.rstrip("/"), each.source)
        for other in seen:
            one, two = f"{file.path}/", f"{other.path}/"
            if file.path and other.path and (one.startswith(two) or two.startswith(one)):
                found.append(f"{file} with {other}")
        seen.append(file)
    return found
