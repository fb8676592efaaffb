"""KubeSchedulerConfiguration v1 as users write it: loading, defaults, merging, validation, expansion into profiles.

`load_config` gives a complete and valid `SchedulerConfiguration`, `expand` what each of its profiles runs at which
extension point. Nothing here knows a plugin of this project.
"""

from sched_core.config.args import (
    Args,
    DefaultPreemptionArgs,
    DynamicResourcesArgs,
    InterPodAffinityArgs,
    NodeAffinityArgs,
    NodeResourcesBalancedAllocationArgs,
    NodeResourcesFitArgs,
    PodTopologySpreadArgs,
    RequestedToCapacityRatioParam,
    ResourceSpec,
    ScoringStrategy,
    UtilizationShapePoint,
    VolumeBindingArgs,
)
from sched_core.config.dump import dump_config
from sched_core.config.expand import ExpandedProfile, expand, validate_profiles
from sched_core.config.load import load_config
from sched_core.config.types import (
    ClientConnectionConfiguration,
    Extender,
    ExtenderTLSConfig,
    LeaderElectionConfiguration,
    Plugins,
    PluginSet,
    ProfileConfig,
    SchedulerConfiguration,
)
from sched_core.config.upstream_plugins import DEFAULT_MULTI_POINT, UPSTREAM_PLUGINS
from sched_core.config.weight import with_weight

__all__ = [
    "DEFAULT_MULTI_POINT",
    "UPSTREAM_PLUGINS",
    "Args",
    "ClientConnectionConfiguration",
    "DefaultPreemptionArgs",
    "DynamicResourcesArgs",
    "ExpandedProfile",
    "Extender",
    "ExtenderTLSConfig",
    "InterPodAffinityArgs",
    "LeaderElectionConfiguration",
    "NodeAffinityArgs",
    "NodeResourcesBalancedAllocationArgs",
    "NodeResourcesFitArgs",
    "PluginSet",
    "Plugins",
    "PodTopologySpreadArgs",
    "ProfileConfig",
    "RequestedToCapacityRatioParam",
    "ResourceSpec",
    "SchedulerConfiguration",
    "ScoringStrategy",
    "UtilizationShapePoint",
    "VolumeBindingArgs",
    "dump_config",
    "expand",
    "load_config",
    "validate_profiles",
    "with_weight",
]
