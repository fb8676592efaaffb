"""sched_core: Kubernetes objects in, kube-scheduler's decisions out.

The names below are the public contract: what applications, benchmarks and plugins import. Nothing is compiled, read or
written at import.
"""

from sched_core.cluster import Cluster
from sched_core.columns.arrays import NodeArray, NumberedNames, PodArray
from sched_core.columns.classes import PodInfo, pod_key, pod_uid
from sched_core.columns.kinds import PodKinds
from sched_core.columns.labels import LabelColumn
from sched_core.columns.nodes import FIXED_RESOURCES, ImageState, NodeColumns
from sched_core.columns.pods import NOT_STARTED
from sched_core.columns.ports import host_ports
from sched_core.config import (
    DefaultPreemptionArgs,
    InterPodAffinityArgs,
    NodeAffinityArgs,
    NodeResourcesBalancedAllocationArgs,
    NodeResourcesFitArgs,
    PodTopologySpreadArgs,
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
from sched_core.framework.domains import NO_TERMS, Apart, Domains, DomainTerms, Near, Spread, Tally, Weighted
from sched_core.framework.events import (
    ActionType,
    ClusterEvent,
    ClusterEventWithHint,
    EventResource,
    QueueingHint,
    queue_if,
)
from sched_core.framework.handle import Handle
from sched_core.framework.obstacle import Change, Obstacle
from sched_core.framework.plugin import (
    UNRESOLVABLE,
    Plugin,
    PostFilterResult,
    PreFilterResult,
    Verdicts,
    extension_points,
)
from sched_core.framework.preemption import Candidate, DryRun, DryRuns, PlacedPod, Preemption
from sched_core.framework.profile import Profile
from sched_core.framework.status import SKIP, SUCCESS, Code, Status, error, unresolvable, unschedulable
from sched_core.kernels.arithmetic import percent, quotient
from sched_core.kernels.jit import kernel, kernels_cached
from sched_core.objects.load import Objects, load, load_documents
from sched_core.objects.meta import replaced
from sched_core.objects.quantity import amount_text, parse_quantity, resource_amount
from sched_core.objects.records import (
    AWSElasticBlockStoreVolumeSource,
    AzureDiskVolumeSource,
    Container,
    CSIDriver,
    CSINode,
    CSIStorageCapacity,
    GCEPersistentDiskVolumeSource,
    LabelSelector,
    Node,
    NodeSelector,
    NodeSelectorRequirement,
    NodeSelectorTerm,
    ObjectReference,
    PersistentVolume,
    PersistentVolumeClaim,
    PersistentVolumeSpec,
    Pod,
    PodAffinityTerm,
    PodDisruptionBudget,
    PreferredSchedulingTerm,
    StorageClass,
    Taint,
    Toleration,
    TopologySelectorTerm,
    TopologySpreadConstraint,
    Volume,
    VolumeAttachment,
)
from sched_core.objects.requests import is_extended_resource, is_scalar_resource, pod_requests
from sched_core.objects.selectors import (
    matches_label_selector,
    matches_node_selector_term,
    parse_int64,
    read_label_selector,
    tolerates,
    tolerates_all,
)

__all__ = [
    "AWSElasticBlockStoreVolumeSource",
    "ActionType",
    "Apart",
    "AzureDiskVolumeSource",
    "Batch",
    "CSIDriver",
    "CSINode",
    "CSIStorageCapacity",
    "Candidate",
    "Change",
    "Cluster",
    "ClusterEvent",
    "ClusterEventWithHint",
    "Code",
    "Container",
    "CycleState",
    "Decision",
    "DefaultPreemptionArgs",
    "Diagnosis",
    "DomainTerms",
    "Domains",
    "DryRun",
    "DryRuns",
    "Engine",
    "EventResource",
    "FIXED_RESOURCES",
    "Failure",
    "GCEPersistentDiskVolumeSource",
    "Handle",
    "ImageState",
    "InterPodAffinityArgs",
    "InvalidConfig",
    "InvalidObjects",
    "LabelColumn",
    "LabelSelector",
    "LimitExceeded",
    "NOT_STARTED",
    "NO_TERMS",
    "Near",
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
    "ObjectReference",
    "Objects",
    "Obstacle",
    "PersistentVolume",
    "PersistentVolumeClaim",
    "PersistentVolumeSpec",
    "PlacedPod",
    "Plugin",
    "PluginError",
    "Pod",
    "PodAffinityTerm",
    "PodArray",
    "PodDisruptionBudget",
    "PodInfo",
    "PodKinds",
    "PodTopologySpreadArgs",
    "PostFilterResult",
    "PreFilterResult",
    "Preemption",
    "PreferredSchedulingTerm",
    "Problem",
    "Profile",
    "QueueingHint",
    "RequestedToCapacityRatioParam",
    "ResourceSpec",
    "SKIP",
    "SUCCESS",
    "SchedulerConfiguration",
    "ScoringStrategy",
    "Speed",
    "Spread",
    "State",
    "Status",
    "StorageClass",
    "StowageError",
    "Taint",
    "Tally",
    "Toleration",
    "TopologySelectorTerm",
    "TopologySpreadConstraint",
    "UNRESOLVABLE",
    "UtilizationShapePoint",
    "Verdicts",
    "Volume",
    "VolumeAttachment",
    "Weighted",
    "amount_text",
    "dump_config",
    "error",
    "extension_points",
    "host_ports",
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
    "matches_node_selector_term",
    "parse_int64",
    "parse_quantity",
    "percent",
    "pod_key",
    "pod_requests",
    "pod_uid",
    "queue_if",
    "quotient",
    "read_label_selector",
    "replaced",
    "resource_amount",
    "tolerates",
    "tolerates_all",
    "unresolvable",
    "unschedulable",
]
