"""Flow: whether traffic to a service port finds endpoints, by the traffic policies."""

from __future__ import annotations

from typing import NamedTuple

from proxy_core.model.state import Wanted
from proxy_core.nft.transaction import AddElement, ElementKey
from proxy_core.nftables import names


class Flow(NamedTuple):
    """How traffic to a service port goes."""

    has_internal: bool
    has_external: bool
    uses_external: bool
    """As `Wanted` says."""
    uses_firewall: bool
    refusal: str
    """The verdict where endpoints are missing."""


def flow_of(wanted: Wanted) -> Flow:
    """Return how traffic to a service port goes."""
    port, has_any = wanted.port, wanted.categories.has_any
    return Flow(
        has_internal=wanted.has_internal,
        has_external=wanted.has_external,
        uses_external=wanted.uses_external,
        uses_firewall=bool(port.load_balancer_vips and port.load_balancer_source_ranges),
        refusal="drop" if has_any else f"goto {names.REJECT_CHAIN}",
    )


def common_elements(name: str, wanted: Wanted, flow: Flow) -> list[AddElement]:
    """Return the elements of a service port that lead to no chain of its own."""
    port, protocol = wanted.port, wanted.port.protocol.lower()
    number = str(port.port)
    found = [
        AddElement(names.HAIRPIN_CONNECTIONS, (each.ip, each.ip, protocol, str(each.port)))
        for each in wanted.categories.reachable
        if each.is_local
    ]
    found.append(AddElement(names.CLUSTER_IPS, (port.cluster_ip,)))
    without: list[str] = [] if flow.has_internal else [port.cluster_ip]
    if not flow.has_external:
        without += (*port.external_ips, *port.load_balancer_vips)
    for ip in without:
        key: ElementKey = (ip, protocol, number)
        found.append(AddElement(names.NO_ENDPOINT_SERVICES, key, flow.refusal, name))
    if port.node_port and not flow.has_external:
        key = (protocol, str(port.node_port))
        found.append(AddElement(names.NO_ENDPOINT_NODE_PORTS, key, flow.refusal, name))
    return found


def allowed_sources(wanted: Wanted, node_ip: str) -> tuple[str, ...]:
    """Return from where the load balancer's addresses may be reached; the load balancer may where the node may."""
    port = wanted.port
    sources = port.load_balancer_source_ranges
    return sources + port.load_balancer_vips if port.ranges_hold(node_ip) else sources
