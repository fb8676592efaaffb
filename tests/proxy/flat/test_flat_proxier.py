"""Syncs of mode flat: how little a change is, and what failed or other processes left behind."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from proxy_core import FLAT_TABLE, EndpointSlice, FakeNft, FlatProxier, KernelError
from proxy_core.flat.ways import Kind, Way, way_of
from proxy_core.nft.transaction import AddChain, AddElement, AddRule, DeleteElement, FlushChain
from tests.proxy.flat.worlds import SECOND, RefusingNft, content, flat
from tests.proxy.objects import endpoint, service, slice_of


def pods(addresses: Iterable[str], name: str = "web") -> EndpointSlice:
    ends = [endpoint(each, "node-2") for each in addresses]
    return slice_of(*ends, name=f"{name}-a", labels={"kubernetes.io/service-name": name})


def addresses(count: int, first: int = 0) -> list[str]:
    return [f"10.181.{number // 250}.{number % 250 + 1}" for number in range(first, first + count)]


def filled(kernel: FakeNft, *counts: int) -> FlatProxier:
    """Return a proxier that has written Services s0, s1, ... with so many endpoints each."""
    proxier = flat(kernel)
    for number, count in enumerate(counts):
        proxier.state.update(service(f"s{number}", clusterIP=f"172.30.1.{number + 1}"))
        proxier.state.update(pods(addresses(count), f"s{number}"))
    proxier.sync(0)
    return proxier


def last(kernel: FakeNft) -> list[str]:
    return [each.text("t") for each in kernel.ran[-1].commands]


def ways(kernel: FakeNft) -> set[str]:
    return {chain for chain in kernel.ruleset.chains if way_of(chain)}


def test_chains_are_as_many_as_kinds_and_counts_whatever_the_number_of_services() -> None:
    kernel = FakeNft("ip", FLAT_TABLE)
    filled(kernel, 1, 3, 17, 3, 3, 1, 17, 200)
    assert ways(kernel) == {"cluster-1", "cluster-3", "cluster-17", "cluster-200"}
    assert len(kernel.ruleset.elements["service-endpoints"]) == 1 + 3 + 17 + 3 + 3 + 1 + 17 + 200


def test_one_endpoint_for_another_is_one_element() -> None:
    kernel = FakeNft("ip", FLAT_TABLE)
    proxier = filled(kernel, 3, 1000)
    gone = f"{addresses(1, 500)[0]} . 8080"
    (key,) = [
        " . ".join(key) for key, each in kernel.ruleset.elements["service-endpoints"].items() if each.value == gone
    ]
    proxier.state.update(pods([*addresses(500), *addresses(500, 501)], "s1"))
    proxier.sync(SECOND)
    assert last(kernel) == [
        f"delete element t service-endpoints {{ {key} }}",
        f"add element t service-endpoints {{ {key} : 10.181.4.1 . 8080 }}",
    ]


def test_one_endpoint_less_is_a_few_elements_and_a_chain() -> None:
    kernel = FakeNft("ip", FLAT_TABLE)
    proxier = filled(kernel, 1000)
    proxier.state.update(pods(addresses(999, 1), "s0"))
    proxier.sync(SECOND)
    way, elements = kernel.ran[-2:]
    assert [type(each) for each in way.commands] == [AddChain, FlushChain, AddRule]
    assert [type(each) for each in elements.commands] == [DeleteElement, AddElement] * 2


def test_a_chain_is_there_before_anything_leads_to_it_and_a_slot_until_nothing_does() -> None:
    """A packet may find its chain in the old map and its endpoint in the new, or a new chain without rules yet."""
    kernel = FakeNft("ip", FLAT_TABLE)
    proxier = filled(kernel, 4)
    before = kernel.ruleset.elements["service-endpoints"].keys()
    proxier.state.update(pods(addresses(2), "s0"))
    proxier.sync(SECOND)
    assert kernel.ruleset.elements["service-endpoints"].keys() == before
    proxier.sync(2 * SECOND)
    assert kernel.ruleset.elements["service-endpoints"].keys() == before
    proxier.sync(2 * SECOND + 1)
    assert {key[-1] for key in kernel.ruleset.elements["service-endpoints"]} == {"0", "1"}
    proxier.state.update(pods([], "s0"))
    proxier.sync(3 * SECOND)
    assert kernel.ruleset.elements["service-endpoints"] and not kernel.ruleset.elements["service-ips"]
    proxier.sync(5 * SECOND)
    assert not kernel.ruleset.elements["service-endpoints"] and not ways(kernel)


def test_slots_out_of_use_are_taken_up_again() -> None:
    kernel = FakeNft("ip", FLAT_TABLE)
    proxier = filled(kernel, 5)
    for step, count in enumerate((2, 5, 1, 4), 1):
        proxier.state.update(pods(addresses(count), "s0"))
        proxier.sync(step)
        assert not [line for line in last(kernel) if "service-endpoints" in line]
    assert content(kernel) == content(_fresh(addresses(4)))


def test_nothing_changed_is_nothing_written() -> None:
    kernel = FakeNft("ip", FLAT_TABLE)
    proxier = filled(kernel, 3)
    written = len(kernel.ran)
    proxier.sync(SECOND)
    assert len(kernel.ran) == written


def test_ways_out_of_use_are_deleted_a_second_later_or_come_back() -> None:
    kernel = FakeNft("ip", FLAT_TABLE)
    proxier = filled(kernel, 3)
    proxier.state.update(pods(addresses(4), "s0"))
    proxier.sync(SECOND)
    written = len(kernel.ran)
    proxier.state.update(pods(addresses(3), "s0"))
    proxier.sync(SECOND + 1)
    assert ways(kernel) == {"cluster-3", "cluster-4"} and len(kernel.ran) == written + 1  # no chain is made again
    proxier.sync(3 * SECOND)
    assert ways(kernel) == {"cluster-3"}
    assert kernel.ruleset.chains["cluster-3"].rules


def test_a_failed_transaction_leaves_the_table_and_is_made_up_for_in_full() -> None:
    kernel = RefusingNft("ip", FLAT_TABLE)
    proxier = filled(kernel, 3)
    before = kernel.listing()
    kernel.refuses = True
    for number in (1, 2):
        proxier.state.update(pods(addresses(3, number), "s0"))
        with pytest.raises(KernelError, match="busy"):
            proxier.sync(number * SECOND)
        assert kernel.listing() == before
    kernel.refuses = False
    assert proxier.sync(3 * SECOND).full
    assert content(kernel) == content(_fresh(addresses(3, 2)))


def test_a_chain_that_cannot_be_deleted_makes_a_full_sync() -> None:
    kernel = RefusingNft("ip", FLAT_TABLE)
    proxier = filled(kernel, 3)
    proxier.state.update(pods(addresses(4), "s0"))
    proxier.sync(SECOND)
    proxier.state.update(pods(addresses(5), "s0"))
    kernel.refuses = True
    with pytest.raises(KernelError, match="busy"):
        proxier.sync(3 * SECOND)
    kernel.refuses = False
    proxier.sync(4 * SECOND)
    proxier.sync(6 * SECOND)
    assert ways(kernel) == {"cluster-5"}


def test_another_process_takes_the_table_over_and_writes_what_differs() -> None:
    kernel = FakeNft("ip", FLAT_TABLE)
    filled(kernel, 3, 17)
    heir = flat(kernel)
    heir.state.update(service("s0", clusterIP="172.30.1.1"))
    heir.state.update(pods([addresses(3)[2], addresses(3)[0], "10.181.9.9"], "s0"))
    heir.sync(SECOND)
    written = [line for line in last(kernel) if " element t " in line and "nodeport-ips" not in line]
    assert written[:2] == [
        "delete element t service-endpoints { 172.30.1.1 . tcp . 80 . 1 }",
        "add element t service-endpoints { 172.30.1.1 . tcp . 80 . 1 : 10.181.9.9 . 8080 }",
    ]
    assert sum(line.startswith("add") for line in written) == 1
    heir.sync(3 * SECOND)
    assert ways(kernel) == {"cluster-3"} and len(kernel.ruleset.elements["service-endpoints"]) == 3


def test_what_is_not_ours_in_the_table_goes() -> None:
    kernel = FakeNft("ip", FLAT_TABLE)
    proxier = filled(kernel)
    proxier.state.update(service("s0", sessionAffinity="ClientIP"))
    proxier.state.update(pods(addresses(2), "s0"))
    proxier.sync(SECOND)
    assert sum(name.startswith("affinity-") for name in kernel.ruleset.containers) == 2
    flat(kernel).sync(2 * SECOND)
    assert not any(name.startswith("affinity-") for name in kernel.ruleset.containers)
    assert not any(chain.rules for name, chain in kernel.ruleset.chains.items() if "/" in name)


def test_source_ranges_are_networks_that_do_not_overlap() -> None:
    kernel = FakeNft("ip", FLAT_TABLE)
    proxier = flat(kernel)
    ranges = ["10.0.0.0/8", "10.1.0.0/16", "192.168.7.0/25", "192.168.7.128/25", "203.0.113.5/32"]
    balancer: dict[str, Any] = {"type": "LoadBalancer", "ingress": [{"ip": "198.51.100.9"}]}
    proxier.state.update(service(loadBalancerSourceRanges=ranges, **balancer))
    proxier.sync(0)
    # The node's own address is in one of them, so the load balancer's is let in too.
    networks = {"10.0.0.0/8", "192.168.7.0/24", "203.0.113.5", "198.51.100.9"}
    assert kernel.ruleset.elements["firewall-sources"].keys() == {
        ("198.51.100.9", "tcp", "80", network) for network in networks
    }
    proxier.state.update(service(loadBalancerSourceRanges=["0.0.0.0/1", "128.0.0.0/1"], **balancer))
    proxier.sync(SECOND)
    assert not kernel.ruleset.elements["firewall-sources"] and not kernel.ruleset.elements["firewall-ips"]


def test_a_bad_annotation_is_named_and_stops_nobody() -> None:
    kernel = FakeNft("ip", FLAT_TABLE)
    proxier = filled(kernel, 2)
    annotations = {"stowage.dev/balancing": "fair"}
    proxier.state.update(service("s1", clusterIP="172.30.1.2", annotations=annotations))
    proxier.state.update(pods(addresses(2), "s1"))
    proxier.sync(SECOND)
    (problem,) = proxier.problems
    assert str(problem) == (
        "Service shop/s1: metadata.annotations[stowage.dev/balancing]: must be random or maglev: 'fair'"
    )
    assert kernel.ruleset.elements["service-ips"][("172.30.1.2", "tcp", "80")].value == "goto cluster-2"
    annotations["stowage.dev/balancing"] = "maglev"
    proxier.state.update(service("s1", clusterIP="172.30.1.2", annotations=annotations))
    proxier.sync(2 * SECOND)
    assert kernel.ruleset.elements["service-ips"][("172.30.1.2", "tcp", "80")].value == "goto cluster-maglev-251"
    assert not proxier.problems and len(kernel.ruleset.elements["service-endpoints"]) == 2 + 251


@pytest.mark.parametrize("kind", ["cluster", "external", "local", "own", "nodeport", "nodeport-local", "nodeport-own"])
def test_a_way_is_known_by_its_chain(kind: Kind) -> None:
    for way in (Way(kind, 10), Way(kind, 251, by_client=True)):
        assert way_of(way.chain) == way
    assert way_of(f"{kind}-x") is None and way_of(f"{kind}-ABC-shop/web/tcp/http-1") is None


def _fresh(ends: list[str]) -> FakeNft:
    kernel = FakeNft("ip", FLAT_TABLE)
    proxier = flat(kernel)
    proxier.state.update(service("s0", clusterIP="172.30.1.1"))
    proxier.state.update(pods(ends, "s0"))
    proxier.sync(0)
    return kernel
