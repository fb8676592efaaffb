"""KubeProxyConfiguration: defaults, warnings, and everything that is refused."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core import InvalidConfig, Machine, NotSupported, load_config, node_info, settings_of
from proxy_core.config.duration import parse_duration
from sched_core.config.duration import parse_duration as parsed_by_the_scheduler
from tests.proxy.objects import NODE, node

HEAD = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}


def test_defaults_are_upstreams() -> None:
    config = load_config({**HEAD, "iptables": {"syncPeriod": "1m30.5s", "minSyncPeriod": "0s"}, "ipvs": None})
    assert (config.iptables.sync_period, config.iptables.min_sync_period) == (90_500_000_000, 10**9)
    assert config.ipvs.min_sync_period == 0 and config.nftables.sync_period == 30 * 10**9
    assert config.conntrack.tcp_established_timeout == 86400 * 10**9 and config.oom_score_adj == -999
    assert config.healthz_bind_address == "0.0.0.0:10256" and config.cluster_cidrs == ()


def test_zeros_and_nulls_as_kubeadm_writes_them_are_defaults() -> None:
    times: dict[str, Any] = {"syncPeriod": "0s", "minSyncPeriod": "0s"}
    written = {
        "bindAddress": "0.0.0.0",
        "clientConnection": {"kubeconfig": "", "burst": 10, "qps": 5},
        "configSyncPeriod": "0s",
        "conntrack": {"maxPerCore": None, "min": None, "tcpEstablishedTimeout": None, "udpTimeout": "0s"},
        "healthzBindAddress": "",
        "metricsBindAddress": "",
        "iptables": {"localhostNodePorts": None, "masqueradeBit": None, **times},
        "ipvs": {"excludeCIDRs": None, "tcpTimeout": "0s", **times},
        "nftables": {"masqueradeBit": None, **times},
        "nodePortAddresses": None,
        "oomScoreAdj": None,
    }
    warnings: list[str] = []
    assert (load_config({**HEAD, **written}, warnings=warnings), warnings) == (load_config(HEAD), [])


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        ({}, ("0.0.0.0:10256", "127.0.0.1:10249")),
        ({"bindAddress": "192.168.7.11"}, ("0.0.0.0:10256", "127.0.0.1:10249")),
        ({"bindAddress": "2001:db8:7::b", "metricsBindAddress": ""}, ("[::]:10256", "[::1]:10249")),
        ({"healthzBindAddress": "10.1.2.3", "metricsBindAddress": "::"}, ("10.1.2.3:10256", "[::]:10249")),
        ({"healthzBindAddress": "[::1]:1", "bindAddress": "::1"}, ("[::1]:1", "[::1]:10249")),
    ],
)
def test_where_the_servers_listen(given: dict[str, Any], expected: tuple[str, str]) -> None:
    config = load_config({**HEAD, **given})
    assert (config.healthz_bind_address, config.metrics_bind_address) == expected


def test_a_sync_period_of_zero_is_the_default_in_all_modes() -> None:
    for mode in ("iptables", "nftables", "ipvs"):
        section = load_config({**HEAD, "mode": mode, mode: {"syncPeriod": "0s"}}).section(mode)
        assert section.sync_period == 30 * 10**9


@pytest.mark.parametrize(
    "text",
    ["1m30.5s", ".5s", "-1.h", "0", "+0", "2562047h47m16.854775807s", "", "s", "1", "1 s", ".s", "3x", "9999999h"],
)
def test_durations_are_read_alike_by_both_cores(text: str) -> None:
    try:
        expected = parsed_by_the_scheduler(text)
    except ValueError:
        with pytest.raises(ValueError, match="is no duration"):
            parse_duration(text)
    else:
        assert parse_duration(text) == expected


def test_a_mode_without_a_proxier_is_refused() -> None:
    with pytest.raises(NotSupported, match="mode ebpf is not supported; there are iptables, ipvs, nftables"):
        settings_of(load_config(HEAD), "ebpf", "IPv4", node_info(NODE, node()), Machine())


def test_unknown_fields_are_warnings() -> None:
    warnings: list[str] = []
    load_config({**HEAD, "nftabels": 1, "iptables": {"masq": True}}, warnings=warnings)
    assert sorted(warnings) == ["unknown field iptables.masq", "unknown field nftabels"]


@pytest.mark.parametrize(
    ("tree", "text"),
    [
        ({"kind": "Pod"}, "apiVersion: is kubeproxy.config.k8s.io/v1alpha1 Pod"),
        ({"mode": "ebpf"}, "mode: must be iptables, ipvs, nftables, flat or blank: 'ebpf'"),
        ({"iptables": {"masqueradeBit": 32}}, "iptables.masqueradeBit: must be within the range"),
        ({"iptables": {"masqueradeBit": "x"}}, "iptables.masqueradeBit: expected `int`"),
        ({"iptables": {"syncPeriod": "1 s"}}, "iptables.syncPeriod: is no duration, as 30s or 1m30s are: '1 s'"),
        ({"iptables": {"syncPeriod": 30}}, "iptables.syncPeriod: is no duration, as 30s or 1m30s are: 30"),
        ({"conntrack": {"udpTimeout": True}}, "conntrack.udpTimeout: is no duration, as 30s or 1m30s are: True"),
        ({"iptables": {"syncPeriod": "-1s"}}, "iptables.syncPeriod: must be greater than 0"),
        ({"iptables": {"minSyncPeriod": "1m"}}, "iptables.syncPeriod: must be greater than or equal to"),
        ({"mode": "ipvs", "ipvs": {"udpTimeout": "-1s"}}, "ipvs.udpTimeout: must be greater than or equal to 0"),
        ({"mode": "ipvs", "ipvs": {"excludeCIDRs": ["x"]}}, "ipvs.excludeCIDRs[0]: must be a valid CIDR: 'x'"),
        ({"conntrack": {"min": -1}}, "conntrack.min: must be greater"),
        ({"configSyncPeriod": "-1s"}, "configSyncPeriod: must be greater than 0"),
        ({"oomScoreAdj": 1001}, "oomScoreAdj: must be within the range [-1000, 1000]: 1001"),
        ({"bindAddress": "here"}, "bindAddress: not a valid textual representation of an IP address: 'here'"),
        ({"healthzBindAddress": "10256"}, "healthzBindAddress: must be IP:port: '10256'"),
        ({"metricsBindAddress": "[::1]:0"}, "metricsBindAddress: must be a valid port: '0'"),
        ({"metricsBindAddress": "host:1"}, "metricsBindAddress: must be a valid IP: 'host'"),
        ({"nodePortAddresses": ["primary", "10.0.0.0/8"]}, "nodePortAddresses[0]: can't use both"),
        ({"nodePortAddresses": ["10.0.0.1"]}, "nodePortAddresses[0]: must be a valid CIDR: '10.0.0.1'"),
        ({"detectLocalMode": "Guess"}, "detectLocalMode: unsupported value 'Guess'"),
        ({"detectLocalMode": "BridgeInterface"}, "detectLocal.bridgeInterface: must not be empty"),
        ({"detectLocalMode": "InterfaceNamePrefix"}, "detectLocal.interfaceNamePrefix: must not be empty"),
        (
            {"detectLocalMode": "BridgeInterface", "detectLocal": {"bridgeInterface": "br0 -j ACCEPT"}},
            "detectLocal.bridgeInterface: must be one word without quotes and slashes: 'br0 -j ACCEPT'",
        ),
        (
            {"detectLocalMode": "InterfaceNamePrefix", "detectLocal": {"interfaceNamePrefix": "veth\n-A"}},
            "detectLocal.interfaceNamePrefix: must be one word",
        ),
        ({"configSyncPeriod": 5}, "configSyncPeriod: is no duration, as 30s or 1m30s are: 5"),
        ({"clusterCIDR": "10.0.0.0/8,x"}, "clusterCIDR: must be valid CIDR blocks"),
        ({"clusterCIDR": "10.0.0.0/8,11.0.0.0/8"}, "clusterCIDR: must be a single CIDR or a dual-stack pair"),
    ],
)
def test_what_is_refused(tree: dict[str, Any], text: str) -> None:
    with pytest.raises(InvalidConfig) as refusal:
        load_config({**HEAD, **tree}, "proxy.yaml")
    assert f"proxy.yaml: KubeProxyConfiguration: {text}" in str(refusal.value)
