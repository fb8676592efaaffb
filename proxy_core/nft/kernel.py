"""What a backend asks of nf_tables: transactions on one table, and what is in it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple, Protocol

from proxy_core.nft.transaction import ElementKey, Transaction


class Names(NamedTuple):
    """What a table holds."""

    chains: frozenset[str] = frozenset()
    containers: frozenset[str] = frozenset()


class Nft(Protocol):
    """One table of one family; every call raises KernelError where the kernel refuses."""

    def run(self, transaction: Transaction) -> None:
        """Carry out a transaction, as a whole or not at all."""

    def names(self) -> Names:
        """Return the names of chains, sets and maps; none if there is no table."""

    def elements(self, container: str) -> Mapping[ElementKey, str] | None:
        """Return the elements of a set or map with their values (empty for a set); None if it is not there."""
