"""What is traced: a packet, the node that it meets, and the clients that the node remembers."""

from __future__ import annotations

from collections.abc import Iterable
from functools import lru_cache
from typing import Literal, NamedTuple

from proxy_core.addresses import Family, endpoint_text, family_of, is_loopback, parse_ip
from proxy_core.settings import Interfaces, Settings

Protocol = Literal["tcp", "udp", "sctp"]
ConnectionState = Literal["NEW", "ESTABLISHED", "INVALID"]
LOOPBACK = "lo"
UPLINK = "eth0"
"""By which packets of other machines come in, unless told otherwise."""

Memory = frozenset[tuple[str, tuple[str, ...]]]
"""Clients that session affinity remembers: (set or list, key), the key as a tuple of texts."""


class Packet(NamedTuple):
    """The first packet of a connection, unless ``state`` says otherwise; addresses in canonical form."""

    protocol: Protocol
    source: str
    source_port: int
    destination: str
    destination_port: int
    interface: str = ""
    """By which it comes in; empty: the node itself has made it."""
    state: ConnectionState = "NEW"

    @property
    def family(self) -> Family:
        return family_of(self.destination)

    def __str__(self) -> str:
        source = endpoint_text(self.source, self.source_port)
        target = endpoint_text(self.destination, self.destination_port)
        way = f"arriving by {self.interface}" if self.interface else "from the node itself"
        return f"{self.protocol} {source} -> {target}, {way}"


class World(NamedTuple):
    """What matters of the node beside rules."""

    addresses: frozenset[str]
    """The node's own, in canonical form; the loopback need not be among them."""

    def is_local(self, address: str) -> bool:
        """Tell whether the node takes packets to an address for its own."""
        return address in self.addresses or _is_loopback(address)

    def with_addresses(self, more: Iterable[str]) -> World:
        """Return the node with further addresses."""
        return World(self.addresses.union(more))


_is_loopback = lru_cache(maxsize=1 << 16)(is_loopback)


def world_of(interfaces: Interfaces) -> World:
    """Return the node that has some interfaces."""
    texts = (text.partition("/")[0] for each in interfaces.values() for text in each)
    return World(frozenset(ip for ip in map(parse_ip, texts) if ip is not None))


def pod_interface(settings: Settings, number: int = 0) -> str:
    """Return an interface by which packets of this node's pods come in, as the local traffic detector knows them."""
    detector = settings.detector
    return detector.bridge or f"{detector.interface_prefix or 'veth'}{number}"
