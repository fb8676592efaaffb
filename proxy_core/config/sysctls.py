"""The sysctls that a configuration asks for, as values; the edge writes them.

Upstream: setupConntrack of cmd/kube-proxy/app/server_linux.go, and NewProxier of pkg/proxy/iptables. Those of ipvs mode
stand with its backend.
"""

from __future__ import annotations

from proxy_core.config.types import Conntrack
from proxy_core.settings import SECOND, Settings

_NETFILTER = "net/netfilter/nf_conntrack"
CONNTRACK_MAX = f"{_NETFILTER}_max"
MOST_CONNECTIONS = 1 << 20
"""What a number per core is cut to."""


def conntrack_max(config: Conntrack, cpus: int) -> int | None:
    """Return how many connections may be tracked; None if that is to stay as it is."""
    if config.max_per_core <= 0:
        return None
    scaled = config.max_per_core * cpus
    if scaled > MOST_CONNECTIONS:
        return MOST_CONNECTIONS
    return max(scaled, config.min)


def conntrack_sysctls(config: Conntrack, cpus: int) -> dict[str, int]:
    """Return the sysctls of connection tracking by path below /proc/sys, in the order in which they are written."""
    values = {}
    most = conntrack_max(config, cpus)
    if most is not None:
        values[CONNTRACK_MAX] = most
    times = {
        "tcp_timeout_established": config.tcp_established_timeout,
        "tcp_timeout_close_wait": config.tcp_close_wait_timeout,
    }
    values |= {f"{_NETFILTER}_{name}": time // SECOND for name, time in times.items() if time > 0}
    if config.tcp_be_liberal:
        values[f"{_NETFILTER}_tcp_be_liberal"] = 1
    times = {"udp_timeout": config.udp_timeout, "udp_timeout_stream": config.udp_stream_timeout}
    return values | {f"{_NETFILTER}_{name}": time // SECOND for name, time in times.items() if time > 0}


def iptables_sysctls(settings: Settings) -> dict[str, int]:
    """Return the sysctls of iptables mode: node ports on 127.0.0.1 need loopback addresses to be routed."""
    return {"net/ipv4/conf/all/route_localnet": 1} if settings.localhost_node_ports else {}
