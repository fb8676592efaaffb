"""Interfaces and their addresses over rtnetlink: read, made, deleted, thousands of addresses in a batch.

Source: linux/rtnetlink.h, linux/if_link.h, linux/if_addr.h.
"""

from __future__ import annotations

import errno
import socket
import struct
from collections.abc import Sequence
from typing import NamedTuple

from proxy_core.addresses import Family, family_of
from proxy_core.errors import KernelError
from proxy_core.kernel.netlink import (
    ACK,
    CREATE,
    DUMP,
    EXCL,
    INTERRUPTED,
    REQUEST,
    Message,
    Netlink,
    NetlinkError,
    Refusal,
    attr,
    attrs,
    message,
    nest,
    text,
)
from proxy_core.settings import Interfaces

_ROUTE = 0
_NEW_LINK, _DELETE_LINK, _GET_LINK, _NEW_ADDRESS, _DELETE_ADDRESS, _GET_ADDRESS = 16, 17, 18, 20, 21, 22
_LINK = struct.Struct("=BxHiII")
"""struct ifinfomsg: family, type, index, flags, change."""
_ADDRESS = struct.Struct("=BBBBI")
"""struct ifaddrmsg: family, prefix length, flags, scope, index."""
_LINK_NAME, _QUEUE_LENGTH, _LINK_INFO, _KIND = 3, 13, 18, 1
_PEER, _OWN = 1, 2
_DUMP_TRIES = 5


class _Numbers(NamedTuple):
    af: int
    bits: int


_FAMILIES: dict[Family, _Numbers] = {"IPv4": _Numbers(socket.AF_INET, 32), "IPv6": _Numbers(socket.AF_INET6, 128)}


class Address(NamedTuple):
    """An address of an interface."""

    link: int
    """The number of the interface."""
    address: str
    prefix: int


class Links:
    """The interfaces of the network namespace where this is made."""

    def __init__(self) -> None:
        """Open it. Raises KernelError."""
        self._link = Netlink(_ROUTE)
        self._link.strict()

    def close(self) -> None:
        """Close the socket; the interfaces stay."""
        self._link.close()

    def interfaces(self) -> Interfaces:
        """Return the addresses of all interfaces as ``address/prefix``. Raises KernelError."""
        names = {}
        for each in self._dump("interfaces", _GET_LINK, _LINK.pack(0, 0, 0, 0, 0)):
            _, _, index, _, _ = _LINK.unpack_from(each.payload)
            names[index] = attrs(each.payload, _LINK.size)[_LINK_NAME].rstrip(b"\0").decode()
        found: dict[str, list[str]] = {name: [] for name in names.values()}
        for link, address, prefix in self.addresses():
            if link in names:  # not one that has just been made
                found[names[link]].append(f"{address}/{prefix}")
        return found

    def addresses(self, family: Family | None = None, index: int = 0) -> list[Address]:
        """Return the addresses of a family (None: both), of one interface if an index is given. Raises KernelError."""
        af = _FAMILIES[family].af if family else socket.AF_UNSPEC
        found = []
        for each in self._dump("addresses", _GET_ADDRESS, _ADDRESS.pack(af, 0, 0, 0, index)):
            its_af, prefix, _, _, its_index = _ADDRESS.unpack_from(each.payload)
            if its_af in (socket.AF_INET, socket.AF_INET6) and (not index or index == its_index):
                values = attrs(each.payload, _ADDRESS.size)
                # A point-to-point interface has its peer in the other attribute.
                own = values.get(_OWN) or values[_PEER]
                found.append(Address(its_index, socket.inet_ntop(its_af, own), prefix))
        return found

    def index(self, name: str) -> int | None:
        """Return the number of an interface; None if it is not there. Raises KernelError."""
        try:
            answers = self._ask(f"interface {name}", _GET_LINK, _LINK.pack(0, 0, 0, 0, 0) + text(_LINK_NAME, name))
        except NetlinkError as refused:
            if refused.refusal.errno == errno.ENODEV:
                return None
            raise
        return int(_LINK.unpack_from(answers[0].payload)[2])

    def add_dummy(self, name: str) -> None:
        """Make a dummy interface with a transmit queue of length 0, and leave it down.

        Nothing happens if it is there. Raises KernelError.
        """
        payload = (
            _LINK.pack(0, 0, 0, 0, 0)
            + text(_LINK_NAME, name)
            + attr(_QUEUE_LENGTH, b"\0\0\0\0")
            + nest(_LINK_INFO, text(_KIND, "dummy"))
        )
        try:
            self._ask(f"interface {name}", _NEW_LINK, payload, CREATE | EXCL)
        except NetlinkError as refused:
            if refused.refusal.errno == errno.EEXIST:  # the other family's proxier was faster
                return
            if refused.refusal.errno == errno.EOPNOTSUPP:
                remedy = "load the module dummy (modprobe dummy)"
                raise KernelError(f"interface {name}: the kernel has no dummy interfaces: {remedy}") from None
            raise

    def delete(self, name: str) -> None:
        """Delete an interface; nothing happens if it is not there. Raises KernelError."""
        try:
            self._ask(f"interface {name}", _DELETE_LINK, _LINK.pack(0, 0, 0, 0, 0) + text(_LINK_NAME, name))
        except NetlinkError as refused:
            if refused.refusal.errno != errno.ENODEV:
                raise

    def add_addresses(self, index: int, addresses: Sequence[str]) -> list[tuple[int, Refusal]]:
        """Add addresses of full length to an interface.

        Return the place of each that is refused, and why. Raises KernelError.
        """
        return self._change(_NEW_ADDRESS, CREATE | EXCL, index, addresses)

    def delete_addresses(self, index: int, addresses: Sequence[str]) -> list[tuple[int, Refusal]]:
        """Delete addresses of full length of an interface.

        Return the place of each that is refused, and why. Raises KernelError.
        """
        return self._change(_DELETE_ADDRESS, 0, index, addresses)

    def _change(self, command: int, flags: int, index: int, addresses: Sequence[str]) -> list[tuple[int, Refusal]]:
        first = self._link.sequence(len(addresses))
        messages = []
        for number, each in enumerate(addresses, first):
            family = _FAMILIES[family_of(each)]
            packed = socket.inet_pton(family.af, each)
            payload = _ADDRESS.pack(family.af, family.bits, 0, 0, index) + attr(_OWN, packed) + attr(_PEER, packed)
            messages.append(message(command, REQUEST | flags, number, payload))
        return [(each.seq - first, each) for each in self._link.batch(messages, first)]

    def _ask(self, what: str, command: int, payload: bytes, flags: int = 0) -> list[Message]:
        number = self._link.sequence()
        return self._link.ask(what, message(command, REQUEST | ACK | flags, number, payload), number)

    def _dump(self, what: str, command: int, payload: bytes) -> list[Message]:
        """Return a dump that no change has broken into, or what there is after some tries."""
        answers: list[Message] = []
        for _ in range(_DUMP_TRIES):
            number = self._link.sequence()
            answers = self._link.ask(what, message(command, REQUEST | DUMP, number, payload), number)
            if not any(each.flags & INTERRUPTED for each in answers):
                break
        return answers
