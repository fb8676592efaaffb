"""VolumeZone: a pod goes where the zones of its bound volumes are (upstream: plugins/volumezone)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plugins.helper import hints_volume_zone
from plugins.helper.claims import (
    BETA_REGION,
    BETA_ZONE,
    REGION,
    WAIT_FOR_FIRST_CONSUMER,
    ZONE,
    Storage,
    class_of_claim,
    namespace_and_name,
    not_found,
)
from sched_core import SKIP, SUCCESS, Obstacle, Plugin, PreFilterResult, Status, Verdicts, unresolvable

if TYPE_CHECKING:
    from sched_core import CycleState, NodeColumns, PersistentVolume, PodInfo

LABELS = (BETA_ZONE, BETA_REGION, ZONE, REGION)
GENERAL = {BETA_ZONE: ZONE, BETA_REGION: REGION}
"""What stands for a beta label on nodes that no longer have it."""


class Topology(NamedTuple):
    """A label of a volume: nodes need one of the values."""

    key: str
    values: frozenset[str]


class VolumeZone(Plugin):
    """Compare zone and region labels of volumes and nodes; nodes without any of them pass."""

    name = "VolumeZone"
    reads_amounts = False
    object_kinds = frozenset()
    events_to_register = staticmethod(hints_volume_zone.events_to_register)
    reason = "node(s) had no available volume zone"

    def concerns(self, pod: PodInfo) -> bool:
        """Tell whether a volume has a zone, or the pod cannot be treated."""
        topologies, status = self._topologies(pod)
        return bool(topologies) or not status.is_success

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        """Collect the zones of the volumes; Skip where there are none."""
        topologies, status = self._topologies(pod)
        if not status.is_success:
            return PreFilterResult(status)
        state[self.name] = topologies
        return PreFilterResult(SUCCESS if topologies else SKIP)

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        topologies = state.get(self.name)
        if topologies is None:  # a profile without the PreFilter
            topologies, status = self._topologies(pod)
            if not status.is_success:
                return Verdicts(np.ones(nodes.count, np.int64), (status.message,))
        refused = np.zeros(nodes.count, np.bool_)
        for topology in topologies:
            refused |= ~_matching(nodes, topology)
        labelled = np.zeros(nodes.count, np.bool_)
        for key in LABELS:
            labelled |= nodes.label(key).ids >= 0
        return Verdicts.refuse(refused & labelled, self.reason)

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        """Name the labels of volumes that the node does not have."""
        return [
            Obstacle(f"a volume of the pod is in {topology.key}={' or '.join(sorted(topology.values))}")
            for topology in state.get(self.name) or ()
            if not _matching(nodes, topology)[row]
        ]

    def _topologies(self, pod: PodInfo) -> tuple[list[Topology], Status]:
        storage = Storage(self.handle)
        namespace, _ = namespace_and_name(pod)
        found: list[Topology] = []
        for each in pod.pod.spec.volumes:
            if each.persistent_volume_claim is None:
                continue
            name = each.persistent_volume_claim.claim_name
            if not name:
                return [], unresolvable("PersistentVolumeClaim had no name")
            claim = storage.claims.get(f"{namespace}/{name}")
            if claim is None:
                return [], unresolvable(not_found("persistentvolumeclaim", name))
            if not claim.spec.volume_name:
                if refusal := _unbound(storage, class_of_claim(claim)):
                    return [], unresolvable(refusal)
                continue
            volume = storage.volumes.get(claim.spec.volume_name)
            if volume is None:
                return [], unresolvable(not_found("persistentvolume", claim.spec.volume_name))
            found += _of_volume(volume)
        return found, SUCCESS


def _unbound(storage: Storage, class_name: str) -> str:
    """Return why a claim without a volume is refused; empty if it waits for its first consumer."""
    if not class_name:
        return "PersistentVolumeClaim had no pv name and storageClass name"
    storage_class = storage.classes.get(class_name)
    if storage_class is None:
        return not_found("storageclass.storage.k8s.io", class_name)
    if storage_class.volume_binding_mode is None:
        return f'VolumeBindingMode not set for StorageClass "{class_name}"'
    return "" if storage_class.volume_binding_mode == WAIT_FOR_FIRST_CONSUMER else "PersistentVolume had no name"


def _of_volume(volume: PersistentVolume) -> list[Topology]:
    """Return the labels of a volume; one with an empty value among others is left out."""
    found = []
    for key in LABELS:
        if key in volume.metadata.labels:
            values = frozenset(each.strip() for each in volume.metadata.labels[key].split("__"))
            if "" not in values:
                found.append(Topology(key, values))
    return found


def _matching(nodes: NodeColumns, topology: Topology) -> NDArray[np.bool_]:
    matching = _has_value(nodes, topology.key, topology.values)
    general = GENERAL.get(topology.key)
    if general is not None:
        lacking = nodes.label(topology.key).ids < 0
        matching |= lacking & _has_value(nodes, general, topology.values)
    return matching


def _has_value(nodes: NodeColumns, key: str, values: frozenset[str]) -> NDArray[np.bool_]:
    column = nodes.label(key)
    return np.array([*(each in values for each in column.values), False], np.bool_)[column.ids]  # -1: the last entry
