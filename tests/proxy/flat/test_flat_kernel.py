"""The rules of mode flat in a kernel: nft takes them as text, and connections fare as the rules say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from typing import Any

import pytest

from proxy_core import FLAT_TABLE, FakeNft, FlatProxier
from proxy_core.kernel.nft.nft import NetlinkNft
from proxy_core.nft.transaction import AddElement, DeleteElement, Transaction
from tests.proxy.flat.pods import NODE_IP, Pods, missing, pods
from tests.proxy.flat.worlds import SECOND, flat, new_state, settings
from tests.proxy.objects import endpoint, service, slice_of

PODS = 10
FLOWS = 5000


@pytest.fixture(scope="module")
def node() -> Iterator[Pods]:
    reason = missing()
    if reason:
        pytest.skip(reason)
    with pods(PODS) as running:
        yield running


def loaded(node: Pods, proxier: FlatProxier) -> None:
    """Write the proxier's first transaction into the node's kernel, by nft."""
    kernel = proxier._kernel
    assert isinstance(kernel, FakeNft)
    proxier.sync(0)
    node.nft(
        f"add table ip {FLAT_TABLE}\ndelete table ip {FLAT_TABLE}\n"
        + "".join(f"{line}\n" for each in kernel.ran for line in each.lines())
    )


def serve(proxier: FlatProxier, node: Pods, name: str, ip: str, pods: range, **more: object) -> None:
    """Add a Service with some of the pods."""
    proxier.state.update(service(name, clusterIP=ip, **more))
    ends = [endpoint(node.addresses[number], "node-2", zone="zone-b" if number else "zone-a") for number in pods]
    proxier.state.update(slice_of(*ends, name=f"{name}-a", labels={"kubernetes.io/service-name": name}))


class Watched(NetlinkNft):
    """A table in the kernel that keeps the last transaction."""

    last: Transaction

    def run(self, transaction: Transaction) -> None:
        self.last = transaction
        super().run(transaction)

    def elements_written(self) -> list[str]:
        found = [each.text("t") for each in self.last.commands if isinstance(each, AddElement | DeleteElement)]
        return [line for line in found if "nodeport-ips" not in line]  # written in every full sync


def chi_square(counts: Counter[str], shares: dict[str, float]) -> float:
    total = sum(counts.values())
    return sum((counts[key] - total * share) ** 2 / (total * share) for key, share in shares.items())


def test_connections_are_spread_evenly(node: Pods) -> None:
    proxier = flat()
    serve(proxier, node, "web", "172.30.0.1", range(PODS))
    loaded(node, proxier)
    counts = Counter(node.call("172.30.0.1", 80) for _ in range(FLOWS))
    assert set(counts) == set(node.addresses)
    # 9 degrees of freedom: one run in a million is above 46
    assert chi_square(counts, dict.fromkeys(node.addresses, 1 / PODS)) < 46, counts


def test_services_of_all_sizes_and_kinds_side_by_side(node: Pods) -> None:
    proxier = flat()
    closed = {"ingress": [{"ip": "198.51.100.9"}], "type": "LoadBalancer", "externalIPs": ["203.0.113.7"]}
    weighted = {"stowage.dev/weights": "zone-a=3"}
    serve(proxier, node, "one", "172.30.0.1", range(1))
    serve(proxier, node, "three", "172.30.0.2", range(3), externalIPs=["203.0.113.8"])
    serve(proxier, node, "none", "172.30.0.3", range(0))
    serve(proxier, node, "sticky", "172.30.0.4", range(PODS), sessionAffinity="ClientIP")
    serve(proxier, node, "closed", "172.30.0.5", range(2), loadBalancerSourceRanges=["203.0.113.0/24"], **closed)
    serve(proxier, node, "open", "172.30.0.6", range(2), loadBalancerSourceRanges=["10.180.0.0/30"], **{
        **closed, "ingress": [{"ip": "198.51.100.10"}], "externalIPs": []})  # fmt: skip
    serve(proxier, node, "weighted", "172.30.0.7", range(2), annotations=weighted)
    serve(proxier, node, "maglev", "172.30.0.8", range(PODS), annotations={"stowage.dev/balancing": "maglev"})
    loaded(node, proxier)
    assert {node.call("172.30.0.1", 80) for _ in range(20)} == {node.addresses[0]}
    for ip in ("172.30.0.2", "203.0.113.8"):
        assert {node.call(ip, 80) for _ in range(100)} == set(node.addresses[:3])
    assert node.call("172.30.0.3", 80) == "ConnectionRefusedError"  # no endpoints
    assert node.call("172.30.0.2", 81) == "ConnectionRefusedError"  # no such port
    assert len({node.call("172.30.0.4", 80) for _ in range(30)}) == 1
    assert node.call("198.51.100.9", 80) == "TimeoutError"  # from outside the source ranges
    assert node.call("203.0.113.7", 80) in node.addresses  # an external IP has none
    assert node.call("198.51.100.10", 80) in node.addresses
    counts = Counter(node.call("172.30.0.7", 80) for _ in range(1000))
    assert chi_square(counts, {node.addresses[0]: 0.75, node.addresses[1]: 0.25}) < 24, counts  # one in a million
    ports = range(40000, 40100)
    chosen = [node.call("172.30.0.8", 80, port) for port in ports]
    assert chosen == [node.call("172.30.0.8", 80, port) for port in ports] and set(chosen) == set(node.addresses)


def test_changes_over_netlink_and_another_process_that_takes_over(node: Pods) -> None:
    node.nft(f"add table ip {FLAT_TABLE}\ndelete table ip {FLAT_TABLE}\n")
    closed = {"type": "LoadBalancer", "ingress": [{"ip": "198.51.100.9"}], "externalTrafficPolicy": "Local"}
    ranges = ["10.180.0.0/24", "10.180.0.0/30", "203.0.113.9/32"]
    maglev = {"stowage.dev/balancing": "maglev"}
    ports = [{"name": "http", "port": 80, "nodePort": 30080}]
    state = new_state()
    with closing(Watched("ip", FLAT_TABLE, netns=node.node)) as kernel:
        proxier = flat(kernel, state)
        serve(proxier, node, "web", "172.30.0.1", range(3))
        serve(proxier, node, "sticky", "172.30.0.2", range(3), sessionAffinity="ClientIP")
        serve(proxier, node, "closed", "172.30.0.3", range(2), loadBalancerSourceRanges=ranges, ports=ports, **closed)
        serve(proxier, node, "maglev", "172.30.0.4", range(3), annotations=maglev)
        serve(proxier, node, "none", "172.30.0.5", range(0), externalIPs=["203.0.113.7"])
        proxier.sync(0)
        assert {node.call("172.30.0.1", 80) for _ in range(60)} == set(node.addresses[:3])
        # The node itself is short-circuited to the endpoints of the cluster, though none of them is here.
        assert {node.call("198.51.100.9", 80) for _ in range(40)} == set(node.addresses[:2])
        assert {node.call(NODE_IP, 30080) for _ in range(40)} == {"ConnectionRefusedError"}  # no address for node ports
        serve(proxier, node, "web", "172.30.0.1", range(1, 5))
        proxier.sync(SECOND)
        assert {node.call("172.30.0.1", 80) for _ in range(80)} == set(node.addresses[1:5])
        proxier.sync(3 * SECOND)
        assert "cluster-4" in kernel.names().chains and "cluster-3" not in kernel.names().chains
        heir = flat(kernel, state)
        heir.sync(4 * SECOND)
        assert kernel.elements_written() == []
        serve(heir, node, "sticky", "172.30.0.2", range(2))
        heir.sync(5 * SECOND)
        heir.sync(7 * SECOND)
        assert not any("/" in chain for chain in kernel.names().chains)
        assert {node.call("172.30.0.2", 80) for _ in range(40)} == set(node.addresses[:2])


def test_everything_in_ipv6_as_text_and_over_netlink(node: Pods) -> None:
    state = new_state("IPv6")
    ports = [{"name": "http", "port": 80, "nodePort": 30080}, {"name": "dns", "port": 53, "protocol": "UDP"}]
    kinds: tuple[dict[str, Any], ...] = (
        {"externalIPs": ["2001:db8:ffff::7"]},
        {"sessionAffinity": "ClientIP"},
        {"externalTrafficPolicy": "Local", "loadBalancerSourceRanges": ["2001:db8::/32", "fd00::/64", "fd00::1/128"]},
        {"annotations": {"stowage.dev/balancing": "maglev", "stowage.dev/weights": "node-2=3"}},
    )
    for number, more in enumerate(kinds):
        name, ip = f"s{number}", f"fd00:172:30::{number + 1}"
        ingress = [{"ip": f"2001:db8:ffff::1{number}"}]
        spec = {"clusterIP": ip, "type": "LoadBalancer", "ports": ports, "ingress": ingress, **more}
        state.update(service(name, **spec))
        ends = [endpoint(f"fd00:10:180::{last}", f"node-{last}") for last in range(1, 4)]
        labels = {"kubernetes.io/service-name": name}
        parts = [{"protocol": "TCP", **port, "port": port["port"]} for port in ports]
        state.update(slice_of(*ends, name=name, labels=labels, ports=parts, address_type="IPv6"))
    memory = FakeNft("ip6", FLAT_TABLE)
    FlatProxier(state, settings("flat", state), memory).sync(0)
    state.update(service("gone", clusterIP="fd00:172:30::9"))  # without endpoints
    node.nft("".join(f"{line}\n" for each in memory.ran for line in each.lines()))
    with closing(Watched("ip6", FLAT_TABLE, netns=node.node)) as kernel:
        for name in ("service-endpoints", "own-service-endpoints", "nodeport-endpoints", "firewall-sources"):
            assert kernel.elements(name) == memory.elements(name) and memory.elements(name)
        FlatProxier(state, settings("flat", state), kernel).sync(SECOND)
        assert [line.split()[3] for line in kernel.elements_written()] == ["cluster-ips", "no-endpoint-services"]
        FlatProxier(state, settings("flat", state), kernel).sync(2 * SECOND)
        assert kernel.elements_written() == []
