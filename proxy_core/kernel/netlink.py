"""Netlink: messages and attributes as bytes, and a socket that sends many of them in one call.

`struct` costs about 1 µs an element where pyroute2's classes cost about 63 µs; a few functions are all that is needed.
Source: linux/netlink.h; RFC 3549.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
from abc import ABC, abstractmethod
from collections.abc import Iterable, Iterator
from contextlib import suppress
from types import TracebackType
from typing import NamedTuple, Self

from proxy_core.errors import KernelError

ERROR, DONE = 2, 3
NETFILTER = 12
"""The protocol of nf_tables, ipset, conntrack and nfacct."""
REQUEST, ACK, DUMP, EXCL, CREATE, APPEND = 0x1, 0x4, 0x300, 0x200, 0x400, 0x800
INTERRUPTED = 0x10
"""Flag of a dump during which something has changed."""
NESTED = 0x8000
_TYPE_MASK = 0x3FFF
_CAPPED, _ACK_TLVS = 0x100, 0x200
_ATTR_MSG, _ATTR_OFFS = 1, 2
_SO_SNDBUFFORCE, _SO_RCVBUFFORCE = 32, 33
_RECEIVE_BYTES = 1 << 20
_SOL_NETLINK, _CAP_ACK, _EXT_ACK, _STRICT = 270, 10, 11, 12

_HEADER = struct.Struct("=IHHII")
_ATTR = struct.Struct("=HH")
_SEQ = struct.Struct("=I")
_FLAGS_AT, _SEQ_AT = 6, 8
_CALL_BYTES = 60_000
"""How much one call of `batch` sends: more is not faster, and needs larger buffers."""


class Message(NamedTuple):
    """A message from the kernel."""

    type: int
    flags: int
    seq: int
    payload: bytes


class Refusal(NamedTuple):
    """A message that the kernel refused."""

    seq: int
    errno: int
    reason: str
    """The kernel's own words, if it has any."""
    offset: int = 0
    """Where in the message what it refused is; 0 if it does not say."""
    payload: bytes = b""
    """All of the kernel's answer."""

    def __str__(self) -> str:
        return f"{os.strerror(self.errno)}: {self.reason}" if self.reason else os.strerror(self.errno)


class NetlinkError(KernelError):
    """The kernel refused a message."""

    def __init__(self, what: str, refusal: Refusal) -> None:
        super().__init__(f"{what}: {refusal}")
        self.refusal = refusal


def attr(kind: int, value: bytes) -> bytes:
    """Return an attribute, padded to four bytes."""
    size = 4 + len(value)
    return _ATTR.pack(size, kind) + value + b"\0" * (-size & 3)


def nest(kind: int, *attrs: bytes) -> bytes:
    """Return an attribute that holds others."""
    return attr(kind | NESTED, b"".join(attrs))


def text(kind: int, value: str) -> bytes:
    """Return a string attribute with its final zero."""
    return attr(kind, value.encode() + b"\0")


def be32(kind: int, value: int) -> bytes:
    """Return a 32 bit number in network order."""
    return attr(kind, value.to_bytes(4, "big"))


def be64(kind: int, value: int) -> bytes:
    """Return a 64 bit number in network order."""
    return attr(kind, value.to_bytes(8, "big"))


def message(kind: int, flags: int, seq: int, payload: bytes) -> bytes:
    """Return a message; the kernel fills in who sends it."""
    return _HEADER.pack(16 + len(payload), kind, flags, seq, 0) + payload + b"\0" * (-len(payload) & 3)


def attrs(payload: bytes, start: int = 0) -> dict[int, bytes]:
    """Return the attributes of a payload by type, without the flag of nesting; of a repeated type the last."""
    return dict(each_attr(payload, start))


def each_attr(payload: bytes, start: int = 0) -> Iterator[tuple[int, bytes]]:
    """Yield type and value of the attributes of a payload, one after the other."""
    at, end = start, len(payload)
    while at + 4 <= end:
        size, kind = _ATTR.unpack_from(payload, at)
        if size < 4:
            return
        yield kind & _TYPE_MASK, payload[at + 4 : at + size]
        at += (size + 3) & ~3


class Closing(ABC):
    """Something that is closed at the end of a block."""

    @abstractmethod
    def close(self) -> None:
        """Close the socket."""

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


