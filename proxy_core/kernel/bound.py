"""The addresses on kube-ipvs0, which make the kernel take packets for virtual servers as its own."""

from __future__ import annotations

import errno
from collections.abc import Sequence
from collections.abc import Set as AbstractSet
from ipaddress import ip_address

from proxy_core.addresses import Family
from proxy_core.errors import KernelError
from proxy_core.ipvs.kernel import DEVICE, Refusal
from proxy_core.kernel.links import Links
from proxy_core.kernel.netlink import Refusal as NetlinkRefusal


class DummyAddresses:
    """The addresses of one family on kube-ipvs0, in the network namespace where this is made.

    Implements `proxy_core.ipvs.kernel.BoundAddresses`.
    """

    def __init__(self, family: Family) -> None:
        """Open it. Raises KernelError."""
        self._family = family
        self._links = Links()

    def close(self) -> None:
        """Close the socket; the interface stays."""
        self._links.close()

    def ensure_device(self) -> None:
        """Make the interface unless it is there: dummy, transmit queue length 0, down. Raises KernelError."""
        if self._links.index(DEVICE) is None:
            self._links.add_dummy(DEVICE)

    def delete_device(self) -> None:
        """Delete the interface; nothing happens if it is not there. Raises KernelError."""
        self._links.delete(DEVICE)

    def bound(self) -> AbstractSet[str]:
        """Return the addresses on it, without loopback and IPv6 link-local ones. Raises KernelError."""
        found = {each.address for each in self._links.addresses(self._family, self._index())}
        return {each for each in found if not _is_special(each)}

    def bind(self, addresses: Sequence[str]) -> Sequence[Refusal]:
        """Add addresses as /32 or /128; return those that are refused. Raises KernelError."""
        refused = self._links.add_addresses(self._index(), addresses)
        return [_refusal(addresses, each) for each in refused if each[1].errno != errno.EEXIST]

    def unbind(self, addresses: Sequence[str]) -> Sequence[Refusal]:
        """Remove addresses; return those that are refused. Raises KernelError."""
        refused = self._links.delete_addresses(self._index(), addresses)
        return [_refusal(addresses, each) for each in refused if each[1].errno != errno.EADDRNOTAVAIL]

    def _index(self) -> int:
        """Return the number of the interface, which may have been made anew since the last call."""
        index = self._links.index(DEVICE)
        if index is None:
            raise KernelError(f"interface {DEVICE}: it is not there")
        return index


def _refusal(addresses: Sequence[str], refused: tuple[int, NetlinkRefusal]) -> Refusal:
    place, why = refused
    return Refusal(place, f"address {addresses[place]} on {DEVICE}: {why}")


def _is_special(address: str) -> bool:
    if not address.startswith(("127.", "::1", "fe80:", "fe9", "fea", "feb")):
        return False
    parsed = ip_address(address)
    return parsed.is_loopback or (parsed.version == 6 and parsed.is_link_local)
