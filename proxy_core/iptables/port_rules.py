"""The rules of one service port, in the words of iptables-restore.

What stands in a chain that all services share is kept apart by chain; what stands in the port's own chains is one
text, since a sync writes it as a whole or not at all.
"""

from __future__ import annotations

from typing import NamedTuple

from proxy_core.addresses import endpoint_text
from proxy_core.iptables import names
from proxy_core.iptables.names import PortChains
from proxy_core.model.endpoint import Endpoint, Endpoints
from proxy_core.model.local_traffic import LocalTrafficDetector
from proxy_core.model.service_port import ServicePort, ServicePortName
from proxy_core.model.state import Wanted
from proxy_core.settings import Settings

NFACCT_LOCALHOST = "localhost_nps_accepted_pkts"


class PortRules(NamedTuple):
    """The rules of a service port: lines that end with a newline each, empty where there are none."""

    filter_services: str = ""
    filter_external_services: str = ""
    filter_node_ports: str = ""
    filter_proxy_firewall: str = ""
    nat_services: str = ""
    nat_node_ports: str = ""
    chains: tuple[str, ...] = ()
    """The port's own chains, all in nat."""
    own: str = ""
    """Rules of these chains."""


class _Flow(NamedTuple):
    """How traffic to a service port goes, by the traffic policies."""

    internal_chain: str
    policy_chain: str
    has_internal: bool
    has_external: bool
    uses_external: bool
    uses_firewall: bool
    refusal: str
    """What is said of endpoints that are missing."""
    target: str
    """REJECT where no endpoint is usable anywhere, DROP where the policy has none here."""


def port_rules(name: ServicePortName, wanted: Wanted, settings: Settings, *, comments: bool) -> PortRules:
    """Return the rules of a service port; large clusters do without ``comments`` on what there is for each endpoint."""
    chains = PortChains(name)
    flow = _flow(name, wanted, chains)
    filter_services, nat_services = _cluster_ip(name, wanted.port, flow)
    external, firewall, more = _external_addresses(name, wanted, flow, chains)
    node_ports, more_external, health_check = _node_port(name, wanted, flow, chains, settings)
    own_chains, own = _own_chains(name, wanted, flow, chains, settings, comments)
    return PortRules(
        filter_services, external + more_external, health_check, firewall, nat_services + more, node_ports,
        own_chains, own,
    )  # fmt: skip


def _flow(name: ServicePortName, wanted: Wanted, chains: PortChains) -> _Flow:
    port, has_any = wanted.port, wanted.categories.has_any
    return _Flow(
        internal_chain=chains.local if port.internal_policy_local else chains.cluster,
        policy_chain=chains.local if port.external_policy_local else chains.cluster,
        has_internal=wanted.has_internal,
        has_external=wanted.has_external,
        uses_external=wanted.uses_external,
        uses_firewall=has_any and bool(port.load_balancer_vips and port.load_balancer_source_ranges),
        refusal=f"{name} has no local endpoints" if has_any else f"{name} has no endpoints",
        target="DROP" if has_any else "REJECT",
    )


def _match(port: ServicePort, address: str) -> str:
    protocol = port.protocol.lower()
    return f"-m {protocol} -p {protocol} -d {address} --dport {port.port}"


def _cluster_ip(name: ServicePortName, port: ServicePort, flow: _Flow) -> tuple[str, str]:
    """Return the rules of filter and nat KUBE-SERVICES for the cluster IP."""
    match = _match(port, port.cluster_ip)
    if flow.has_internal:
        return "", f'-A {names.SERVICES} -m comment --comment "{name} cluster IP" {match} -j {flow.internal_chain}\n'
    return f'-A {names.SERVICES} -m comment --comment "{flow.refusal}" {match} -j {flow.target}\n', ""


