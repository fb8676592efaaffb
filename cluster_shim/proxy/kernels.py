"""Kernels: what the proxiers of a mode write to, the real kernel or one in memory."""

from __future__ import annotations

from typing import Protocol

from proxy_core import FakeIptables, FakeNft, Iptables, Nft, table_family
from proxy_core.addresses import Family


class Kernels(Protocol):
    """Makes the kernel of one family."""

    def iptables(self, family: Family) -> Iptables:
        """Return the tables of iptables."""

    def nft(self, family: Family, table: str) -> Nft:
        """Return a table of nftables."""


class FakeKernels:
    """Kernels in memory; what was made is kept to be looked at."""

    def __init__(self) -> None:
        self.iptables_of: dict[Family, FakeIptables] = {}
        self.nft_of: dict[Family, FakeNft] = {}

    def iptables(self, family: Family) -> Iptables:
        return self.iptables_of.setdefault(family, FakeIptables())

    def nft(self, family: Family, table: str) -> Nft:
        return self.nft_of.setdefault(family, FakeNft(table_family(family), table))
