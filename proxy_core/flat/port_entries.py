"""What one service port has in the table of mode flat: entries of dispatch maps with their endpoints, and elements.

A port with session affinity has the chains and sets of mode nftables: see "Why" in the README.
"""

from __future__ import annotations

from typing import NamedTuple

from proxy_core.errors import Problem
from proxy_core.flat.balancing import EVENLY, Balancing, Fault, Slots, balancing_of, slots_of
from proxy_core.flat.firewall import disjoint
from proxy_core.flat.frontends import Entry
from proxy_core.flat.ways import Kind, Way
from proxy_core.model.service_port import ServicePort, ServicePortName
from proxy_core.model.state import Wanted
from proxy_core.nft.statements import Rule
from proxy_core.nft.transaction import AddElement, Container, ElementKey
from proxy_core.nftables import names
from proxy_core.nftables.flow import Flow, allowed_sources, common_elements, flow_of
from proxy_core.nftables.names import PortChains
from proxy_core.nftables.port_rules import port_rules
from proxy_core.settings import Settings

NO_SLOTS = Slots(())


class PortEntries(NamedTuple):
    """All that one service port has in the table."""

    services: tuple[tuple[ElementKey, Entry], ...] = ()
    node_ports: tuple[tuple[ElementKey, Entry], ...] = ()
    firewall: tuple[tuple[ElementKey, tuple[str, ...]], ...] = ()
    elements: tuple[AddElement, ...] = ()
    chains: dict[str, tuple[Rule, ...]] = {}  # noqa: RUF012  # never changed
    """Those of session affinity."""
    affinity_sets: tuple[Container, ...] = ()
    problem: Problem | None = None


NOTHING = PortEntries()


def port_entries(name: ServicePortName, wanted: Wanted, settings: Settings) -> PortEntries:
    """Return what a service port has in the table."""
    port, flow, problem = wanted.port, flow_of(wanted), None
    firewall: list[tuple[ElementKey, tuple[str, ...]]] = []
    if flow.uses_firewall:
        sources = disjoint(allowed_sources(wanted, settings.node_ip))
        firewall += [(_service_key(port, ip), sources) for ip in port.load_balancer_vips]
    elements = tuple(common_elements(str(name), wanted, flow))
    balancing = balancing_of(port)
    if port.session_affinity:
        problem = balancing.problem(name) if isinstance(balancing, Fault) else None
        return _with_affinity(name, wanted, settings)._replace(
            firewall=tuple(firewall), elements=elements, problem=problem
        )
    lists = _lists(wanted, flow, balancing)
    if isinstance(lists, Fault):
        problem = lists.problem(name)
        lists = _lists(wanted, flow, EVENLY)
        assert not isinstance(lists, Fault)
    cluster, local = lists
    services = []
    if flow.has_internal:
        endpoints = local if port.internal_policy_local else cluster
        services.append((_service_key(port, port.cluster_ip), _plain("cluster", endpoints)))
    external = (*port.external_ips, *port.load_balancer_vips) if flow.uses_external else ()
    if external:
        entry = _external("external", "local", "own", port, cluster, local)
        services += [(_service_key(port, ip), entry) for ip in external]
    node_ports = []
    if flow.uses_external and port.node_port:
        key = (port.protocol.lower(), str(port.node_port))
        node_ports.append((key, _external("nodeport", "nodeport-local", "nodeport-own", port, cluster, local)))
    return PortEntries(tuple(services), tuple(node_ports), tuple(firewall), elements, problem=problem)


def _lists(wanted: Wanted, flow: Flow, balancing: Balancing | Fault) -> tuple[Slots, Slots] | Fault:
    """Return the slots of the cluster's and of this node's endpoints, as far as they are used."""
    if isinstance(balancing, Fault) or not (flow.has_internal or flow.uses_external):
        return balancing if isinstance(balancing, Fault) else (NO_SLOTS, NO_SLOTS)
    port, categories = wanted.port, wanted.categories
    cluster = slots_of(categories.cluster, balancing) if port.uses_cluster_endpoints else NO_SLOTS
    local = slots_of(categories.local, balancing) if port.uses_local_endpoints else NO_SLOTS
    if isinstance(cluster, Fault):
        return cluster
    return local if isinstance(local, Fault) else (cluster, local)


def _service_key(port: ServicePort, ip: str) -> ElementKey:
    return ip, port.protocol.lower(), str(port.port)


def _plain(kind: Kind, slots: Slots) -> Entry:
    chain = Way(kind, len(slots.values), slots.by_client).chain
    return Entry(chain, slots.values, numbered=slots.by_client)


def _external(kind: Kind, local_kind: Kind, own_kind: Kind, port: ServicePort, cluster: Slots, local: Slots) -> Entry:
    """Return the entry of an address outside the cluster, by the external traffic policy."""
    if not port.external_policy_local:
        return _plain(kind, cluster)
    own = Way(own_kind, len(cluster.values), cluster.by_client).chain
    return _plain(local_kind, local)._replace(own_chain=own, own_slots=cluster.values, numbered=cluster.by_client)


def _with_affinity(name: ServicePortName, wanted: Wanted, settings: Settings) -> PortEntries:
    """Return the chains and sets of mode nftables, and entries that lead to them."""
    rules = port_rules(name, wanted, settings)
    firewall = PortChains(name).firewall
    leading: dict[str, list[tuple[ElementKey, Entry]]] = {names.SERVICE_IPS: [], names.SERVICE_NODE_PORTS: []}
    for each in rules.elements:
        if each.container in leading:
            leading[each.container].append((each.key, Entry(each.value.removeprefix("goto "))))
    return PortEntries(
        tuple(leading[names.SERVICE_IPS]),
        tuple(leading[names.SERVICE_NODE_PORTS]),
        chains={chain: lines for chain, lines in rules.chains.items() if chain != firewall},
        affinity_sets=rules.affinity_sets,
    )
