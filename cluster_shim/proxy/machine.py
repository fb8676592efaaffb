"""ThisMachine: the real edge, in the network namespace of the calling thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from cluster_shim.proxy.dry_run import machine_on_paper
from cluster_shim.proxy.setup import FAMILIES, Setup
from proxy_core import (
    FLAT_TABLE,
    Iptables,
    IpvsKernel,
    KubeProxyConfiguration,
    Machine,
    Nft,
    NodeInfo,
    NotSupported,
    ProxyState,
    Settings,
    table_family,
)
from proxy_core.addresses import Family
from proxy_core.kernel.iptables import IptablesPrograms
from proxy_core.kernel.nft.nft import NetlinkNft
from proxy_core.nft.transaction import TABLE, Transaction

_NO_IPV6 = Path("/proc/sys/net/ipv6/conf/all/disable_ipv6")


class RealKernels:
    """The kernel's own."""

    def iptables(self, family: Family) -> Iptables:
        return IptablesPrograms(family)

    def nft(self, family: Family, table: str) -> Nft:
        return NetlinkNft(table_family(family), table)

    def ipvs(self, family: Family) -> IpvsKernel:
        raise NotSupported("mode ipvs is not supported yet on a real kernel")


class ThisMachine:
    """The machine that this process runs on."""

    def __init__(self) -> None:
        self.kernels = RealKernels()

    def families(self, mode: str) -> Sequence[Family]:
        return FAMILIES if _has_ipv6() else FAMILIES[:1]

    def machine(self, node: NodeInfo) -> Machine:
        return machine_on_paper(node)

    def prepare(self, of: Setup) -> None:
        return None

    def drop_rights(self, config: KubeProxyConfiguration) -> None:
        return None

    def conntrack_cleaner(self, settings: Settings) -> Callable[[ProxyState], int] | None:
        return None

    def lost_rules(self, mode: str) -> Callable[[Family], bool] | None:
        return None

    def remove_leftovers(self, mode: str) -> Sequence[str]:
        return ()

    def remove_all(self) -> Sequence[str]:
        return ()


def _has_ipv6() -> bool:
    """Tell whether IPv6 is there and not switched off."""
    try:
        return _NO_IPV6.read_text(encoding="ascii").strip() != "1"
    except OSError:
        return False


_ = (FLAT_TABLE, TABLE, Transaction)
