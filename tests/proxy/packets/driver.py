"""Proxy: both families' proxiers of a mode at work in the node's namespace."""

from __future__ import annotations

import shutil
import time
from collections.abc import Iterable, Mapping
from contextlib import ExitStack
from pathlib import Path
from typing import Any

from proxy_core import (
    FLAT_TABLE,
    EndpointSlice,
    FlatProxier,
    IptablesProxier,
    KubeProxyConfiguration,
    Machine,
    NftablesProxier,
    Proxier,
    ProxyState,
    Service,
    ServiceCIDR,
    load_config,
    node_info,
    settings_of,
    table_family,
)
from proxy_core.addresses import Family
from proxy_core.kernel.iptables import IptablesPrograms
from proxy_core.kernel.netns import inside
from proxy_core.kernel.nft import NetlinkNft
from proxy_core.nft.statements import TableFamily
from proxy_core.nft.transaction import TABLE
from proxy_core.proxier import FULL_SYNC_PERIOD
from proxy_core.settings import Settings
from tests.proxy.packets.bed import FAMILIES, POD_CIDRS, Bed
from tests.proxy.packets.cluster import NODE

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

    def __init__(self, bed: Bed, mode: str, config: KubeProxyConfiguration | None = None) -> None:
        self.bed, self.mode = bed, mode
        self._ahead = 0
        """Nanoseconds that the proxy's clock is ahead."""
        self._known: dict[tuple[type, str, str], Record] = {}
        self._families: dict[Family, tuple[ProxyState, Proxier]] = {}
        self._open = ExitStack()
        config = config or configuration()
        with inside(bed.node.netns):
            for family in FAMILIES:
                state = ProxyState(family, node_info(NODE, None)._replace(ips=_addresses(bed)))
                machine = Machine(interfaces=lambda: _interfaces(bed))
                settings = settings_of(config, mode, family, state.node, machine)
                if settings.localhost_node_ports:
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
        for _, proxier in self._families.values():
            proxier.sync(time.time_ns() + self._ahead)

    def apply(self, records: Iterable[Record]) -> None:
        """Serve these objects and no others, and forget the connections of before. Raises KernelError."""
        records = list(records)
        wanted = {_key(record) for record in records}
        self.forget(*(record for key, record in list(self._known.items()) if key not in wanted))
        self.take(*records)
        self.sync()
        self.bed.forget_connections()

    def _proxier(self, state: ProxyState, settings: Settings) -> Proxier:
        netns = self.bed.node.netns
        if self.mode == "iptables":
            return IptablesProxier(state, settings, IptablesPrograms(settings.family, "legacy", netns=netns))
        family = table_family(settings.family)
        if self.mode == "nftables":
            return NftablesProxier(state, settings, self._nft(family, TABLE))
        return FlatProxier(state, settings, self._nft(family, FLAT_TABLE))

    def _nft(self, family: TableFamily, table: str) -> NetlinkNft:
        return self._open.enter_context(NetlinkNft(family, table, netns=self.bed.node.netns))


def _addresses(bed: Bed) -> Mapping[Family, str]:
    return {family: bed.node.address(family) for family in FAMILIES}


def _interfaces(bed: Bed) -> dict[str, list[str]]:
    return {
        "lo": ["127.0.0.1/8", "::1/128"],
        "eth0": ["192.168.7.11/24", "2001:db8:7::b/64"],
        "ext0": ["203.0.113.1/24", "2001:db8:113::1/64"],
        "cni0": ["10.180.0.1/24", "fd00:10:180::1/64"],
    }


def _key(record: Record) -> tuple[type, str, str]:
    return type(record), record.metadata.namespace, record.metadata.name