def _external_addresses(name: ServicePortName, wanted: Wanted, flow: _Flow, chains: PortChains) -> tuple[str, str, str]:
    """Return rules of filter KUBE-EXTERNAL-SERVICES and KUBE-PROXY-FIREWALL and of nat KUBE-SERVICES."""
    port, has_any = wanted.port, wanted.categories.has_any
    external, firewall, nat = [], [], []
    for ip in port.external_ips:
        match = _match(port, ip)
        if has_any:
            nat.append(f'-A {names.SERVICES} -m comment --comment "{name} external IP" {match} -j {chains.external}\n')
        if not flow.has_external:
            external.append(_refused(flow, match))
    entry = chains.firewall if flow.uses_firewall else chains.external
    for ip in port.load_balancer_vips:
        match = _match(port, ip)
        if has_any:
            nat.append(f'-A {names.SERVICES} -m comment --comment "{name} loadbalancer IP" {match} -j {entry}\n')
        if flow.uses_firewall:
            comment = f'"{name} traffic not accepted by {chains.firewall}"'
            firewall.append(f"-A {names.PROXY_FIREWALL} -m comment --comment {comment} {match} -j DROP\n")
        if not flow.has_external:
            external.append(_refused(flow, match))
    return "".join(external), "".join(firewall), "".join(nat)


def _refused(flow: _Flow, match: str) -> str:
    return f'-A {names.EXTERNAL_SERVICES} -m comment --comment "{flow.refusal}" {match} -j {flow.target}\n'


def _node_port(
    name: ServicePortName, wanted: Wanted, flow: _Flow, chains: PortChains, settings: Settings
) -> tuple[str, str, str]:
    """Return rules of nat KUBE-NODEPORTS, filter KUBE-EXTERNAL-SERVICES and filter KUBE-NODEPORTS."""
    port, has_any = wanted.port, wanted.categories.has_any
    protocol = port.protocol.lower()
    nat, external, health_check = "", "", ""
    if port.node_port:
        match = f"-m {protocol} -p {protocol} --dport {port.node_port}"
        if has_any and settings.localhost_node_ports and settings.has_nfacct:
            local = f"-m {protocol} -p {protocol} -d 127.0.0.0/8 --dport {port.node_port}"
            nat += f"-A {names.NODE_PORTS} -m comment --comment {name} {local} "
            nat += f"-m nfacct --nfacct-name {NFACCT_LOCALHOST} -j {chains.external}\n"
        if has_any:
            nat += f"-A {names.NODE_PORTS} -m comment --comment {name} {match} -j {chains.external}\n"
        if not flow.has_external:
            external = _refused(flow, f"-m addrtype --dst-type LOCAL {match}")
    if port.health_check_node_port:
        comment, number = f'"{name} health check node port"', port.health_check_node_port
        health_check = (
            f"-A {names.NODE_PORTS} -m comment --comment {comment} -m tcp -p tcp --dport {number} -j ACCEPT\n"
        )
    return nat, external, health_check


def _own_chains(
    name: ServicePortName, wanted: Wanted, flow: _Flow, chains: PortChains, settings: Settings, comments: bool
) -> tuple[tuple[str, ...], str]:
    """Return the names and the rules of the port's own chains."""
    port, categories = wanted.port, wanted.categories
    used, rules = [], []
    if flow.has_internal and (source := _from_outside(settings)) is not None:
        match = f"{_match(port, port.cluster_ip)}{source}"
        rules.append(
            f'-A {flow.internal_chain} -m comment --comment "{name} cluster IP" {match} -j {names.MARK_MASQ}\n'
        )
    if flow.uses_external:
        used.append(chains.external)
        rules.append(_external_chain(name, port, flow, chains, settings.detector))
    if flow.uses_firewall:
        used.append(chains.firewall)
        rules.append(_firewall_chain(name, port, chains, settings.node_ip))
    ends = {each.text: chains.endpoint(each.text) for each in categories.reachable}
    if categories.cluster and port.uses_cluster_endpoints:
        used.append(chains.cluster)
        rules.append(_spread(chains.cluster, name, port, categories.cluster, ends, comments))
    if categories.local and port.uses_local_endpoints:
        used.append(chains.local)
        rules.append(_spread(chains.local, name, port, categories.local, ends, comments))
    for each in categories.reachable:
        used.append(ends[each.text])
        rules.append(_endpoint_chain(ends[each.text], name, port, each, comments))
    return tuple(used), "".join(rules)


