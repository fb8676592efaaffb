"""What all records share: wire names, object metadata, label selectors.

Attributes are snake_case, wire names are Kubernetes' own. A record declares *every* field that Kubernetes 1.36 has at
its level, so that an unknown field is noticed while decoding. Fields that no scheduler reads are declared as ``Skip``:
their content is stepped over without being kept.
"""

from __future__ import annotations

from typing import Any, TypeVar

from msgspec import Struct, field, structs

Quantity = str | int | float
"""A quantity as it stands on the wire; read it with ``parse_quantity``."""

Resources = dict[str, Quantity]
"""Resource name to quantity."""

_EXCEPTIONS = {
    "disk_uri": "diskURI",
    "downward_api": "downwardAPI",
    "external_id": "externalID",
    "host_ip": "hostIP",
    "host_ipc": "hostIPC",
    "host_ips": "hostIPs",
    "host_pid": "hostPID",
    "image_id": "imageID",
    "container_id": "containerID",
    "pod_cidr": "podCIDR",
    "pod_cidrs": "podCIDRs",
    "pod_ip": "podIP",
    "pod_ips": "podIPs",
    "provider_id": "providerID",
    "scale_io": "scaleIO",
    "set_hostname_as_fqdn": "setHostnameAsFQDN",
    "volume_id": "volumeID",
}


def wire_name(attribute: str) -> str:
    """Return the name on the wire: camelCase, with Kubernetes' exceptions (``host_ip`` is ``hostIP``)."""
    if attribute in _EXCEPTIONS:
        return _EXCEPTIONS[attribute]
    head, *tail = attribute.split("_")
    return head + "".join(part.capitalize() for part in tail)


class Skipped(Struct, frozen=True, gc=False):
    """An object that is stepped over: nothing of it is kept."""


Skip = Skipped | None
SkipList = tuple[Skipped, ...] | None


class Record(Struct, rename=wire_name, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False):
    """Base of the records that may be changed after loading."""


class FrozenRecord(
    Struct, rename=wire_name, forbid_unknown_fields=True, omit_defaults=True, kw_only=True, gc=False, frozen=True
):
    """Base of the records that are never changed; hashable where their fields are."""


AnyRecord = TypeVar("AnyRecord", bound=Struct)


def replaced(record: AnyRecord, **fields: Any) -> AnyRecord:
    """Return a copy of a record with other values of some fields."""
    return structs.replace(record, **fields)


def object_key(meta: ObjectMeta) -> str:
    """Return ``namespace/name``, or the name of what has no namespace."""
    return f"{meta.namespace}/{meta.name}" if meta.namespace else meta.name


class OwnerReference(FrozenRecord, frozen=True):
    """One owner of an object."""

    api_version: str = ""
    kind: str = ""
    name: str = ""
    uid: str = ""
    controller: bool | None = None
    block_owner_deletion: bool | None = None


class ObjectMeta(Record):
    """Metadata of an object; ``namespace`` of namespaced kinds is never empty after loading."""

    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    uid: str = ""
    resource_version: str = ""
    creation_timestamp: str | None = None
    deletion_timestamp: str | None = None
    deletion_grace_period_seconds: int | None = None
    generate_name: str = ""
    generation: int = 0
    owner_references: tuple[OwnerReference, ...] = ()
    finalizers: tuple[str, ...] = ()
    managed_fields: SkipList = None
    self_link: str = ""


class LabelSelectorRequirement(FrozenRecord, frozen=True):
    """One expression of a label selector."""

    key: str = ""
    operator: str = ""
    values: tuple[str, ...] = ()


class LabelSelector(FrozenRecord, frozen=True):
    """Labels that must match; a missing selector (None) matches nothing, an empty one everything."""

    match_labels: dict[str, str] = field(default_factory=dict)
    match_expressions: tuple[LabelSelectorRequirement, ...] = ()
