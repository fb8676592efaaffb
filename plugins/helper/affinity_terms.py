"""Pod affinity terms as they are matched, and those of placed pods (upstream: staging kube-scheduler framework,
AffinityTerm).

Terms of placed pods are kept once per distinct set of terms: thousands of kinds may share few. No counts and no
scores here.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable, Mapping
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plugins.helper.kinds import Weights
from plugins.helper.label_selector import EVERYTHING, Selector, matches, of_record

if TYPE_CHECKING:
    from sched_core import Pod, PodAffinityTerm

Namespaces = Mapping[str, Mapping[str, str]]


class Term(NamedTuple):
    """One term; ``weight`` is negative for preferred anti-affinity and 0 for what is required."""

    topology_key: str
    namespaces: frozenset[str]
    namespace_selector: Selector
    selector: Selector
    weight: int = 0

    def matches(self, namespace: str, labels: Mapping[str, str], namespace_labels: Mapping[str, str]) -> bool:
        """Tell whether the term is about a pod with these labels in this namespace."""
        if namespace not in self.namespaces and not matches(self.namespace_selector, namespace_labels):
            return False
        return matches(self.selector, labels)

    def unrolled(self, namespaces: Namespaces) -> Term:
        """Return the term with the namespaces that its selector matches by name.

        The selector stays as it is (upstream drops it from a copy only), and is asked about no labels from then on: one
        of NotIn and DoesNotExist alone matches every namespace.
        """
        if self.namespace_selector is None or self.namespace_selector == EVERYTHING:
            return self
        found = {name for name, labels in namespaces.items() if matches(self.namespace_selector, labels)}
        return self._replace(namespaces=self.namespaces | found)


class Terms(NamedTuple):
    """All terms of a pod."""

    affinity: tuple[Term, ...] = ()
    anti_affinity: tuple[Term, ...] = ()
    preferred: tuple[Term, ...] = ()

    def unrolled(self, namespaces: Namespaces) -> Terms:
        """Return the terms as those of a pod to be placed are matched."""
        return Terms(*(tuple(term.unrolled(namespaces) for term in terms) for terms in self))


NONE = Terms()


def namespace_of(pod: Pod) -> str:
    """Return the namespace of a pod."""
    return pod.metadata.namespace or "default"


def terms_of(pod: Pod) -> Terms:
    """Return the terms of a pod; matchLabelKeys are in the selector already, the API server puts them there."""
    affinity = pod.spec.affinity
    if affinity is None:
        return NONE
    namespace = namespace_of(pod)
    near, far = affinity.pod_affinity, affinity.pod_anti_affinity
    required: list[tuple[Term, ...]] = []
    preferred: list[Term] = []
    for side, sign in ((near, 1), (far, -1)):
        if side is None:
            required.append(())
            continue
        required.append(
            tuple(_term(each, namespace) for each in side.required_during_scheduling_ignored_during_execution)
        )
        preferred += [
            _term(each.pod_affinity_term, namespace, sign * each.weight)
            for each in side.preferred_during_scheduling_ignored_during_execution
        ]
    return Terms(required[0], required[1], tuple(preferred))


def _term(term: PodAffinityTerm, namespace: str, weight: int = 0) -> Term:
    names = frozenset(term.namespaces)
    if not names and term.namespace_selector is None:
        names = frozenset((namespace,))
    return Term(term.topology_key, names, of_record(term.namespace_selector), of_record(term.label_selector), weight)


class PlacedTerms:
    """The terms of each kind of pods: ``sets[set_of[kind]]``; set 0 has none."""

    def __init__(self) -> None:
        self.sets: list[Terms] = [NONE]
        self.kinds_of: list[list[int]] = [[]]
        """The kinds that have each set; those of set 0 are left out."""
        self._number = {NONE: 0}
        self._set_of: list[int] = []
        self._by_label: dict[tuple[str, str], list[int]] = {}
        self._by_no_label: list[int] = []
        self._kinds: Any = None

    def catch_up(self, kinds: Any) -> bool:
        """Learn of new kinds; return whether all of them are new, and the sets of terms with them."""
        renewed = kinds is not self._kinds
        if renewed:
            self.__init__()  # type: ignore[misc]
            self._kinds = kinds
        kinds.of()
        for kind in range(len(self._set_of), len(kinds)):
            terms = terms_of(kinds.pods[kind])
            found = self._number.setdefault(terms, len(self.sets))
            if found == len(self.sets):
                self.sets.append(terms)
                self.kinds_of.append([])
                self._index(found, terms)
            if found:
                self.kinds_of[found].append(kind)
            self._set_of.append(found)
        return renewed

    def candidates(self, labels: Mapping[str, str], first: int) -> list[int]:
        """Return the sets from ``first`` on with a term that may match pods with these labels, in order."""
        lists = [self._by_no_label, *(self._by_label.get(label, []) for label in labels.items())]
        return sorted({number for numbers in lists for number in numbers[bisect_left(numbers, first) :]})

    def set_of(self, first: int, end: int) -> NDArray[np.int64]:
        """Return the sets of some classes, int64[end - first]."""
        sets: NDArray[np.int64] = np.array(self._set_of, np.int64)[self._kinds.of()[first:end]]
        return sets

    def _index(self, number: int, terms: Terms) -> None:
        for term in (*terms.affinity, *terms.anti_affinity, *terms.preferred):
            if term.selector is None:
                continue
            wanted = next((each for each in term.selector if each.operator == "In"), None)
            if wanted is None:
                self._by_no_label.append(number)
            else:
                for value in wanted.values:
                    self._by_label.setdefault((wanted.key, value), []).append(number)


class Told:
    """What the terms of placed pods say to pods with the same labels: per topology key a number for each set."""

    def __init__(self, pod: Pod, namespace_labels: Mapping[str, str], hard_weight: int) -> None:
        self._namespace, self._labels, self._namespace_labels = namespace_of(pod), pod.metadata.labels, namespace_labels
        self._hard_weight = hard_weight
        self._done = 0
        self.found = 0
        """How many terms that match have been found so far."""
        self.anti: dict[str, list[int]] = {}
        """Required anti-affinity terms that match."""
        self.score: dict[str, list[int]] = {}
        """Weights of the terms that match."""
        self.touched: dict[str, list[int]] = {}
        """How many terms that score match."""

    def catch_up(self, placed: PlacedTerms) -> None:
        """Match the sets that are new."""
        for number in placed.candidates(self._labels, self._done):
            terms = placed.sets[number]
            for term in self._matching(terms.anti_affinity):
                _add(self.anti, term.topology_key, number, 1)
                self.found += 1
            if self._hard_weight > 0:
                for term in self._matching(terms.affinity):
                    self._score(term, number, self._hard_weight)
            for term in self._matching(terms.preferred):
                self._score(term, number, term.weight)
        self._done = len(placed.sets)

    def _score(self, term: Term, number: int, weight: int) -> None:
        _add(self.score, term.topology_key, number, weight)
        _add(self.touched, term.topology_key, number, 1)
        self.found += 1

    def _matching(self, terms: Iterable[Term]) -> Iterable[Term]:
        return (term for term in terms if term.matches(self._namespace, self._labels, self._namespace_labels))


def weigher(numbers: list[int], placed: PlacedTerms) -> Callable[[int, int], NDArray[np.int64]]:
    """Return the weigher of classes by a number for each of their sets of terms; missing ones are 0."""

    def weigh(first: int, end: int) -> NDArray[np.int64]:
        by_set = np.zeros(len(placed.sets), np.int64)
        by_set[: len(numbers)] = numbers
        return by_set[placed.set_of(first, end)]

    return weigh


def kinds_told(numbers: list[int], placed: PlacedTerms, first: int, end: int) -> Weights:
    """Return the kinds from ``first`` to ``end`` whose sets of terms have a number that is not 0, and these numbers."""
    found = [
        (kind, number)
        for known, number in enumerate(numbers)
        if number
        for kind in placed.kinds_of[known][bisect_left(placed.kinds_of[known], first) :]
        if kind < end
    ]
    kinds, weights = np.array(found, np.int64).reshape(len(found), 2).T
    return kinds, weights


def _add(table: dict[str, list[int]], key: str, number: int, amount: int) -> None:
    row = table.setdefault(key, [])
    row += [0] * (number + 1 - len(row))
    row[number] += amount


def label_weigher(kinds: Any, match: Callable[[Pod], bool]) -> Callable[[int, int], NDArray[np.int64]]:
    """Return the weigher of classes that gives 1 to those whose pods match."""

    def weigh(first: int, end: int) -> NDArray[np.int64]:
        distinct, inverse = np.unique(kinds.of()[first:end], return_inverse=True)
        return np.array([match(kinds.pods[kind]) for kind in distinct.tolist()], np.int64)[inverse]

    return weigh
