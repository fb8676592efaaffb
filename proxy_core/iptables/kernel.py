"""What the iptables backend asks of the machine: the three programs iptables, iptables-save and iptables-restore."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Protocol


class Iptables(Protocol):
    """The tables of one family; every call raises KernelError where the program fails."""

    def ensure_chain(self, table: str, chain: str) -> None:
        """Make a chain unless it is there."""

    def ensure_rule(self, table: str, chain: str, rule: Sequence[str]) -> None:
        """Put a rule before all others of a chain unless the chain has it."""

    def chains(self, table: str) -> Iterable[str]:
        """Return the names of the chains of a table."""

    def restore(self, text: Iterable[str]) -> None:
        """Feed iptables-restore, chains that are not named left alone (--noflush); the text comes in pieces."""


class IptablesUpkeep(Iptables, Protocol):
    """What start, watching and clean-up ask besides."""

    def has_chain(self, table: str, chain: str) -> bool:
        """Tell whether a chain is there."""

    def delete_rule(self, table: str, chain: str, rule: Sequence[str]) -> None:
        """Delete a rule; nothing happens if it is not there."""
