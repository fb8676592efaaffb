"""In-tree volumes as their CSI drivers see them: driver, handle and topology (upstream: csi-translation-lib).

Only what decides about nodes is translated; file system types, secrets and access modes are left out.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, NamedTuple
from urllib.parse import urlsplit

from plugins.helper.claims import BETA_REGION, BETA_ZONE, REGION, ZONE
from sched_core import NodeSelector, NodeSelectorRequirement, NodeSelectorTerm

if TYPE_CHECKING:
    from sched_core import PersistentVolume, PersistentVolumeSpec, Volume

AWS, GCE, AZURE_DISK = "kubernetes.io/aws-ebs", "kubernetes.io/gce-pd", "kubernetes.io/azure-disk"
CINDER, PORTWORX = "kubernetes.io/cinder", "kubernetes.io/portworx-volume"

DRIVERS = {
    AWS: "ebs.csi.aws.com",
    GCE: "pd.csi.storage.gke.io",
    AZURE_DISK: "disk.csi.azure.com",
    CINDER: "cinder.csi.openstack.org",
    PORTWORX: "pxd.portworx.com",
}
"""In-tree plugins whose volumes always go through a CSI driver."""
UNMIGRATED = frozenset({"kubernetes.io/azure-file", "kubernetes.io/vsphere-volume"})
"""In-tree plugins that have a translation which the scheduler does not use."""

_TOPOLOGY_KEYS = {
    AWS: "topology.ebs.csi.aws.com/zone",
    GCE: "topology.gke.io/zone",
    CINDER: "topology.cinder.csi.openstack.org/zone",
}
_SEPARATOR = "__"
_UNSPECIFIED = "UNSPECIFIED"
_EBS_ID = re.compile(r"vol-[^/]*")


class TranslationError(Exception):
    """A volume that has no translation; the text is upstream's."""


class Translated(NamedTuple):
    """The CSI driver and the handle of an in-tree volume."""

    driver: str
    handle: str


def in_tree_plugin(source: PersistentVolumeSpec | Volume) -> str:
    """Return the in-tree plugin of a volume that is translated to CSI; empty if there is none."""
    if source.aws_elastic_block_store is not None:
        return AWS
    if source.azure_disk is not None:
        return AZURE_DISK
    if source.cinder is not None:
        return CINDER
    if source.gce_persistent_disk is not None:
        return GCE
    return PORTWORX if source.portworx_volume is not None else ""


def translate(source: PersistentVolumeSpec | Volume, zones: str = "") -> Translated:
    """Return driver and handle of a volume for which `in_tree_plugin` names a plugin.

    ``zones`` is the zone label of a persistent volume. Raises TranslationError.
    """
    plugin = in_tree_plugin(source)
    if source.aws_elastic_block_store is not None:
        handle = _ebs_handle(source.aws_elastic_block_store.volume_id)
    elif source.azure_disk is not None:
        kind = source.azure_disk.kind
        if kind is not None and kind.casefold() != "managed":
            raise TranslationError(f"kind({kind}) is not supported in csi migration")
        handle = source.azure_disk.disk_uri
    elif source.cinder is not None:
        handle = source.cinder.volume_id
    elif source.gce_persistent_disk is not None:
        handle = _gce_handle(source.gce_persistent_disk.pd_name, zones)
    else:
        assert source.portworx_volume is not None
        handle = source.portworx_volume.volume_id
    return Translated(DRIVERS[plugin], handle)


def translate_volume(volume: PersistentVolume) -> Translated:
    """Return driver and handle of a persistent volume; raises TranslationError."""
    labels = volume.metadata.labels
    return translate(volume.spec, labels.get(BETA_ZONE) or labels.get(ZONE, ""))


def translated_affinity(volume: PersistentVolume) -> NodeSelector | None:
    """Return the node affinity of a persistent volume with the topology keys of its CSI driver."""
    affinity = volume.spec.node_affinity
    required = affinity.required if affinity is not None else None
    key = _TOPOLOGY_KEYS.get(in_tree_plugin(volume.spec))
    if key is None:
        return required
    terms = required.node_selector_terms if required is not None else ()
    used = {each.key for term in terms for each in term.match_expressions}
    labels = volume.metadata.labels
    beta = ZONE not in used and (BETA_ZONE in used or (ZONE not in labels and BETA_ZONE in labels))
    zone = BETA_ZONE if beta else ZONE
    if any(each.values for term in terms for each in term.match_expressions if each.key == zone):
        terms = _renamed(terms, zone, key)
    elif zones := tuple(sorted({each.strip() for each in labels.get(zone, "").split(_SEPARATOR)} - {""})):
        wanted = NodeSelectorRequirement(key=key, operator="In", values=zones)
        terms = tuple(
            NodeSelectorTerm(match_expressions=(*term.match_expressions, wanted), match_fields=term.match_fields)
            for term in terms or (NodeSelectorTerm(),)
        )
    if beta and any(each.values for term in terms for each in term.match_expressions if each.key == BETA_REGION):
        terms = _renamed(terms, BETA_REGION, REGION)
    return NodeSelector(node_selector_terms=terms) if required is not None or terms else None


def _renamed(terms: tuple[NodeSelectorTerm, ...], old: str, new: str) -> tuple[NodeSelectorTerm, ...]:
    return tuple(
        NodeSelectorTerm(
            match_expressions=tuple(
                NodeSelectorRequirement(
                    key=new if each.key == old else each.key, operator=each.operator, values=each.values
                )
                for each in term.match_expressions
            ),
            match_fields=term.match_fields,
        )
        for term in terms
    )


def _ebs_handle(volume_id: str) -> str:
    """Return the identifier behind ``aws://zone/vol-...``; other text stands for itself."""
    if not volume_id.startswith("aws://"):
        return volume_id
    handle = urlsplit(volume_id).path.strip("/")
    if not _EBS_ID.fullmatch(handle):
        reason = f"Invalid format for AWS volume ({volume_id})"
        raise TranslationError(f"failed to translate Kubernetes ID to EBS Volume ID {reason}")
    return handle


def _gce_handle(name: str, label: str) -> str:
    zones = label.split(_SEPARATOR)
    if len(zones) == 1:
        return f"projects/{_UNSPECIFIED}/zones/{zones[0] or _UNSPECIFIED}/disks/{name}"
    regions = set()
    for zone in zones:
        parts = zone.split("-")
        if len(parts) != 3:
            reason = f"zone in unexpected format, expected: {{locale}}-{{region}}-{{zone}}, got: {zone}"
            raise TranslationError(f"failed to get region from zones: {reason}")
        regions.add("-".join(parts[:2]))
    if len(regions) != 1:
        listed = " ".join(f"{region}:{{}}" for region in sorted(regions))
        reason = f"multiple or no regions gotten from zones, got: map[{listed}]"
        raise TranslationError(f"failed to get region from zones: {reason}")
    return f"projects/{_UNSPECIFIED}/regions/{regions.pop()}/disks/{name}"
