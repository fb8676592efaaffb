"""ServicePort: one port of a Service as a proxy of one address family sees it (upstream: pkg/proxy/serviceport.go)."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

from proxy_core.addresses import Family, contains, family_of, parse_cidr, parse_ip, prefix_length
from proxy_core.objects import Service

SERVICE_PROXY_NAME = "service.kubernetes.io/service-proxy-name"
"""A Service with this label belongs to another proxy."""
BALANCING = "stowage.dev/balancing"
WEIGHTS = "stowage.dev/weights"
"""Annotations that mode flat reads; the modes of kube-proxy leave them alone."""
DEFAULT_STICKY_SECONDS = 10800


class ServicePortName(NamedTuple):
    """The key of a service port. Its text leaves the protocol out, so two ports may share it."""

    namespace: str
    name: str
    port: str
    protocol: str

    def __str__(self) -> str:
        return f"{self.namespace}/{self.name}:{self.port}" if self.port else f"{self.namespace}/{self.name}"


class ServicePort(NamedTuple):
    """A port of a Service, for one address family; addresses and networks are in canonical form."""

    cluster_ip: str
    port: int
    protocol: str
    """TCP, UDP or SCTP."""
    node_port: int = 0
    external_ips: tuple[str, ...] = ()
    load_balancer_vips: tuple[str, ...] = ()
    load_balancer_source_ranges: tuple[str, ...] = ()
    """Empty: everybody."""
    session_affinity: bool = False
    """By client address."""
    sticky_max_age_seconds: int = DEFAULT_STICKY_SECONDS
    external_policy_local: bool = False
    internal_policy_local: bool = False
    health_check_node_port: int = 0
    balancing: str = ""
    weights: str = ""
    """The annotations as they stand."""

    @property
    def externally_accessible(self) -> bool:
        return bool(self.node_port or self.load_balancer_vips or self.external_ips)

    @property
    def uses_cluster_endpoints(self) -> bool:
        """Whether the endpoints of the whole cluster matter: also for the own pods' traffic to external addresses."""
        return not self.internal_policy_local or self.externally_accessible

    @property
    def uses_local_endpoints(self) -> bool:
        return self.internal_policy_local or (self.external_policy_local and self.externally_accessible)

    def ranges_hold(self, node_ip: str) -> bool:
        """Tell whether a source range holds the node's own address."""
        return any(contains(each, node_ip) for each in self.load_balancer_source_ranges)


def is_proxied(service: Service) -> bool:
    """Tell whether a Service is this proxy's at all: it has an address and no other proxy claims it."""
    spec = service.spec
    return (
        spec.type != "ExternalName"
        and spec.cluster_ip not in ("", "None")
        and SERVICE_PROXY_NAME not in service.metadata.labels
    )


def service_ports(service: Service, family: Family) -> dict[ServicePortName, ServicePort]:
    """Return the ports of a Service in one family; none if it has no address there."""
    cluster_ip = _cluster_ip(service, family) if is_proxied(service) else None
    if cluster_ip is None:
        return {}
    spec, meta = service.spec, service.metadata
    external_ips = _of_family(spec.external_ips, family)
    vips = _of_family(
        [each.ip for each in service.status.load_balancer.ingress if each.ip and each.ip_mode in (None, "VIP")], family
    )
    local = spec.external_traffic_policy == "Local"
    external = spec.type in ("NodePort", "LoadBalancer") or bool(spec.external_ips)
    affinity = spec.session_affinity == "ClientIP"
    common = ServicePort(
        cluster_ip=cluster_ip,
        port=0,
        protocol="",
        external_ips=external_ips,
        load_balancer_vips=vips,
        load_balancer_source_ranges=_source_ranges(spec.load_balancer_source_ranges, family),
        session_affinity=affinity,
        sticky_max_age_seconds=_sticky_seconds(service) if affinity else DEFAULT_STICKY_SECONDS,
        external_policy_local=local and external,
        internal_policy_local=spec.internal_traffic_policy == "Local",
        health_check_node_port=spec.health_check_node_port if local and spec.type == "LoadBalancer" else 0,
        balancing=meta.annotations.get(BALANCING, ""),
        weights=meta.annotations.get(WEIGHTS, ""),
    )
    return {
        ServicePortName(meta.namespace, meta.name, each.name, each.protocol): common._replace(
            port=each.port, protocol=each.protocol, node_port=each.node_port
        )
        for each in spec.ports
    }


def _cluster_ip(service: Service, family: Family) -> str | None:
    spec = service.spec
    text = spec.cluster_ip
    if spec.ip_families:
        number = spec.ip_families.index(family) if family in spec.ip_families else len(spec.cluster_ips)
        text = spec.cluster_ips[number] if number < len(spec.cluster_ips) else ""
    found = parse_ip(text)
    # No API server has one of another family; a rule with it would keep all others from being written.
    return found if found is not None and family_of(found) == family else None


def _of_family(texts: Sequence[str], family: Family) -> tuple[str, ...]:
    found = (parse_ip(text) for text in texts)
    return tuple(each for each in found if each is not None and family_of(each) == family)


def _source_ranges(texts: Sequence[str], family: Family) -> tuple[str, ...]:
    """Return the ranges of a family; a range that holds everybody makes the list as good as none."""
    found = (parse_cidr(text.strip()) for text in texts)
    ranges = tuple(each for each in found if each is not None and family_of(each) == family)
    return () if any(prefix_length(each) == 0 for each in ranges) else ranges


def _sticky_seconds(service: Service) -> int:
    config = service.spec.session_affinity_config
    seconds = config.client_ip.timeout_seconds if config is not None and config.client_ip is not None else None
    return DEFAULT_STICKY_SECONDS if seconds is None else seconds
