"""sched_core: Kubernetes objects in, kube-scheduler's decisions out.

The names below are the public contract: what applications, benchmarks and plugins import. Nothing is compiled, read or
written at import.
"""

from sched_core.cluster import Cluster
from sched_core.columns.arrays import NodeArray, NumberedNames, PodArray
from sched_core.columns.classes import PodInfo, pod_key
from sched_core.columns.labels import LabelColumn
from sched_core.columns.nodes import FIXED_RESOURCES, ImageState, NodeColumns
from sched_core.columns.pods import NOT_STARTED
from sched_core.config import (
    DefaultPreemptionArgs,
    NodeAffinityArgs,
    NodeResourcesBalancedAllocationArgs,
    NodeResourcesFitArgs,
    RequestedToCapacityRatioParam,
    ResourceSpec,
    SchedulerConfiguration,
    ScoringStrategy,
    UtilizationShapePoint,
    dump_config,
    load_config,
)
from sched_core.config.names import label_key_faults, label_value_faults
from sched_core.engine.batch import Batch, Failure
from sched_core.engine.decision import Decision
from sched_core.engine.diagnosis import Diagnosis
from sched_core.engine.engine import Engine, Speed, State
from sched_core.errors import (
    InvalidConfig,
    InvalidObjects,
    LimitExceeded,
    NotSupported,
    PluginError,
    Problem,
    StowageError,
)
from sched_core.framework.cycle_state import CycleState
from sched_core.framework.handle import Handle
from sched_core.framework.plugin import UNRESOLVABLE, Plugin, PostFilterResult, PreFilterResult, Verdicts
from sched_core.framework.preemption import Candidate, DryRun, DryRuns, PlacedPod, Preemption
from sched_core.framework.profile import Profile
from sched_core.framework.status import SKIP, SUCCESS, Code, Status, error, unresolvable, unschedulable
from sched_core.kernels.arithmetic import percent, quotient
from sched_core.kernels.jit import kernel, kernels_cached
from sched_core.objects.load import Objects, load, load_documents
from sched_core.objects.records import (
    LabelSelector,
    Node,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    Pod,
    PodDisruptionBudget,
    PreferredSchedulingTerm,
    Taint,
    Toleration,
)
from sched_core.objects.requests import is_extended_resource, is_scalar_resource
from sched_core.objects.selectors import matches_label_selector, parse_int64, read_label_selector, tolerates

__all__ = [
    "Batch",
    "Candidate",
    "Cluster",
    "Code",
    "CycleState",
    "Decision",
    "DefaultPreemptionArgs",
    "Diagnosis",
    "DryRun",
    "DryRuns",
    "Engine",
    "FIXED_RESOURCES",
    "Failure",
    "Handle",
    "ImageState",
    "InvalidConfig",
    "InvalidObjects",
    "LabelColumn",
    "LabelSelector",
    "LimitExceeded",
    "NOT_STARTED",
    "Node",
    "NodeAffinityArgs",
    "NodeArray",
    "NodeColumns",
    "NodeResourcesBalancedAllocationArgs",
    "NodeResourcesFitArgs",
    "NodeSelector",
    "NodeSelectorRequirement",
    "NodeSelectorTerm",
    "NotSupported",
    "NumberedNames",
    "Objects",
    "PlacedPod",
    "Plugin",
    "PluginError",
    "Pod",
    "PodArray",
    "PodDisruptionBudget",
    "PodInfo",
    "PostFilterResult",
    "PreFilterResult",
    "Preemption",
    "PreferredSchedulingTerm",
    "Problem",
    "Profile",
    "RequestedToCapacityRatioParam",
    "ResourceSpec",
    "SKIP",
    "SUCCESS",
    "SchedulerConfiguration",
    "ScoringStrategy",
    "Speed",
    "State",
    "Status",
    "StowageError",
    "Taint",
    "Toleration",
    "UNRESOLVABLE",
    "UtilizationShapePoint",
    "Verdicts",
    "dump_config",
    "error",
    "is_extended_resource",
    "is_scalar_resource",
    "kernel",
    "kernels_cached",
    "label_key_faults",
    "label_value_faults",
    "load",
    "load_config",
    "load_documents",
    "matches_label_selector",
    "parse_int64",
    "percent",
    "pod_key",
    "quotient",
    "read_label_selector",
    "tolerates",
    "unresolvable",
    "unschedulable",
]
