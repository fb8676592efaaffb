"""The rules of mode flat in a kernel: nft takes them as text, and connections fare as the rules say."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator

import pytest

from proxy_core import FLAT_TABLE, FakeNft, FlatProxier
from tests.proxy.flat.pods import Pods, missing, pods
from tests.proxy.flat.worlds import flat
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
    node.nft(f"add table ip {FLAT_TABLE}\ndelete table ip {FLAT_TABLE}\n" + "\n".join(kernel.ran[-1].lines()) + "\n")


def serve(proxier: FlatProxier, node: Pods, name: str, ip: str, pods: range, **more: object) -> None:
    """Add a Service with some of the pods."""
    proxier.state.update(service(name, clusterIP=ip, **more))
    ends = [endpoint(node.addresses[number], "node-2", zone="zone-b" if number else "zone-a") for number in pods]
    proxier.state.update(slice_of(*ends, name=f"{name}-a", labels={"kubernetes.io/service-name": name}))


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
