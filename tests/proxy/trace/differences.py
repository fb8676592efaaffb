"""In what kube-proxy's iptables and nftables modes differ on purpose, by name; nothing else may.

Each entry says when it applies, by the packet and the state alone, and what must come out then in both modes.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping
from fractions import Fraction
from functools import cached_property

from proxy_core import ProxyState, Settings
from proxy_core.addresses import contains, endpoint_text, is_loopback
from proxy_core.model.state import Wanted
from proxy_core.trace import Fate, Packet, Verdict

Fates = Mapping[Fate, Fraction]
Target = tuple[str, str, int]
"""Address, protocol, port."""


class Services:
    """What is served where, as of the last sync."""

    def __init__(self, state: ProxyState, settings: Mapping[str, Settings]) -> None:
        self.cidrs, self.settings = state.service_cidrs, settings
        self.wanted = tuple(state.wanted.values())

    @cached_property
    def by_target(self) -> Mapping[Target, list[Wanted]]:
        """The service ports of each address and port."""
        found: dict[Target, list[Wanted]] = {}
        for each in self.wanted:
            port = each.port
            for ip in {port.cluster_ip, *port.external_ips, *port.load_balancer_vips}:
                found.setdefault((ip, port.protocol.lower(), port.port), []).append(each)
        return found

    @cached_property
    def node_ports(self) -> frozenset[tuple[str, int]]:
        return frozenset((each.port.protocol.lower(), each.port.node_port) for each in self.wanted)

    @cached_property
    def health_checks(self) -> frozenset[int]:
        return frozenset(each.port.health_check_node_port for each in self.wanted)

    @cached_property
    def cluster_ips(self) -> frozenset[str]:
        return frozenset(each.port.cluster_ip for each in self.wanted)

    @cached_property
    def remote_endpoints(self) -> frozenset[str]:
        """The endpoints that are on no account this node's."""
        ends = [end for each in self.wanted for end in each.endpoints]
        return frozenset({each.text for each in ends} - {each.text for each in ends if each.is_local})

    def of(self, packet: Packet) -> list[Wanted]:
        return self.by_target.get((packet.destination, packet.protocol, packet.destination_port), [])

    def serves_node_port(self, mode: str, packet: Packet) -> bool:
        """Tell whether a mode serves node ports at a packet's destination."""
        settings = self.settings[mode]
        if is_loopback(packet.destination):
            return mode == "iptables" and settings.localhost_node_ports
        addresses = settings.node_port_addresses
        own = addresses.node_ips(settings.interfaces())
        return packet.destination in own and any(contains(each, packet.destination) for each in addresses.cidrs)


def only(fates: Fates, *verdicts: Verdict) -> bool:
    """Tell whether nothing else can happen."""
    return {each.verdict for each in fates} <= set(verdicts)


def _undefined_port(packet: Packet, services: Services, iptables: Fates, nftables: Fates) -> bool:
    """A port that no Service has, of an address that one has: iptables does not care."""
    applies = packet.destination in services.cluster_ips and not services.of(packet)
    return applies and only(iptables, Verdict.UNTOUCHED) and only(nftables, Verdict.REJECTED)


def _unallocated(packet: Packet, services: Services, iptables: Fates, nftables: Fates) -> bool:
    """An address of the services' networks that no Service has: iptables does not care."""
    applies = packet.destination not in services.cluster_ips and not services.of(packet)
    applies = applies and any(contains(each, packet.destination) for each in services.cidrs)
    return applies and only(iptables, Verdict.UNTOUCHED) and only(nftables, Verdict.DROPPED)


def _external_from_node(packet: Packet, services: Services, iptables: Fates, nftables: Fates) -> bool:
    """No endpoints behind an external address, and the node itself asks: iptables has no rule for that in OUTPUT."""
    found = services.of(packet)
    applies = not packet.interface and found and not any(each.categories.has_any for each in found)
    applies = applies and packet.destination not in services.cluster_ips
    return bool(applies) and only(iptables, Verdict.UNTOUCHED) and only(nftables, Verdict.REJECTED)


