"""The sysctls that a configuration asks for."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core import Machine, load_config, node_info, settings_of
from proxy_core.config.sysctls import conntrack_max, conntrack_sysctls, iptables_sysctls
from proxy_core.config.types import Conntrack, KubeProxyConfiguration
from tests.proxy.objects import NODE, node


def config(**fields: Any) -> KubeProxyConfiguration:
    head = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
    return load_config({**head, **fields})


def test_the_defaults() -> None:
    assert conntrack_sysctls(config().conntrack, 2) == {
        "net/netfilter/nf_conntrack_max": 131072,
        "net/netfilter/nf_conntrack_tcp_timeout_established": 86400,
        "net/netfilter/nf_conntrack_tcp_timeout_close_wait": 3600,
    }


def test_everything_set() -> None:
    fields = {"maxPerCore": 0, "tcpEstablishedTimeout": "1m30s", "tcpCloseWaitTimeout": "0s", "tcpBeLiberal": True}
    fields |= {"udpTimeout": "10s", "udpStreamTimeout": "3m"}
    assert conntrack_sysctls(config(conntrack=fields).conntrack, 8) == {
        "net/netfilter/nf_conntrack_tcp_timeout_established": 90,
        "net/netfilter/nf_conntrack_tcp_be_liberal": 1,
        "net/netfilter/nf_conntrack_udp_timeout": 10,
        "net/netfilter/nf_conntrack_udp_timeout_stream": 180,
    }


@pytest.mark.parametrize(
    ("per_core", "least", "cpus", "expected"),
    [
        (32768, 131072, 2, 131072),
        (32768, 131072, 8, 262144),
        (32768, 0, 1, 32768),
        (32768, 131072, 64, 1 << 20),
        (32768, 1 << 21, 64, 1 << 20),  # cut even below the least number
        (32768, 1 << 21, 2, 1 << 21),
        (0, 131072, 8, None),
    ],
)
def test_how_many_connections(per_core: int, least: int, cpus: int, expected: int | None) -> None:
    assert conntrack_max(Conntrack(max_per_core=per_core, min=least), cpus) == expected


@pytest.mark.parametrize(
    ("family", "fields", "expected"),
    [
        ("IPv4", {}, 1),
        ("IPv6", {}, None),
        ("IPv4", {"iptables": {"localhostNodePorts": False}}, None),
        ("IPv4", {"nodePortAddresses": ["192.168.0.0/16"]}, None),
        ("IPv4", {"nodePortAddresses": ["127.0.0.0/8"]}, 1),
    ],
)
def test_loopback_is_routed_where_node_ports_are_served_there(
    family: Any, fields: dict[str, Any], expected: int | None
) -> None:
    settings = settings_of(config(**fields), "iptables", family, node_info(NODE, node()), Machine())
    assert iptables_sysctls(settings).get("net/ipv4/conf/all/route_localnet") == expected
