"""Which labels of a node are not what a pod requires, and how few of them would have to change (for `NodeAffinity`)."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from functools import partial
from typing import TYPE_CHECKING

from plugins.helper.changes import DROPPED, change_pod, edited_spec, label_node
from plugins.helper.selector_errors import term_errors
from sched_core import (
    Change,
    NodeSelectorTerm,
    Obstacle,
    matches_node_selector_term,
    parse_int64,
    replaced,
)

if TYPE_CHECKING:
    from sched_core import NodeSelector, NodeSelectorRequirement, Pod

HOSTNAME = "kubernetes.io/hostname"
Labels = Mapping[str, str]


def obstacles(pod: Pod, added: NodeSelector | None, labels: Labels, name: str) -> list[Obstacle]:
    """Return what keeps a pod from a node with these labels; ``added`` is the affinity of the profile."""
    found = []
    if added is not None and (text := _mismatch(added, labels, name)):
        found.append(Obstacle(f"the profile's addedAffinity wants {text}", tuple(_relabelled(added, labels, name))))
    for key, value in (pod.spec.node_selector or {}).items():
        if labels.get(key) != value:
            text = f"has the label {key}={labels[key]}, not {value}" if key in labels else f"lacks the label {key}"
            relabel = () if key == HOSTNAME else (label_node(name, {key: value}),)
            drop = change_pod(f"drop {key} from the node selector", partial(_without_label, key=key), DROPPED)
            found.append(Obstacle(f"{text} (node selector {key}={value})", (*relabel, drop)))
    affinity = pod.spec.affinity.node_affinity if pod.spec.affinity is not None else None
    required = affinity.required_during_scheduling_ignored_during_execution if affinity is not None else None
    if required is not None and (text := _mismatch(required, labels, name)):
        drop = change_pod("drop the required node affinity", _without_required, DROPPED)
        changes = (*_relabelled(required, labels, name), drop)
        found.append(Obstacle(f"the required node affinity wants {text}", changes))
    return found


def requirement_text(requirement: NodeSelectorRequirement) -> str:
    """Return a requirement as one would say it."""
    key, values = requirement.key, ", ".join(requirement.values)
    match requirement.operator:
        case "In":
            return f"{key} in ({values})" if len(requirement.values) != 1 else f"{key}={values}"
        case "NotIn":
            return f"{key} not in ({values})"
        case "Exists":
            return f"the label {key}"
        case "DoesNotExist":
            return f"no label {key}"
    return f"{key} {'>' if requirement.operator == 'Gt' else '<'} {values}"


def selector_text(selector: NodeSelector) -> str:
    """Return the terms of a selector as one would say them."""
    return " or ".join(
        " and ".join(map(requirement_text, (*term.match_expressions, *term.match_fields))) or "nothing at all"
        for term in selector.node_selector_terms
    )


def _mismatch(selector: NodeSelector, labels: Labels, name: str) -> str:
    """Return what a selector asks of a node that it does not match; empty if it matches."""
    terms = selector.node_selector_terms
    if any(not term_errors(term) and matches_node_selector_term(term, labels, name) for term in terms):
        return ""
    if len(terms) == 1 and not term_errors(terms[0]):
        broken = [requirement_text(each) for each in _broken(terms[0], labels, name)]
        return " and ".join(broken) or "nothing at all"
    return selector_text(selector) or "nothing at all"


def _broken(term: NodeSelectorTerm, labels: Labels, name: str) -> Iterator[NodeSelectorRequirement]:
    for each in term.match_expressions:
        if not matches_node_selector_term(NodeSelectorTerm(match_expressions=(each,)), labels, name):
            yield each
    for each in term.match_fields:
        if not matches_node_selector_term(NodeSelectorTerm(match_fields=(each,)), labels, name):
            yield each


def _relabelled(selector: NodeSelector, labels: Labels, name: str) -> list[Change]:
    """Return a change of labels for each term that labels can meet, that of the fewest labels first."""
    changes = []
    for term in selector.node_selector_terms:
        if term_errors(term) or not term.match_expressions:
            continue
        wanted: dict[str, str | None] = {}
        for each in _broken(term, labels, name):
            wish = _wish(each)
            if each not in term.match_expressions or each.key == HOSTNAME or not wish:
                break
            wanted |= wish
        else:
            after = {key: value for key, value in {**labels, **wanted}.items() if value is not None}
            if matches_node_selector_term(term, after, name):
                changes.append(label_node(name, wanted))
    return sorted(changes, key=lambda change: change.size)


def _wish(requirement: NodeSelectorRequirement) -> dict[str, str | None]:
    """Return the label that meets a requirement, with the value None where it is to go; nothing where none does."""
    key = requirement.key
    match requirement.operator:
        case "In":
            return {key: requirement.values[0]} if requirement.values else {}
        case "Exists":
            return {key: "true"}
        case "Gt" | "Lt":
            bound = parse_int64(requirement.values[0])
            value = -1 if bound is None else bound + (1 if requirement.operator == "Gt" else -1)
            return {key: str(value)} if value >= 0 else {}  # a label value does not begin with a minus
    return {key: None}


def _without_label(pod: Pod, key: str) -> Pod:
    left = {known: value for known, value in (pod.spec.node_selector or {}).items() if known != key}
    return edited_spec(pod, node_selector=left)


def _without_required(pod: Pod) -> Pod:
    affinity = pod.spec.affinity
    assert affinity is not None and affinity.node_affinity is not None
    node_affinity = replaced(affinity.node_affinity, required_during_scheduling_ignored_during_execution=None)
    return edited_spec(pod, affinity=replaced(affinity, node_affinity=node_affinity))
