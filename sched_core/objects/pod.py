"""The Pod record: what a scheduler reads of a pod."""

from __future__ import annotations

from typing import Annotated

from msgspec import Meta, field

from sched_core.objects.affinity import Affinity, Toleration, TopologySpreadConstraint
from sched_core.objects.meta import FrozenRecord, ObjectMeta, Record, Resources, Skip, SkipList
from sched_core.objects.volume import Volume

Int32 = Annotated[int, Meta(ge=-(2**31), le=2**31 - 1)]


class ResourceClaim(FrozenRecord, frozen=True):
    """A use of one of the pod's resource claims."""

    name: str = ""
    request: str = ""


class ResourceRequirements(Record):
    """What is requested and what is the most that may be used."""

    requests: Resources = field(default_factory=dict)
    limits: Resources = field(default_factory=dict)
    claims: tuple[ResourceClaim, ...] = ()


class ContainerPort(FrozenRecord, frozen=True):
    """A port of a container; ``host_port`` 0 is none."""

    container_port: Int32 = 0
    host_port: Int32 = 0
    host_ip: str = ""
    protocol: str = ""
    name: str = ""


class ContainerRestartRule(FrozenRecord, frozen=True):
    """What happens after an exit of a container."""

    action: str = ""
    exit_codes: Skip = None


class Container(Record):
    """A container, init container or (``restart_policy`` Always among the init containers) sidecar."""

    name: str = ""
    image: str = ""
    resources: ResourceRequirements | None = None
    ports: tuple[ContainerPort, ...] = ()
    restart_policy: str | None = None
    restart_policy_rules: tuple[ContainerRestartRule, ...] = ()
    args: tuple[str, ...] | None = None
    command: tuple[str, ...] | None = None
    env: SkipList = None
    env_from: SkipList = None
    image_pull_policy: str | None = None
    lifecycle: Skip = None
    liveness_probe: Skip = None
    readiness_probe: Skip = None
    resize_policy: SkipList = None
    security_context: Skip = None
    startup_probe: Skip = None
    stdin: bool | None = None
    stdin_once: bool | None = None
    termination_message_path: str | None = None
    termination_message_policy: str | None = None
    tty: bool | None = None
    volume_devices: SkipList = None
    volume_mounts: SkipList = None
    working_dir: str | None = None


class PodSchedulingGate(FrozenRecord, frozen=True):
    """A gate that keeps a pod out of the queue."""

    name: str = ""


class PodSchedulingGroup(FrozenRecord, frozen=True):
    """The pod group that a pod belongs to."""

    pod_group_name: str | None = None


class PodResourceClaim(FrozenRecord, frozen=True):
    """A resource claim (DRA) of a pod."""

    name: str = ""
    resource_claim_name: str | None = None
    resource_claim_template_name: str | None = None


class PodSpec(Record):
    """What a pod asks for."""

    containers: tuple[Container, ...] = ()
    init_containers: tuple[Container, ...] = ()
    volumes: tuple[Volume, ...] = ()
    node_name: str = ""
    node_selector: dict[str, str] | None = None
    """None and empty differ: with an empty one NodeAffinity is not skipped."""
    affinity: Affinity | None = None
    tolerations: tuple[Toleration, ...] = ()
    topology_spread_constraints: tuple[TopologySpreadConstraint, ...] = ()
    scheduler_name: str = "default-scheduler"
    scheduling_gates: tuple[PodSchedulingGate, ...] = ()
    scheduling_group: PodSchedulingGroup | None = None
    priority: Int32 | None = None
    priority_class_name: str = ""
    preemption_policy: str | None = None
    overhead: Resources = field(default_factory=dict)
    resources: ResourceRequirements | None = None
    resource_claims: tuple[PodResourceClaim, ...] = ()
    host_network: bool = False
    host_users: bool | None = None
    restart_policy: str = ""
    termination_grace_period_seconds: int | None = None
    active_deadline_seconds: int | None = None
    automount_service_account_token: bool | None = None
    dns_config: Skip = None
    dns_policy: str | None = None
    enable_service_links: bool | None = None
    ephemeral_containers: SkipList = None
    host_aliases: SkipList = None
    host_ipc: bool | None = None
    host_pid: bool | None = None
    hostname: str | None = None
    hostname_override: str | None = None
    image_pull_secrets: SkipList = None
    os: Skip = None
    readiness_gates: SkipList = None
    runtime_class_name: str | None = None
    security_context: Skip = None
    service_account: str | None = None
    service_account_name: str | None = None
    set_hostname_as_fqdn: bool | None = None
    share_process_namespace: bool | None = None
    subdomain: str | None = None


class PodCondition(FrozenRecord, frozen=True):
    """A condition of a pod, such as PodResizePending."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_probe_time: str | None = None
    last_transition_time: str | None = None
    observed_generation: int | None = None


class ContainerStatus(Record):
    """What the kubelet says about a container."""

    name: str = ""
    resources: ResourceRequirements | None = None
    allocated_resources: Resources = field(default_factory=dict)
    image: str = ""
    allocated_resources_status: SkipList = None
    container_id: str | None = None
    image_id: str | None = None
    last_state: Skip = None
    ready: bool | None = None
    restart_count: int | None = None
    started: bool | None = None
    state: Skip = None
    stop_signal: str | None = None
    user: Skip = None
    volume_mounts: SkipList = None


class PodStatus(Record):
    """What is known about a pod."""

    phase: str = ""
    conditions: tuple[PodCondition, ...] = ()
    nominated_node_name: str = ""
    start_time: str | None = None
    container_statuses: tuple[ContainerStatus, ...] = ()
    init_container_statuses: tuple[ContainerStatus, ...] = ()
    resources: ResourceRequirements | None = None
    allocated_resources: Resources = field(default_factory=dict)
    ephemeral_container_statuses: SkipList = None
    extended_resource_claim_status: Skip = None
    host_ip: str | None = None
    host_ips: SkipList = None
    message: str | None = None
    node_allocatable_resource_claim_statuses: SkipList = None
    observed_generation: int | None = None
    pod_ip: str | None = None
    pod_ips: SkipList = None
    qos_class: str | None = None
    reason: str | None = None
    resize: str | None = None
    resource_claim_statuses: SkipList = None


class Pod(Record, tag_field="kind", tag="Pod"):
    """A pod."""

    api_version: str = ""
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: PodSpec = field(default_factory=PodSpec)
    status: PodStatus = field(default_factory=PodStatus)
