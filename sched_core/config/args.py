"""Plugin args of the in-tree plugins (kube-scheduler/config/v1 types_pluginargs.go), with upstream's defaults.

A record without arguments is what a plugin gets that nobody configured. This module checks no values.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Annotated, Any, TypeAlias

from msgspec import Meta, Struct, field
from msgspec.structs import replace

from sched_core.config.decode import DurationNs, Int32, Int64
from sched_core.objects.records import NodeAffinity, TopologySpreadConstraint

ScoringStrategyType = Annotated[str, Meta(extra={"go": "v1.ScoringStrategyType"})]
Defaulting = Annotated[str, Meta(extra={"go": "v1.PodTopologySpreadConstraintsDefaulting"})]


class ResourceSpec(Struct, frozen=True):
    """A resource and what it counts in a score."""

    name: str = ""
    weight: Int64 = 0


DEFAULT_RESOURCES = (ResourceSpec("cpu", 1), ResourceSpec("memory", 1))


class UtilizationShapePoint(Struct, frozen=True):
    """One point of a scoring function: utilization 0..100, score 0..10."""

    utilization: Int32 = 0
    score: Int32 = 0


class RequestedToCapacityRatioParam(Struct, frozen=True):
    """The scoring function of RequestedToCapacityRatio."""

    shape: tuple[UtilizationShapePoint, ...] = ()


class ScoringStrategy(Struct, frozen=True, rename="camel", kw_only=True):
    """How NodeResourcesFit scores: LeastAllocated, MostAllocated or RequestedToCapacityRatio."""

    type: ScoringStrategyType = ""
    resources: tuple[ResourceSpec, ...] = ()
    requested_to_capacity_ratio: RequestedToCapacityRatioParam | None = None


class DefaultPreemptionArgs(Struct, frozen=True, rename="camel", kw_only=True):
    """How many candidate nodes preemption looks at."""

    min_candidate_nodes_percentage: Int32 = 10
    min_candidate_nodes_absolute: Int32 = 100


class InterPodAffinityArgs(Struct, frozen=True, rename="camel", kw_only=True):
    """What required affinity of running pods counts in the score."""

    hard_pod_affinity_weight: Int32 = 1
    ignore_preferred_terms_of_existing_pods: bool = False


class NodeAffinityArgs(Struct, frozen=True, rename="camel", kw_only=True):
    """A node affinity that every pod of the profile has besides its own."""

    added_affinity: NodeAffinity | None = None


class NodeResourcesFitArgs(Struct, frozen=True, rename="camel", kw_only=True):
    """What NodeResourcesFit leaves out, and how it scores."""

    ignored_resources: tuple[str, ...] = ()
    ignored_resource_groups: tuple[str, ...] = ()
    # A strategy that is given must name its type; only one that is not given at all has a default type.
    scoring_strategy: ScoringStrategy = ScoringStrategy(type="LeastAllocated", resources=DEFAULT_RESOURCES)


class NodeResourcesBalancedAllocationArgs(Struct, frozen=True, rename="camel", kw_only=True):
    """The resources that are to be used evenly."""

    resources: tuple[ResourceSpec, ...] = DEFAULT_RESOURCES


class PodTopologySpreadArgs(Struct, frozen=True, rename="camel", kw_only=True):
    """Spread constraints of pods that have none: upstream's own (System) or a list."""

    default_constraints: tuple[TopologySpreadConstraint, ...] = ()
    defaulting_type: Defaulting = "System"


class VolumeBindingArgs(Struct, frozen=True, rename="camel", kw_only=True):
    """How long binding of volumes may take; ``shape`` needs the gate StorageCapacityScoring, which is off."""

    bind_timeout_seconds: Int64 = 600
    shape: tuple[UtilizationShapePoint, ...] | None = None


class DynamicResourcesArgs(Struct, frozen=True, rename="camel", kw_only=True):
    """Time limits of DynamicResources in nanoseconds; filter 0: none."""

    filter_timeout_ns: DurationNs = field(default=10_000_000_000, name="filterTimeout")
    binding_timeout_ns: DurationNs = field(default=600_000_000_000, name="bindingTimeout")


KnownArgs: TypeAlias = (
    DefaultPreemptionArgs
    | DynamicResourcesArgs
    | InterPodAffinityArgs
    | NodeAffinityArgs
    | NodeResourcesBalancedAllocationArgs
    | NodeResourcesFitArgs
    | PodTopologySpreadArgs
    | VolumeBindingArgs
)
Args: TypeAlias = KnownArgs | Mapping[str, Any]
"""Args of one plugin: a record if upstream has a kind for it, else the fields as they were given."""

ARGS_KINDS: dict[str, type[KnownArgs]] = {
    kind.__name__.removesuffix("Args"): kind
    for kind in (
        DefaultPreemptionArgs,
        DynamicResourcesArgs,
        InterPodAffinityArgs,
        NodeAffinityArgs,
        NodeResourcesBalancedAllocationArgs,
        NodeResourcesFitArgs,
        PodTopologySpreadArgs,
        VolumeBindingArgs,
    )
}
"""Plugin name to the kind of its args."""


def with_defaults(args: KnownArgs) -> KnownArgs:
    """Return args with the defaults that depend on what was given (v1/defaults.go)."""
    match args:
        case NodeResourcesFitArgs():
            strategy = args.scoring_strategy
            return replace(args, scoring_strategy=replace(strategy, resources=_weighted(strategy.resources)))
        case NodeResourcesBalancedAllocationArgs():
            return replace(args, resources=_weighted(args.resources))
        case PodTopologySpreadArgs():
            return replace(args, defaulting_type=args.defaulting_type or "System")
    return args


def _weighted(resources: tuple[ResourceSpec, ...]) -> tuple[ResourceSpec, ...]:
    weighted = tuple(ResourceSpec(resource.name, resource.weight or 1) for resource in resources)
    return weighted or DEFAULT_RESOURCES
