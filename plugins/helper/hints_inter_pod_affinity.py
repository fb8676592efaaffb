"""Queueing hints of InterPodAffinity (upstream: plugins/interpodaffinity/plugin.go)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from plugins.helper.hints import holds_node, is_same_pod, on
from sched_core import ActionType, EventResource, QueueingHint, matches_label_selector, queue_if

if TYPE_CHECKING:
    from sched_core import ClusterEventWithHint, Node, Pod, PodAffinityTerm


def events_to_register() -> Sequence[ClusterEventWithHint]:
    """Return what InterPodAffinity registers."""
    pod_actions = ActionType.Add | ActionType.UpdatePodLabel | ActionType.Delete
    node_actions = ActionType.Add | ActionType.UpdateNodeLabel
    return (
        on(EventResource.Pod, pod_actions, after_pod_change),
        on(EventResource.Node, node_actions, after_node_change),
    )


def after_pod_change(pod: Pod, old: Pod | None, new: Pod | None) -> QueueingHint:
    """Queue if the pod's own labels changed, or a placed pod now meets its affinity or no longer its anti-affinity."""
    if old is not None and new is not None and is_same_pod(pod, new):
        return QueueingHint.Queue
    if any(each is not None and not holds_node(each) for each in (old, new)):
        return QueueingHint.QueueSkip
    terms, anti_terms = required_terms(pod), required_anti_terms(pod)
    if new is None:
        assert old is not None
        return queue_if(_matches_all(pod, anti_terms, old) or _matches_all(old, required_anti_terms(old), pod))
    if old is None:
        return queue_if(_matches_all(pod, terms, new))
    comes = not _matches_all(pod, terms, old) and _matches_all(pod, terms, new)
    goes = _matches_all(pod, anti_terms, old) and not _matches_all(pod, anti_terms, new)
    return queue_if(comes or goes)


def after_node_change(pod: Pod, old: Node | None, new: Node) -> QueueingHint:
    """Queue if a node gets into a domain, or into another one; with anti-affinity also if it leaves one."""
    terms, anti_terms = required_terms(pod), required_anti_terms(pod)
    labels = new.metadata.labels
    if old is None:
        return queue_if(bool(anti_terms) or any(term.topology_key in labels for term in terms))
    before = old.metadata.labels
    for term in terms:
        key = term.topology_key
        if key in labels and before.get(key) != labels[key]:
            return QueueingHint.Queue
    return queue_if(
        any(term.topology_key in before and before[term.topology_key] != labels.get(term.topology_key)
            for term in anti_terms)
    )  # fmt: skip


def required_terms(pod: Pod) -> Sequence[PodAffinityTerm]:
    """Return the required affinity of a pod."""
    affinity = pod.spec.affinity
    if affinity is None or affinity.pod_affinity is None:
        return ()
    return affinity.pod_affinity.required_during_scheduling_ignored_during_execution


def required_anti_terms(pod: Pod) -> Sequence[PodAffinityTerm]:
    """Return the required anti-affinity of a pod."""
    affinity = pod.spec.affinity
    if affinity is None or affinity.pod_anti_affinity is None:
        return ()
    return affinity.pod_anti_affinity.required_during_scheduling_ignored_during_execution


def _matches_all(owner: Pod, terms: Sequence[PodAffinityTerm], pod: Pod) -> bool:
    """Tell whether a pod matches all terms of another; False without terms.

    Namespace selectors are held against no labels at all, as upstream does here: only one that is empty matches.
    """
    return bool(terms) and all(_matches(owner, term, pod) for term in terms)


def _matches(owner: Pod, term: PodAffinityTerm, pod: Pod) -> bool:
    namespaces = term.namespaces
    if not namespaces and term.namespace_selector is None:
        namespaces = (owner.metadata.namespace,)
    there = pod.metadata.namespace in namespaces or matches_label_selector(term.namespace_selector, {})
    return there and matches_label_selector(term.label_selector, pod.metadata.labels)
