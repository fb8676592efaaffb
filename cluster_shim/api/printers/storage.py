"""Rows of volumes, claims, their classes and what CSI drivers tell; and of devices."""

from __future__ import annotations

from cluster_shim.api.printers.cells import (
    AGED_NAME,
    NONE,
    UNSET,
    Cell,
    Row,
    at,
    count,
    deleted,
    find,
    name,
    row,
)
from cluster_shim.api.printers.durations import Json, age

MODES = {"ReadWriteOnce": "RWO", "ReadOnlyMany": "ROX", "ReadWriteMany": "RWX", "ReadWriteOncePod": "RWOP"}
CLASS_ANNOTATION = "volume.beta.kubernetes.io/storage-class"
DEFAULT_CLASS_ANNOTATIONS = (
    "storageclass.kubernetes.io/is-default-class",
    "storageclass.beta.kubernetes.io/is-default-class",
)


def access_modes(modes: list[str] | None) -> str:
    """Return access modes in short, in their own order."""
    return ",".join(short for mode, short in MODES.items() if mode in (modes or ()))


def phase(obj: Json, _now: float) -> str:
    """Return the phase of a volume or a claim."""
    return "Terminating" if deleted(obj) else str(find(obj, "status", "phase") or "")


def storage_class(obj: Json, _now: float) -> str:
    """Return the class of a volume or a claim; the old annotation goes before the field."""
    annotations = find(obj, "metadata", "annotations") or {}
    return str(annotations.get(CLASS_ANNOTATION, find(obj, "spec", "storageClassName") or ""))


def volume_claim(volume: Json, _now: float) -> str:
    """Return the claim that a volume is bound to: ``namespace/name``."""
    claim: Json | None = find(volume, "spec", "claimRef")
    return "" if claim is None else f"{claim.get('namespace', '')}/{claim.get('name', '')}"


def claim_capacity(claim: Json, _now: float) -> str:
    """Return how much a claim got; nothing before it is bound."""
    return str(find(claim, "status", "capacity", "storage") or "0") if find(claim, "spec", "volumeName") else ""


def claim_modes(claim: Json, _now: float) -> str:
    """Return which access a claim got; nothing before it is bound."""
    return access_modes(find(claim, "status", "accessModes")) if find(claim, "spec", "volumeName") else ""


def class_name(storage: Json, now: float) -> str:
    """Return the name of a StorageClass, marked if it is the default."""
    annotations = find(storage, "metadata", "annotations") or {}
    is_default = any(annotations.get(key) == "true" for key in DEFAULT_CLASS_ANNOTATIONS)
    return f"{name(storage, now)}{' (default)' if is_default else ''}"


def token_requests(driver: Json, _now: float) -> str:
    """Return the audiences for which a CSI driver wants tokens."""
    requests: list[Json] | None = find(driver, "spec", "tokenRequests")
    return UNSET if requests is None else ",".join(each.get("audience", "") for each in requests)


def lifecycle_modes(driver: Json, _now: float) -> str:
    """Return the volume lifecycle modes of a CSI driver."""
    return ",".join(find(driver, "spec", "volumeLifecycleModes") or ()) or NONE


def claim_state(claim: Json, _now: float) -> str:
    """Return the states that a ResourceClaim is in: ``allocated,reserved``."""
    states = ["deleted"] if deleted(claim) else []
    if find(claim, "status", "allocation") is not None:
        states.append("allocated")
        if find(claim, "status", "reservedFor"):
            states.append("reserved")
    return ",".join(states) or "pending"


VOLUME_MODE: Cell = at("spec", "volumeMode", default=UNSET)
ATTRIBUTES_CLASS: Cell = at("spec", "volumeAttributesClassName", default=UNSET)

ROWS: dict[tuple[str, str], Row] = {
    ("", "PersistentVolume"): row(
        name,
        at("spec", "capacity", "storage", default="0"),
        lambda obj, _now: access_modes(find(obj, "spec", "accessModes")),
        at("spec", "persistentVolumeReclaimPolicy"),
        phase,
        volume_claim,
        storage_class,
        ATTRIBUTES_CLASS,
        at("status", "reason"),
        age,
        VOLUME_MODE,
    ),
    ("", "PersistentVolumeClaim"): row(
        name,
        phase,
        at("spec", "volumeName"),
        claim_capacity,
        claim_modes,
        storage_class,
        ATTRIBUTES_CLASS,
        age,
        VOLUME_MODE,
    ),
    ("storage.k8s.io", "StorageClass"): row(
        class_name,
        at("provisioner"),
        at("reclaimPolicy", default="Delete"),
        at("volumeBindingMode", default="Immediate"),
        at("allowVolumeExpansion", default=False),
        age,
    ),
    ("storage.k8s.io", "VolumeAttributesClass"): row(name, at("driverName"), age),
    ("storage.k8s.io", "VolumeAttachment"): row(
        name,
        at("spec", "attacher"),
        at("spec", "source", "persistentVolumeName"),
        at("spec", "nodeName"),
        at("status", "attached", default=False),
        age,
    ),
    ("storage.k8s.io", "CSIDriver"): row(
        name,
        at("spec", "attachRequired", default=True),
        at("spec", "podInfoOnMount", default=False),
        at("spec", "storageCapacity", default=False),
        token_requests,
        at("spec", "requiresRepublish", default=False),
        lifecycle_modes,
        age,
    ),
    ("storage.k8s.io", "CSINode"): row(name, count("spec", "drivers"), age),
    ("resource.k8s.io", "DeviceClass"): row(*AGED_NAME),
    ("resource.k8s.io", "ResourceClaim"): row(name, claim_state, age),
    ("resource.k8s.io", "ResourceClaimTemplate"): row(*AGED_NAME),
    ("resource.k8s.io", "ResourceSlice"): row(
        name, at("spec", "nodeName"), at("spec", "driver"), at("spec", "pool", "name"), age
    ),
}