def _ranges_without_endpoints(packet: Packet, services: Services, iptables: Fates, nftables: Fates) -> bool:
    """No endpoints, and the source is not let in: nftables looks at the source first."""
    found = [each for each in services.of(packet) if packet.destination in each.port.load_balancer_vips]
    applies = any(each.port.load_balancer_source_ranges and not each.categories.has_any for each in found)
    without = (Verdict.REJECTED,) if packet.interface else (Verdict.UNTOUCHED, Verdict.REJECTED)
    return applies and only(iptables, *without) and only(nftables, Verdict.DROPPED)


def _loopback(packet: Packet, services: Services, iptables: Fates, nftables: Fates) -> bool:
    """Node ports of the loopback, which nftables never serves; iptables keeps strangers out where it does."""
    if not is_loopback(packet.destination) or not services.settings["iptables"].localhost_node_ports:
        return False
    is_node_port = (packet.protocol, packet.destination_port) in services.node_ports
    strange = not is_loopback(packet.source) and only(iptables, Verdict.DROPPED)
    return (is_node_port or strange) and only(nftables, Verdict.UNTOUCHED)


def _node_port_addresses(packet: Packet, services: Services, iptables: Fates, nftables: Fates) -> bool:
    """Node ports of addresses that only iptables serves, for the default is all there and the primary ones here."""
    applies = (packet.protocol, packet.destination_port) in services.node_ports
    applies = applies and services.serves_node_port("iptables", packet)
    applies = applies and not services.serves_node_port("nftables", packet)
    return applies and only(nftables, Verdict.UNTOUCHED)


def _refused_node_port(packet: Packet, services: Services, iptables: Fates, nftables: Fates) -> bool:
    """Node ports without endpoints, at an address where none are served: iptables refuses at every address."""
    applies = (packet.protocol, packet.destination_port) in services.node_ports
    applies = applies and not services.serves_node_port("nftables", packet)
    return applies and only(iptables, Verdict.REJECTED, Verdict.DROPPED) and only(nftables, Verdict.UNTOUCHED)


def _health_check(packet: Packet, services: Services, iptables: Fates, nftables: Fates) -> bool:
    """Health check node ports: iptables lets them in by name."""
    applies = packet.protocol == "tcp" and packet.destination_port in services.health_checks
    return applies and list(iptables) == [Fate(Verdict.ACCEPTED)] and only(nftables, Verdict.UNTOUCHED)


def _remote_hairpin(packet: Packet, services: Services, iptables: Fates, nftables: Fates) -> bool:
    """An endpoint of another node that reaches itself by way of this node: nftables does not masquerade that."""
    found: Counter[Fate] = Counter()
    for fate, probability in nftables.items():
        itself = fate.endpoint.startswith(endpoint_text(packet.source, 0)[:-1])
        remote = itself and fate.endpoint in services.remote_endpoints
        found[fate._replace(masqueraded=fate.masqueraded or remote)] += probability  # type: ignore[assignment]
    return found != nftables and found == iptables


def _shared_address(packet: Packet, services: Services, iptables: Fates, nftables: Fates) -> bool:
    """An address and port of two Services: whose it is depends on the order of the rules, or of the changes."""
    return len(services.of(packet)) > 1


Difference = Callable[[Packet, Services, Fates, Fates], bool]
DIFFERENCES: Mapping[str, Difference] = {
    "undefined port of a cluster IP": _undefined_port,
    "unallocated cluster IP": _unallocated,
    "external address without endpoints, from the node": _external_from_node,
    "source ranges without endpoints": _ranges_without_endpoints,
    "node ports of the loopback": _loopback,
    "node port addresses": _node_port_addresses,
    "node port without endpoints": _refused_node_port,
    "health check node port": _health_check,
    "hairpin of another node's endpoint": _remote_hairpin,
    "address and port of two Services": _shared_address,
}


def difference(packet: Packet, services: Services, iptables: Fates, nftables: Fates) -> str | None:
    """Return the name of the difference that explains two outcomes; None if nothing does."""
    for name, explains in DIFFERENCES.items():
        if explains(packet, services, iptables, nftables):
            return name
    return None
