"""A trace for people: packets from texts, which Service it is, rules in the words of each tool."""

from __future__ import annotations

import json
from typing import Any

import pytest

from proxy_core import NotSupported, Problem
from proxy_core.trace import Packet, explain, packet_between, walk_of
from tests.proxy.objects import endpoint, service, slice_of
from tests.proxy.trace.cluster import CLIENT, NODE_IP, POD, Cluster, cluster
from tests.proxy.trace.test_flows import CLUSTER_IP, EXTERNAL_IP, NODE_PORT, REMOTE, VIP, balanced, both_ends


def explained(mode: str, source: str, target: str, **more: Any) -> list[str]:
    found = cluster(mode, [balanced(**more), both_ends()])
    sent = packet_between(found.state, found.settings, source, target)
    assert isinstance(sent, Packet)
    return list(explain(*found, sent).lines(1))


@pytest.mark.parametrize(
    ("mode", "words"),
    [
        ("iptables", "--probability 0.5000000000 -j KUBE-SEP-"),
        ("nftables", "dnat ip addr . port to numgen random mod 2 map { 0 : 10.180.0.1 . 8080"),
        ("ipvs", "= 172.30.0.1:80/TCP (rr) -> 10.180.0.1:8080"),
        ("flat", "= 172.30.0.1 . tcp . 80 . 0 : 10.180.0.1 . 8080"),
    ],
)
def test_rules_stand_in_the_words_of_their_tool(mode: str, words: str) -> None:
    lines = explained(mode, POD, f"{CLUSTER_IP}:80")
    assert lines[0] == f"tcp {POD}:40000 -> {CLUSTER_IP}:80, arriving by veth0 (mode {mode})"
    assert lines[1] == "for Service shop/web:http, by its cluster IP (2 endpoints, 1 on this node)"
    assert lines[3] == "1/2  accepted, to 10.180.0.1:8080" and lines[-1] == "and 1 more way"
    assert any(words in line for line in lines), lines


@pytest.mark.parametrize(
    ("target", "part"),
    [
        (f"{EXTERNAL_IP}:80", "by its external IP"),
        (f"{VIP}:80", "by its load balancer IP"),
        (f"{NODE_IP}:{NODE_PORT}", "by its node port"),
        (f"{VIP}:81", "for no Service"),
        (f"{VIP}:80/udp", "for no Service"),
    ],
)
def test_what_of_a_service_the_packet_is_for(target: str, part: str) -> None:
    assert part in explained("nftables", CLIENT, target)[1]


def test_masquerade_is_said_and_verdicts_too() -> None:
    assert explained("iptables", CLIENT, f"{VIP}:80")[3].endswith("with the node's address as its source")
    dropped = explained("nftables", "203.0.113.130", f"{VIP}:80", loadBalancerSourceRanges=[f"{CLIENT}/32"])
    assert dropped[3] == "always  dropped" and dropped[-1].endswith("drop")


def test_plain_data_is_json_with_every_rule() -> None:
    found = cluster("nftables", [balanced(), both_ends()])
    data = explain(*found, Packet("tcp", CLIENT, 40000, VIP, 80, "eth0")).json()
    assert json.loads(json.dumps(data)) == data
    assert [way["probability"] for way in data["ways"]] == ["1/2", "1/2"]
    assert data["services"][0]["name"] == "shop/web:http"
    assert (
        data["ways"][0]["rules"][-1]["rule"]
        == "mark and 0x00004000 != 0 mark set mark xor 0x00004000 masquerade fully-random"
    )


@pytest.fixture
def two_nodes() -> Cluster:
    return cluster("nftables", [service(), slice_of(endpoint("10.99.0.1"), endpoint(REMOTE, "node-2"))])


@pytest.mark.parametrize(
    ("source", "interface"),
    [(NODE_IP, ""), ("127.0.0.1", ""), (POD, "veth0"), ("10.99.0.1", "veth0"), (REMOTE, "eth0"), (CLIENT, "eth0")],
)
def test_where_a_packet_comes_in_is_known_by_its_source(two_nodes: Cluster, source: str, interface: str) -> None:
    explain(*two_nodes, Packet("tcp", CLIENT, 1, VIP, 80))
    sent = packet_between(two_nodes.state, two_nodes.settings, source, f"{CLUSTER_IP}:80")
    assert isinstance(sent, Packet) and sent.interface == interface
    told = packet_between(two_nodes.state, two_nodes.settings, f"{source}:99", f"{CLUSTER_IP}:80/sctp", "eth7")
    assert told == Packet("sctp", source, 99, CLUSTER_IP, 80, "eth7")


@pytest.mark.parametrize(
    ("source", "target", "reason"),
    [
        (CLIENT, CLUSTER_IP, "is not IP:PORT or"),
        (CLIENT, f"{CLUSTER_IP}:80/icmp", "is not IP:PORT or"),
        (CLIENT, f"{CLUSTER_IP}:65536", "is not IP:PORT or"),
        (CLIENT, "web:80", "is not IP:PORT or"),
        ("client", f"{CLUSTER_IP}:80", "is not IP or IP:PORT"),
        ("2001:db8::1", f"{CLUSTER_IP}:80", "are not both of IPv4"),
        ("2001:db8::1", "[2001:db8::2]:80", "are not both of IPv4"),
    ],
)
def test_texts_that_are_no_packet_are_named(two_nodes: Cluster, source: str, target: str, reason: str) -> None:
    found = packet_between(two_nodes.state, two_nodes.settings, source, target)
    assert isinstance(found, Problem) and found.reason.startswith(reason)


def test_a_mode_that_cannot_be_traced_is_refused(two_nodes: Cluster) -> None:
    with pytest.raises(NotSupported, match="userspace"):
        walk_of("userspace", two_nodes.state, two_nodes.settings)
