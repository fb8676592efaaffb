"""The first two packets of an SCTP association over raw sockets: conntrack and NAT know SCTP in kernels whose sockets
do not.

Source: RFC 9260.
"""

from __future__ import annotations

import socket
import struct
from typing import NamedTuple

INIT, INIT_ACK = 1, 2
_PROTOCOL = 132
_HEADER = struct.Struct("!HHII")
_CHUNK = struct.Struct("!BBH")
_INIT = struct.Struct("!IIHHI")
_COOKIE = 7
_PKTINFO, _RECVPKTINFO = 50, 49


class Packet(NamedTuple):
    """An INIT or INIT ACK."""

    kind: int
    source: str
    destination: str
    from_port: int
    to_port: int
    tag: int
    """The tag that the other side must use from now on."""
    verification_tag: int = 0
    cookie: bytes = b""

    def answer(self, cookie: bytes) -> Packet:
        """Return the INIT ACK to an INIT."""
        return Packet(
            INIT_ACK, self.destination, self.source, self.to_port, self.from_port, self.tag ^ 1, self.tag, cookie
        )


def raw_socket(*, ipv6: bool) -> socket.socket:
    """Return a socket that gets every SCTP packet of the present namespace."""
    raw = socket.socket(socket.AF_INET6 if ipv6 else socket.AF_INET, socket.SOCK_RAW, _PROTOCOL)
    if ipv6:
        raw.setsockopt(socket.IPPROTO_IPV6, _RECVPKTINFO, 1)
    raw.setblocking(False)
    return raw


def send(raw: socket.socket, packet: Packet) -> None:
    """Send a packet; the source address is what was asked for where it is not empty."""
    parameter = struct.pack("!HH", _COOKIE, 4 + len(packet.cookie)) + packet.cookie if packet.cookie else b""
    parameter += b"\0" * (-len(parameter) & 3)
    body = _INIT.pack(packet.tag, 1 << 16, 1, 1, packet.tag) + parameter
    chunk = _CHUNK.pack(packet.kind, 0, 4 + len(body)) + body
    head = (packet.from_port, packet.to_port, packet.verification_tag)
    data = _HEADER.pack(*head, 0) + chunk
    data = _HEADER.pack(*head, int.from_bytes(_crc32c(data).to_bytes(4, "little"), "big")) + chunk
    if raw.family == socket.AF_INET6:
        ancillary = []
        if packet.source:
            source = socket.inet_pton(socket.AF_INET6, packet.source) + struct.pack("=I", 0)
            ancillary = [(socket.IPPROTO_IPV6, _PKTINFO, source)]
        raw.sendmsg([data], ancillary, 0, (packet.destination, 0))
    elif packet.source:
        source = socket.inet_aton("0.0.0.0")
        info = struct.pack("=I4s4s", 0, socket.inet_aton(packet.source), source)
        raw.sendmsg([data], [(socket.IPPROTO_IP, 8, info)], 0, (packet.destination, 0))
    else:
        raw.sendto(data, (packet.destination, 0))


def receive(raw: socket.socket) -> Packet | None:
    """Return the next packet; None if it is no INIT or INIT ACK. Raises BlockingIOError."""
    if raw.family == socket.AF_INET6:
        data, ancillary, _, peer = raw.recvmsg(1 << 12, 128)
        source = peer[0]
        found = [value[:16] for _, kind, value in ancillary if kind == _PKTINFO]
        destination = socket.inet_ntop(socket.AF_INET6, found[0]) if found else ""
    else:
        whole = raw.recv(1 << 12)
        source, destination = socket.inet_ntoa(whole[12:16]), socket.inet_ntoa(whole[16:20])
        data = whole[(whole[0] & 15) * 4 :]
    from_port, to_port, verification_tag, _ = _HEADER.unpack_from(data)
    kind, _, size = _CHUNK.unpack_from(data, 12)
    if kind not in (INIT, INIT_ACK):
        return None
    tag = _INIT.unpack_from(data, 16)[0]
    cookie = b""
    if size > 20:
        length = struct.unpack_from("!HH", data, 32)[1]
        cookie = data[36 : 32 + length]
    return Packet(kind, source, destination, from_port, to_port, tag, verification_tag, cookie)


def _table() -> list[int]:
    found = []
    for value in range(256):
        for _ in range(8):
            value = (value >> 1) ^ (0x82F63B78 if value & 1 else 0)
        found.append(value)
    return found


_TABLE = _table()


def _crc32c(data: bytes) -> int:
    value = 0xFFFFFFFF
    for byte in data:
        value = (value >> 8) ^ _TABLE[(value ^ byte) & 0xFF]
    return value ^ 0xFFFFFFFF
