"""The fields of a KubeProxyConfiguration, with upstream's defaults; durations are in nanoseconds.

What does not concern Linux (winkernel, windowsRunAsService) and what every version ignores (portRange) is read and
ignored, as upstream does.
"""

from __future__ import annotations

from typing import Any

from msgspec import Struct, field

from proxy_core.settings import SECOND
from proxy_core.wire_names import wire_name

FLAT = "flat"
"""Our own mode; it has the settings of mode nftables."""


class Section(Struct, rename=wire_name, kw_only=True, frozen=True, forbid_unknown_fields=True):
    """Base of all parts."""


class ClientConnection(Section, frozen=True):
    """How to reach the API server."""

    kubeconfig: str = ""
    accept_content_types: str = ""
    content_type: str = "application/vnd.kubernetes.protobuf"
    qps: float = 5
    burst: int = 10


class IPTables(Section, frozen=True):
    """Settings of iptables mode; the two of masquerading are those of ipvs mode too."""

    masquerade_bit: int = 14
    masquerade_all: bool = False
    localhost_node_ports: bool = True
    sync_period: int = 30 * SECOND
    min_sync_period: int = SECOND


class IPVS(Section, frozen=True):
    """Settings of ipvs mode."""

    sync_period: int = 30 * SECOND
    min_sync_period: int = 0
    scheduler: str = ""
    exclude_cidrs: tuple[str, ...] = ()
    strict_arp: bool = False
    tcp_timeout: int = 0
    tcp_fin_timeout: int = 0
    udp_timeout: int = 0


class NFTables(Section, frozen=True):
    """Settings of nftables mode."""

    masquerade_bit: int = 14
    masquerade_all: bool = False
    sync_period: int = 30 * SECOND
    min_sync_period: int = SECOND


class DetectLocal(Section, frozen=True):
    """The interfaces by which traffic of pods is known."""

    bridge_interface: str = ""
    interface_name_prefix: str = ""


class Conntrack(Section, frozen=True):
    """Settings of connection tracking."""

    max_per_core: int = 32768
    min: int = 131072
    tcp_established_timeout: int = 24 * 3600 * SECOND
    tcp_close_wait_timeout: int = 3600 * SECOND
    tcp_be_liberal: bool = False
    udp_timeout: int = 0
    udp_stream_timeout: int = 0


class KubeProxyConfiguration(Section, frozen=True):
    """A configuration, defaults filled in."""

    api_version: str = "kubeproxy.config.k8s.io/v1alpha1"
    kind: str = "KubeProxyConfiguration"
    feature_gates: dict[str, bool] = field(default_factory=dict)
    client_connection: ClientConnection = ClientConnection()
    logging: dict[str, Any] = field(default_factory=dict)
    hostname_override: str = ""
    bind_address: str = "0.0.0.0"
    healthz_bind_address: str = "0.0.0.0:10256"
    metrics_bind_address: str = "127.0.0.1:10249"
    bind_address_hard_fail: bool = False
    enable_profiling: bool = False
    show_hidden_metrics_for_version: str = ""
    mode: str = ""
    iptables: IPTables = IPTables()
    ipvs: IPVS = IPVS()
    nftables: NFTables = NFTables()
    winkernel: dict[str, Any] = field(default_factory=dict)
    detect_local_mode: str = ""
    detect_local: DetectLocal = DetectLocal()
    cluster_cidr: str = ""
    node_port_addresses: tuple[str, ...] = ()
    oom_score_adj: int = -999
    conntrack: Conntrack = Conntrack()
    config_sync_period: int = 900 * SECOND
    port_range: str = ""
    windows_run_as_service: bool = False

    @property
    def cluster_cidrs(self) -> tuple[str, ...]:
        return tuple(self.cluster_cidr.split(",")) if self.cluster_cidr else ()

    def section(self, mode: str) -> IPTables | IPVS | NFTables:
        """Return the settings of a mode; an empty one is iptables."""
        if mode == "ipvs":
            return self.ipvs
        return self.nftables if mode in ("nftables", FLAT) else self.iptables
