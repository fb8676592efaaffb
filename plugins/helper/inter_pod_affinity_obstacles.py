"""Which placed pods keep a pod from a node, and which it would have to be near (for `InterPodAffinity`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plugins.helper.affinity_terms import Term, Terms, namespace_of, terms_of
from plugins.helper.changes import DROPPED, change_pod, edited_spec, evict, label_node, named
from sched_core import Obstacle, replaced

if TYPE_CHECKING:
    from plugins.helper.placed_pods import TopologyDomains
    from sched_core import CycleState, Handle, NodeColumns, Pod

HOSTNAME = "kubernetes.io/hostname"
Numbers = NDArray[np.int64]


def obstacles(
    state: CycleState, pod: Pod, terms: Terms, namespace_labels: Mapping[str, str], handle: Handle, row: int,
    domains: TopologyDomains,
) -> list[Obstacle]:  # fmt: skip
    """Return what keeps a pod with these terms from the node of ``row``."""
    near = _Neighbours(state, handle, row, domains)
    found = list(_affinity(near, terms.affinity))
    for position, term in enumerate(terms.anti_affinity):
        numbers = near.in_domain(near.placed((term,)), term.topology_key)
        if len(numbers):
            text = f"the pod must not run in {near.domain(term.topology_key)} with {near.names(numbers)}"
            without = partial(_without_term, position=position)
            drop = change_pod(f"drop the anti-affinity term for {term.topology_key}", without, DROPPED)
            found.append(Obstacle(text, (evict(handle.nodes, numbers.tolist()), drop)))
    for key, placed in near.that_refuse(pod, namespace_labels).items():
        numbers = near.in_domain(placed, key)
        if len(numbers):
            text = f"{near.names(numbers)} in {near.domain(key)} must not run with it"
            found.append(Obstacle(text, (evict(handle.nodes, numbers.tolist()),)))
    return found


class _Neighbours:
    """The placed pods in the domains of one node."""

    def __init__(self, state: CycleState, handle: Handle, row: int, domains: TopologyDomains) -> None:
        self.handle, self.row, self._domains = handle, row, domains
        self.nodes: NodeColumns = handle.nodes
        self._kept: dict[object, Any] = state.setdefault("ExplainInterPodAffinity", {})  # for all nodes of an attempt

    def domain(self, key: str) -> str:
        """Return the domain of the node as people write it."""
        value = self.nodes.labels_of(self.row).get(key)
        return f"{key}={value}" if value is not None else f"{key} (no such label)"

    def names(self, numbers: Numbers) -> str:
        return named([self.nodes.pods.key(number) for number in numbers.tolist()])

    def where(self, key: str, numbers: Numbers) -> list[str]:
        """Return the values of a topology key where placed pods run."""
        of, size = self._domains.of(self.nodes, key)[1:]
        values = self.nodes.label(key).values
        return [values[each] for each in np.unique(of[self.nodes.pods.node_of[numbers]]).tolist() if each < size]

    def in_domain(self, numbers: Numbers, key: str) -> Numbers:
        """Return those of some placed pods that are in the domain of the node."""
        of, size = self._domains.of(self.nodes, key)[1:]
        there: Numbers = numbers[(of[self.nodes.pods.node_of[numbers]] == of[self.row]) & (of[self.row] < size)]
        return there

    def placed(self, terms: tuple[Term, ...]) -> Numbers:
        """Return the placed pods that match all of the pod's own terms."""
        if terms not in self._kept:
            pods = self.handle.classes.pods
            self._kept[terms] = self._of_classes([all(_matches(term, other) for term in terms) for other in pods])
        numbers: Numbers = self._kept[terms]
        return numbers

    def that_refuse(self, pod: Pod, namespace_labels: Mapping[str, str]) -> dict[str, Numbers]:
        """Return the placed pods whose anti-affinity terms match the pod, by topology key."""
        if "refuse" not in self._kept:
            classes, namespace, labels = self.handle.classes, namespace_of(pod), pod.metadata.labels
            keys: dict[str, list[bool]] = {}
            for number in classes.with_affinity:
                for term in terms_of(classes.pods[number]).anti_affinity:
                    if term.matches(namespace, labels, namespace_labels):
                        keys.setdefault(term.topology_key, [False] * len(classes))[number] = True
            self._kept["refuse"] = {key: self._of_classes(wanted) for key, wanted in keys.items()}
        refusing: dict[str, Numbers] = self._kept["refuse"]
        return refusing

    def _of_classes(self, wanted: list[bool]) -> Numbers:
        table = self.nodes.pods
        return np.flatnonzero(np.array(wanted, np.bool_)[table.class_of] & (table.node_of >= 0))


def _affinity(near: _Neighbours, terms: tuple[Term, ...]) -> Iterator[Obstacle]:
    """Yield what is missing for the required affinity; a pod counts only if it matches all terms."""
    labels = near.nodes.labels_of(near.row)
    for key in dict.fromkeys(term.topology_key for term in terms):
        numbers = near.placed(terms)
        if len(near.in_domain(numbers, key)):
            continue
        values = near.where(key, numbers)
        relabel = () if key == HOSTNAME else [label_node(near.nodes.names[near.row], {key: each}) for each in values]
        drop = change_pod("drop the required pod affinity", _without_affinity, DROPPED)
        where = f"runs in {named([f'{key}={value}' for value in values])} only" if values else "runs anywhere"
        if key not in labels:
            yield Obstacle(f"lacks the label {key} of the required pod affinity", (*relabel, drop))
        elif values:
            yield Obstacle(f"what the pod must be near {where}, not in {near.domain(key)}", (drop, *relabel))
        else:
            yield Obstacle(f"no pod that it must be near {where}", (drop,))


def _matches(term: Term, other: Pod) -> bool:
    return term.matches(namespace_of(other), other.metadata.labels, {})


def _without_affinity(pod: Pod) -> Pod:
    affinity = pod.spec.affinity
    assert affinity is not None and affinity.pod_affinity is not None
    near = replaced(affinity.pod_affinity, required_during_scheduling_ignored_during_execution=())
    return edited_spec(pod, affinity=replaced(affinity, pod_affinity=near))


def _without_term(pod: Pod, position: int) -> Pod:
    affinity = pod.spec.affinity
    assert affinity is not None and affinity.pod_anti_affinity is not None
    terms = affinity.pod_anti_affinity.required_during_scheduling_ignored_during_execution
    left = tuple(term for index, term in enumerate(terms) if index != position)
    far = replaced(affinity.pod_anti_affinity, required_during_scheduling_ignored_during_execution=left)
    return edited_spec(pod, affinity=replaced(affinity, pod_anti_affinity=far))
