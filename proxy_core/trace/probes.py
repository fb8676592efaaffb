"""Packets that find out what a proxy does: every kind of source to every kind of destination, drawn by chance.

Two backends that serve the same state are held against each other with them. What must come out is not known here.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from ipaddress import ip_address, ip_network
from random import Random
from typing import NamedTuple

from proxy_core.addresses import family_of, is_loopback, parse_ip
from proxy_core.model.state import ProxyState, Wanted
from proxy_core.settings import Settings
from proxy_core.trace.packet import UPLINK, Packet, Protocol, pod_interface

_PROTOCOLS: tuple[Protocol, ...] = ("tcp", "udp", "sctp")
_OUTSIDE = {"IPv4": "203.0.113.0/24", "IPv6": "2001:db8:ffff::/64"}
_LOOPBACK = {"IPv4": "127.0.0.1", "IPv6": "::1"}


class Source(NamedTuple):
    """Where a packet comes from."""

    address: str
    interface: str


class Target(NamedTuple):
    """Where a packet goes to."""

    address: str
    protocol: Protocol
    port: int


def probes(state: ProxyState, settings: Settings, seed: int, count: int) -> Iterator[Packet]:
    """Yield so many packets, the same ones for the same seed; the state is that of the last sync."""
    prober = _Prober(state, settings, Random(seed))
    for _ in range(count):
        yield prober.packet()


class _Prober:
    """Draws packets for a state."""

    def __init__(self, state: ProxyState, settings: Settings, random: Random) -> None:
        self.settings, self.random, self.family = settings, random, settings.family
        self.wanted = [state.wanted[name] for name in sorted(state.wanted)]
        self.cidrs = state.service_cidrs
        ips = [parse_ip(text.partition("/")[0]) for each in settings.interfaces().values() for text in each]
        self.node = sorted(
            {ip for ip in ips if ip is not None and family_of(ip) == self.family and not is_loopback(ip)}
        )
        self.local = sorted({end.ip for each in self.wanted for end in each.endpoints if end.is_local})
        self.remote = sorted({end.ip for each in self.wanted for end in each.endpoints if not end.is_local})

    def packet(self) -> Packet:
        """Return a packet to a service port, or to something beside one."""
        wanted = self.random.choice(self.wanted) if self.wanted else None
        target = self._target(wanted)
        source = self._source(wanted)
        port = self.random.randrange(32768, 61000)
        return Packet(target.protocol, source.address, port, target.address, target.port, source.interface)

    def _source(self, wanted: Wanted | None) -> Source:
        kinds: Sequence[Callable[[Wanted | None], Source | None]] = (
            self._pod, self._pod, self._remote_pod, self._hairpin, self._own, self._own, self._loopback,
            self._outside, self._outside, self._allowed, self._balancer,
        )  # fmt: skip
        return self.random.choice(kinds)(wanted) or self._outside(wanted)

    @property
    def _pod_interface(self) -> str:
        return pod_interface(self.settings, self.random.randrange(100))

    def _pod(self, wanted: Wanted | None) -> Source | None:
        """A pod of this node that is no endpoint, or some endpoint of this node."""
        cidr = self.settings.detector.cidr
        if cidr and (not self.local or self.random.random() < 0.5):
            return Source(self._within(cidr), self._pod_interface)
        return self._here(self.random.choice(self.local)) if self.local else None

    def _here(self, address: str) -> Source:
        """Return a source on this node: a pod, or the node itself."""
        return Source(address, "" if address in self.node else self._pod_interface)

    def _remote_pod(self, wanted: Wanted | None) -> Source | None:
        return Source(self.random.choice(self.remote), UPLINK) if self.remote else None

    def _hairpin(self, wanted: Wanted | None) -> Source | None:
        """An endpoint of the service port itself, if there is one on this node."""
        ends = [each for each in wanted.endpoints if each.is_local] if wanted is not None else []
        return self._here(self.random.choice(ends).ip) if ends else None

    def _own(self, wanted: Wanted | None) -> Source | None:
        return Source(self.random.choice(self.node), "") if self.node else None

    def _loopback(self, wanted: Wanted | None) -> Source | None:
        return Source(_LOOPBACK[self.family], "")

    def _outside(self, wanted: Wanted | None) -> Source:
        return Source(self._within(_OUTSIDE[self.family]), UPLINK)

    def _allowed(self, wanted: Wanted | None) -> Source | None:
        """Somebody whom the source ranges let in."""
        ranges = wanted.port.load_balancer_source_ranges if wanted is not None else ()
        return Source(self._within(self.random.choice(ranges)), UPLINK) if ranges else None

    def _balancer(self, wanted: Wanted | None) -> Source | None:
        """The load balancer's own address."""
        vips = wanted.port.load_balancer_vips if wanted is not None else ()
        address = self.random.choice(vips) if vips else ""
        return Source(address, "" if address in self.node else UPLINK) if vips else None

    def _target(self, wanted: Wanted | None) -> Target:
        if wanted is None or self.random.random() < 0.05:
            return self._unallocated()
        port = wanted.port
        protocol = self._protocol(port.protocol)
        targets = [Target(ip, protocol, port.port) for ip in (port.cluster_ip, *port.external_ips)]
        targets += [Target(ip, protocol, port.port) for ip in port.load_balancer_vips]
        if port.node_port:
            addresses = [*self.node, _LOOPBACK[self.family]]
            targets += [Target(self.random.choice(addresses), protocol, port.node_port) for _ in range(2)]
        target = self.random.choice(targets)
        chance = self.random.random()
        if chance < 0.08:
            return target._replace(port=self.random.randrange(1, 65536))
        if chance < 0.16:
            return target._replace(protocol=self.random.choice(_PROTOCOLS))
        if chance < 0.2 and wanted.endpoints:
            end = self.random.choice(wanted.endpoints)
            return Target(end.ip, protocol, end.port)
        if chance < 0.24 and port.health_check_node_port and self.node:
            return Target(self.random.choice(self.node), "tcp", port.health_check_node_port)
        if chance < 0.28:
            other = self.random.choice(self.wanted).port
            return Target(target.address, self._protocol(other.protocol), other.port)
        return target

    def _protocol(self, name: str) -> Protocol:
        return next(each for each in _PROTOCOLS if each == name.lower())

    def _unallocated(self) -> Target:
        """An address of the services' networks that is probably nobody's, or one far away."""
        network = self.random.choice(self.cidrs) if self.cidrs else _OUTSIDE[self.family]
        return Target(self._within(network), self.random.choice(_PROTOCOLS), self.random.randrange(1, 65536))

    def _within(self, cidr: str) -> str:
        network = ip_network(cidr)
        return str(ip_address(int(network.network_address) + self.random.randrange(network.num_addresses)))
