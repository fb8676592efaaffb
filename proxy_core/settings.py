"""Settings: what stays as it is while a proxier of one family lives, from configuration, node and machine."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import NamedTuple

from proxy_core.addresses import Family
from proxy_core.model.local_traffic import NO_DETECTOR, LocalTrafficDetector
from proxy_core.model.node_port_addresses import NodePortAddresses

SECOND = 10**9

Interfaces = Mapping[str, Sequence[str]]
"""Name of an interface -> its addresses as ``address/prefix``."""


class IpvsSettings(NamedTuple):
    """What ipvs mode alone is told; times in nanoseconds, 0 leaves the kernel's own."""

    scheduler: str = "rr"
    exclude_cidrs: tuple[str, ...] = ()
    """Virtual servers in these networks of the family are never deleted."""
    strict_arp: bool = False
    tcp_timeout: int = 0
    tcp_fin_timeout: int = 0
    udp_timeout: int = 0


class Settings(NamedTuple):
    """The settings of one proxier; times in nanoseconds."""

    family: Family
    node_ip: str
    """The node's own address of the family; it matters to source ranges."""
    node_port_addresses: NodePortAddresses
    interfaces: Callable[[], Interfaces] = dict
    """Reads the addresses of the machine as they are now."""
    detector: LocalTrafficDetector = NO_DETECTOR
    masquerade_mark: int = 1 << 14
    masquerade_all: bool = False
    localhost_node_ports: bool = False
    """Whether node ports are served on 127.0.0.0/8 (iptables mode, IPv4): wanted, and a node port address."""
    sync_period: int = 30 * SECOND
    random_fully: bool = True
    """Whether MASQUERADE knows --random-fully."""
    tcp_be_liberal: bool = False
    """Whether conntrack lets packets pass that are out of window, so that none is INVALID for it."""
    has_nfacct: bool = False
    """Whether the kernel counts packets by name (nfacct)."""
    ipvs: IpvsSettings = IpvsSettings()

    @property
    def mark(self) -> str:
        """The mark of packets that are to be masqueraded, as kube-proxy writes it."""
        return f"{self.masquerade_mark:#010x}"
