"""What the table of mode flat holds whatever the services are; most of it is that of mode nftables."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from proxy_core.flat import names
from proxy_core.nft.statements import NODE_PORT_KEY, SERVICE_KEY, Drop, InSet, VerdictMap, rule
from proxy_core.nft.transaction import INDEX, AddChain, AddContainer, AddRule, Command, Container, FlushChain
from proxy_core.nftables import names as shared
from proxy_core.nftables import table
from proxy_core.settings import Settings

CHAINS = frozenset(
    [
        *table.BASE_CHAINS,
        *(target for _, target, _ in table.JUMPS),
        shared.REJECT_CHAIN,
        names.OWN_TRAFFIC,
        names.OWN_NODE_PORT_TRAFFIC,
    ]
)
"""The chains that are always there."""


def commands(settings: Settings, service_cidrs: Sequence[str], *, first: bool) -> Iterator[Command]:
    """Yield the commands that make all of it, or make it again."""
    yield from table.base(first=first, comment=names.COMMENT)
    yield from table.checks(settings, service_cidrs)
    for each in _containers(settings):
        yield AddContainer(each)
    closed, allowed = InSet(SERVICE_KEY, shared.FIREWALL_IPS), (*SERVICE_KEY, "saddr")
    sources = InSet(allowed, names.FIREWALL_SOURCES, negated=True)
    yield AddRule(shared.FIREWALL_CHECK, rule(closed, sources, Drop()))
    for chain, lookup in (
        (names.OWN_TRAFFIC, VerdictMap(SERVICE_KEY, names.OWN_SERVICES)),
        (names.OWN_NODE_PORT_TRAFFIC, VerdictMap(NODE_PORT_KEY, names.OWN_NODE_PORTS)),
    ):
        yield AddChain(chain)
        yield FlushChain(chain)
        yield AddRule(chain, rule(lookup))
    yield from table.dispatch(settings)


def _containers(settings: Settings) -> tuple[Container, ...]:
    address = table.address_type(settings)
    by_service, by_port = (address, "inet_proto", "inet_service"), ("inet_proto", "inet_service")
    endpoint = f"{address} . inet_service"
    own = "traffic of this node and its pods"
    return (
        Container(names.SERVICE_ENDPOINTS, (*by_service, INDEX), endpoint, "endpoints by destination and number"),
        Container(names.OWN_SERVICE_ENDPOINTS, (*by_service, INDEX), endpoint, f"the same for {own}"),
        Container(names.NODE_PORT_ENDPOINTS, (*by_port, INDEX), endpoint, "endpoints by node port and number"),
        Container(names.OWN_NODE_PORT_ENDPOINTS, (*by_port, INDEX), endpoint, f"the same for {own}"),
        Container(names.OWN_SERVICES, by_service, "verdict", f"external destinations with policy Local, for {own}"),
        Container(names.OWN_NODE_PORTS, by_port, "verdict", f"node ports with policy Local, for {own}"),
        Container(shared.FIREWALL_IPS, by_service, comment="destinations that are subject to LoadBalancerSourceRanges"),
        Container(
            names.FIREWALL_SOURCES,
            (*by_service, address),
            comment="from where those may be reached",
            interval=True,
        ),
    )
