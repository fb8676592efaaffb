"""What one service port has in the table: its chains with their rules, its affinity sets, and its elements in the sets
and maps that all service ports share.
"""

from __future__ import annotations

from typing import NamedTuple

from proxy_core.addresses import endpoint_text
from proxy_core.model.endpoint import Endpoints
from proxy_core.model.service_port import ServicePort, ServicePortName
from proxy_core.model.state import Wanted
from proxy_core.nft.statements import (
    AddressIn,
    Dnat,
    Drop,
    Goto,
    InSet,
    IsLocal,
    Protocol4,
    Remember,
    Rule,
    SetMark,
    SpreadDnat,
    SpreadGoto,
    rule,
)
from proxy_core.nft.transaction import AddElement, Container, ElementKey
from proxy_core.nftables import names
from proxy_core.nftables.names import PortChains
from proxy_core.nftables.table import address_type, local_source
from proxy_core.settings import Settings


class PortRules(NamedTuple):
    """All that one service port has in the table."""

    chains: dict[str, tuple[Rule, ...]] = {}  # noqa: RUF012  # never changed
    """Chain -> rules; an empty chain is one that others lead to all the same."""
    affinity_sets: tuple[Container, ...] = ()
    elements: tuple[AddElement, ...] = ()


class _Flow(NamedTuple):
    """How traffic to a service port goes, by the traffic policies."""

    internal_chain: str
    policy_chain: str
    has_internal: bool
    has_external: bool
    uses_external: bool
    uses_firewall: bool
    refusal: str
    """The verdict where endpoints are missing."""


def port_rules(name: ServicePortName, wanted: Wanted, settings: Settings) -> PortRules:
    """Return what a service port has in the table."""
    port, chains = wanted.port, PortChains(name)
    flow = _flow(wanted, chains)
    rules: dict[str, tuple[Rule, ...]] = {}
    if flow.uses_external:
        rules[chains.external] = _external_chain(port, flow, chains, settings)
    if flow.uses_firewall:
        rules[chains.firewall] = (_firewall_rule(port, settings.node_ip),)
    lists = (
        (chains.cluster, wanted.categories.cluster, port.uses_cluster_endpoints),
        (chains.local, wanted.categories.local, port.uses_local_endpoints),
    )
    for chain, endpoints, used in lists:
        if used and endpoints:
            rules[chain] = _spread(port, endpoints, chains)
    sets: tuple[Container, ...] = ()
    if port.session_affinity:
        for each in wanted.categories.reachable:
            rules[chains.endpoint(each)] = (
                rule(Remember(chains.affinity(each))),
                rule(Protocol4(port.protocol.lower()), Dnat(endpoint_text(each.ip, each.port))),
            )
        kind, seconds = address_type(settings), port.sticky_max_age_seconds
        sets = tuple(names.affinity_set(chains.affinity(each), kind, seconds) for each in wanted.categories.reachable)
    return PortRules(rules, sets, tuple(_elements(name, wanted, flow, chains)))


def _flow(wanted: Wanted, chains: PortChains) -> _Flow:
    port, categories = wanted.port, wanted.categories
    has_any, here = categories.has_any, bool(categories.local)
    return _Flow(
        internal_chain=chains.local if port.internal_policy_local else chains.cluster,
        policy_chain=chains.local if port.external_policy_local else chains.cluster,
        has_internal=has_any and (here or not port.internal_policy_local),
        has_external=has_any and (here or not port.external_policy_local),
        uses_external=has_any and port.externally_accessible,
        uses_firewall=bool(port.load_balancer_vips and port.load_balancer_source_ranges),
        refusal="drop" if has_any else f"goto {names.REJECT_CHAIN}",
    )


def _elements(name: ServicePortName, wanted: Wanted, flow: _Flow, chains: PortChains) -> list[AddElement]:
    """Return the elements in the shared sets and maps."""
    port, protocol = wanted.port, wanted.port.protocol.lower()
    has_any, number = wanted.categories.has_any, str(wanted.port.port)
    found = [
        AddElement(names.HAIRPIN_CONNECTIONS, (each.ip, each.ip, protocol, str(each.port)))
        for each in wanted.categories.reachable
        if each.is_local
    ]
    found.append(AddElement(names.CLUSTER_IPS, (port.cluster_ip,)))
    key: ElementKey = (port.cluster_ip, protocol, number)
    if flow.has_internal:
        found.append(AddElement(names.SERVICE_IPS, key, f"goto {flow.internal_chain}"))
    else:
        found.append(AddElement(names.NO_ENDPOINT_SERVICES, key, flow.refusal, str(name)))
    for ip in (*port.external_ips, *port.load_balancer_vips):
        key = (ip, protocol, number)
        if has_any:
            found.append(AddElement(names.SERVICE_IPS, key, f"goto {chains.external}"))
        if flow.uses_firewall and ip in port.load_balancer_vips:
            found.append(AddElement(names.FIREWALL_IPS, key, f"goto {chains.firewall}"))
        if not flow.has_external:
            found.append(AddElement(names.NO_ENDPOINT_SERVICES, key, flow.refusal, str(name)))
    if port.node_port:
        key = (protocol, str(port.node_port))
        if has_any:
            found.append(AddElement(names.SERVICE_NODE_PORTS, key, f"goto {chains.external}"))
        if not flow.has_external:
            found.append(AddElement(names.NO_ENDPOINT_NODE_PORTS, key, flow.refusal, str(name)))
    return found


def _external_chain(port: ServicePort, flow: _Flow, chains: PortChains, settings: Settings) -> tuple[Rule, ...]:
    rules = []
    mark = SetMark(settings.mark)
    if not port.external_policy_local:
        rules.append(rule(mark, comment="masquerade"))
    else:
        if settings.detector.is_implemented:
            source = local_source(settings.detector)
            rules.append(rule(source, Goto(chains.cluster), comment="short-circuit pod traffic"))
        rules.append(rule(IsLocal("saddr"), mark, comment="masquerade local traffic"))
        rules.append(rule(IsLocal("saddr"), Goto(chains.cluster), comment="short-circuit local traffic"))
    if flow.has_external:
        rules.append(rule(Goto(flow.policy_chain)))
    return tuple(rules)


def _firewall_rule(port: ServicePort, node_ip: str) -> Rule:
    """Drop what comes from nowhere in the source ranges; the load balancer may where the node may."""
    sources = port.load_balancer_source_ranges
    if port.ranges_hold(node_ip):
        sources += port.load_balancer_vips
    return rule(AddressIn("saddr", sources, negated=True), Drop())


def _spread(port: ServicePort, endpoints: Endpoints, chains: PortChains) -> tuple[Rule, ...]:
    """Spread traffic over endpoints; clients that are remembered go where they went before."""
    if not port.session_affinity:
        targets = tuple([(each.ip, each.port) for each in endpoints])
        return (rule(Protocol4(port.protocol.lower()), SpreadDnat(targets)),)
    ends = tuple(chains.endpoint(each) for each in endpoints)
    known = (
        rule(InSet(("saddr",), chains.affinity(each)), Goto(end)) for each, end in zip(endpoints, ends, strict=True)
    )
    return (*known, rule(SpreadGoto(ends)))
