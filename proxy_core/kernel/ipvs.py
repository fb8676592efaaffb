"""IPVS over generic netlink: virtual servers, real servers with their connections, timeouts.

Commands are packed here, about 1 µs each, and sent many in one call. What is read says nothing of counters of packets.
Source: linux/ip_vs.h.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Iterable, Iterator, Mapping, Sequence
from functools import lru_cache
from typing import NamedTuple

from proxy_core.addresses import Family
from proxy_core.ipvs.kernel import (
    HASHED,
    AddReal,
    AddServer,
    DeleteReal,
    DeleteServer,
    EditReal,
    EditServer,
    RealKey,
    RealServer,
    Refusal,
    ServerCommand,
    ServerKey,
    VirtualServer,
)
from proxy_core.kernel import genetlink
from proxy_core.kernel.netlink import (
    ACK,
    DUMP,
    NESTED,
    REQUEST,
    Message,
    Netlink,
    attr,
    each_attr,
    message,
    nest,
    text,
)
from proxy_core.kernel.netlink import Refusal as NetlinkRefusal

_NEW_SERVICE, _SET_SERVICE, _DEL_SERVICE, _GET_SERVICE, _NEW_DEST, _SET_DEST, _DEL_DEST, _GET_DEST = range(1, 9)
_COMMANDS: Mapping[type[ServerCommand], int] = {
    AddServer: _NEW_SERVICE,
    EditServer: _SET_SERVICE,
    DeleteServer: _DEL_SERVICE,
    AddReal: _NEW_DEST,
    EditReal: _SET_DEST,
    DeleteReal: _DEL_DEST,
}
_WHOLE, _WEIGHED = (AddServer, EditServer), (AddReal, EditReal)
_SET_CONFIG, _FLUSH = 12, 17
_SERVICE, _DEST, _TCP_TIMEOUT, _TCP_FIN_TIMEOUT, _UDP_TIMEOUT = 1, 2, 4, 5, 6
_AF, _PROTOCOL, _ADDRESS, _PORT, _FWMARK, _SCHEDULER, _FLAGS, _TIMEOUT, _NETMASK = range(1, 10)
_DEST_ADDRESS, _DEST_PORT, _METHOD, _WEIGHT, _UPPER, _LOWER, _ACTIVE, _INACTIVE = range(1, 9)
_MASQUERADE = 0
_PROTOCOLS = {"TCP": socket.IPPROTO_TCP, "UDP": socket.IPPROTO_UDP, "SCTP": socket.IPPROTO_SCTP}
_PROTOCOL_NAMES = {number: name for name, number in _PROTOCOLS.items()}

_HEADER = struct.Struct("=IHHIIBBxx")
"""Headers of netlink and of generic netlink."""
_ANSWER = struct.Struct("=HHHH16sHHHxxHHIHHIHHIHHIHHIHHI")
"""A real server as it is read: the nest, then address, port, method, weight, thresholds, connections."""
_ANSWER_KINDS = (_DEST_ADDRESS, _DEST_PORT, _METHOD, _WEIGHT, _UPPER, _LOWER, _ACTIVE, _INACTIVE)
_ANSWER_PLACES = (4, 7, 13, 22, 25)
_U32 = struct.Struct("=I")
_VERSION = 1


class _Layout(NamedTuple):
    """The bytes that differ between the families."""

    af: int
    key: struct.Struct
    """What identifies a virtual server: family, protocol, port, address."""
    real: struct.Struct
    """A real server: the nest, address, port, method, weight, thresholds."""
    netmask: int
    """All ones: as a mask (IPv4) or as a length (IPv6)."""


_LAYOUTS: Mapping[Family, _Layout] = {
    "IPv4": _Layout(
        socket.AF_INET, struct.Struct("=HHHxxHHHxxHHHxxHH4s"), struct.Struct("=HHHH4sHHHxxHHIHHIHHIHHI"), 0xFFFFFFFF
    ),
    "IPv6": _Layout(
        socket.AF_INET6, struct.Struct("=HHHxxHHHxxHHHxxHH16s"), struct.Struct("=HHHH16sHHHxxHHIHHIHHIHHI"), 128
    ),
}


class IpvsServers:
    """The virtual servers of one family in the network namespace where this is made.

    Implements `proxy_core.ipvs.kernel.Servers`.
    """

    def __init__(self, family: Family) -> None:
        """Open it. Raises KernelError where the kernel has no ip_vs."""
        self._layout = _LAYOUTS[family]
        self._link = Netlink(genetlink.PROTOCOL)
        try:
            self._type = genetlink.family_number(self._link, "IPVS", "load the module ip_vs (modprobe ip_vs)")
        except BaseException:
            self._link.close()
            raise

    def close(self) -> None:
        """Close the socket; the virtual servers stay."""
        self._link.close()

    def run(self, commands: Sequence[ServerCommand]) -> Sequence[Refusal]:
        """Carry out commands in their order; return those that the kernel has refused. Raises KernelError."""
        first = self._link.sequence(len(commands))
        refused = self._link.batch(self._packed(commands, first), first)
        return [Refusal(each.seq - first, _words(commands[each.seq - first], each)) for each in refused]

    def dump(self) -> Mapping[VirtualServer, Sequence[RealServer]]:
        """Return all virtual servers of the family with their real servers. Raises KernelError."""
        servers = list(self._servers(self._ask("virtual servers", _GET_SERVICE, b"", DUMP)))
        reals = self.reals([server.key for server in servers])
        return {server: reals.get(server.key, ()) for server in servers}

    def reals(self, keys: Sequence[ServerKey]) -> Mapping[ServerKey, Sequence[RealServer]]:
        """Return the real servers of some virtual servers; none for one that is gone. Raises KernelError."""
        return {
            key: [
                self._real(answer.payload)
                for answer in self._ask(f"virtual server {key}", _GET_DEST, nest(_SERVICE, self._key(key)), DUMP)
            ]
            for key in keys
        }

    def set_timeouts(self, tcp: int, tcp_fin: int, udp: int) -> None:
        """Set timeouts of idle connections in seconds; 0 leaves one as it is. Raises KernelError."""
        times = {_TCP_TIMEOUT: tcp, _TCP_FIN_TIMEOUT: tcp_fin, _UDP_TIMEOUT: udp}
        self._ask(
            "timeouts of ipvs", _SET_CONFIG, b"".join(attr(kind, _U32.pack(each)) for kind, each in times.items())
        )

    def flush(self) -> None:
        """Delete all virtual servers of both families. Raises KernelError."""
        self._ask("virtual servers", _FLUSH, b"")

    def _ask(self, what: str, command: int, payload: bytes, flags: int = ACK) -> list[Message]:
        number = self._link.sequence()
        head = genetlink.HEADER.pack(command, _VERSION)
        return self._link.ask(what, message(self._type, REQUEST | flags, number, head + payload), number)

    def _packed(self, commands: Iterable[ServerCommand], first: int) -> Iterator[bytes]:
        """Yield commands as messages numbered on from `first`."""
        header, kind = _HEADER.pack, self._type
        last: ServerKey | None = None
        service = b""
        for number, each in enumerate(commands, first):
            if isinstance(each, _WHOLE):
                key, *options = each.server
                payload = nest(_SERVICE, self._key(key), _options(*options, self._layout.netmask))
            else:
                key = each[0]
                if key is not last:  # the real servers of a virtual one stand together
                    last, service = key, nest(_SERVICE, self._key(key))
                payload = service
                if isinstance(each, _WEIGHED):
                    payload += self._real_bytes(each.real, each.weight)
                elif isinstance(each, DeleteReal):
                    payload += self._real_bytes(each.real, 0)
            yield header(20 + len(payload), kind, REQUEST, number, 0, _COMMANDS[type(each)], _VERSION) + payload

    def _key(self, key: ServerKey) -> bytes:
        """Return the attributes that identify a virtual server."""
        layout = self._layout
        address = socket.inet_pton(layout.af, key.address)
        # fmt: off
        return layout.key.pack(
            6, _AF, layout.af,
            6, _PROTOCOL, _PROTOCOLS[key.protocol],
            6, _PORT, socket.htons(key.port),
            4 + len(address), _ADDRESS, address,
        )
        # fmt: on

    def _real_bytes(self, real: RealKey, weight: int) -> bytes:
        """Return a real server as an attribute."""
        layout = self._layout
        size, address = layout.real.size, socket.inet_pton(layout.af, real.address)
        # fmt: off
        return layout.real.pack(
            size, _DEST | NESTED,
            4 + len(address), _DEST_ADDRESS, address,
            6, _DEST_PORT, socket.htons(real.port),
            8, _METHOD, _MASQUERADE,
            8, _WEIGHT, weight,
            8, _UPPER, 0,
            8, _LOWER, 0,
        )
        # fmt: on

    def _servers(self, answers: Iterable[Message]) -> Iterator[VirtualServer]:
        """Yield the virtual servers of the family; those of a firewall mark are not ours."""
        for answer in answers:
            found = _inner(answer.payload)
            if int.from_bytes(found[_AF], "little") != self._layout.af or _FWMARK in found:
                continue
            protocol = int.from_bytes(found[_PROTOCOL], "little")
            key = ServerKey(
                self._address(found[_ADDRESS]),
                int.from_bytes(found[_PORT], "big"),
                _PROTOCOL_NAMES.get(protocol, str(protocol)),
            )
            (flags,) = _U32.unpack_from(found[_FLAGS])
            (timeout,) = _U32.unpack(found[_TIMEOUT])
            yield VirtualServer(key, found[_SCHEDULER].rstrip(b"\0").decode(), flags & ~HASHED, timeout)

    def _real(self, payload: bytes) -> RealServer:
        values = _ANSWER.unpack_from(payload, genetlink.HEADER.size)
        if values[3::3] == _ANSWER_KINDS:  # the order in which every kernel so far has them
            address, port, weight, active, inactive = (values[place] for place in _ANSWER_PLACES)
        else:
            found = _inner(payload)
            address, port = found[_DEST_ADDRESS], int.from_bytes(found[_DEST_PORT], "little")
            weight, active, inactive = (_U32.unpack(found[kind])[0] for kind in (_WEIGHT, _ACTIVE, _INACTIVE))
        return RealServer(RealKey(self._address(address), socket.ntohs(port)), weight, active, inactive)

    def _address(self, data: bytes) -> str:
        """Return an address from the union in which the kernel keeps those of both families."""
        return socket.inet_ntop(self._layout.af, data[: 4 if self._layout.af == socket.AF_INET else 16])


@lru_cache(maxsize=1 << 10)
def _options(scheduler: str, flags: int, timeout: int, netmask: int) -> bytes:
    """Return the attributes of a virtual server that can change."""
    return (
        text(_SCHEDULER, scheduler)
        + attr(_FLAGS, struct.pack("=II", flags, 0xFFFFFFFF))
        + attr(_TIMEOUT, _U32.pack(timeout))
        + attr(_NETMASK, _U32.pack(netmask))
    )


def _inner(payload: bytes) -> dict[int, bytes]:
    """Return the attributes of the one object that an answer holds."""
    _, inner = next(each_attr(payload, genetlink.HEADER.size))
    return dict(each_attr(inner))


def _words(command: ServerCommand, refusal: NetlinkRefusal) -> str:
    """Say what a refused command concerns, and why it was refused."""
    reason = str(refusal)
    match command:
        case AddServer(server) | EditServer(server):
            what = f"virtual server {server.key}"
            if refusal.errno == errno.ENOENT:
                reason = f"the kernel has no scheduler {server.scheduler}"
        case DeleteServer(key):
            what = f"virtual server {key}"
        case AddReal(key, real) | EditReal(key, real) | DeleteReal(key, real):
            what = f"real server {real} of virtual server {key}"
    if refusal.errno == errno.ESRCH:  # says "No such process"
        reason = "there is no such virtual server"
    return f"{what}: {reason}"
