"""NftablesProxier on a real table: what others have left there, loads in pieces, restarts, refusals."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Any

import pytest

from proxy_core import (
    FakeNft,
    KernelError,
    Machine,
    NftablesProxier,
    ProxyState,
    load_config,
    node_info,
    settings_of,
)
from proxy_core.kernel.nft import NetlinkNft
from proxy_core.nft.chunks import chunks
from proxy_core.nft.kernel import Nft as Kernel
from tests.proxy.kernel.nft_program import Listing, Nft, normal
from tests.proxy.objects import NODE, endpoint, node, service, slice_of

HEAD = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
SECOND = 10**9
LEFTOVERS = """
add table ip kube-proxy
add chain ip kube-proxy filter-input { type filter hook input priority -5 ; }
add chain ip kube-proxy nat-prerouting { type nat hook prerouting priority -150 ; }
add chain ip kube-proxy services
add chain ip kube-proxy reject-chain
add chain ip kube-proxy service-AAAAAAAA-old/gone/tcp/http
add chain ip kube-proxy endpoint-BBBBBBBB-old/gone/tcp/http__10.9.9.9/80
add set ip kube-proxy affinity-BBBBBBBB-old/gone/tcp/http__10.9.9.9/80 { type ipv4_addr ; flags dynamic,timeout ; timeout 5s ; }
add set ip kube-proxy cluster-ips { type ipv4_addr ; }
add map ip kube-proxy service-ips { type ipv4_addr . inet_proto . inet_service : verdict ; }
add map ip kube-proxy no-endpoint-services { type ipv4_addr . inet_proto . inet_service : verdict ; }
add rule ip kube-proxy nat-prerouting jump services
add rule ip kube-proxy services ip daddr . meta l4proto . th dport vmap @service-ips
add rule ip kube-proxy service-AAAAAAAA-old/gone/tcp/http goto endpoint-BBBBBBBB-old/gone/tcp/http__10.9.9.9/80
add rule ip kube-proxy endpoint-BBBBBBBB-old/gone/tcp/http__10.9.9.9/80 update @affinity-BBBBBBBB-old/gone/tcp/http__10.9.9.9/80 { ip saddr }
add element ip kube-proxy cluster-ips { 172.30.9.9, 172.30.0.1 }
add element ip kube-proxy service-ips { 172.30.9.9 . tcp . 80 : goto service-AAAAAAAA-old/gone/tcp/http }
add element ip kube-proxy service-ips { 172.30.0.1 . tcp . 80 : goto service-AAAAAAAA-old/gone/tcp/http }
add element ip kube-proxy no-endpoint-services { 172.30.9.8 . udp . 53 : drop }
"""  # noqa: E501
"""What a proxy of another version has left: other priorities, services that are gone, elements that are wrong."""


def proxier(kernel: Kernel, services: int = 0) -> NftablesProxier:
    """Return a proxier for some services with three endpoints each."""
    state = ProxyState("IPv4", node_info(NODE, node()))
    settings = settings_of(load_config(HEAD), "nftables", "IPv4", state.node, Machine())
    for number in range(services):
        more: dict[str, Any] = {"externalIPs": ["198.51.100.7"]} if number % 3 == 0 else {}
        if number % 5 == 0:
            more["sessionAffinity"] = "ClientIP"
        ports = [{"name": "http", "port": 1000 + number, "protocol": "TCP"}]
        state.update(service(f"s{number}", clusterIP=f"172.30.{number >> 8}.{number & 255}", ports=ports, **more))
        ends = [endpoint(f"10.180.{number % 200}.{each}", "node-2") for each in range(3)]
        labels = {"kubernetes.io/service-name": f"s{number}"}
        state.update(slice_of(*ends, name=f"s{number}-a", labels=labels))
    return NftablesProxier(state, settings, kernel)


def wanted(netns: str, services: int) -> Listing:
    """Return what nft lists after it has loaded, in one go, what a table in memory holds."""
    memory = FakeNft("ip")
    proxier(memory, services).sync(0)
    program = Nft(netns)
    program.load(memory.listing())
    return tables(program)


def tables(program: Nft) -> Listing:
    """Return what is listed, without the table's own comment: that of a table that is there stays."""
    return {name: lines for name, lines in normal(program.listing()).items() if not name.startswith("table ")}


def test_what_another_proxy_has_left_is_taken_over_or_away(new_netns: Callable[[], str]) -> None:
    netns = new_netns()
    Nft(netns).load(LEFTOVERS)
    with NetlinkNft("ip", netns=netns) as kernel:
        made = proxier(kernel, 10)
        made.sync(0)
        gone = [chain for chain in kernel.names().chains if "old/gone" in chain]
        assert len(gone) == 2 and not any(tables(Nft(netns))[f"chain {chain}"] for chain in gone)
        made.sync(3 * SECOND)  # chains are deleted when they have been out of use for a while
        assert not [chain for chain in kernel.names().chains if "old/gone" in chain]
    listed, fresh = tables(Nft(netns)), wanted(new_netns(), 10)
    assert without_comments(listed) == without_comments(fresh)


def without_comments(listing: Listing) -> Listing:
    """Return a listing without the comments of chains, sets and maps: what was there before keeps its own."""
    return {name: [line for line in lines if not line.startswith("comment ")] for name, lines in listing.items()}


def test_a_load_in_pieces_leaves_what_one_in_one_go_leaves(
    new_netns: Callable[[], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    netns = new_netns()
    monkeypatch.setattr("proxy_core.nftables.proxier.chunks", partial(chunks, large=100, size=150))
    with NetlinkNft("ip", netns=netns) as kernel:
        made = proxier(kernel, 300)
        made.sync(0)
        first = tables(Nft(netns))
        made.sync(9000 * SECOND)  # full again
        again = tables(Nft(netns))
    with NetlinkNft("ip", netns=netns) as kernel:  # another process
        proxier(kernel, 300).sync(10_000 * SECOND)
    monkeypatch.undo()
    assert first == again == tables(Nft(netns)) == wanted(new_netns(), 300)


def test_a_refused_sync_leaves_the_table_and_the_next_one_makes_up_for_it(new_netns: Callable[[], str]) -> None:
    netns = new_netns()
    with NetlinkNft("ip", netns=netns) as kernel:
        made = proxier(kernel, 3)
        made.sync(0)
        Nft(netns).load("delete element ip kube-proxy service-ips { 172.30.0.1 . tcp . 1001 }")
        before = tables(Nft(netns))
        made.state.delete(service("s1"))
        with pytest.raises(KernelError, match=r"delete element ip kube-proxy service-ips { 172.30.0.1 . tcp . 1001 }"):
            made.sync(SECOND)
        assert tables(Nft(netns)) == before
        assert made.sync(2 * SECOND).full
        made.state.update(service("s1", clusterIP="172.30.0.1", ports=[{"name": "http", "port": 1001}]))
        made.sync(3 * SECOND)
    assert tables(Nft(netns)) == wanted(new_netns(), 3)
