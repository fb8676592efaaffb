"""Tap: what passes the interface of a host, as it is on the wire; and packets that no socket would send."""

from __future__ import annotations

import select
import socket
import time
from types import TracebackType
from typing import NamedTuple

from proxy_core.kernel.netns import inside

_ALL = 0x0003
_IPV4, _IPV6 = 0x0800, 0x86DD
_OUTGOING = 4
TCP, UDP, ICMP, ICMPV6 = 6, 17, 1, 58


class Seen(NamedTuple):
    """A packet without extension headers, not a later fragment."""

    source: str
    destination: str
    protocol: int
    payload: bytes
    """Of the IP packet."""
    outgoing: bool

    @property
    def ports(self) -> tuple[int, int]:
        return _ports(self.payload)

    @property
    def is_error(self) -> bool:
        """Whether it is an ICMP error."""
        kind = self.payload[0]
        return (self.protocol == ICMP and kind in (3, 4, 5, 11, 12)) or (self.protocol == ICMPV6 and kind < 128)

    @property
    def is_port_unreachable(self) -> bool:
        return self.is_error and tuple(self.payload[:2]) == ((1, 4) if self.protocol == ICMPV6 else (3, 3))

    @property
    def inner_source(self) -> str:
        """The source of the packet that an error is about."""
        return self._inner[0]

    @property
    def inner_destination(self) -> str:
        return self._inner[1]

    @property
    def inner_port(self) -> int:
        """The destination port of the packet that an error is about."""
        return self._inner[2]

    @property
    def _inner(self) -> tuple[str, str, int]:
        found = parse(self.payload[8:], outgoing=False)
        assert found is not None
        return found.source, found.destination, found.ports[1]


def parse(data: bytes, *, outgoing: bool) -> Seen | None:
    """Read an IP packet; None if it is none that is understood here."""
    if data[:1] and data[0] >> 4 == 6 and len(data) >= 48:
        source, destination = (socket.inet_ntop(socket.AF_INET6, data[at : at + 16]) for at in (8, 24))
        return Seen(source, destination, data[6], data[40:], outgoing)
    if data[:1] and data[0] >> 4 == 4 and len(data) >= 28 and not int.from_bytes(data[6:8], "big") & 0x1FFF:
        source, destination = (socket.inet_ntoa(data[at : at + 4]) for at in (12, 16))
        return Seen(source, destination, data[9], data[(data[0] & 15) * 4 :], outgoing)
    return None


class Tap:
    """Listens at a host's eth0 (ext0 of none); what has passed waits in the socket."""

    def __init__(self, netns: str, device: str = "eth0") -> None:
        with inside(netns):
            self._socket = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, socket.htons(_ALL))
            self._socket.bind((device, _ALL))

    def __enter__(self) -> Tap:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._socket.close()

    def packets(self, seconds: float) -> list[Seen]:
        """Return what has passed so far and in so many seconds."""
        found, until = [], time.monotonic() + seconds
        while (left := until - time.monotonic()) > 0:
            if not select.select([self._socket], [], [], left)[0]:
                break
            data, address = self._socket.recvfrom(1 << 16)
            if address[1] in (_IPV4, _IPV6):
                seen = parse(data, outgoing=address[2] == _OUTGOING)
                if seen is not None:
                    found.append(seen)
        return found


def inject(netns: str, packet: bytes) -> None:
    """Send an IP packet as it is, headers included, from a host."""
    v6 = packet[0] >> 4 == 6
    destination = (
        socket.inet_ntop(socket.AF_INET6, packet[24:40]) if v6 else socket.inet_ntop(socket.AF_INET, packet[16:20])
    )
    with inside(netns):
        raw = socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
    with raw:
        raw.sendto(packet, (destination, 0))


def _ports(payload: bytes) -> tuple[int, int]:
    return int.from_bytes(payload[:2], "big"), int.from_bytes(payload[2:4], "big")
