"""What is removed when a proxy goes for good, and what other modes have left when one starts.

Only what has our names: whatever else is in the tables stays. What fails does not keep the rest from being tried.
Upstream: CleanupLeftovers of pkg/proxy/iptables, ipvs and nftables, platformCleanup of cmd/kube-proxy/app. Unlike
there, virtual servers are deleted only where the ipsets of ipvs mode show that it has worked here, and the ipsets of
IPv6 are deleted too.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Sequence
from functools import partial
from typing import NamedTuple, Protocol

from proxy_core.errors import KernelError, NotSupported
from proxy_core.flat.names import TABLE as FLAT_TABLE
from proxy_core.iptables import names as iptables_names
from proxy_core.iptables import proxier as iptables
from proxy_core.iptables.kernel import IptablesUpkeep
from proxy_core.ipvs import rules as ipvs
from proxy_core.ipvs.kernel import BoundAddresses, DestroySet, IpSets, Servers
from proxy_core.ipvs.names import ip_sets
from proxy_core.nft.statements import TableFamily
from proxy_core.nft.transaction import TABLE

_TABLES = {"nftables": TABLE, "flat": FLAT_TABLE}
_FAMILIES: tuple[TableFamily, ...] = ("ip", "ip6")
_OURS = {
    "nat": {
        iptables_names.SERVICES,
        iptables_names.NODE_PORTS,
        iptables_names.POSTROUTING,
        iptables_names.MARK_MASQ,
        iptables_names.CANARY,
        *ipvs.CHAINS["nat"],
    },
    "filter": {
        iptables_names.SERVICES,
        iptables_names.EXTERNAL_SERVICES,
        iptables_names.FORWARD,
        iptables_names.NODE_PORTS,
        iptables_names.PROXY_FIREWALL,
        iptables_names.CANARY,
        *ipvs.CHAINS["filter"],
    },
    "mangle": {iptables_names.CANARY},
}
"""KUBE-FIREWALL is not among them: it is the kubelet's too."""


class NftTables(Protocol):
    """The tables of nftables."""

    def delete_table(self, family: TableFamily, name: str) -> None:
        """Delete a table with all that it holds; nothing happens if it is not there. Raises KernelError."""


class IpvsLeftovers(NamedTuple):
    """What ipvs mode leaves besides rules; both families share it."""

    servers: Servers
    sets: IpSets
    addresses: BoundAddresses


class Kernels(NamedTuple):
    """What is cleaned; a part that this machine does not have is left out."""

    iptables: Sequence[IptablesUpkeep] = ()
    """One for each family and, where rules may be in both, for each variant of the programs."""
    tables: NftTables | None = None
    ipvs: IpvsLeftovers | None = None


def remove_all(kernels: Kernels) -> list[str]:
    """Remove everything of every mode; return what could not be removed, in words."""
    return _tried([*_rules_and_servers(kernels), *_nft_tables(kernels, _TABLES)])


def remove_leftovers(mode: str, kernels: Kernels) -> list[str]:
    """Remove what other modes have left, before a mode starts; return what could not be removed, in words.

    Rules of modes iptables and ipvs stay where one follows the other, as upstream: they have chains in common.
    """
    steps: Iterable[Step] = () if mode in ("iptables", "ipvs") else _rules_and_servers(kernels)
    return _tried([*steps, *_nft_tables(kernels, [each for each in _TABLES if each != mode])])


Step = Callable[[], Collection[str] | None]
"""Returns what was refused, if anything. Raises KernelError, NotSupported."""


def _tried(steps: Iterable[Step]) -> list[str]:
    failures: list[str] = []
    for step in steps:
        try:
            failures += step() or ()
        except NotSupported:  # what the kernel or the machine does not have has left nothing
            continue
        except KernelError as reason:
            failures.append(str(reason))
    return failures


def _rules_and_servers(kernels: Kernels) -> Iterator[Step]:
    """Yield the steps for modes iptables and ipvs; rules go first, since the kernel keeps a set that a rule names."""
    for tables in kernels.iptables:
        for table in _OURS:
            yield partial(remove_rules, tables, table)
    if kernels.ipvs is not None:
        yield partial(remove_ipvs, kernels.ipvs)


def _nft_tables(kernels: Kernels, modes: Iterable[str]) -> Iterator[Step]:
    if kernels.tables is not None:
        for mode in modes:
            for family in _FAMILIES:
                yield partial(kernels.tables.delete_table, family, _TABLES[mode])


def remove_rules(tables: IptablesUpkeep, table: str) -> None:
    """Remove jumps and chains of modes iptables and ipvs from a table. Raises KernelError, NotSupported."""
    found = [chain for chain in tables.chains(table) if _is_ours(table, chain)]
    for jump in (*iptables.JUMPS, *ipvs.JUMPS):
        if jump.table == table and jump.target in found:
            tables.delete_rule(table, jump.source, jump.rule)
    if found:
        tables.restore(_without(table, found))


def _is_ours(table: str, chain: str) -> bool:
    return chain in _OURS[table] or (table == "nat" and chain.startswith(iptables_names.PER_SERVICE))


def _without(table: str, chains: Sequence[str]) -> Iterator[str]:
    """Yield the input that flushes chains, so that none leads to another one, and deletes them."""
    yield f"*{table}\n"
    for chain in chains:
        yield f":{chain} - [0:0]\n"
    for chain in chains:
        yield f"-X {chain}\n"
    yield "COMMIT\n"


def remove_ipvs(kernel: IpvsLeftovers) -> Collection[str]:
    """Remove virtual servers, the interface and the ipsets of ipvs mode, if it has worked here.

    Return what is refused. Raises KernelError, NotSupported.
    """
    sets = [*ip_sets("IPv4").values(), *ip_sets("IPv6").values()]
    there = kernel.sets.entries(sets)
    if not there:
        return ()
    kernel.servers.flush()
    kernel.addresses.delete_device()
    return [refusal.reason for refusal in kernel.sets.run([DestroySet(name) for name in there])]
