"""NetlinkConntrack: the flows of UDP that the kernel tracks in one family, read and deleted over netlink.

Which flows are to go is decided in `proxy_core.conntrack`. The kernel is asked for UDP alone (before Linux 5.9 it sends
everything, and the rest is left out here); upstream reads the whole table.
Source: linux/netfilter/nfnetlink_conntrack.h.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import struct
from collections.abc import Sequence

from proxy_core.addresses import Family
from proxy_core.conntrack import Flow
from proxy_core.errors import KernelError
from proxy_core.kernel.netlink import (
    ACK,
    DONE,
    DUMP,
    ERROR,
    INTERRUPTED,
    NETFILTER,
    REQUEST,
    Closing,
    Message,
    Netlink,
    NetlinkError,
    attr,
    attrs,
    each_attr,
    message,
    nest,
    refusal_of,
)
from proxy_core.kernel.netns import inside

_GET, _DELETE = 0x101, 0x102
_ORIGINAL, _REPLY, _ID, _ZONE, _FILTER = 1, 2, 12, 18, 25
_TUPLE_IP, _TUPLE_PROTOCOL = 1, 2
_NUMBER, _SOURCE_PORT, _DESTINATION_PORT = 1, 2, 3
_FILTER_ORIGINAL_FLAGS, _FILTER_NUMBER = 1, 1 << 3
_HANDLE = (_ORIGINAL, _ZONE, _ID)
"""What a flow is deleted by. With its number: a new one with the same addresses stays."""
_TRIES = 5
_BATCH = 200
"""Deletions that are sent in one call."""
_HEAD = 4
"""Bytes of struct nfgenmsg."""


class NetlinkConntrack(Closing):
    """The flows of a family in a network namespace (None: the present one)."""

    def __init__(self, family: Family, *, netns: str | None = None) -> None:
        """Open a socket. Raises KernelError where the kernel has no netfilter or the namespace is not there."""
        self.family = family
        self._af = socket.AF_INET6 if family == "IPv6" else socket.AF_INET
        self._source, self._destination = (3, 4) if family == "IPv6" else (1, 2)
        # Where a tuple has its usual layout, it is read at one go: that takes a tenth of the time.
        size = 16 if family == "IPv6" else 4
        self._tuple = struct.Struct(f">12x{size}s4x{size}s8xB7xH6xH2x")
        self._reply = _HEAD + self._tuple.size
        addresses = nest(_TUPLE_IP, attr(self._source, bytes(size)), attr(self._destination, bytes(size)))
        ports = (attr(_SOURCE_PORT, bytes(2)), attr(_DESTINATION_PORT, bytes(2)))
        usual = nest(_TUPLE_PROTOCOL, attr(_NUMBER, b"\0"), *ports)
        self._heads = [nest(kind, addresses, usual)[:8] for kind in (_ORIGINAL, _REPLY)]
        with inside(netns):
            self._netlink = Netlink(NETFILTER)

    def close(self) -> None:
        """Close the socket."""
        self._netlink.close()

    def udp_flows(self) -> list[Flow]:
        """Return all flows of UDP; those that come and go meanwhile may be missing. Raises KernelError."""
        udp = nest(_TUPLE_PROTOCOL, attr(_NUMBER, bytes([socket.IPPROTO_UDP])))
        flags = nest(_FILTER, attr(_FILTER_ORIGINAL_FLAGS, _FILTER_NUMBER.to_bytes(4, "little")))
        asked = bytes([self._af, 0, 0, 0]) + nest(_ORIGINAL, udp) + flags
        answers: list[Message] = []
        for _ in range(_TRIES):
            number = self._netlink.sequence()
            try:
                answers = self._netlink.ask("conntrack", message(_GET, REQUEST | DUMP, number, asked), number)
            except NetlinkError as refused:
                raise _without_module(refused) from None
            if not any(each.flags & INTERRUPTED for each in answers):
                break
        return [flow for each in answers if (flow := self._flow(each.payload)) is not None]

    def delete(self, flows: Sequence[Flow]) -> int:
        """Delete flows; return how many were there still. Raises KernelError, when all have been tried."""
        deleted = 0
        refused: NetlinkError | None = None
        for start in range(0, len(flows), _BATCH):
            part = flows[start : start + _BATCH]
            first = self._netlink.sequence(len(part))
            head, last = bytes([self._af, 0, 0, 0]), first + len(part) - 1
            self._netlink.send(
                b"".join(
                    message(_DELETE, REQUEST | (ACK if number == last else 0), number, head + _handle(flow.handle))
                    for number, flow in enumerate(part, first)
                )
            )
            deleted += len(part)
            for error in self._refusals(last):
                deleted -= 1
                if error.refusal.errno != errno.ENOENT:
                    refused = refused or error
        if refused is not None:
            raise refused
        return deleted

    def _refusals(self, last: int) -> list[NetlinkError]:
        """Read answers up to that to message `last`."""
        found: list[NetlinkError] = []
        while True:
            for each in self._netlink.receive():
                if each.type not in (ERROR, DONE):
                    continue
                refusal = refusal_of(each)
                if refusal is not None:
                    found.append(NetlinkError("conntrack: a flow cannot be deleted", refusal))
                if each.seq == last:
                    return found

    def _flow(self, payload: bytes) -> Flow | None:
        """Return the flow of an answer; None if it is not one of UDP."""
        if payload.startswith(self._heads[0], _HEAD) and payload.startswith(self._heads[1], self._reply):
            _, address, number, _, port = self._tuple.unpack_from(payload, _HEAD)
            replier, _, _, replier_port, _ = self._tuple.unpack_from(payload, self._reply)
        else:
            original, reply = (attrs(attrs(payload, _HEAD)[kind]) for kind in (_ORIGINAL, _REPLY))
            protocol, answers = attrs(original[_TUPLE_PROTOCOL]), attrs(reply[_TUPLE_PROTOCOL])
            address = attrs(original[_TUPLE_IP])[self._destination]
            replier = attrs(reply[_TUPLE_IP])[self._source]
            number = protocol[_NUMBER][0]
            if number == socket.IPPROTO_UDP:
                port = int.from_bytes(protocol[_DESTINATION_PORT], "big")
                replier_port = int.from_bytes(answers[_SOURCE_PORT], "big")
        if number != socket.IPPROTO_UDP:
            return None
        return Flow(_address(address), port, _address(replier), replier_port, payload)


def _handle(payload: bytes) -> bytes:
    """Return the attributes by which the flow of an answer is deleted."""
    return b"".join(attr(kind, value) for kind, value in each_attr(payload, _HEAD) if kind in _HANDLE)


def _address(packed: bytes) -> str:
    return socket.inet_ntoa(packed) if len(packed) == 4 else str(ipaddress.IPv6Address(packed))


def _without_module(refused: NetlinkError) -> KernelError:
    """Return what to say where the kernel does not know the subsystem."""
    if refused.refusal.errno in (errno.EINVAL, errno.EOPNOTSUPP):
        return KernelError(f"the kernel cannot list connections: modprobe nf_conntrack_netlink ({refused.refusal})")
    return refused
