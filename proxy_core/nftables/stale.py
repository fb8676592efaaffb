"""StaleChains: chains that are out of use, until they can be deleted."""

from __future__ import annotations

from collections.abc import Container, Iterable

from proxy_core.errors import KernelError
from proxy_core.nft.kernel import Nft
from proxy_core.nft.statements import TableFamily
from proxy_core.nft.transaction import DeleteChain, Transaction
from proxy_core.settings import SECOND

STALE_AFTER = SECOND
"""Older kernels take a chain for busy for a while after its last reference in a map is gone."""


class StaleChains:
    """Chains that nothing leads to any more."""

    def __init__(self, family: TableFamily, table: str) -> None:
        self._family, self._table = family, table
        self._since: dict[str, int] = {}
        """Chain -> since when, in nanoseconds since 1970."""

    def __contains__(self, chain: str) -> bool:
        return chain in self._since

    def retire(self, chains: Iterable[str], now: int) -> None:
        """Note that chains are out of use, as of now."""
        self._since.update(dict.fromkeys(chains, now))

    def revive(self, chain: str) -> None:
        """Note that a chain is in use again."""
        self._since.pop(chain, None)

    def keep(self, present: Container[str]) -> None:
        """Forget chains that are not in the kernel."""
        self._since = {chain: since for chain, since in self._since.items() if chain in present}

    def names(self) -> list[str]:
        """Return the chains out of use, sorted."""
        return sorted(self._since)

    def clear(self) -> None:
        """Forget all: a full sync finds them again."""
        self._since.clear()

    def delete_due(self, kernel: Nft, now: int) -> bool:
        """Delete the chains that have been out of use for a while; False if the kernel refuses."""
        due = [chain for chain, since in self._since.items() if now - since > STALE_AFTER]
        if not due:
            return True
        transaction = Transaction(self._family, self._table)
        for chain in sorted(due):
            del self._since[chain]
            transaction.add(DeleteChain(chain))
        try:
            kernel.run(transaction)
        except KernelError:
            return False
        return True
