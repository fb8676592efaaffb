"""The canary: an empty chain in each table, whose end tells that somebody has flushed the rules.

When to look is the caller's business (upstream: every syncPeriod, Monitor of pkg/util/iptables).
"""

from __future__ import annotations

from proxy_core.iptables.kernel import IptablesUpkeep
from proxy_core.iptables.names import CANARY

TABLES = ("mangle", "nat", "filter")
"""The first one is watched."""


def put_canaries(tables: IptablesUpkeep) -> None:
    """Make the chains that are not there. Raises KernelError."""
    for table in TABLES:
        tables.ensure_chain(table, CANARY)


def is_flushed(tables: IptablesUpkeep) -> bool:
    """Tell whether the canary has gone. Raises KernelError, which says nothing of it."""
    return not tables.has_chain(TABLES[0], CANARY)


def are_all_flushed(tables: IptablesUpkeep) -> bool:
    """Tell whether the canaries of all tables have gone: who flushes them may need a moment. Raises KernelError."""
    return not any(tables.has_chain(table, CANARY) for table in TABLES)
