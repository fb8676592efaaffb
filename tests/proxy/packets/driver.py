"""Proxy: both families' proxiers of a mode at work in a namespace; after a sync old flows of UDP are cleaned up."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from proxy_core import (
    FLAT_TABLE,
    EndpointSlice,
    FlatProxier,
    IptablesProxier,
    IpvsProxier,
    KubeProxyConfiguration,
    Machine,
    Nft,
    NftablesProxier,
    Proxier,
    ProxyState,
    Service,
    ServiceCIDR,
    cleanup,
    load_config,
    node_info,
    settings_of,
    table_family,
)
from proxy_core.addresses import Family
from proxy_core.conntrack import clean_up
from proxy_core.kernel.conntrack import NetlinkConntrack
from proxy_core.kernel.iptables import IptablesPrograms
from proxy_core.kernel.ipvs_mode import ipvs_kernel, prepare_ipvs
from proxy_core.kernel.netns import inside
from proxy_core.kernel.nft import NetlinkNft
from proxy_core.kernel.nft_tables import NetlinkTables
from proxy_core.nft.statements import TableFamily
from proxy_core.nft.transaction import TABLE
from proxy_core.proxier import FULL_SYNC_PERIOD
from proxy_core.settings import Settings
from tests.proxy.packets.bed import FAMILIES, NODE_INTERFACES, NODE_IPS, POD_CIDRS, forget_connections
from tests.proxy.packets.cluster import NODE
from tests.proxy.packets.saboteur import Saboteur

MODES = ("iptables", "nftables", "flat")
PROGRAMS = {"iptables": ("iptables-legacy", "ip6tables-legacy")}
Record = Service | EndpointSlice | ServiceCIDR
_HEAD = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}


def missing(mode: str) -> str:
    """Return why a mode cannot be tested here; empty if it can."""
    for program in PROGRAMS.get(mode, ()):
        if shutil.which(program) is None:
            return f"mode {mode} needs the program {program}"
    return ""


def configuration(**more: Any) -> KubeProxyConfiguration:
    """Return a configuration that knows the pods' networks."""
    return load_config({**_HEAD, "clusterCIDR": ",".join(POD_CIDRS.values()), **more})


class Proxy:
    """A proxy of a mode; `apply` makes it serve some objects and no others."""

    def __init__(self, netns: str, mode: str, config: KubeProxyConfiguration | None = None) -> None:
        self.netns, self.mode = netns, mode
        self.saboteur = Saboteur()
        self._ahead = 0
        """Nanoseconds that the proxy's clock is ahead."""
        self._known: dict[tuple[type, str, str], Record] = {}
        self._families: dict[Family, tuple[ProxyState, Proxier]] = {}
        self._open = ExitStack()
        config = config or configuration()
        for family in FAMILIES:
            state = ProxyState(family, node_info(NODE, None)._replace(ips=NODE_IPS))
            settings = settings_of(config, mode, family, state.node, Machine(interfaces=lambda: NODE_INTERFACES))
            if settings.localhost_node_ports:
                with inside(netns):
                    Path("/proc/sys/net/ipv4/conf/all/route_localnet").write_text("1", encoding="ascii")
            self._families[family] = (state, self._proxier(state, settings))

    def close(self) -> None:
        """Stop; the rules stay."""
        self._open.close()

    def take(self, *records: Record) -> None:
        """Note objects that are new or changed."""
        for record in records:
            self._known[_key(record)] = record
            for state, _ in self._families.values():
                state.update(record)

    def forget(self, *records: Record) -> None:
        """Note that objects are gone."""
        for record in records:
            self._known.pop(_key(record), None)
            for state, _ in self._families.values():
                state.delete(record)

    def sync(self, *, full: bool = False) -> None:
        """Write what has changed, or everything. Raises KernelError."""
        if full:
            self._ahead += FULL_SYNC_PERIOD + 1
        for family, (state, proxier) in self._families.items():
            with inside(self.netns):
                result = proxier.sync(time.time_ns() + self._ahead)
            if result.conntrack_cleanup:
                with NetlinkConntrack(family, netns=self.netns) as conntrack:
                    clean_up(conntrack, state.wanted)

    def apply(self, records: Iterable[Record]) -> None:
        """Serve these objects and no others, and forget the connections of before. Raises KernelError."""
        records = list(records)
        wanted = {_key(record) for record in records}
        self.forget(*(record for key, record in list(self._known.items()) if key not in wanted))
        self.take(*records)
        self.sync()
        forget_connections(self.netns)

    def _proxier(self, state: ProxyState, settings: Settings) -> Proxier:
        programs = self.saboteur.iptables(IptablesPrograms(settings.family, "legacy", netns=self.netns))
        family = table_family(settings.family)
        if self.mode == "iptables":
            return IptablesProxier(state, settings, programs)
        if self.mode == "nftables":
            return NftablesProxier(state, settings, self._nft(family, TABLE))
        if self.mode == "flat":
            return FlatProxier(state, settings, self._nft(family, FLAT_TABLE))
        with inside(self.netns):
            assert prepare_ipvs(settings.ipvs) == ()
            return IpvsProxier(state, settings, ipvs_kernel(settings.family, programs))

    def _nft(self, family: TableFamily, table: str) -> Nft:
        return self.saboteur.nft(self._open.enter_context(NetlinkNft(family, table, netns=self.netns)))


def remove_rules(netns: str, mode: str) -> None:
    """Remove what a proxy of a mode has left."""
    with inside(netns):
        for family in FAMILIES:
            if mode == "iptables":
                for table in ("filter", "nat"):
                    cleanup.remove_rules(IptablesPrograms(family, "legacy"), table)
            else:
                NetlinkTables().delete_table(table_family(family), FLAT_TABLE if mode == "flat" else TABLE)


def _key(record: Record) -> tuple[type, str, str]:
    return type(record), record.metadata.namespace, record.metadata.name
