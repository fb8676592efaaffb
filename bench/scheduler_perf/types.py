"""What a ``performance-config.yaml`` says: test cases, their operations, and the workloads that set the numbers.

Names and defaults are upstream's (test/integration/scheduler_perf/scheduler_perf.go and operations.go); the attributes
are snake_case, fields on the wire camelCase. An operation is decoded by its opcode.
"""

from __future__ import annotations

from typing import Any, Literal

from msgspec import Struct, field


class Fields(Struct, rename="camel", forbid_unknown_fields=True, kw_only=True, frozen=True):
    """Base of everything in the file."""


class Operation(Fields, tag_field="opcode", frozen=True, kw_only=True):
    """Base of all operations."""


class CountedOperation(Operation, frozen=True, kw_only=True):
    """An operation on a number of objects; ``count_param`` (``$name``) takes the number from the workload."""

    count: int | None = None
    count_param: str = ""


class VolumeNodeResources(Fields, frozen=True, kw_only=True):
    """How many volumes of a driver a node can attach."""

    count: int | None = None


class NodeAllocatableStrategy(Fields, frozen=True, kw_only=True):
    """What is added to each node's allocatable, and the drivers of its CSINode."""

    node_allocatable: dict[str, str | int] = field(default_factory=dict)
    csi_node_allocatable: dict[str, VolumeNodeResources | None] = field(default_factory=dict)
    migrated_plugins: tuple[str, ...] = ()


class LabelNodePrepareStrategy(Fields, frozen=True, kw_only=True):
    """A label whose values are given to the nodes in turn."""

    label_key: str
    label_values: tuple[str, ...]


class UniqueNodeLabelStrategy(Fields, frozen=True, kw_only=True):
    """A label with another value on each node."""

    label_key: str


class CreateNodes(CountedOperation, tag="createNodes", frozen=True, kw_only=True):
    """Create nodes; the first of the strategies that is given counts."""

    node_template_path: str | None = None
    node_allocatable_strategy: NodeAllocatableStrategy | None = None
    label_node_prepare_strategy: LabelNodePrepareStrategy | None = None
    unique_node_label_strategy: UniqueNodeLabelStrategy | None = None


class CreateNamespaces(CountedOperation, tag="createNamespaces", frozen=True, kw_only=True):
    """Create the namespaces ``<prefix>-<i>``."""

    prefix: str = ""
    namespace_template_path: str | None = None


class CreatePods(CountedOperation, tag="createPods", frozen=True, kw_only=True):
    """Create pods and, unless told otherwise, wait until all are scheduled."""

    collect_metrics: bool = False
    namespace: str | None = None
    """None: ``namespace-<index of the operation>``."""
    pod_template_path: str | None = None
    skip_wait_to_completion: bool = False
    persistent_volume_template_path: str | None = None
    persistent_volume_claim_template_path: str | None = None
    steady_state: bool = False
    steady_state_param: str = ""
    duration: str = ""
    duration_param: str = ""


class CreatePodSets(CountedOperation, tag="createPodSets", frozen=True, kw_only=True):
    """Do the same ``createPods`` in each of the namespaces ``<namespacePrefix>-<i>``."""

    create_pods_op: CreatePods
    namespace_prefix: str = ""


class DeletePods(Operation, tag="deletePods", frozen=True, kw_only=True):
    """Delete the pods that a namespace has by now, at a rate or (0) all at once."""

    namespace: str = ""
    label_selector: dict[str, str] = field(default_factory=dict)
    skip_wait_to_completion: bool = False
    delete_pods_per_second: int = 0


class Churn(Operation, tag="churn", frozen=True, kw_only=True):
    """Create (and, with ``recreate``, delete again) objects in the background until the workload is over."""

    mode: Literal["create", "recreate"]
    template_paths: tuple[str, ...]
    number: int = 0
    interval_milliseconds: int = 0
    """0: 500."""
    namespace: str | None = None


class Barrier(Operation, tag="barrier", frozen=True, kw_only=True):
    """Wait until the pods that nobody has waited for yet are scheduled (or attempted)."""

    namespaces: tuple[str, ...] = ()
    label_selector: dict[str, str] = field(default_factory=dict)
    stage_requirement: Literal["", "Scheduled", "Attempted"] = ""


class Sleep(Operation, tag="sleep", frozen=True, kw_only=True):
    """Let time pass."""

    duration: str = ""
    duration_param: str = ""


class CreateAny(CountedOperation, tag="createAny", frozen=True, kw_only=True):
    """Create objects of any kind; without a count, one."""

    template_path: str = ""
    namespace: str = ""


class UpdateAny(CountedOperation, tag="updateAny", frozen=True, kw_only=True):
    """Replace objects, and their status, at a rate or (0) all at once; without a count, one."""

    template_path: str = ""
    namespace: str = ""
    update_per_second: int = 0
    subresources: tuple[str, ...] = ()


class StartCollectingMetrics(Operation, tag="startCollectingMetrics", frozen=True, kw_only=True):
    """Begin to measure the pods of some namespaces, and of these those with some labels."""

    name: str = ""
    namespaces: tuple[str, ...] = ()
    label_selector: dict[str, str] = field(default_factory=dict)


class StopCollectingMetrics(Operation, tag="stopCollectingMetrics", frozen=True, kw_only=True):
    """End what the last ``startCollectingMetrics`` began."""


AnyOperation = (
    CreateNodes
    | CreateNamespaces
    | CreatePods
    | CreatePodSets
    | DeletePods
    | Churn
    | Barrier
    | Sleep
    | CreateAny
    | UpdateAny
    | StartCollectingMetrics
    | StopCollectingMetrics
)

NOT_SUPPORTED = ("allocResourceClaims", "createResourceClaims", "createResourceDriver")
"""Opcodes of upstream that need DynamicResourceAllocation."""


class ThresholdMetricSelector(Fields, frozen=True, kw_only=True):
    """Which number the threshold is for."""

    name: str = "SchedulingThroughput"
    data_bucket: str = "Average"
    labels: dict[str, str] = field(default_factory=dict)
    expect_lower: bool = False


class Workload(Fields, frozen=True, kw_only=True):
    """The numbers for one run of a test case."""

    name: str
    params: dict[str, int | float | str | bool] = field(default_factory=dict)
    labels: tuple[str, ...] = ()
    threshold: float | dict[str, float] = 0.0
    """The least throughput, pods/s; or that by topic. 0: none."""
    threshold_metric_selector: ThresholdMetricSelector | None = None
    feature_gates: dict[str, bool] = field(default_factory=dict)


class Case(Fields, frozen=True, kw_only=True):
    """Operations, and the workloads that run them."""

    name: str
    workload_template: tuple[AnyOperation, ...]
    workloads: tuple[Workload, ...]
    feature_gates: dict[str, bool] = field(default_factory=dict)
    scheduler_config_path: str = ""
    default_pod_template_path: str | None = None
    labels: tuple[str, ...] = ()
    default_threshold_metric_selector: ThresholdMetricSelector | None = None
    metrics_collector_config: dict[str, Any] | None = None
    """Which of the scheduler's histograms upstream keeps; these are not kept here."""
