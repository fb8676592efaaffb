"""Saboteur: makes one transaction fail in the kernel, by a command behind all others that it must refuse."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence

from proxy_core import Iptables, Nft
from proxy_core.nft.kernel import Names
from proxy_core.nft.transaction import DeleteChain, ElementKey, Transaction

_WRONG = "-A NO-SUCH-CHAIN -j DROP\n"


class Saboteur:
    """Kernels that go through it refuse the next transaction of each family when `armed`."""

    def __init__(self) -> None:
        self.armed = False

    def nft(self, kernel: Nft) -> Nft:
        """Return a table that can be sabotaged."""
        return _Nft(self, kernel)

    def iptables(self, kernel: Iptables) -> Iptables:
        """Return tables that can be sabotaged."""
        return _Iptables(self, kernel)


class _Nft:
    def __init__(self, saboteur: Saboteur, kernel: Nft) -> None:
        self._saboteur, self._kernel = saboteur, kernel

    def run(self, transaction: Transaction) -> None:
        if self._saboteur.armed:
            transaction.add(DeleteChain("no-such-chain"))
        self._kernel.run(transaction)

    def names(self) -> Names:
        return self._kernel.names()

    def elements(self, container: str) -> Mapping[ElementKey, str] | None:
        return self._kernel.elements(container)


class _Iptables:
    def __init__(self, saboteur: Saboteur, kernel: Iptables) -> None:
        self._saboteur, self._kernel = saboteur, kernel

    def ensure_chain(self, table: str, chain: str) -> None:
        self._kernel.ensure_chain(table, chain)

    def ensure_rule(self, table: str, chain: str, rule: Sequence[str]) -> None:
        self._kernel.ensure_rule(table, chain, rule)

    def chains(self, table: str) -> Iterable[str]:
        return self._kernel.chains(table)

    def restore(self, text: Iterable[str]) -> None:
        self._kernel.restore(_spoilt(text) if self._saboteur.armed else text)


def _spoilt(text: Iterable[str]) -> Iterator[str]:
    """Put a wrong line before the last COMMIT, after the first table has been written."""
    whole = "".join(text)
    yield whole.removesuffix("COMMIT\n")
    yield _WRONG
    yield "COMMIT\n"
