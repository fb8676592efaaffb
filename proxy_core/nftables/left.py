"""Left: chains and affinity sets that are in the kernel and perhaps nobody's any more, while a sync is made."""

from __future__ import annotations

from collections.abc import Iterable

from proxy_core.nft.transaction import Container
from proxy_core.nftables.names import AFFINITY, affinity_set


class Left:
    """What is to go unless somebody keeps it."""

    def __init__(self, address_type: str) -> None:
        self._address_type = address_type
        self.chains: set[str] = set()
        self.sets: dict[str, Container] = {}

    def leave(self, chains: Iterable[str], sets: Iterable[Container]) -> None:
        """Add what a service port has had."""
        self.chains.update(chains)
        self.sets.update({each.name: each for each in sets})

    def find(self, chains: Iterable[str], containers: Iterable[str]) -> None:
        """Add what the kernel has, of whatever process: chains of services, and of sets and maps the affinity sets."""
        self.chains.update(chains)
        for name in containers:
            if name.startswith(AFFINITY):
                self.sets.setdefault(name, affinity_set(name, self._address_type, 0))

    def keep(self, chains: Iterable[str], sets: Iterable[Container]) -> None:
        """Take out what a service port has."""
        self.chains.difference_update(chains)
        for each in sets:
            self.sets.pop(each.name, None)
