"""Kernels: what makes the kernel of each family that a proxier writes to; the real one or one on paper (paper.py)."""

from __future__ import annotations

from typing import Protocol

from proxy_core import Iptables, IpvsKernel, Nft
from proxy_core.addresses import Family


class Kernels(Protocol):
    """Makes the kernel of one family; raises KernelError where the machine lacks it."""

    def iptables(self, family: Family) -> Iptables:
        """Return the tables of iptables."""

    def nft(self, family: Family, table: str) -> Nft:
        """Return a table of nftables."""

    def ipvs(self, family: Family) -> IpvsKernel:
        """Return all that ipvs mode writes to."""


class ListedKernels(Kernels, Protocol):
    """Kernels whose tables of iptables can be listed."""

    def saved(self, family: Family, table: str) -> str:
        """Return a table in the layout of iptables-save."""
