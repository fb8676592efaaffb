"""Firewall: which destinations may be reached from some networks only; two sets instead of a chain for each service."""

from __future__ import annotations

import ipaddress
from collections.abc import Iterable, Iterator
from functools import lru_cache

from proxy_core.flat.names import FIREWALL_SOURCES
from proxy_core.nft.kernel import Nft
from proxy_core.nft.transaction import AddElement, Command, DeleteElement, ElementKey
from proxy_core.nftables.claims import Claims
from proxy_core.nftables.names import FIREWALL_IPS


class Firewall:
    """Destination -> networks from which it may be reached; a claim of none means all."""

    def __init__(self) -> None:
        self.claims: Claims[tuple[str, ...]] = Claims()
        self._kernel: dict[ElementKey, frozenset[str]] = {}
        self._closed: set[ElementKey] = set()
        """Destinations that the kernel takes for restricted."""

    def read_back(self, kernel: Nft) -> None:
        """Take over what the kernel has; everything is compared with it again. Raises KernelError."""
        found: dict[ElementKey, set[str]] = {}
        for key in kernel.elements(FIREWALL_SOURCES) or {}:
            found.setdefault(key[:-1], set()).add(key[-1])
        self._kernel = {key: frozenset(each) for key, each in found.items()}
        self._closed = set(kernel.elements(FIREWALL_IPS) or ())
        self.claims.touch_all({*self._kernel, *self._closed})

    def commands(self) -> Iterator[Command]:
        """Yield what brings the kernel to what is wanted; networks that go come first, since none may overlap."""
        for key in self.claims.drain():
            wanted = frozenset(self.claims.winner(key) or ())
            present = self._kernel.pop(key, frozenset())
            if wanted:
                self._kernel[key] = wanted
            for source in sorted(present - wanted):
                yield DeleteElement(FIREWALL_SOURCES, (*key, source))
            for source in sorted(wanted - present):
                yield AddElement(FIREWALL_SOURCES, (*key, source))
            if wanted and key not in self._closed:
                self._closed.add(key)
                yield AddElement(FIREWALL_IPS, key)
            elif not wanted and key in self._closed:
                self._closed.remove(key)
                yield DeleteElement(FIREWALL_IPS, key)


def disjoint(networks: Iterable[str]) -> tuple[str, ...]:
    """Return networks and addresses such that none overlaps another; none if they are everybody."""
    return _disjoint(tuple(networks))


@lru_cache(maxsize=1 << 12)
def _disjoint(networks: tuple[str, ...]) -> tuple[str, ...]:
    merged = ipaddress.collapse_addresses([ipaddress.ip_network(each) for each in networks])  # type: ignore[type-var]
    found = tuple(merged)
    if any(each.prefixlen == 0 for each in found):
        return ()
    return tuple(str(each.network_address) if each.num_addresses == 1 else str(each) for each in found)
