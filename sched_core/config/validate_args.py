"""Validation of plugin args (apis/config/validation/validation_pluginargs.go), feature gates at their defaults."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from sched_core.config.args import (
    Args,
    DefaultPreemptionArgs,
    DynamicResourcesArgs,
    InterPodAffinityArgs,
    NodeAffinityArgs,
    NodeResourcesBalancedAllocationArgs,
    NodeResourcesFitArgs,
    PodTopologySpreadArgs,
    UtilizationShapePoint,
    VolumeBindingArgs,
)
from sched_core.config.duration import format_duration
from sched_core.config.findings import Findings
from sched_core.config.names import label_key_faults, label_value_faults
from sched_core.objects.records import NodeSelectorRequirement, NodeSelectorTerm, TopologySpreadConstraint
from sched_core.objects.selectors import parse_int64

_SCORING_STRATEGIES = ("LeastAllocated", "MostAllocated", "RequestedToCapacityRatio")
_NODE_OPERATORS = ("In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt")


def validate_args(path: str, args: Args, findings: Findings) -> None:
    """Record what is wrong with the args at ``path``; args without a kind of their own are not looked at."""
    match args:
        case DefaultPreemptionArgs():
            _default_preemption(path, args, findings)
        case DynamicResourcesArgs():
            _dynamic_resources(path, args, findings)
        case InterPodAffinityArgs():
            weight = args.hard_pod_affinity_weight
            if not 0 <= weight <= 100:
                findings.invalid(f"{path}.hardPodAffinityWeight", weight, "not in valid range [0, 100]")
        case NodeAffinityArgs():
            _node_affinity(f"{path}.addedAffinity", args, findings)
        case NodeResourcesBalancedAllocationArgs():
            _balanced_allocation(f"{path}.resources", args, findings)
        case NodeResourcesFitArgs():
            _fit(path, args, findings)
        case PodTopologySpreadArgs():
            _topology_spread(path, args, findings)
        case VolumeBindingArgs():
            _volume_binding(path, args, findings)


def _default_preemption(path: str, args: DefaultPreemptionArgs, findings: Findings) -> None:
    percentage, absolute = args.min_candidate_nodes_percentage, args.min_candidate_nodes_absolute
    percentage_path, absolute_path = f"{path}.minCandidateNodesPercentage", f"{path}.minCandidateNodesAbsolute"
    if not 0 <= percentage <= 100:
        findings.invalid(percentage_path, percentage, "not in valid range [0, 100]")
    if absolute < 0:
        findings.invalid(absolute_path, absolute, "not in valid range [0, inf)")
    if percentage == 0 and absolute == 0:
        findings.invalid(percentage_path, 0, "cannot be zero at the same time as minCandidateNodesAbsolute")
        findings.invalid(absolute_path, 0, "cannot be zero at the same time as minCandidateNodesPercentage")


def _dynamic_resources(path: str, args: DynamicResourcesArgs, findings: Findings) -> None:
    if args.filter_timeout_ns < 0:
        value = format_duration(args.filter_timeout_ns)
        findings.invalid(f"{path}.filterTimeout", value, "must be zero or positive")
    if args.binding_timeout_ns < 1_000_000_000:
        value = format_duration(args.binding_timeout_ns)
        findings.invalid(f"{path}.bindingTimeout", value, "must be at least 1 second")


def _node_affinity(path: str, args: NodeAffinityArgs, findings: Findings) -> None:
    affinity = args.added_affinity
    if affinity is None:
        return
    required = affinity.required_during_scheduling_ignored_during_execution
    terms_path = f"{path}.requiredDuringSchedulingIgnoredDuringExecution.nodeSelectorTerms"
    for i, term in enumerate(required.node_selector_terms if required else ()):
        _selector_term(f"{terms_path}[{i}]", term, findings)
    preferred_path = f"{path}.preferredDuringSchedulingIgnoredDuringExecution"
    for i, preferred in enumerate(affinity.preferred_during_scheduling_ignored_during_execution):
        if preferred.weight != 0:  # upstream never looks into a term that counts nothing
            _selector_term(f"{preferred_path}[{i}]", preferred.preference, findings)


def _selector_term(path: str, term: NodeSelectorTerm, findings: Findings) -> None:
    for i, requirement in enumerate(term.match_expressions):
        _expression(f"{path}.matchExpressions[{i}]", requirement, findings)
    for i, requirement in enumerate(term.match_fields):
        at = f"{path}.matchFields[{i}]"
        if requirement.operator not in ("In", "NotIn"):
            findings.not_supported(f"{at}.operator", requirement.operator, ("In", "NotIn"))
        elif len(requirement.values) != 1:
            findings.invalid(f"{at}.values", requirement.values or None, "must have one element")


def _expression(path: str, requirement: NodeSelectorRequirement, findings: Findings) -> None:
    """Check one expression on labels (apimachinery labels.NewRequirement)."""
    key, operator, values = requirement.key, requirement.operator, requirement.values
    if operator not in _NODE_OPERATORS:
        findings.not_supported(f"{path}.operator", operator, _NODE_OPERATORS)
        return
    if faults := label_key_faults(key):
        findings.invalid(f"{path}.key", key, "; ".join(faults))
    given = values or None  # Go prints a list that is not there as null
    if operator in ("In", "NotIn") and not values:
        findings.invalid(f"{path}.values", given, "for 'in', 'notin' operators, values set can't be empty")
    if operator in ("Exists", "DoesNotExist") and values:
        findings.invalid(f"{path}.values", given, "values set must be empty for exists and does not exist")
    if operator in ("Gt", "Lt"):
        if len(values) != 1:
            findings.invalid(f"{path}.values", given, "for 'Gt', 'Lt' operators, exactly one value is required")
        for i, value in enumerate(values):
            if parse_int64(value) is None:
                detail = "for 'Gt', 'Lt' operators, the value must be an integer"
                findings.invalid(f"{path}.values[{i}]", value, detail)
    for i, value in enumerate(values):
        if faults := label_value_faults(value):
            findings.invalid(f"{path}.values[{i}][{key}]", value, "; ".join(faults))


def _balanced_allocation(path: str, args: NodeResourcesBalancedAllocationArgs, findings: Findings) -> None:
    seen = set()
    for i, resource in enumerate(args.resources):
        if resource.name in seen:
            findings.duplicate(f"{path}[{i}].name", resource.name)
        seen.add(resource.name)
        if resource.weight != 1:
            findings.invalid(f"{path}[{i}].weight", resource.weight, "must be 1")


def _fit(path: str, args: NodeResourcesFitArgs, findings: Findings) -> None:
    for i, name in enumerate(args.ignored_resources):
        _label_names(f"{path}.ignoredResources[{i}]", name, label_key_faults(name), findings)
    for i, group in enumerate(args.ignored_resource_groups):
        at = f"{path}.ignoredResourceGroups[{i}]"
        if "/" in group:
            findings.invalid(at, group, "resource group name can't contain '/'")
        _label_names(at, group, label_key_faults(group), findings)
    strategy, at = args.scoring_strategy, f"{path}.scoringStrategy"
    if strategy.type not in _SCORING_STRATEGIES:
        findings.not_supported(f"{at}.type", strategy.type, _SCORING_STRATEGIES)
    for i, resource in enumerate(strategy.resources):
        if not 0 < resource.weight <= 100:
            detail = f"resource weight of {resource.name} not in valid range (0, 100]"
            findings.invalid(f"{at}.resources[{i}].weight", resource.weight, detail)
    ratio = strategy.requested_to_capacity_ratio
    if strategy.type != "RequestedToCapacityRatio":
        if ratio is not None:
            detail = "must be nil when type is not RequestedToCapacityRatio"
            findings.forbidden(f"{at}.requestedToCapacityRatio", detail)
    elif ratio is None:
        detail = "must be specified when type is RequestedToCapacityRatio"
        findings.required(f"{at}.requestedToCapacityRatio", detail)
    else:
        _shape(f"{at}.requestedToCapacityRatio.shape", ratio.shape, findings)


def _label_names(path: str, value: str, faults: Iterable[str], findings: Findings) -> None:
    for fault in faults:
        findings.invalid(path, value, fault)


def _shape(path: str, shape: tuple[UtilizationShapePoint, ...], findings: Findings) -> None:
    """Check a scoring function: points from left to right, utilization 0..100, score 0..10."""
    if not shape:
        findings.required(path, "at least one point must be specified")
    for i in range(1, len(shape)):
        if shape[i - 1].utilization >= shape[i].utilization:
            at = f"{path}[{i}].utilization"
            findings.invalid(at, shape[i].utilization, "values must be sorted in increasing order")
            break
    for i, point in enumerate(shape):
        if not 0 <= point.utilization <= 100:
            findings.invalid(f"{path}[{i}].utilization", point.utilization, "not in valid range [0, 100]")
        if not 0 <= point.score <= 10:
            findings.invalid(f"{path}[{i}].score", point.score, "not in valid range [0, 10]")


def _topology_spread(path: str, args: PodTopologySpreadArgs, findings: Findings) -> None:
    at, constraints = f"{path}.defaultConstraints", args.default_constraints
    if args.defaulting_type not in ("System", "List"):
        findings.not_supported(f"{path}.defaultingType", args.defaulting_type, ("System", "List"))
    elif args.defaulting_type == "System" and constraints:
        findings.invalid(f"{path}.defaultingType", "System", "when .defaultConstraints are not empty")
    seen = set()
    for i, constraint in enumerate(constraints):
        _constraint(f"{at}[{i}]", constraint, findings)
        key = (constraint.topology_key, constraint.when_unsatisfiable)
        if key in seen:
            findings.duplicate(f"{at}[{i}]", f"{{{key[0]}, {key[1]}}}")
        seen.add(key)


def _constraint(path: str, constraint: TopologySpreadConstraint, findings: Findings) -> None:
    if constraint.max_skew <= 0:
        findings.invalid(f"{path}.maxSkew", constraint.max_skew, "not in valid range (0, inf)")
    key, action = constraint.topology_key, constraint.when_unsatisfiable
    if not key:
        findings.required(f"{path}.topologyKey", "can not be empty")
    else:
        _label_names(f"{path}.topologyKey", key, label_key_faults(key), findings)
    if not action:
        findings.required(f"{path}.whenUnsatisfiable", "can not be empty")
    elif action not in ("DoNotSchedule", "ScheduleAnyway"):
        findings.not_supported(f"{path}.whenUnsatisfiable", action, ("DoNotSchedule", "ScheduleAnyway"))
    if constraint.label_selector is not None:
        detail = "constraint must not define a selector, as they deduced for each pod"
        findings.forbidden(f"{path}.labelSelector", detail)


def _volume_binding(path: str, args: VolumeBindingArgs, findings: Findings) -> None:
    if args.bind_timeout_seconds < 0:
        detail = "invalid BindTimeoutSeconds, should not be a negative value"
        findings.invalid(f"{path}.bindTimeoutSeconds", args.bind_timeout_seconds, detail)
    if args.shape is not None:
        # Upstream prints its internal type here, whose fields have no wire names.
        points: list[dict[str, Any]] = [{"Utilization": p.utilization, "Score": p.score} for p in args.shape]
        detail = "unexpected field `shape`, remove it or turn on the feature gate StorageCapacityScoring"
        findings.invalid(f"{path}.shape", points, detail)
