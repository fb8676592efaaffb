"""ThisMachine: the real edge, in the network namespace of the calling thread."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

from cluster_shim.proxy.setup import Setup
from proxy_core import (
    Iptables,
    IpvsKernel,
    KernelError,
    KubeProxyConfiguration,
    Machine,
    Nft,
    NotSupported,
    ProxyState,
    Settings,
    cleanup,
    table_family,
)
from proxy_core.addresses import FAMILIES, Family
from proxy_core.config.sysctls import CONNTRACK_MAX, conntrack_sysctls, iptables_sysctls
from proxy_core.config.types import FLAT
from proxy_core.conntrack import clean_up
from proxy_core.iptables.canary import are_all_flushed, is_flushed, put_canaries
from proxy_core.kernel import capabilities
from proxy_core.kernel.bound import DummyAddresses
from proxy_core.kernel.conntrack import NetlinkConntrack
from proxy_core.kernel.ipset import NetlinkIpSets
from proxy_core.kernel.iptables import IptablesPrograms, Variant, variants_with_rules
from proxy_core.kernel.ipvs import IpvsServers
from proxy_core.kernel.ipvs_mode import ipvs_kernel, prepare_ipvs
from proxy_core.kernel.machine import COUNTERS, cpu_count, families, has_ipv6, read_machine, set_sysctls
from proxy_core.kernel.nfacct import read_counters
from proxy_core.kernel.nft.nft import NetlinkNft
from proxy_core.kernel.nft_tables import NetlinkTables
from proxy_core.kernel.sysctls import is_writable

_ALWAYS = ("NET_ADMIN",)
"""The capability without which nothing works; the legacy programs of iptables take NET_RAW, too."""
_OOM = Path("/proc/self/oom_score_adj")
_FLUSH_SECONDS, _FLUSH_LOOK = 5.0, 0.1
"""How long somebody who flushes the tables may need for all of them."""

Tell = Callable[[str], None]


class RealKernels:
    """The kernel's own; without a variant the programs that the machine calls iptables."""

    def __init__(self, variant: Variant | None = None) -> None:
        self.variant = variant

    def iptables(self, family: Family) -> Iptables:
        return IptablesPrograms(family, self.variant)

    def saved(self, family: Family, table: str) -> str:
        return IptablesPrograms(family, self.variant).save(table)

    def nft(self, family: Family, table: str) -> Nft:
        return NetlinkNft(table_family(family), table)

    def ipvs(self, family: Family) -> IpvsKernel:
        return ipvs_kernel(family, IptablesPrograms(family, self.variant))


class ThisMachine:
    """The machine that this process runs on."""

    def __init__(self, tell: Tell, variant: Variant | None = None) -> None:
        """``tell`` gets what could not be done and is no reason to stop; ``variant`` is that of iptables."""
        self.kernels, self._variant = RealKernels(variant), variant
        self._tell = tell

    def families(self, mode: str) -> Sequence[Family]:
        # First of all: whatever lacks them says less.
        capabilities.check(_ALWAYS if mode in ("nftables", FLAT) else self._rights())
        return families(mode, self._variant)

    def machine(self, mode: str) -> Machine:
        return read_machine(mode, self._variant)

    def prepare(self, config: KubeProxyConfiguration) -> None:
        values = conntrack_sysctls(config.conntrack, cpu_count())
        if not is_writable(CONNTRACK_MAX):  # it belongs to the first namespace alone
            values.pop(CONNTRACK_MAX, None)
        self._say(set_sysctls(values))

    def prepare_mode(self, of: Setup) -> None:
        for family in of.families:
            settings = of.settings(family)
            if of.mode == "iptables":
                self._say(set_sysctls(iptables_sysctls(settings)))
        if of.mode == "ipvs":
            self._say(prepare_ipvs(of.settings(of.families[0]).ipvs))

    def drop_rights(self, config: KubeProxyConfiguration) -> None:
        try:
            _OOM.write_text(str(config.oom_score_adj), encoding="ascii")
        except OSError as refused:
            self._tell(f"oomScoreAdj cannot be set to {config.oom_score_adj}: {refused.strerror}")
        lacks = capabilities.missing()
        capabilities.keep_only(each for each in self._rights() if each not in lacks)

    def conntrack_cleaner(self, settings: Settings) -> Callable[[ProxyState], int] | None:
        conntrack = NetlinkConntrack(settings.family)
        return lambda state: clean_up(conntrack, state.wanted)

    def lost_rules(self, mode: str) -> Callable[[Family], bool] | None:
        return Canaries(self._variant).are_gone if mode == "iptables" else None

    def packet_counters(self, of: Setup) -> Callable[[], Mapping[str, int]] | None:
        return (lambda: read_counters(COUNTERS)) if of.machine.has_nfacct else None

    def remove_leftovers(self, mode: str) -> Sequence[str]:
        return cleanup.remove_leftovers(mode, _to_clean(self._variant))

    def remove_all(self) -> Sequence[str]:
        capabilities.check(_ALWAYS)
        return cleanup.remove_all(_to_clean(self._variant))

    def _rights(self) -> Sequence[str]:
        """Return the capabilities that the programs of iptables take, be it to remove what other modes have left."""
        with suppress(KernelError, NotSupported):
            if IptablesPrograms("IPv4", self._variant).version.variant == "legacy":
                return capabilities.NEEDED
        return _ALWAYS

    def _say(self, warnings: Sequence[str]) -> None:
        for each in warnings:
            self._tell(each)


def _to_clean(variant: Variant | None) -> cleanup.Kernels:
    """Return all that a proxy may have written to; without a variant that is both."""
    families = FAMILIES if has_ipv6() else FAMILIES[:1]
    variants = variants_with_rules() if variant is None else [variant]
    tables = [IptablesPrograms(family, each) for each in variants for family in families]
    with suppress(KernelError, NotSupported):  # what the kernel does not have has left nothing
        ipvs = cleanup.IpvsLeftovers(IpvsServers("IPv4"), NetlinkIpSets(), DummyAddresses("IPv4"))
        return cleanup.Kernels(tables, NetlinkTables(), ipvs)
    return cleanup.Kernels(tables, NetlinkTables())


class Canaries:
    """Chains whose end tells that somebody has flushed the tables of iptables; put where there are none yet."""

    def __init__(self, variant: Variant | None) -> None:
        self._variant = variant
        self._tables: dict[Family, IptablesPrograms] = {}

    def are_gone(self, family: Family) -> bool:
        """Tell whether they were there and are gone; they are put again then. Raises KernelError."""
        tables = self._tables.get(family)
        if tables is None:
            self._tables[family] = IptablesPrograms(family, self._variant)
            put_canaries(self._tables[family])
            return False
        if not is_flushed(tables):
            return False
        end = time.monotonic() + _FLUSH_SECONDS
        while not are_all_flushed(tables) and time.monotonic() < end:
            time.sleep(_FLUSH_LOOK)
        put_canaries(tables)
        return True
