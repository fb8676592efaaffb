"""What the table holds whatever the services are: base chains, the chains that they lead to, sets and maps.

Written in every full sync, in upstream's order.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proxy_core.addresses import is_loopback
from proxy_core.model.local_traffic import LocalTrafficDetector
from proxy_core.nft.statements import (
    HAIRPIN_KEY,
    NODE_PORT_KEY,
    SERVICE_KEY,
    Address,
    AddressIn,
    Drop,
    InputInterface,
    InSet,
    IsDnat,
    IsLocal,
    IsNew,
    Jump,
    Masquerade,
    Reject,
    Rule,
    SetMark,
    Statement,
    TakeMark,
    VerdictMap,
    rule,
)
from proxy_core.nft.transaction import (
    AddChain,
    AddContainer,
    AddElement,
    AddRule,
    AddTable,
    Command,
    Container,
    DeleteChain,
    DeleteContainer,
    FlushChain,
    FlushContainer,
    Hook,
)
from proxy_core.nftables import names
from proxy_core.settings import Settings

COMMENT = "rules for kube-proxy"
BASE_CHAINS = {
    "filter-prerouting-pre-dnat": Hook("filter", "prerouting", -110),
    "filter-output-pre-dnat": Hook("filter", "output", -110),
    "filter-input": Hook("filter", "input", 0),
    "filter-forward": Hook("filter", "forward", 0),
    "filter-output": Hook("filter", "output", 0),
    "nat-prerouting": Hook("nat", "prerouting", -100),
    "nat-output": Hook("nat", "output", -100),
    "nat-postrouting": Hook("nat", "postrouting", 100),
}
JUMPS = (
    ("filter-input", names.NODE_PORT_ENDPOINTS_CHECK, True),
    ("filter-input", names.SERVICE_ENDPOINTS_CHECK, True),
    ("filter-forward", names.SERVICE_ENDPOINTS_CHECK, True),
    ("filter-output", names.SERVICE_ENDPOINTS_CHECK, True),
    ("filter-prerouting-pre-dnat", names.FIREWALL_CHECK, True),
    ("filter-output-pre-dnat", names.FIREWALL_CHECK, True),
    ("nat-output", names.SERVICES, False),
    ("nat-prerouting", names.SERVICES, False),
    ("nat-postrouting", names.MASQUERADING, False),
    ("filter-forward", names.CLUSTER_IPS_CHECK, True),
    ("filter-output", names.CLUSTER_IPS_CHECK, True),
)
"""Base chain, chain, and whether for new connections only."""


def address_type(settings: Settings) -> str:
    """Return nft's type of the family's addresses."""
    return "ipv6_addr" if settings.family == "IPv6" else "ipv4_addr"


def containers(settings: Settings) -> dict[str, Container]:
    """Return the sets and maps that are always there, by name."""
    address = address_type(settings)
    by_service, by_port = (address, "inet_proto", "inet_service"), ("inet_proto", "inet_service")
    found = (
        Container(
            names.HAIRPIN_CONNECTIONS,
            (address, address, "inet_proto", "inet_service"),
            comment="service hairpin connections",
        ),
        Container(names.CLUSTER_IPS, (address,), comment="Active ClusterIPs"),
        Container(names.NODE_PORT_IPS, (address,), comment="IPs that accept NodePort traffic"),
        Container(
            names.NO_ENDPOINT_SERVICES,
            by_service,
            "verdict",
            "vmap to drop or reject packets to services with no endpoints",
        ),
        Container(
            names.NO_ENDPOINT_NODE_PORTS,
            by_port,
            "verdict",
            "vmap to drop or reject packets to service nodeports with no endpoints",
        ),
        Container(
            names.FIREWALL_IPS, by_service, "verdict", "destinations that are subject to LoadBalancerSourceRanges"
        ),
        Container(names.SERVICE_IPS, by_service, "verdict", "ClusterIP, ExternalIP and LoadBalancer IP traffic"),
        Container(names.SERVICE_NODE_PORTS, by_port, "verdict", "NodePort traffic"),
    )
    return {each.name: each for each in found}


def base(*, first: bool, comment: str = COMMENT) -> Iterator[Command]:
    """Yield the commands that make table, base chains and jumps.

    The ``first`` time in a process base chains are made bare and deleted, so that their hook or priority may have
    changed since another version.
    """
    yield AddTable(comment)
    if first:
        for chain in BASE_CHAINS:
            yield AddChain(chain)
            yield DeleteChain(chain)
    for chain, hook in BASE_CHAINS.items():
        yield AddChain(chain, hook)
        yield FlushChain(chain)
    ensured = set()
    for source, target, new in JUMPS:
        if target not in ensured:
            ensured.add(target)
            yield AddChain(target)
            yield FlushChain(target)
        yield AddRule(source, rule(IsNew(), Jump(target)) if new else rule(Jump(target)))


def static(settings: Settings, service_cidrs: Sequence[str]) -> Iterator[Command]:
    """Yield the commands that make the chains, sets and maps which all services share."""
    yield from checks(settings, service_cidrs)
    yield AddContainer(containers(settings)[names.FIREWALL_IPS])
    yield AddRule(names.FIREWALL_CHECK, rule(VerdictMap(SERVICE_KEY, names.FIREWALL_IPS)))
    yield from dispatch(settings)


def checks(settings: Settings, service_cidrs: Sequence[str]) -> Iterator[Command]:
    """Yield masquerading and the refusal of what has no endpoints, or is no service."""
    known = containers(settings)
    yield AddContainer(known[names.HAIRPIN_CONNECTIONS])
    yield AddRule(names.MASQUERADING, rule(TakeMark(settings.mark), Masquerade()))
    yield AddRule(names.MASQUERADING, rule(IsDnat(), InSet(HAIRPIN_KEY, names.HAIRPIN_CONNECTIONS), Masquerade()))
    yield AddContainer(known[names.CLUSTER_IPS])
    comment = "Reject traffic to invalid ports of ClusterIPs"
    yield AddRule(names.CLUSTER_IPS_CHECK, rule(InSet(("daddr",), names.CLUSTER_IPS), Reject(), comment=comment))
    if service_cidrs:
        unallocated = AddressIn("daddr", tuple(service_cidrs), separator=",")
        comment = "Drop traffic to unallocated ClusterIPs"
        yield AddRule(names.CLUSTER_IPS_CHECK, rule(unallocated, Drop(), comment=comment))
    yield from _node_port_ips(settings, known[names.NODE_PORT_IPS])
    yield AddContainer(known[names.NO_ENDPOINT_SERVICES])
    yield AddContainer(known[names.NO_ENDPOINT_NODE_PORTS])
    yield AddChain(
        names.REJECT_CHAIN,
        comment=f"helper for @{names.NO_ENDPOINT_SERVICES} / @{names.NO_ENDPOINT_NODE_PORTS}",
    )
    yield FlushChain(names.REJECT_CHAIN)
    yield AddRule(names.REJECT_CHAIN, rule(Reject()))
    yield AddRule(names.SERVICE_ENDPOINTS_CHECK, rule(VerdictMap(SERVICE_KEY, names.NO_ENDPOINT_SERVICES)))
    check = VerdictMap(NODE_PORT_KEY, names.NO_ENDPOINT_NODE_PORTS)
    yield AddRule(names.NODE_PORT_ENDPOINTS_CHECK, Rule((*_served(settings), check)))


def dispatch(settings: Settings) -> Iterator[Command]:
    """Yield the maps that lead to the services, and the rules that look them up."""
    known = containers(settings)
    yield AddContainer(known[names.SERVICE_IPS])
    yield AddContainer(known[names.SERVICE_NODE_PORTS])
    to_cluster_ip = InSet(("daddr",), names.CLUSTER_IPS)
    if settings.masquerade_all:
        comment = "masquerade all clusterIP traffic"
        yield AddRule(names.SERVICES, rule(to_cluster_ip, SetMark(settings.mark), comment=comment))
    elif settings.detector.is_implemented:
        outside = local_source(settings.detector, negated=True)
        comment = "masquerade clusterIP traffic from outside cluster"
        yield AddRule(names.SERVICES, rule(to_cluster_ip, outside, SetMark(settings.mark), comment=comment))
    yield AddRule(names.SERVICES, rule(VerdictMap(SERVICE_KEY, names.SERVICE_IPS)))
    here = (IsLocal("daddr"),) if settings.node_port_addresses.match_all else ()
    node_ports = VerdictMap(NODE_PORT_KEY, names.SERVICE_NODE_PORTS)
    yield AddRule(names.SERVICES, Rule((*here, *_served(settings), node_ports)))


def local_source(detector: LocalTrafficDetector, *, negated: bool = False) -> Statement:
    """Return the test for traffic from pods of this node, or for all other traffic."""
    if detector.cidr:
        return Address("saddr", detector.cidr, negated)
    return InputInterface(detector.bridge or f"{detector.interface_prefix}*", negated)


def _served(settings: Settings) -> tuple[Statement, ...]:
    """Return the test for addresses at which node ports are served; never the loopback."""
    if settings.node_port_addresses.match_all:
        return (Address("daddr", "::1" if settings.family == "IPv6" else "127.0.0.0/8", negated=True),)
    return (InSet(("daddr",), names.NODE_PORT_IPS),)


def _node_port_ips(settings: Settings, container: Container) -> Iterator[Command]:
    yield AddContainer(container)
    if settings.node_port_addresses.match_all:
        yield DeleteContainer(container)  # it may be there from before, and what is not there cannot be deleted
        return
    yield FlushContainer(container)
    for ip in settings.node_port_addresses.node_ips(settings.interfaces()):
        if not is_loopback(ip):
            yield AddElement(container.name, (ip,))