class Netlink(Closing):
    """A netlink socket of the network namespace in which it is made."""

    def __init__(self, protocol: int, *, receive_bytes: int = 1 << 23, send_bytes: int = 1 << 26) -> None:
        """Open it. Raises KernelError where the kernel does not have the protocol."""
        try:
            self._socket = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, protocol)
        except OSError as refused:
            remedy = ": modprobe nfnetlink" if protocol == NETFILTER and refused.errno == errno.EPROTONOSUPPORT else ""
            raise KernelError(f"netlink protocol {protocol}: {refused.strerror}{remedy}") from None
        self._seq = 0
        self._set_size(_SO_RCVBUFFORCE, socket.SO_RCVBUF, receive_bytes)
        self._send_bytes = self._set_size(_SO_SNDBUFFORCE, socket.SO_SNDBUF, send_bytes)
        # Kept: fresh memory for each datagram costs more than it holds.
        self._view = memoryview(bytearray(_RECEIVE_BYTES))
        for option in (_CAP_ACK, _EXT_ACK):
            self._socket.setsockopt(_SOL_NETLINK, option, 1)
        self._socket.bind((0, 0))

    def close(self) -> None:
        """Close the socket."""
        self._socket.close()

    def strict(self) -> None:
        """Let the kernel heed what the head of a request for a dump says: an index, a family."""
        with suppress(OSError):  # Linux before 4.20 ignores it
            self._socket.setsockopt(_SOL_NETLINK, _STRICT, 1)

    def sequence(self, count: int = 1) -> int:
        """Reserve sequence numbers; return the first."""
        first = self._seq + 1
        self._seq += count
        return first

    def send(self, data: bytes) -> None:
        """Send messages in one call. Raises KernelError where they do not fit into the socket's buffer."""
        if len(data) > self._send_bytes:
            self._send_bytes = self._set_size(_SO_SNDBUFFORCE, socket.SO_SNDBUF, len(data))
        try:
            self._socket.sendto(data, (0, 0))
        except OSError as refused:
            remedy = ""
            if refused.errno == errno.EMSGSIZE:
                remedy = "; it takes CAP_NET_ADMIN in the first user namespace, or a higher sysctl net.core.wmem_max"
            raise KernelError(f"netlink: {len(data)} bytes could not be sent: {refused.strerror}{remedy}") from None

    def _set_size(self, forced: int, plain: int, size: int) -> int:
        """Set the size of a buffer; return it.

        To force it takes CAP_NET_ADMIN in the first user namespace; without it the system's limits hold.
        """
        try:
            self._socket.setsockopt(socket.SOL_SOCKET, forced, size)
        except PermissionError:
            self._socket.setsockopt(socket.SOL_SOCKET, plain, size)
        return size

    def receive(self, *, wait: bool = True) -> list[Message]:
        """Return the messages of one datagram; none if `wait` is false and there is none."""
        try:
            received = self._socket.recv_into(self._view, 0, 0 if wait else socket.MSG_DONTWAIT)
        except BlockingIOError:
            return []
        except OSError as lost:
            if lost.errno == errno.ENOBUFS:
                reason = "the kernel had more to say than the socket's buffer holds; raise the sysctl net.core.rmem_max"
                raise KernelError(f"netlink: {reason}") from None
            raise KernelError(f"netlink: {lost.strerror}") from None
        return _messages(bytes(self._view[:received]))

    def drain(self) -> tuple[list[Message], bool]:
        """Return the messages that have come, without waiting, and whether more were lost for want of room.

        For requests that the kernel has carried out when they are sent, as those to nf_tables. Raises KernelError.
        """
        found: list[Message] = []
        lost = False
        while True:
            try:
                found += _messages(self._socket.recv(_RECEIVE_BYTES, socket.MSG_DONTWAIT))
            except BlockingIOError:
                return found, lost
            except OSError as reason:
                if reason.errno != errno.ENOBUFS:
                    raise KernelError(f"netlink: {reason.strerror}") from None
                lost = True

    def ask(self, what: str, data: bytes, last: int) -> list[Message]:
        """Send messages of which the one numbered `last` asks for an acknowledgement (or a dump).

        Return the answers. Raises NetlinkError with the first refusal; all messages have been looked at by then.
        """
        answers, refusals = self.exchange(data, last)
        if refusals:
            raise NetlinkError(what, refusals[0])
        return answers

    def exchange(self, data: bytes, last: int) -> tuple[list[Message], list[Refusal]]:
        """Do as `ask` does, but return the refusals beside the answers."""
        (first,) = _SEQ.unpack_from(data, _SEQ_AT)
        self.send(data)
        answers: list[Message] = []
        refusals: list[Refusal] = []
        while True:
            for each in self.receive():
                if not first <= each.seq <= last:
                    continue  # left over from a call that was broken off
                if each.type not in (ERROR, DONE):
                    answers.append(each)
                    continue
                refusal = refusal_of(each)
                if refusal is not None:
                    refusals.append(refusal)
                if each.seq == last:
                    return answers, refusals

    def batch(self, messages: Iterable[bytes], first: int) -> list[Refusal]:
        """Send messages numbered on from `first`, many in one call, with an acknowledgement for the last of each call.

        Return what the kernel refuses; it does not keep the other messages from being carried out.
        """
        refusals: list[Refusal] = []
        data, start, number = bytearray(), 0, first - 1
        for each in messages:
            if len(data) >= _CALL_BYTES:
                refusals += self._acknowledged(data, start, number)
                data.clear()
            start = len(data)
            data += each
            number += 1
        return refusals + self._acknowledged(data, start, number) if data else refusals

    def _acknowledged(self, data: bytearray, start: int, number: int) -> list[Refusal]:
        """Send messages of which the last begins at `start` and has this number, and wait until it is done."""
        data[start + _FLAGS_AT] |= ACK
        return self.exchange(bytes(data), number)[1]


def _messages(data: bytes) -> list[Message]:
    found, at = [], 0
    while at + 16 <= len(data):
        size, kind, flags, seq, _ = _HEADER.unpack_from(data, at)
        found.append(Message(kind, flags, seq, data[at + 16 : at + size]))
        at += (size + 3) & ~3
    return found


def refusal_of(reply: Message) -> Refusal | None:
    """Return what an error message says; None if it is an acknowledgement."""
    code = -int.from_bytes(reply.payload[:4], "little", signed=True) if len(reply.payload) >= 4 else 0
    if code == 0:
        return None
    reason, offset = "", 0
    if reply.flags & _ACK_TLVS:
        start = 20 if reply.flags & _CAPPED else 4 + ((int.from_bytes(reply.payload[4:8], "little") + 3) & ~3)
        if reply.type == DONE:
            start = 4
        said = attrs(reply.payload, start)
        reason = said.get(_ATTR_MSG, b"").rstrip(b"\0").decode(errors="replace")
        offset = int.from_bytes(said.get(_ATTR_OFFS, b""), "little")
    return Refusal(reply.seq, code, reason, offset, reply.payload)
