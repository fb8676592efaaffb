"""InterPodAffinity: nodes near to or away from other pods, by the terms of the pod to be placed and of those that run
(upstream: plugins/interpodaffinity).

Pods are weighed by class and summed by topology domain (`PlacedPods`); nothing here looks at a placed pod by itself.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plugins.helper import hints_inter_pod_affinity
from plugins.helper.affinity_terms import (
    PlacedTerms,
    Term,
    Terms,
    Told,
    kinds_told,
    label_weigher,
    namespace_of,
    terms_of,
    weigher,
)
from plugins.helper.inter_pod_affinity_obstacles import obstacles
from plugins.helper.kinds import KindIndex, Weights, summed
from plugins.helper.placed_pods import PlacedPods, TopologyDomains
from sched_core import (
    NO_TERMS,
    SKIP,
    SUCCESS,
    Apart,
    Code,
    DomainTerms,
    Near,
    Plugin,
    PodInfo,
    PreFilterResult,
    Status,
    Tally,
    Verdicts,
    Weighted,
)

if TYPE_CHECKING:
    from sched_core import CycleState, InterPodAffinityArgs, NodeColumns, Obstacle, Pod

STATE = "PreFilterInterPodAffinity"
SCORE_STATE = "PreScoreInterPodAffinity"

Counts = dict[str, NDArray[np.int64]]
"""Topology key -> a number for each domain, int64[size + 1]; the last entry, for nodes without the label, is 0."""

_KEPT = 4096


class PreFilterState:
    """What PreFilter counts and Filter asks; `InterPodAffinity.add_pod` and ``remove_pod`` change it."""

    def __init__(self, pod: Pod, terms: Terms, namespace_labels: Mapping[str, str]) -> None:
        self.pod, self.terms, self.namespace_labels = pod, terms, namespace_labels
        self.existing_anti: Counts = {}
        """Placed pods whose required anti-affinity terms match the pod."""
        self.affinity: Counts = {}
        """Placed pods that match all required affinity terms of the pod."""
        self.anti: Counts = {}
        """Placed pods that match a required anti-affinity term of the pod."""

    def clone(self) -> PreFilterState:
        """Return a copy that can be changed by itself."""
        copied = PreFilterState(self.pod, self.terms, self.namespace_labels)
        copied.existing_anti = {key: counts.copy() for key, counts in self.existing_anti.items()}
        copied.affinity = {key: counts.copy() for key, counts in self.affinity.items()}
        copied.anti = {key: counts.copy() for key, counts in self.anti.items()}
        return copied

    def __copy__(self) -> PreFilterState:
        return self.clone()

    def __deepcopy__(self, memo: object) -> PreFilterState:
        return self.clone()


class Said(NamedTuple):
    """What `InterPodAffinity.domain_terms` said of a shape, and what it was made of."""

    terms: Terms
    told: Told
    found: int
    answer: DomainTerms


class InterPodAffinity(Plugin):
    """Filter by required affinity and anti-affinity in both directions, score by what is preferred."""

    name = "InterPodAffinity"
    reads_amounts = False
    object_kinds = frozenset()
    events_to_register = staticmethod(hints_inter_pod_affinity.events_to_register)
    reasons = (
        "node(s) didn't match pod affinity rules",
        "node(s) didn't match pod anti-affinity rules",
        "node(s) didn't satisfy existing pods anti-affinity rules",
    )
    without_pre_filter = f'error reading "{STATE}" from cycleState: not found'

    def __init__(self, args: InterPodAffinityArgs) -> None:
        super().__init__(args)
        self.hard_weight = args.hard_pod_affinity_weight
        self.ignores_preferred = args.ignore_preferred_terms_of_existing_pods
        self._pods, self._placed_terms, self._domains = PlacedPods(), PlacedTerms(), TopologyDomains()
        self._terms: dict[int, Terms] = {}
        self._told: dict[Hashable, Told] = {}
        self._known_at: tuple[int, dict[str, Mapping[str, str]]] = (-1, {})
        self._index = KindIndex()
        self._said: dict[int, Said] = {}
        self._said_at = -1

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        """Count the pods that required terms are about; skip where there are none in either direction."""
        terms = self._terms_of(pod)
        found = PreFilterState(pod.pod, terms, self._labels_of_namespace(pod.pod))
        if self.handle.placed_with_affinity:
            told = self._told_to(pod.pod)
            for key, numbers in told.anti.items():
                sums = self._told_sums(nodes, pod.pod, ("anti", key), numbers, key)
                if sums.any():
                    found.existing_anti[key] = sums.copy()
        if not found.existing_anti and not terms.affinity and not terms.anti_affinity:
            return PreFilterResult(SKIP)
        for term in terms.affinity:
            _add(found.affinity, term.topology_key, self._matching(nodes, terms.affinity, term.topology_key))
        for term in terms.anti_affinity:
            _add(found.anti, term.topology_key, self._matching(nodes, (term,), term.topology_key))
        state[STATE] = found
        return PreFilterResult()

    def add_pod(self, state: CycleState, pod: PodInfo, added: PodInfo | Pod, row: int) -> Status:
        """Count a pod as if it ran on the node of ``row`` too."""
        return self._update(state, added, row, 1)

    def remove_pod(self, state: CycleState, pod: PodInfo, removed: PodInfo | Pod, row: int) -> Status:
        """Count a pod that runs on the node of ``row`` no more."""
        return self._update(state, removed, row, -1)

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        """Refuse nodes by the pod's affinity, else its anti-affinity, else that of placed pods."""
        found: PreFilterState = state[STATE]
        bits = np.zeros(nodes.count, np.int64)
        for key, counts in found.existing_anti.items():
            bits[counts[self._of(nodes, key)] > 0] = 0b100
        for key, counts in found.anti.items():
            bits[counts[self._of(nodes, key)] > 0] = 0b010
        unresolvable = np.zeros(nodes.count, np.bool_)
        if found.terms.affinity:
            unresolvable = ~self._near(nodes, found)
            bits[unresolvable] = 0b001
        return Verdicts(bits, self.reasons, Code.Unschedulable, unresolvable)

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        """Name the pods that are in the way, and what the pod would have to be near."""
        found: PreFilterState = state[STATE]
        return obstacles(state, pod.pod, found.terms, found.namespace_labels, self.handle, row, self._domains)

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, feasible: NDArray[np.int64]) -> Status:
        """Add up the weights of matching terms by domain; skip where no term matches a pod on a labelled node."""
        terms = self._terms_of(pod)
        if self.ignores_preferred and not terms.preferred:
            return SKIP
        nodes = self.handle.nodes  # the cluster's own: those that an extender returned have no pods
        scores: Counts = {}
        touched = False
        for term in terms.preferred:
            sums = self._matching(nodes, (term,), term.topology_key)
            touched = touched or bool(sums.any())
            _add(scores, term.topology_key, term.weight * sums)
        if self.handle.placed_with_affinity:
            told = self._told_to(pod.pod)
            for key, numbers in told.score.items():
                sums = self._told_sums(nodes, pod.pod, ("score", key), numbers, key)
                if not touched and not sums.any():
                    touched = self._told_sums(nodes, pod.pod, ("touched", key), told.touched[key], key).any().item()
                touched = touched or bool(sums.any())
                _add(scores, key, sums)
        if not touched:
            return SKIP
        state[SCORE_STATE] = scores
        return SUCCESS

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> NDArray[np.int64]:
        """Add up what the domains of each node have, int64[N]."""
        if SCORE_STATE not in state:
            raise LookupError(f'failed to read "{SCORE_STATE}" from cycleState: not found')
        scores: Counts = state[SCORE_STATE]
        total = np.zeros(nodes.count, np.int64)
        for key, sums in scores.items():
            total += sums[self._of(nodes, key)]
        return total

    @staticmethod
    def normalize_row(score: float, lowest: float, highest: float) -> float:
        """Stretch lowest to highest over 0 to 100; divides first, then multiplies, as upstream's floats do."""
        return 100.0 * ((score - lowest) / max(highest - lowest, 1)) if highest > lowest else 0.0

    def domain_terms(self, pod: PodInfo, nodes: NodeColumns) -> DomainTerms:
        """Say the same as filter and score by rules over tallies; the answer changes when terms about the pod come."""
        terms, told = self._terms_of(pod), self._told_to(pod.pod)
        shape = int(self.handle.classes.shape_of[pod.row])
        if self._said_at != nodes.object_version or len(self._said) >= _KEPT:
            self._said_at = nodes.object_version
            self._said.clear()
        said = self._said.get(shape)
        if said is None or said[:-1] != (terms, told, told.found):
            answer = self._say(pod.pod, terms, told, nodes)
            said = self._said[shape] = Said(terms, told, told.found, answer)
        return said.answer

    def _say(self, pod: Pod, terms: Terms, told: Told, nodes: NodeColumns) -> DomainTerms:
        group = self._group(pod)
        filters: list[Near | Apart] = []
        keys = dict.fromkeys(term.topology_key for term in terms.affinity)
        if keys:
            together = tuple(self._matching_tally(nodes, terms.affinity, key) for key in keys)
            filters.append(Near(together, _matches_all(terms.affinity, pod)))
        filters += [Apart(self._matching_tally(nodes, (term,), term.topology_key)) for term in terms.anti_affinity]
        for key, numbers in told.anti.items():
            weigh = partial(self._weigh_told, told, numbers)
            filters.append(Apart(Tally(("anti", group), weigh, self._domains.of(nodes, key))))
        if self.ignores_preferred and not terms.preferred:
            scores: list[Weighted] = []
        else:
            keys = dict.fromkeys((*(term.topology_key for term in terms.preferred), *told.score))
            scores = [self._weighted(nodes, group, terms, told, key) for key in keys]
        return DomainTerms(tuple(filters), tuple(scores)) if filters or scores else NO_TERMS

    def _weighted(self, nodes: NodeColumns, group: Hashable, terms: Terms, told: Told, key: str) -> Weighted:
        """Return the score by one topology key: the pod's preferred terms, and what placed pods prefer."""
        own = tuple(term for term in terms.preferred if term.topology_key == key)
        numbers = told.score.get(key)

        def weigh(first: int, end: int) -> Weights:
            parts = [(term.weight, self._weigh_matching((term,), first, end)) for term in own]
            if numbers is not None:
                parts.append((1, self._weigh_told(told, numbers, first, end)))
            return summed(parts)

        what = ("score", tuple(term[1:] for term in own), group if numbers is not None else None)
        domains = self._domains.of(nodes, key)
        return Weighted(Tally(what, weigh, domains), domains)

    def _matching_tally(self, nodes: NodeColumns, terms: tuple[Term, ...], key: str) -> Tally:
        weighed = tuple(term[1:4] for term in terms)
        return Tally(weighed, partial(self._weigh_matching, terms), self._domains.of(nodes, key))

    def _weigh_matching(self, terms: tuple[Term, ...], first: int, end: int) -> Weights:
        self._index.catch_up(self.handle.kinds)
        return self._index.weigh(terms[0].selector, first, end, lambda pod: _matches_all(terms, pod))

    def _weigh_told(self, told: Told, numbers: list[int], first: int, end: int) -> Weights:
        self._placed_terms.catch_up(self.handle.kinds)
        told.catch_up(self._placed_terms)
        return kinds_told(numbers, self._placed_terms, first, end)

    def _near(self, nodes: NodeColumns, found: PreFilterState) -> NDArray[np.bool_]:
        """Return the nodes that meet the required affinity, bool[N]."""
        labelled, near = np.ones(nodes.count, np.bool_), np.ones(nodes.count, np.bool_)
        for key, counts in found.affinity.items():
            domains = self._domains.of(nodes, key)
            labelled &= domains.of < domains.size
            near &= counts[domains.of] > 0
        nobody = not any(counts.any() for counts in found.affinity.values())
        if nobody and _matches_all(found.terms.affinity, found.pod):
            return labelled  # the first of a group that wants to be together
        return labelled & near

    def _update(self, state: CycleState, other: PodInfo | Pod, row: int, sign: int) -> Status:
        found: PreFilterState | None = state.get(STATE)
        if found is None:  # PreFilter skipped the pod
            return SUCCESS
        record = other.pod if isinstance(other, PodInfo) else other
        pod = found.pod
        nodes = self.handle.nodes
        for term in terms_of(record).anti_affinity:
            if term.matches(namespace_of(pod), pod.metadata.labels, found.namespace_labels):
                self._count(nodes, found.existing_anti, term.topology_key, row, sign)
        if _matches_all(found.terms.affinity, record):
            for term in found.terms.affinity:
                self._count(nodes, found.affinity, term.topology_key, row, sign)
        for term in found.terms.anti_affinity:
            if _matches_all((term,), record):
                self._count(nodes, found.anti, term.topology_key, row, sign)
        return SUCCESS

    def _count(self, nodes: NodeColumns, counts: Counts, key: str, row: int, sign: int) -> None:
        domains = self._domains.of(nodes, key)
        domain = domains.of[row]
        if domain < domains.size:
            counts.setdefault(key, np.zeros(domains.size + 1, np.int64))[domain] += sign

    def _of(self, nodes: NodeColumns, key: str) -> NDArray[np.int64]:
        return self._domains.of(nodes, key).of

    def _matching(self, nodes: NodeColumns, terms: tuple[Term, ...], key: str) -> NDArray[np.int64]:
        """Count the placed pods that match all of the pod's terms, by domain of ``key``."""
        weighed = tuple(term[1:4] for term in terms)
        weigh = label_weigher(self.handle.kinds, lambda pod: _matches_all(terms, pod))
        return self._pods.sums(nodes, len(self.handle.classes), weighed, weigh, self._domains.of(nodes, key))

    def _told_sums(
        self, nodes: NodeColumns, pod: Pod, what: Hashable, numbers: list[int], key: str
    ) -> NDArray[np.int64]:
        """Add up what the terms of placed pods say to the pod, by domain of ``key``."""
        weighed = (what, self._group(pod))
        weigh = weigher(numbers, self._placed_terms)
        return self._pods.sums(nodes, len(self.handle.classes), weighed, weigh, self._domains.of(nodes, key))

    def _told_to(self, pod: Pod) -> Told:
        if self._placed_terms.catch_up(self.handle.kinds):
            self._told.clear()
        group = self._group(pod)
        told = self._told.get(group)
        if told is None:
            if len(self._told) >= _KEPT:
                self._told.clear()
            told = self._told[group] = Told(pod, self._labels_of_namespace(pod), self.hard_weight)
        told.catch_up(self._placed_terms)
        return told

    def _group(self, pod: Pod) -> Hashable:
        """Return what pods have in common that the terms of others cannot tell apart."""
        labels, theirs = pod.metadata.labels, self._labels_of_namespace(pod)
        return namespace_of(pod), frozenset(labels.items()), frozenset(theirs.items())

    def _labels_of_namespace(self, pod: Pod) -> Mapping[str, str]:
        return self.handle.namespaces.get(namespace_of(pod), {})

    def _terms_of(self, pod: PodInfo) -> Terms:
        """Return the terms of a pod with its namespaces by name; kept until a namespace or an epoch changes."""
        namespaces = self.handle.namespaces
        if (self.handle.classes.epoch, namespaces) != self._known_at:
            self._known_at = (self.handle.classes.epoch, dict(namespaces))
            self._terms.clear()
        shape = int(self.handle.classes.shape_of[pod.row])
        terms = self._terms.get(shape)
        if terms is None:
            if len(self._terms) >= _KEPT:
                self._terms.clear()
            terms = self._terms[shape] = terms_of(pod.pod).unrolled(namespaces)
        return terms


def _matches_all(terms: tuple[Term, ...], pod: Pod) -> bool:
    """Tell whether a pod matches all of the terms of the pod to be placed; no terms match nothing."""
    namespace, labels = namespace_of(pod), pod.metadata.labels
    return bool(terms) and all(term.matches(namespace, labels, {}) for term in terms)


def _add(counts: Counts, key: str, sums: NDArray[np.int64]) -> None:
    counts[key] = counts[key] + sums if key in counts else sums.copy()
