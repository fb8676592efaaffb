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
from proxy_core.nftables.flow import Flow, allowed_sources, common_elements, flow_of
from proxy_core.nftables.names import PortChains
from proxy_core.nftables.table import address_type, local_source
from proxy_core.settings import Settings


class PortRules(NamedTuple):
    """All that one service port has in the table."""

    chains: dict[str, tuple[Rule, ...]] = {}  # noqa: RUF012  # never changed
    """Chain -> rules; an empty chain is one that others lead to all the same."""
    affinity_sets: tuple[Container, ...] = ()
    elements: tuple[AddElement, ...] = ()


def port_rules(name: ServicePortName, wanted: Wanted, settings: Settings) -> PortRules:
    """Return what a service port has in the table."""
    port, chains = wanted.port, PortChains(name)
    flow = flow_of(wanted)
    rules: dict[str, tuple[Rule, ...]] = {}
    if flow.uses_external:
        rules[chains.external] = _external_chain(port, flow, chains, settings)
    if flow.uses_firewall:
        sources = allowed_sources(wanted, settings.node_ip)
        rules[chains.firewall] = (rule(AddressIn("saddr", sources, negated=True), Drop()),)
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
    elements = (*common_elements(str(name), wanted, flow), *_leading(wanted, flow, chains))
    return PortRules(rules, sets, elements)


def _leading(wanted: Wanted, flow: Flow, chains: PortChains) -> list[AddElement]:
    """Return the elements that lead to the service port's chains."""
    port, protocol, has_any = wanted.port, wanted.port.protocol.lower(), wanted.categories.has_any
    found = []
    if flow.has_internal:
        chain = chains.local if port.internal_policy_local else chains.cluster
        found.append(AddElement(names.SERVICE_IPS, (port.cluster_ip, protocol, str(port.port)), f"goto {chain}"))
    for ip in (*port.external_ips, *port.load_balancer_vips):
        key: ElementKey = (ip, protocol, str(port.port))
        if has_any:
            found.append(AddElement(names.SERVICE_IPS, key, f"goto {chains.external}"))
        if flow.uses_firewall and ip in port.load_balancer_vips:
            found.append(AddElement(names.FIREWALL_IPS, key, f"goto {chains.firewall}"))
    if port.node_port and has_any:
        key = (protocol, str(port.node_port))
        found.append(AddElement(names.SERVICE_NODE_PORTS, key, f"goto {chains.external}"))
    return found


def _external_chain(port: ServicePort, flow: Flow, chains: PortChains, settings: Settings) -> tuple[Rule, ...]:
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
        rules.append(rule(Goto(chains.local if port.external_policy_local else chains.cluster)))
    return tuple(rules)


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
