"""Checks of affinities and topology spread constraints: operators, numbers of values, weights, topology keys.

Checks append findings and never raise. Values that are no label values are let through, as the API does in preferred
node affinity. Source: ``pkg/apis/core/validation/validation.go``.
"""

from __future__ import annotations

from sched_core.objects.affinity import (
    Affinity,
    NodeSelectorTerm,
    PodAffinity,
    PodAffinityTerm,
    PodAntiAffinity,
    TopologySpreadConstraint,
)
from sched_core.objects.meta import LabelSelector
from sched_core.objects.requests import is_qualified_name

Finding = tuple[str, str]
"""Path of the field and what is wrong with it."""


def check_affinity(found: list[Finding], affinity: Affinity) -> None:
    """Check the affinities of a pod."""
    node = affinity.node_affinity
    if node is not None:
        path = "spec.affinity.nodeAffinity"
        required = node.required_during_scheduling_ignored_during_execution
        if required is not None:
            where = f"{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
            if not required.node_selector_terms:
                found.append((where, "needs at least one term"))
            for index, term in enumerate(required.node_selector_terms):
                _check_node_term(found, f"{where}[{index}]", term)
        for index, preferred in enumerate(node.preferred_during_scheduling_ignored_during_execution):
            where = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
            _check_weight(found, where, preferred.weight)
            _check_node_term(found, f"{where}.preference", preferred.preference)
    if affinity.pod_affinity is not None:
        _check_pod_affinity(found, "spec.affinity.podAffinity", affinity.pod_affinity)
    if affinity.pod_anti_affinity is not None:
        _check_pod_affinity(found, "spec.affinity.podAntiAffinity", affinity.pod_anti_affinity)


def _check_weight(found: list[Finding], path: str, weight: int) -> None:
    if not 1 <= weight <= 100:
        found.append((f"{path}.weight", f"{weight} is not a weight: 1 to 100"))


def _check_node_term(found: list[Finding], path: str, term: NodeSelectorTerm) -> None:
    for index, requirement in enumerate(term.match_expressions):
        where = f"{path}.matchExpressions[{index}]"
        operator, count = requirement.operator, len(requirement.values)
        if operator in ("Gt", "Lt"):
            if count != 1:
                found.append((f"{where}.values", f"{operator} needs exactly one value"))
        else:
            _check_set_operator(found, where, operator, count, ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt"))
        _check_key(found, f"{where}.key", requirement.key)
    for index, requirement in enumerate(term.match_fields):
        where = f"{path}.matchFields[{index}]"
        if requirement.key != "metadata.name":
            not_one_of(found, f"{where}.key", requirement.key, ("metadata.name",))
        if requirement.operator not in ("In", "NotIn"):
            not_one_of(found, f"{where}.operator", requirement.operator, ("In", "NotIn"))
        elif len(requirement.values) != 1:
            found.append((f"{where}.values", f"{requirement.operator} needs exactly one value here"))


def _check_set_operator(
    found: list[Finding], path: str, operator: str, values: int, operators: tuple[str, ...]
) -> None:
    if operator in ("In", "NotIn"):
        if not values:
            found.append((f"{path}.values", f"{operator} needs at least one value"))
    elif operator in ("Exists", "DoesNotExist"):
        if values:
            found.append((f"{path}.values", f"{operator} takes no values"))
    else:
        not_one_of(found, f"{path}.operator", operator, operators)


def _check_key(found: list[Finding], path: str, key: str) -> None:
    if not is_qualified_name(key):
        found.append((path, f"{key!r} is not a label name" if key else "is missing"))


def _check_selector(found: list[Finding], path: str, selector: LabelSelector | None) -> None:
    if selector is None:
        return
    for index, requirement in enumerate(selector.match_expressions):
        where = f"{path}.matchExpressions[{index}]"
        _check_set_operator(
            found, where, requirement.operator, len(requirement.values), ("In", "NotIn", "Exists", "DoesNotExist")
        )
        _check_key(found, f"{where}.key", requirement.key)


def _check_pod_affinity(found: list[Finding], path: str, affinity: PodAffinity | PodAntiAffinity) -> None:
    for index, term in enumerate(affinity.required_during_scheduling_ignored_during_execution):
        _check_pod_term(found, f"{path}.requiredDuringSchedulingIgnoredDuringExecution[{index}]", term)
    for index, weighted in enumerate(affinity.preferred_during_scheduling_ignored_during_execution):
        where = f"{path}.preferredDuringSchedulingIgnoredDuringExecution[{index}]"
        _check_weight(found, where, weighted.weight)
        _check_pod_term(found, f"{where}.podAffinityTerm", weighted.pod_affinity_term)


def _check_pod_term(found: list[Finding], path: str, term: PodAffinityTerm) -> None:
    _check_key(found, f"{path}.topologyKey", term.topology_key)
    _check_selector(found, f"{path}.labelSelector", term.label_selector)
    _check_selector(found, f"{path}.namespaceSelector", term.namespace_selector)


def check_spread(found: list[Finding], constraints: tuple[TopologySpreadConstraint, ...]) -> None:
    """Check the topology spread constraints of a pod."""
    seen: set[tuple[str, str]] = set()
    for index, constraint in enumerate(constraints):
        path = f"spec.topologySpreadConstraints[{index}]"
        if constraint.max_skew <= 0:
            found.append((f"{path}.maxSkew", f"{constraint.max_skew} is not greater than 0"))
        if not constraint.topology_key:
            found.append((f"{path}.topologyKey", "is missing"))
        action = constraint.when_unsatisfiable
        if action not in ("DoNotSchedule", "ScheduleAnyway"):
            not_one_of(found, f"{path}.whenUnsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway"))
        if constraint.min_domains is not None:
            if constraint.min_domains <= 0:
                found.append((f"{path}.minDomains", f"{constraint.min_domains} is not greater than 0"))
            if action != "DoNotSchedule":
                found.append((f"{path}.minDomains", "goes only with whenUnsatisfiable DoNotSchedule"))
        for field, policy in (
            ("nodeAffinityPolicy", constraint.node_affinity_policy),
            ("nodeTaintsPolicy", constraint.node_taints_policy),
        ):
            if policy not in (None, "Honor", "Ignore"):
                not_one_of(found, f"{path}.{field}", policy, ("Honor", "Ignore"))
        if (constraint.topology_key, action) in seen:
            found.append((path, "constraints must differ in topologyKey or whenUnsatisfiable"))
        seen.add((constraint.topology_key, action))
        _check_selector(found, f"{path}.labelSelector", constraint.label_selector)


def not_one_of(found: list[Finding], path: str, value: str | None, known: tuple[str, ...]) -> None:
    """Note a value that is none of the known ones."""
    found.append((path, f"{value!r} is not supported: {', '.join(known)}" if value else "is missing"))
