"""VolumeBinding: bound volumes must be in reach of the node, unbound claims find or get one there (upstream:
plugins/volumebinding).

Reserve takes the volumes that were picked: a volume gets its ``claimRef``, a claim to be provisioned the annotation
of the selected node. PreBind writes that and waits for the volume controller; without a scheduler nobody writes, and
what was taken in memory is taken. Scores by capacity (gate StorageCapacityScoring) are off, as they are upstream.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple, TypeVar

import numpy as np
from numpy.typing import NDArray

from plugins.helper import hints_volume_binding
from plugins.helper.claims import (
    BOUND_BY_CONTROLLER,
    MIGRATED_PLUGINS,
    SELECTED_NODE,
    WAIT_FOR_FIRST_CONSUMER,
    Storage,
    claims_of,
    class_of_claim,
    class_of_volume,
    has_claims,
    is_bound_to,
    is_fully_bound,
    namespace_and_name,
    not_found,
    ownership_fault,
)
from plugins.helper.migration import TranslationError, in_tree_plugin, translate_volume, translated_affinity
from plugins.helper.node_affinity_obstacles import selector_text
from plugins.helper.node_selector import NodeSelectorMasks
from plugins.helper.volume_binder import Taken, VolumeBinder
from plugins.helper.volume_matching import NO_VOLUME, Match, affinity_mask, match_claims, provisioning
from sched_core import (
    SKIP,
    SUCCESS,
    ObjectReference,
    Obstacle,
    Plugin,
    PreFilterResult,
    Status,
    Verdicts,
    VolumeBindingArgs,
    error,
    object_key,
    replaced,
    unresolvable,
)

if TYPE_CHECKING:
    from sched_core import CycleState, NodeColumns, PersistentVolume, PersistentVolumeClaim, PodInfo

Mask = NDArray[np.bool_]

Record = TypeVar("Record", "PersistentVolume", "PersistentVolumeClaim")
UNREACHED, NO_MATCH, NO_SPACE, NO_VOLUME_THERE = 1, 2, 4, 8


class Picked(NamedTuple):
    """What each node would give to the pod, and the claims that it would have provisioned."""

    nodes: NodeColumns
    matches: list[Match]
    provisioned: list[tuple[PersistentVolumeClaim, Mask]]


class Claims:
    """The claims of one attempt; Filter adds what was picked, Reserve what was taken of it, PreBind the binding."""

    def __init__(self) -> None:
        self.bound: list[PersistentVolumeClaim] = []
        self.delayed: list[PersistentVolumeClaim] = []
        self.immediate = False
        self.picked: Picked | None = None
        self.taken: list[Taken] = []
        self.binder: VolumeBinder | None = None


class VolumeBinding(Plugin):
    """Filter by bound volumes and by what there is for unbound ones, and reserve it."""

    name = "VolumeBinding"
    reads_amounts = False
    object_kinds = frozenset()
    events_to_register = staticmethod(hints_volume_binding.events_to_register)
    reasons = (
        "node(s) didn't match PersistentVolume's node affinity",
        "node(s) didn't find available persistent volumes to bind",
        "node(s) did not have enough free storage",
        "node(s) unavailable due to one or more pvc(s) bound to non-existent pv(s)",
    )
    without_pre_filter = "not found"

    def __init__(self, args: VolumeBindingArgs | None = None) -> None:
        super().__init__(args if args is not None else VolumeBindingArgs())
        self.masks = NodeSelectorMasks()
        self._by_class: tuple[int, dict[str, list[PersistentVolume]]] = (-1, {})
        self._migrations: tuple[tuple[int, int], dict[str, Mask]] = ((-1, -1), {})

    def concerns(self, pod: PodInfo) -> bool:
        """Tell whether the pod has claims that are not bound, or volumes that not every node reaches."""
        if not has_claims(pod.pod):
            return False
        storage = Storage(self.handle)
        claims, fault = _look_up(storage, pod)
        return bool(fault) or not all(is_fully_bound(each) and _is_everywhere(storage, each) for each in claims)

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        """Sort the claims; refuse the pod where one is missing, lost, going, another's or not bound in time."""
        claims = state[self.name] = Claims()
        if not has_claims(pod.pod):
            return PreFilterResult(SKIP)
        storage = Storage(self.handle)
        records, fault = _look_up(storage, pod)
        if fault:
            return PreFilterResult(unresolvable(fault))
        for claim in records:
            if is_fully_bound(claim):
                claims.bound.append(claim)
                continue
            storage_class = storage.classes.get(class_of_claim(claim))
            if storage_class is not None and storage_class.volume_binding_mode is None:
                name = storage_class.metadata.name
                return PreFilterResult(error(f'VolumeBindingMode not set for StorageClass "{name}"'))
            waits = storage_class is not None and storage_class.volume_binding_mode == WAIT_FOR_FIRST_CONSUMER
            if waits and not claim.spec.volume_name:
                claims.delayed.append(claim)
            else:
                claims.immediate = True
        if claims.immediate:
            return PreFilterResult(unresolvable("pod has unbound immediate PersistentVolumeClaims"))
        return PreFilterResult()

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        claims: Claims = state[self.name]
        bits = np.zeros(nodes.count, np.int64)
        errors = self._check_bound(claims.bound, nodes, bits)
        if claims.delayed:
            claims.picked = self._pick(claims.delayed, nodes, bits)
        return Verdicts(bits, self.reasons, errors=errors)

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        """Name the volumes that are out of reach, and the claims for which there is nothing."""
        claims: Claims = state[self.name]
        storage, found = Storage(self.handle), []
        for claim in claims.bound:
            name, volume = claim.spec.volume_name, storage.volumes.get(claim.spec.volume_name)
            if volume is None:
                found.append(Obstacle(f"the volume {name} of the claim {claim.metadata.name} is gone"))
                continue
            affinity = volume.spec.node_affinity
            required = affinity.required if affinity is not None else None
            if required is not None and not affinity_mask(self.masks, nodes, required)[row]:
                text = f"the volume {name} of the claim {claim.metadata.name} wants {selector_text(required)}"
                found.append(Obstacle(text))
        for claim in claims.delayed:
            wanted = f"a volume of class {class_of_claim(claim)} that the node can reach"
            found.append(Obstacle(f"the claim {claim.metadata.name} waits for {wanted}"))
        return found

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, feasible: NDArray[np.int64]) -> Status:
        return SKIP

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> NDArray[np.int64]:
        return np.zeros(nodes.count, np.int64)

    def reserve(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        """Take what the node would give to the pod."""
        claims: Claims | None = state.get(self.name)
        if claims is None:
            return error(self.without_pre_filter)
        if claims.picked is None:
            return SUCCESS
        row = claims.picked.nodes.row_of[node_name]
        for match in claims.picked.matches:
            if match.choice[row] != NO_VOLUME:
                volume = match.volumes[match.choice[row]]
                self._take(claims, Taken(match.claim, volume, _bound_to(volume, match.claim)))
        for claim, where in claims.picked.provisioned:
            if where[row]:
                self._take(claims, Taken(claim, claim, _annotated(claim, SELECTED_NODE, node_name)))
        return SUCCESS

    def unreserve(self, state: CycleState, pod: PodInfo, node_name: str) -> None:
        """Give back what was taken: it is as it was reported last, which may be otherwise than before, or gone."""
        claims: Claims | None = state.get(self.name)
        while claims is not None and claims.taken:
            before = claims.taken.pop().before
            if not self.handle.has_scheduler:
                self.handle.assume(before)
            elif (found := self.handle.reported(type(before).__name__, object_key(before.metadata))) is not None:
                self.handle.assume(found)

    def pre_bind_pre_flight(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        """Skip where nothing is to be bound, and where there is no scheduler to bind it."""
        claims: Claims | None = state.get(self.name)
        if claims is None:
            return error(self.without_pre_filter)
        return SUCCESS if claims.delayed and self.handle.has_scheduler else SKIP

    def pre_bind(self, state: CycleState, pod: PodInfo, node_name: str) -> Status:
        """Write what was taken when called first, and wait until all is bound."""
        claims: Claims = state[self.name]
        if claims.binder is None:
            timeout: int = self.args.bind_timeout_seconds
            claims.binder = VolumeBinder(self.handle, self.masks, pod, node_name, claims.taken, timeout)
            return claims.binder.write()
        return claims.binder.look()

    def _take(self, claims: Claims, taken: Taken) -> None:
        claims.taken.append(taken)
        self.handle.assume(taken.after)

    def _check_bound(
        self, claims: list[PersistentVolumeClaim], nodes: NodeColumns, bits: NDArray[np.int64]
    ) -> dict[int, str]:
        """Refuse nodes that a bound volume is out of reach of; the first volume that says no counts."""
        storage = Storage(self.handle)
        claims = [claim for claim in claims if not _is_everywhere(storage, claim)]
        if not claims:
            return {}
        left = np.ones(nodes.count, np.bool_)
        errors: dict[int, str] = {}
        for claim in claims:
            volume = storage.volumes.get(claim.spec.volume_name)
            if volume is None:
                bits[left] |= NO_VOLUME_THERE
                break
            affinity = volume.spec.node_affinity
            reached = affinity_mask(self.masks, nodes, affinity.required if affinity is not None else None)
            if plugin := in_tree_plugin(volume.spec):
                migrated = left & self._migrated(storage, nodes, plugin)
                try:
                    translate_volume(volume)
                except TranslationError as reason:
                    text = f"could not translate pv: {reason}"
                    errors |= dict.fromkeys(np.flatnonzero(migrated).tolist(), text)
                    left &= ~migrated
                else:
                    translated = affinity_mask(self.masks, nodes, translated_affinity(volume))
                    reached = np.where(migrated, translated, reached)
            bits[left & ~reached] |= UNREACHED
            left &= reached
        return errors

    def _pick(self, claims: list[PersistentVolumeClaim], nodes: NodeColumns, bits: NDArray[np.int64]) -> Picked:
        """Find volumes for claims that wait, or the place to make them; refuse nodes that have neither."""
        storage = Storage(self.handle)
        elsewhere = np.zeros(nodes.count, np.bool_)
        selected, free = [], []
        for claim in claims:
            node = claim.metadata.annotations.get(SELECTED_NODE)
            if node is None:
                free.append(claim)
                continue
            selected.append(claim)
            others = np.ones(nodes.count, np.bool_)
            if node in nodes.row_of:
                others[nodes.row_of[node]] = False
            elsewhere |= others
        matches = match_claims(self.masks, nodes, free, [self._volumes(class_of_claim(claim)) for claim in free])
        provisioned = [(claim, ~elsewhere) for claim in selected]
        provisioned += [(match.claim, ~elsewhere & (match.choice == NO_VOLUME)) for match in matches]
        bits[elsewhere] |= NO_MATCH
        left = ~elsewhere
        for claim, where in provisioned:
            wanted = left & where & nodes.alive
            if wanted.any():
                unreachable, short = provisioning(self.masks, nodes, storage, claim)
                bits[wanted & unreachable] |= NO_MATCH
                bits[wanted & ~unreachable & short] |= NO_SPACE
                left &= ~(wanted & (unreachable | short))
        return Picked(nodes, matches, provisioned)

    def _migrated(self, storage: Storage, nodes: NodeColumns, plugin: str) -> Mask:
        """Return the nodes whose CSINode says that an in-tree plugin is translated there."""
        version = (nodes.object_version, self.handle.version("CSINode"))
        if self._migrations[0] != version:
            self._migrations = (version, {})
        found = self._migrations[1]
        if plugin not in found:
            mask = found[plugin] = np.zeros(nodes.count, np.bool_)
            for name, record in storage.csi_nodes.items():
                if name in nodes.row_of:
                    listed = record.metadata.annotations.get(MIGRATED_PLUGINS, "").split(",")
                    mask[nodes.row_of[name]] = plugin in listed
        return found[plugin]

    def _volumes(self, class_name: str) -> list[PersistentVolume]:
        """Return the volumes of a storage class."""
        version = self.handle.version("PersistentVolume")
        if self._by_class[0] != version:
            by_class: dict[str, list[PersistentVolume]] = {}
            for volume in Storage(self.handle).volumes.values():
                by_class.setdefault(class_of_volume(volume), []).append(volume)
            self._by_class = (version, by_class)
        return self._by_class[1].get(class_name, [])


def _look_up(storage: Storage, pod: PodInfo) -> tuple[list[PersistentVolumeClaim], str]:
    """Return the claims of a pod, and what is wrong with the first that it cannot use."""
    namespace, pod_name = namespace_and_name(pod)
    found = []
    for name, ephemeral in claims_of(pod.pod, pod_name):
        claim = storage.claims.get(f"{namespace}/{name}")
        if claim is None:
            if ephemeral:
                return [], f'waiting for ephemeral volume controller to create the persistentvolumeclaim "{name}"'
            return [], not_found("persistentvolumeclaim", name)
        if claim.status.phase == "Lost":
            lost = claim.spec.volume_name
            return [], f'persistentvolumeclaim "{name}" bound to non-existent persistentvolume "{lost}"'
        if claim.metadata.deletion_timestamp is not None:
            return [], f'persistentvolumeclaim "{name}" is being deleted'
        if ephemeral and (fault := ownership_fault(pod.pod, namespace, pod_name, claim)):
            return [], fault
        found.append(claim)
    return found, ""


def _is_everywhere(storage: Storage, claim: PersistentVolumeClaim) -> bool:
    """Tell whether every node reaches the volume of a bound claim, both as it is and as its CSI driver has it."""
    volume = storage.volumes.get(claim.spec.volume_name)
    if volume is None or volume.spec.node_affinity is not None:
        return False
    if not in_tree_plugin(volume.spec):
        return True
    try:
        translate_volume(volume)
    except TranslationError:
        return False
    return translated_affinity(volume) is None


def _bound_to(volume: PersistentVolume, claim: PersistentVolumeClaim) -> PersistentVolume:
    """Return a volume as it is once it is set aside for a claim."""
    meta, its = claim.metadata, volume.spec.claim_ref
    if not is_bound_to(volume, claim):
        volume = _annotated(volume, BOUND_BY_CONTROLLER, "yes")
    elif its is not None and its.uid == meta.uid:
        return volume
    ref = ObjectReference(
        api_version="v1", kind="PersistentVolumeClaim", namespace=meta.namespace, name=meta.name, uid=meta.uid,
        resource_version=meta.resource_version,
    )  # fmt: skip
    return replaced(volume, spec=replaced(volume.spec, claim_ref=ref))


def _annotated(record: Record, key: str, value: str) -> Record:
    meta = replaced(record.metadata, annotations={**record.metadata.annotations, key: value})
    return replaced(record, metadata=meta)
