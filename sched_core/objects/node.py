"""The Node and Namespace records: what a scheduler reads of them."""

from __future__ import annotations

from msgspec import field

from sched_core.objects.meta import FrozenRecord, ObjectMeta, Record, Resources, Skip, SkipList


class Taint(FrozenRecord, frozen=True):
    """A taint of a node."""

    key: str = ""
    value: str = ""
    effect: str = ""
    time_added: str | None = None


class NodeSpec(Record):
    """What is wanted of a node."""

    unschedulable: bool = False
    taints: tuple[Taint, ...] = ()
    config_source: Skip = None
    external_id: str | None = None
    pod_cidr: str | None = None
    pod_cidrs: tuple[str, ...] | None = None
    provider_id: str | None = None


class ContainerImage(FrozenRecord, frozen=True):
    """An image on a node; the size is in bytes."""

    names: tuple[str, ...] = ()
    size_bytes: int = 0


class NodeCondition(FrozenRecord, frozen=True):
    """A condition of a node, such as Ready."""

    type: str = ""
    status: str = ""
    reason: str = ""
    message: str = ""
    last_heartbeat_time: str | None = None
    last_transition_time: str | None = None


class NodeStatus(Record):
    """What is known about a node."""

    capacity: Resources = field(default_factory=dict)
    allocatable: Resources = field(default_factory=dict)
    images: tuple[ContainerImage, ...] = ()
    declared_features: tuple[str, ...] = ()
    conditions: tuple[NodeCondition, ...] = ()
    addresses: SkipList = None
    config: Skip = None
    daemon_endpoints: Skip = None
    features: Skip = None
    node_info: Skip = None
    phase: str | None = None
    runtime_handlers: SkipList = None
    volumes_attached: SkipList = None
    volumes_in_use: tuple[str, ...] | None = None


class Node(Record, tag_field="kind", tag="Node"):
    """A node."""

    api_version: str = ""
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: NodeSpec = field(default_factory=NodeSpec)
    status: NodeStatus = field(default_factory=NodeStatus)


class Namespace(Record, tag_field="kind", tag="Namespace"):
    """A namespace; its labels matter to namespace selectors."""

    api_version: str = ""
    metadata: ObjectMeta = field(default_factory=ObjectMeta)
    spec: Skip = None
    status: Skip = None