def _from_outside(settings: Settings) -> str | None:
    """Return what tells traffic to a cluster IP that is to be masqueraded; None if none is."""
    if settings.masquerade_all:
        return ""
    return f" ! {source_match(settings.detector)}" if settings.detector.is_implemented else None


def source_match(detector: LocalTrafficDetector) -> str:
    """Return what tells traffic from pods of this node."""
    if detector.cidr:
        return f"-s {detector.cidr}"
    return f"-i {detector.bridge}" if detector.bridge else f"-i {detector.interface_prefix}+"


def _external_chain(
    name: ServicePortName, port: ServicePort, flow: _Flow, chains: PortChains, detector: LocalTrafficDetector
) -> str:
    head = f"-A {chains.external} -m comment --comment"
    rules = []
    if not port.external_policy_local:
        rules.append(f'{head} "masquerade traffic for {name} external destinations" -j {names.MARK_MASQ}\n')
    else:
        if detector.is_implemented:
            comment = f'"pod traffic for {name} external destinations"'
            rules.append(f"{head} {comment} {source_match(detector)} -j {chains.cluster}\n")
        local = f'LOCAL traffic for {name} external destinations" -m addrtype --src-type LOCAL'
        rules.append(f'{head} "masquerade {local} -j {names.MARK_MASQ}\n')
        rules.append(f'{head} "route {local} -j {chains.cluster}\n')
    if flow.has_external:
        rules.append(f"-A {chains.external} -j {flow.policy_chain}\n")
    return "".join(rules)


def _firewall_chain(name: ServicePortName, port: ServicePort, chains: PortChains, node_ip: str) -> str:
    """Let the source ranges in; the load balancer itself too, where the node may talk to its own service."""
    sources = list(port.load_balancer_source_ranges)
    if port.ranges_hold(node_ip):
        sources += port.load_balancer_vips
    head = f"-A {chains.firewall} -m comment --comment"
    rules = [f'{head} "{name} loadbalancer IP" -s {source} -j {chains.external}\n' for source in sources]
    # without a target: packets that no rule took go on without DNAT, to be dropped in filter
    return "".join([*rules, f'{head} "other traffic to {name} will be dropped by KUBE-PROXY-FIREWALL"\n'])


def _spread(
    chain: str, name: ServicePortName, port: ServicePort, endpoints: Endpoints, ends: dict[str, str], comments: bool
) -> str:
    """Spread traffic over endpoints: clients that are remembered first, then each with its share of what is left."""
    rules = []
    heads = [
        f'-A {chain} -m comment --comment "{name} -> {each.text}"' if comments else f"-A {chain}" for each in endpoints
    ]
    if port.session_affinity:
        for head, each in zip(heads, endpoints, strict=True):
            end = ends[each.text]
            recent = f"-m recent --name {end} --rcheck --seconds {port.sticky_max_age_seconds} --reap"
            rules.append(f"{head} {recent} -j {end}\n")
    left = len(endpoints)
    for head, each in zip(heads, endpoints, strict=True):
        chance = f" -m statistic --mode random --probability {1 / left:.10f}" if left > 1 else ""
        rules.append(f"{head}{chance} -j {ends[each.text]}\n")
        left -= 1
    return "".join(rules)


def _endpoint_chain(end: str, name: ServicePortName, port: ServicePort, endpoint: Endpoint, comments: bool) -> str:
    protocol = port.protocol.lower()
    head = f"-A {end} -m comment --comment {name}" if comments else f"-A {end}"
    recent = f" -m recent --name {end} --set" if port.session_affinity else ""
    to = endpoint_text(endpoint.ip, endpoint.port)
    return (
        f"{head} -s {endpoint.ip} -j {names.MARK_MASQ}\n"  # a pod that reaches itself
        f"{head}{recent} -m {protocol} -p {protocol} -j DNAT --to-destination {to}\n"
    )
