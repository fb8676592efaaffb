"""Service, EndpointSlice, Node and ServiceCIDR: the fields that a service proxy reads, under their wire names.

Other fields are stepped over: an API server stores more than a proxy needs. Records are frozen, so that two versions of
an object can be compared as values; annotations and resourceVersion are kept because a change of a slice's metadata is
a change of the slice (upstream compares whole slices).
"""

from __future__ import annotations

from msgspec import Struct, field

from proxy_core.wire_names import wire_name


class Record(Struct, rename=wire_name, omit_defaults=True, kw_only=True, gc=False, frozen=True):
    """Base of all records."""


class ObjectMeta(Record, frozen=True):
    """Metadata of an object."""

    name: str = ""
    namespace: str = ""
    labels: dict[str, str] = field(default_factory=dict)
    annotations: dict[str, str] = field(default_factory=dict)
    uid: str = ""
    resource_version: str = ""
    deletion_timestamp: str | None = None


class ServicePort(Record, frozen=True):
    """A port of a Service."""

    name: str = ""
    protocol: str = "TCP"
    port: int = 0
    node_port: int = 0


class ClientIPConfig(Record, frozen=True):
    """How long a client stays with its endpoint."""

    timeout_seconds: int | None = None


class SessionAffinityConfig(Record, frozen=True):
    """Settings of session affinity."""

    client_ip: ClientIPConfig | None = None


class ServiceSpec(Record, frozen=True):
    """What a Service asks for."""

    type: str = "ClusterIP"
    cluster_ip: str = ""
    cluster_ips: tuple[str, ...] = ()
    ip_families: tuple[str, ...] = ()
    ports: tuple[ServicePort, ...] = ()
    external_ips: tuple[str, ...] = ()
    session_affinity: str = "None"
    session_affinity_config: SessionAffinityConfig | None = None
    load_balancer_source_ranges: tuple[str, ...] = ()
    external_traffic_policy: str = ""
    internal_traffic_policy: str | None = None
    health_check_node_port: int = 0


class LoadBalancerIngress(Record, frozen=True):
    """One address of a load balancer."""

    ip: str = ""
    ip_mode: str | None = None


class LoadBalancerStatus(Record, frozen=True):
    """The addresses of a load balancer."""

    ingress: tuple[LoadBalancerIngress, ...] = ()


class ServiceStatus(Record, frozen=True):
    """What became of a Service."""

    load_balancer: LoadBalancerStatus = LoadBalancerStatus()


class Service(Record, frozen=True):
    """A Service (core/v1)."""

    metadata: ObjectMeta = ObjectMeta()
    spec: ServiceSpec = ServiceSpec()
    status: ServiceStatus = ServiceStatus()


class EndpointConditions(Record, frozen=True):
    """Conditions of an endpoint; one that is absent has a default that is not always False."""

    ready: bool | None = None
    serving: bool | None = None
    terminating: bool | None = None


class ForName(Record, frozen=True):
    """A zone or node for which an endpoint is meant."""

    name: str = ""


class EndpointHints(Record, frozen=True):
    """For which zones and nodes an endpoint is meant."""

    for_zones: tuple[ForName, ...] = ()
    for_nodes: tuple[ForName, ...] = ()


class Endpoint(Record, frozen=True):
    """An endpoint of a slice."""

    addresses: tuple[str, ...] = ()
    conditions: EndpointConditions = EndpointConditions()
    node_name: str | None = None
    hints: EndpointHints | None = None
    zone: str | None = None


class EndpointPort(Record, frozen=True):
    """A port of a slice; a name that is absent is not an empty one."""

    name: str | None = None
    protocol: str = "TCP"
    port: int | None = None


class EndpointSlice(Record, frozen=True):
    """An EndpointSlice (discovery.k8s.io/v1)."""

    metadata: ObjectMeta = ObjectMeta()
    address_type: str = ""
    endpoints: tuple[Endpoint, ...] = ()
    ports: tuple[EndpointPort, ...] = ()


class NodeAddress(Record, frozen=True):
    """An address of a node."""

    type: str = ""
    address: str = ""


class Taint(Record, frozen=True):
    """A taint of a node; only its key matters to a proxy."""

    key: str = ""


class NodeSpec(Record, frozen=True):
    """The part of a node's spec that a proxy reads."""

    pod_cidr: str = ""
    pod_cidrs: tuple[str, ...] = ()
    taints: tuple[Taint, ...] = ()


class NodeStatus(Record, frozen=True):
    """The part of a node's status that a proxy reads."""

    addresses: tuple[NodeAddress, ...] = ()


class Node(Record, frozen=True):
    """A Node (core/v1)."""

    metadata: ObjectMeta = ObjectMeta()
    spec: NodeSpec = NodeSpec()
    status: NodeStatus = NodeStatus()


class ServiceCIDRSpec(Record, frozen=True):
    """The networks of a ServiceCIDR."""

    cidrs: tuple[str, ...] = ()


class ServiceCIDR(Record, frozen=True):
    """A ServiceCIDR (networking.k8s.io/v1)."""

    metadata: ObjectMeta = ObjectMeta()
    spec: ServiceCIDRSpec = ServiceCIDRSpec()
