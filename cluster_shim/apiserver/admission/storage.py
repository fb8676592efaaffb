"""StorageObjectInUseProtection and PersistentVolumeClaimResize."""

from __future__ import annotations

from typing import Any

from cluster_shim.api.amounts import ZERO, Amount, parse
from cluster_shim.apiserver.admission.plugin import CREATE, UPDATE, Attributes, Interest, Reader, forbidden

_FINALIZERS = {
    "persistentvolumes": "kubernetes.io/pv-protection",
    "persistentvolumeclaims": "kubernetes.io/pvc-protection",
    "volumeattributesclasses": "kubernetes.io/vac-protection",
}
_CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"


class StorageObjectInUseProtection:
    """Volumes, claims and their classes stay while something uses them: a finalizer sees to it."""

    name = "StorageObjectInUseProtection"
    interests = (
        Interest((CREATE,), "", "persistentvolumes"),
        Interest((CREATE,), "", "persistentvolumeclaims"),
        Interest((CREATE,), "storage.k8s.io", "volumeattributesclasses"),
    )

    def admit(self, attributes: Attributes) -> None:
        """Add the finalizer."""
        finalizer, metadata = _FINALIZERS[attributes.resource.name], attributes.new["metadata"]
        finalizers = metadata.get("finalizers") or []
        if finalizer not in finalizers:
            metadata["finalizers"] = [*finalizers, finalizer]


class PersistentVolumeClaimResize:
    """A claim grows only if it is bound and its class allows it."""

    name = "PersistentVolumeClaimResize"
    interests = (Interest((UPDATE,), "", "persistentvolumeclaims"),)

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    def validate(self, attributes: Attributes) -> None:
        """Refuse growth that nobody can carry out. Raises Forbidden."""
        new, old = attributes.new, attributes.old
        if _size(new).nano <= _size(old).nano:
            return
        if old.get("status", {}).get("phase") != "Bound":
            raise forbidden(attributes, "Only bound persistent volume claims can be expanded")
        found = self._reader.get("storage.k8s.io", "storageclasses", "", _class(new)) if _class(new) else None
        if _class(new) != _class(old) or found is None or not found.get("allowVolumeExpansion"):
            message = (
                "only dynamically provisioned pvc can be resized and the storageclass that provisions the pvc "
                "must support resize"
            )
            raise forbidden(attributes, message)


def _size(claim: dict[str, Any]) -> Amount:
    text = ((claim["spec"].get("resources") or {}).get("requests") or {}).get("storage")
    return parse(text) if text is not None else ZERO


def _class(claim: dict[str, Any]) -> str:
    annotations = claim["metadata"].get("annotations") or {}
    name: str = annotations.get(_CLASS_ANNOTATION) or claim["spec"].get("storageClassName") or ""
    return name
