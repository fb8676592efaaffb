"""A table of nftables as the program nft lists it: for comparisons, and for people."""

from __future__ import annotations

from proxy_core.errors import KernelError
from proxy_core.kernel import program
from proxy_core.nft.statements import TableFamily

_GONE = "No such file or directory"


def list_table(family: TableFamily, table: str) -> str:
    """Return a table without what counts and expires; empty if there is none. Raises KernelError, NotSupported."""
    words = ("nft", "--stateless", "list", "table", family, table)
    done = program.run(words, package="nftables")
    if done.status == 0:
        return done.output
    if _GONE in done.errors:
        return ""
    raise KernelError(f"{' '.join(words)}: {done.errors.strip()}")
