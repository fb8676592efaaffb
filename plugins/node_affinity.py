"""NodeAffinity: nodeSelector and node affinity, the pod's own and the profile's (upstream: plugins/nodeaffinity)."""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from plugins.helper.hints import on
from plugins.helper.node_affinity_obstacles import obstacles
from plugins.helper.node_selector import NodeSelectorMasks
from plugins.helper.selector_errors import aggregate, preferred_errors, term_errors
from sched_core import (
    SKIP,
    SUCCESS,
    ActionType,
    EventResource,
    Obstacle,
    Plugin,
    PreFilterResult,
    QueueingHint,
    Status,
    Verdicts,
    error,
    matches_node_selector_term,
    percent,
    queue_if,
    unresolvable,
)

if TYPE_CHECKING:
    from sched_core import (
        ClusterEventWithHint,
        CycleState,
        Node,
        NodeAffinityArgs,
        NodeColumns,
        NodeSelector,
        NodeSelectorTerm,
        Pod,
        PodInfo,
        PreferredSchedulingTerm,
    )


class NodeAffinity(Plugin):
    """Filter by what is required of a node's labels and name, score by what is preferred."""

    name = "NodeAffinity"
    reads_amounts = False
    reasons = (
        "node(s) didn't match scheduler-enforced node affinity",
        "node(s) didn't match Pod's node affinity/selector",
    )

    def __init__(self, args: NodeAffinityArgs) -> None:
        super().__init__(args)
        added = args.added_affinity
        self.added_required = added.required_during_scheduling_ignored_during_execution if added is not None else None
        self.added_preferred = added.preferred_during_scheduling_ignored_during_execution if added is not None else ()
        self.masks = NodeSelectorMasks()

    def events_to_register(self) -> Sequence[ClusterEventWithHint]:
        return (on(EventResource.Node, ActionType.Add | ActionType.UpdateNodeLabel, self.after_node_change),)

    def after_node_change(self, pod: Pod, old: Node | None, new: Node) -> QueueingHint:
        """Queue if a node matches that is new or did not match before; also if a term that does not parse decides."""
        if self.added_required is not None and not _selects(self.added_required, new):
            return QueueingHint.QueueSkip
        matches = _is_required(pod, new)
        if not matches:
            return queue_if(matches is None)
        return queue_if(old is None or not _is_required(pod, old))

    def sign_pod(self, pod: PodInfo) -> Hashable:
        spec = pod.pod.spec
        selector = frozenset(spec.node_selector.items()) if spec.node_selector is not None else None
        return selector, spec.affinity.node_affinity if spec.affinity is not None else None

    def pre_filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> PreFilterResult:
        """Skip where nothing is required; else return the node names that ``matchFields`` leaves, if it names any."""
        required = required_of(pod)
        if required is None and self.added_required is None and pod.pod.spec.node_selector is None:
            return PreFilterResult(SKIP)
        names = named_nodes(required.node_selector_terms) if required is not None else None
        if names is not None and not names:
            return PreFilterResult(unresolvable("pod affinity terms conflict"))
        return PreFilterResult(node_names=names)

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        matching = self.masks.of_labels(nodes, pod.pod.spec.node_selector or {})
        required = required_of(pod)
        if required is not None:
            matching &= self.masks.of_selector(nodes, required)
        bits = np.where(matching, 0, 0b10)
        if self.added_required is not None:
            bits[~self.masks.of_selector(nodes, self.added_required)] = 0b01  # and the pod's own is not asked
        return Verdicts(bits, self.reasons)

    def explain(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, row: int) -> Sequence[Obstacle]:
        """Name the labels that do not match."""
        return obstacles(pod.pod, self.added_required, nodes.labels_of(row), nodes.names[row])

    def pre_score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns, feasible: NDArray[np.int64]) -> Status:
        """Skip where nothing is preferred; fail when a preferred term does not parse."""
        preferred = preferred_of(pod)
        if not preferred and not self.added_preferred:
            return SKIP
        errors = preferred_errors(preferred)
        return error(aggregate(errors)) if errors else SUCCESS

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> NDArray[np.int64]:
        """Add up the weights of the terms that match, int64[N]."""
        if errors := preferred_errors(preferred_of(pod)):  # only where a profile leaves out PreScore
            raise ValueError(aggregate(errors))
        total = np.zeros(nodes.count, np.int64)
        for term in (*self.added_preferred, *preferred_of(pod)):
            total[self.masks.of_term(nodes, term.preference)] += term.weight
        return total

    @staticmethod
    def normalize_row(score: Any, lowest: Any, highest: Any) -> Any:
        return percent(score, max(highest, 1))


def _is_required(pod: Pod, node: Node) -> bool | None:
    """Tell whether a node is one that a pod requires; None if it only depends on terms that do not parse."""
    labels = node.metadata.labels
    if any(labels.get(key) != value for key, value in (pod.spec.node_selector or {}).items()):
        return False
    affinity = pod.spec.affinity
    required = None
    if affinity is not None and affinity.node_affinity is not None:
        required = affinity.node_affinity.required_during_scheduling_ignored_during_execution
    return True if required is None else _selects(required, node)


def _selects(selector: NodeSelector, node: Node) -> bool | None:
    terms = selector.node_selector_terms
    broken = [bool(term_errors(term)) for term in terms]
    labels, name = node.metadata.labels, node.metadata.name
    if any(matches_node_selector_term(term, labels, name) for term, bad in zip(terms, broken, strict=True) if not bad):
        return True
    return None if any(broken) else False


def required_of(pod: PodInfo) -> NodeSelector | None:
    """Return the required node affinity of a pod."""
    affinity = pod.pod.spec.affinity
    if affinity is None or affinity.node_affinity is None:
        return None
    return affinity.node_affinity.required_during_scheduling_ignored_during_execution


def preferred_of(pod: PodInfo) -> tuple[PreferredSchedulingTerm, ...]:
    """Return the preferred node affinity of a pod."""
    affinity = pod.pod.spec.affinity
    if affinity is None or affinity.node_affinity is None:
        return ()
    return affinity.node_affinity.preferred_during_scheduling_ignored_during_execution


def named_nodes(terms: Iterable[NodeSelectorTerm]) -> frozenset[str] | None:
    """Return the names to which ``matchFields`` restricts a pod; None if some term leaves the name open.

    Terms that do not parse take part, though they match no node.
    """
    names: frozenset[str] | None = None
    for term in terms:
        allowed = [
            frozenset(each.values)
            for each in term.match_fields
            if each.key == "metadata.name" and each.operator == "In"
        ]
        if not allowed:
            return None
        names = (names or frozenset()) | frozenset.intersection(*allowed)
    return names
