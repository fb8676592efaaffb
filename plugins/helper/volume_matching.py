"""Which volume each node would give to a claim, and where a volume could be made for it (upstream: component-helpers
pv_helpers.go, plugins/volumebinding/binder.go).

All nodes at once: a volume is tried on all nodes that still lack one.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plugins.helper.claims import (
    Storage,
    class_of_claim,
    is_bound_to,
    requested_storage,
    storage_of,
    whole_bytes,
)
from plugins.helper.node_selector import NodeSelectorMasks
from sched_core import NodeSelectorRequirement, NodeSelectorTerm, matches_label_selector, parse_quantity

if TYPE_CHECKING:
    from sched_core import (
        CSIStorageCapacity,
        NodeColumns,
        NodeSelector,
        PersistentVolume,
        PersistentVolumeClaim,
        TopologySelectorTerm,
    )

Mask = NDArray[np.bool_]

NO_PROVISIONER = "kubernetes.io/no-provisioner"
NO_VOLUME = -1
FILESYSTEM = "Filesystem"


class Match(NamedTuple):
    """The volumes for one claim: ``choice`` int32[N] indexes ``volumes``, `NO_VOLUME` where none fits."""

    claim: PersistentVolumeClaim
    volumes: Sequence[PersistentVolume]
    choice: NDArray[np.int32]


def affinity_mask(masks: NodeSelectorMasks, nodes: NodeColumns, selector: NodeSelector | None) -> Mask:
    """Return the nodes that a volume with a node affinity can be reached from."""
    if selector is None:
        return np.ones(nodes.count, np.bool_)
    return masks.of_selector(nodes, selector, by_name=False)


def match_claims(
    masks: NodeSelectorMasks, nodes: NodeColumns,
    claims: Iterable[PersistentVolumeClaim], volumes_of: Sequence[Sequence[PersistentVolume]],
) -> list[Match]:  # fmt: skip
    """Find volumes for the claims of one pod, the smallest claim first; no node gives a volume to two of them.

    ``volumes_of`` holds the volumes of each claim's storage class.
    """
    by_size = sorted(zip(claims, volumes_of, strict=True), key=lambda pair: requested_storage(pair[0]))
    taken: dict[str, Mask] = {}
    found = []
    for claim, volumes in by_size:
        candidates = _candidates(claim, volumes)
        choice = np.full(nodes.count, NO_VOLUME, np.int32)
        lacking = nodes.alive.copy()
        for index, volume in enumerate(candidates):
            affinity = volume.spec.node_affinity
            fits = lacking & affinity_mask(masks, nodes, affinity.required if affinity is not None else None)
            if volume.metadata.name in taken:
                fits &= ~taken[volume.metadata.name]
            if fits.any():
                choice[fits] = index
                taken[volume.metadata.name] = taken.get(volume.metadata.name, False) | fits
                lacking &= ~fits
                if not lacking.any():
                    break
        found.append(Match(claim, candidates, choice))
    return found


def _candidates(claim: PersistentVolumeClaim, volumes: Sequence[PersistentVolume]) -> list[PersistentVolume]:
    """Return the volumes that suit a claim, the one to be preferred first; one set aside for it is the only one."""
    spec, size = claim.spec, requested_storage(claim)
    suitable = []
    for volume in volumes:
        its = volume.spec
        bound = is_bound_to(volume, claim)
        if its.claim_ref is not None and not bound:
            continue
        if storage_of(volume) < size or (its.volume_mode or FILESYSTEM) != (spec.volume_mode or FILESYSTEM):
            continue
        if (its.volume_attributes_class_name or "") != (spec.volume_attributes_class_name or ""):
            continue
        if volume.metadata.deletion_timestamp is not None:
            continue
        if bound:
            return [volume]
        if volume.status.phase != "Available" or not set(spec.access_modes).issubset(its.access_modes):
            continue
        if spec.selector is None or matches_label_selector(spec.selector, volume.metadata.labels):
            suitable.append(volume)
    return sorted(suitable, key=storage_of)


class Provisioning(NamedTuple):
    """Where no volume can be made for a claim: the class does not reach the node, or space is short there."""

    unreachable: Mask
    short: Mask


def provisioning(
    masks: NodeSelectorMasks, nodes: NodeColumns, storage: Storage, claim: PersistentVolumeClaim
) -> Provisioning:
    """Tell where a volume can be made for a claim whose class is known to be there."""
    storage_class = storage.classes[class_of_claim(claim)]
    enough = np.ones(nodes.count, np.bool_)
    if storage_class.provisioner in ("", NO_PROVISIONER):
        return Provisioning(enough, ~enough)
    reached = _topology_mask(masks, nodes, storage_class.allowed_topologies)
    driver = storage.csi_drivers.get(storage_class.provisioner)
    if driver is not None and driver.spec.storage_capacity and "storage" in claim.spec.resources.requests:
        size = whole_bytes(requested_storage(claim))
        enough = ~enough
        for capacity in storage.capacities.values():
            if capacity.storage_class_name == storage_class.metadata.name and _limit(capacity) >= size:
                enough |= _capacity_mask(masks, nodes, capacity)
    return Provisioning(~reached, ~enough)


def _limit(capacity: CSIStorageCapacity) -> int:
    """Return the size in bytes of the largest volume that can be made; -1 if it is not known."""
    limit = capacity.maximum_volume_size if capacity.maximum_volume_size is not None else capacity.capacity
    return whole_bytes(parse_quantity(limit)) if limit is not None else -1


def _capacity_mask(masks: NodeSelectorMasks, nodes: NodeColumns, capacity: CSIStorageCapacity) -> Mask:
    selector = capacity.node_topology
    if selector is None:
        return np.zeros(nodes.count, np.bool_)
    mask = masks.of_labels(nodes, selector.match_labels)
    if selector.match_expressions:
        expressions = tuple(
            NodeSelectorRequirement(key=each.key, operator=each.operator, values=each.values)
            for each in selector.match_expressions
        )
        mask &= masks.of_term(nodes, NodeSelectorTerm(match_expressions=expressions))
    return mask


def _topology_mask(masks: NodeSelectorMasks, nodes: NodeColumns, terms: Sequence[TopologySelectorTerm]) -> Mask:
    """Return the nodes in the topologies that a class allows; an empty list allows all, an empty term none."""
    mask = np.full(nodes.count, not terms)
    for term in terms:
        expressions = tuple(
            NodeSelectorRequirement(key=each.key, operator="In", values=each.values)
            for each in term.match_label_expressions
        )
        mask |= masks.of_term(nodes, NodeSelectorTerm(match_expressions=expressions))
    return mask
