"""What one service port wants of the kernel: virtual servers with their real ones, entries of ipsets, a few rules."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from proxy_core.ipvs import names
from proxy_core.ipvs.kernel import PERSISTENT, SOURCE_HASH, Entry, RealKey, ServerKey, VirtualServer
from proxy_core.ipvs.node_addresses import NodeAddresses
from proxy_core.model.endpoint import Endpoints
from proxy_core.model.service_port import ServicePort
from proxy_core.model.state import Wanted
from proxy_core.settings import Settings

NODE_PORT_SETS = {
    "TCP": (names.NODE_PORT_TCP, names.NODE_PORT_LOCAL_TCP),
    "UDP": (names.NODE_PORT_UDP, names.NODE_PORT_LOCAL_UDP),
    "SCTP": (names.NODE_PORT_SCTP, names.NODE_PORT_LOCAL_SCTP),
}
"""Protocol -> the set of all node ports, and that of those with policy Local."""


class ServerWish(NamedTuple):
    """A virtual server as a service port wants it."""

    server: VirtualServer
    reals: frozenset[RealKey]


class PortWishes(NamedTuple):
    """Everything that a service port wants."""

    servers: tuple[ServerWish, ...] = ()
    entries: tuple[tuple[str, Entry], ...] = ()
    """Name of a set (that of IPv4) and entry; each once."""
    out_filter: tuple[str, ...] = ()
    """Rules of filter KUBE-IPVS-OUT-FILTER, without chain and newline."""


def port_wishes(wanted: Wanted, settings: Settings, node: NodeAddresses) -> PortWishes:
    """Return what a service port wants; nothing for a protocol that ipsets do not know."""
    port = wanted.port
    if port.protocol not in NODE_PORT_SETS:
        return PortWishes()
    external = [*port.external_ips, *port.load_balancer_vips]
    entries = [*_loop_back(wanted), (names.CLUSTER_IP, _entry(port, port.cluster_ip))]
    entries.append((names.IPVS_IPS, Entry(port.cluster_ip)))
    entries += [(names.IPVS_IPS, Entry(each)) for each in external if each not in node.own]
    kind = names.EXTERNAL_IP_LOCAL if port.external_policy_local else names.EXTERNAL_IP
    entries += [(kind, _entry(port, each)) for each in port.external_ips]
    for vip in port.load_balancer_vips:
        entries += _load_balancer(port, vip, settings.node_ip)
    if node.node_ports or not port.node_port:
        entries += _node_port(port, node.node_ports)
    return PortWishes(
        tuple(_servers(wanted, external, settings, node)),
        tuple(dict.fromkeys(entries)),
        tuple(_out_filter(port, settings.node_ip)),
    )


def _entry(port: ServicePort, address: str, second: str = "") -> Entry:
    return Entry(address, port.protocol.lower(), port.port, second)


def _loop_back(wanted: Wanted) -> Iterator[tuple[str, Entry]]:
    """Yield a pod's way back to itself, for every local endpoint, ready or not."""
    protocol = wanted.port.protocol.lower()
    for each in wanted.endpoints:
        if each.is_local:
            yield names.LOOP_BACK, Entry(each.ip, protocol, each.port, each.ip)


def _load_balancer(port: ServicePort, vip: str, node_ip: str) -> Iterator[tuple[str, Entry]]:
    entry = _entry(port, vip)
    yield names.LOAD_BALANCER, entry
    if port.external_policy_local:
        yield names.LOAD_BALANCER_LOCAL, entry
    if port.load_balancer_source_ranges:
        yield names.LOAD_BALANCER_FW, entry
        for cidr in port.load_balancer_source_ranges:
            yield names.LOAD_BALANCER_SOURCE_CIDR, _entry(port, vip, cidr)
        if port.ranges_hold(node_ip):
            # what the node sends to a balancer of its own comes back with the balancer's address as its source
            yield names.LOAD_BALANCER_SOURCE_IP, _entry(port, vip, vip)


def _node_port(port: ServicePort, node_ips: Sequence[str]) -> Iterator[tuple[str, Entry]]:
    if port.node_port:
        for name in NODE_PORT_SETS[port.protocol] if port.external_policy_local else NODE_PORT_SETS[port.protocol][:1]:
            if port.protocol == "SCTP":  # bitmap:port knows TCP and UDP only
                yield from ((name, Entry(ip, "sctp", port.node_port)) for ip in node_ips)
            else:
                yield name, Entry(port=port.node_port)
    if port.health_check_node_port:
        yield names.HEALTH_CHECK_NODE_PORT, Entry(port=port.health_check_node_port)


def _servers(wanted: Wanted, external: Sequence[str], settings: Settings, node: NodeAddresses) -> Iterator[ServerWish]:
    port = wanted.port
    flags = PERSISTENT if port.session_affinity else 0
    timeout = port.sticky_max_age_seconds if port.session_affinity else 0
    scheduler = settings.ipvs.scheduler
    if scheduler == "mh":
        flags |= SOURCE_HASH

    def wish(address: str, number: int, reals: frozenset[RealKey]) -> ServerWish:
        return ServerWish(VirtualServer(ServerKey(address, number, port.protocol), scheduler, flags, timeout), reals)

    internal = _reals(wanted, local=port.internal_policy_local)
    yield wish(port.cluster_ip, port.port, internal)
    if not port.externally_accessible:
        return
    outside = internal
    if port.external_policy_local != port.internal_policy_local:
        outside = _reals(wanted, local=port.external_policy_local)
    for address in external:
        yield wish(address, port.port, outside)
    if port.node_port:
        for address in node.node_ports:
            yield wish(address, port.node_port, outside)


def _reals(wanted: Wanted, *, local: bool) -> frozenset[RealKey]:
    """Return the real servers by traffic policy; where Local has none those of the cluster serve, unlike elsewhere."""
    categories = wanted.categories
    endpoints: Endpoints = (categories.local if local else ()) or categories.cluster
    return frozenset([RealKey(each.ip, each.port) for each in endpoints])


def _out_filter(port: ServicePort, node_ip: str) -> Iterator[str]:
    """Yield the rules that keep the node from balancers whose source ranges leave it out."""
    if port.load_balancer_source_ranges and not port.ranges_hold(node_ip):
        for vip in port.load_balancer_vips:
            yield f"-s {vip} -m ipvs --vaddr {vip} --vproto {port.protocol.lower()} --vport {port.port} -j DROP"
