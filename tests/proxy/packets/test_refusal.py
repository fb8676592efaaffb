"""What is not served is refused by ICMP or dropped: no endpoints, local policies, source ranges, unknown ports."""

from __future__ import annotations

import pytest

from proxy_core.addresses import Family
from tests.proxy.packets.bed import FAMILIES
from tests.proxy.packets.clients import TO_REFUSE, answered, ask_each, unanswered
from tests.proxy.packets.cluster import PORT, cluster_ip, local, remote, service, service_cidrs, slices
from tests.proxy.packets.driver import Record
from tests.proxy.packets.stage import Stage, Way
from tests.proxy.packets.wire import Tap

ALLOWED = 5
"""The number of the client's address that source ranges allow."""


def ranges(stage: Stage) -> list[str]:
    return [f"{stage.bed.client_address(ALLOWED, 'IPv4')}/32", f"{stage.bed.client_address(ALLOWED, 'IPv6')}/128"]


@pytest.mark.parametrize("family", FAMILIES)
def test_without_endpoints_everything_is_refused(stage: Stage, family: Family) -> None:
    bed = stage.bed
    stage.proxy.apply([service(1, "LoadBalancer", external=True)])
    ways = stage.ways(1, family)
    cluster = ways.pop("cluster IP")
    asked = [
        *stage.questions(bed.client, cluster, *ways.values()),
        *stage.questions(bed.pod_a, cluster, *ways.values()),
        *stage.questions(bed.node, cluster, ways["node port"]),
    ]
    assert set(unanswered(asked, seconds=TO_REFUSE)) == {"refused"}


@pytest.mark.parametrize("family", FAMILIES)
def test_endpoints_that_are_not_ready_are_none(stage: Stage, family: Family) -> None:
    bed = stage.bed
    ends = [
        local(bed.pod_a)._replace(ready=False, serving=False),
        remote(bed, 0)._replace(ready=False, serving=True),
        remote(bed, 1)._replace(ready=False, serving=False, terminating=True),
    ]
    stage.proxy.apply([service(1, "LoadBalancer"), *slices(1, ends)])
    ways = [each for each in stage.ways(1, family).values() if each.name != "external IP"]
    assert set(unanswered(stage.questions(bed.client, *ways), seconds=TO_REFUSE)) == {"refused"}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_refusal_of_tcp_is_an_icmp_of_the_right_kind(stage: Stage, family: Family) -> None:
    bed = stage.bed
    stage.proxy.apply([service(1)])
    way = stage.ways(1, family)["cluster IP"]
    with Tap(bed.client.netns) as tap:
        ask_each([stage.question(bed.client, way)], seconds=0.1)
        errors = [each for each in tap.packets(0.3) if each.is_port_unreachable]
    assert [(each.inner_destination, each.inner_port) for each in errors] == [(way.address, way.port)]


@pytest.mark.parametrize("family", FAMILIES)
def test_internal_policy_without_local_endpoints_drops(stage: Stage, family: Family) -> None:
    bed = stage.bed
    stage.proxy.apply([service(1, "NodePort", internalTrafficPolicy="Local"), *slices(1, [remote(bed, 0)])])
    ways = stage.ways(1, family)
    asked = [each for host in (bed.client, bed.pod_a, bed.node) for each in stage.questions(host, ways["cluster IP"])]
    assert set(unanswered(asked)) == {"silence"}
    answered(stage.questions(bed.client, ways["node port"]))


@pytest.mark.parametrize("family", FAMILIES)
def test_external_policy_without_local_endpoints_drops_what_comes_from_outside(stage: Stage, family: Family) -> None:
    bed = stage.bed
    policy = service(1, "LoadBalancer", external=True, externalTrafficPolicy="Local")
    stage.proxy.apply([policy, *slices(1, [remote(bed, 0)])])
    ways = stage.ways(1, family)
    cluster = ways.pop("cluster IP")
    assert set(unanswered(stage.questions(bed.client, *ways.values()))) == {"silence"}
    answered(stage.questions(bed.pod_a, cluster, *ways.values()))
    answered(stage.questions(bed.node, cluster, *ways.values()))
    answered(stage.questions(bed.client, cluster))


@pytest.mark.parametrize("family", FAMILIES)
def test_source_ranges_hold_for_load_balancers_only(stage: Stage, family: Family) -> None:
    bed = stage.bed
    limited = service(1, "LoadBalancer", external=True, loadBalancerSourceRanges=ranges(stage))
    stage.proxy.apply([limited, *slices(1, [local(bed.pod_a), remote(bed, 0)])])
    ways = stage.ways(1, family)
    balancer = ways.pop("load balancer")
    allowed = bed.client_address(ALLOWED, family)
    answered([stage.question(bed.client, balancer, protocol, allowed) for protocol in ("TCP", "UDP")])
    answered(stage.questions(bed.client, *ways.values()))
    assert set(unanswered(stage.questions(bed.client, balancer))) == {"silence"}
    assert set(unanswered(stage.questions(bed.pod_a, balancer))) == {"silence"}


def test_source_ranges_without_endpoints(stage: Stage) -> None:
    bed = stage.bed
    stage.proxy.apply([service(1, "LoadBalancer", loadBalancerSourceRanges=ranges(stage))])
    balancer = stage.ways(1, "IPv4")["load balancer"]
    allowed = stage.question(bed.client, balancer, "UDP", bed.client_address(ALLOWED, "IPv4"))
    other = stage.question(bed.client, balancer, "UDP")
    assert unanswered([allowed]) == ["refused"]
    assert unanswered([other]) == ["refused" if stage.mode == "iptables" else "silence"]


def test_a_range_that_holds_everybody_is_none_in_its_family(stage: Stage) -> None:
    bed = stage.bed
    mixed = service(1, "LoadBalancer", loadBalancerSourceRanges=["0.0.0.0/0", "2001:db8:ffff::/64"])
    stage.proxy.apply([mixed, *slices(1, [local(bed.pod_a)])])
    answered(stage.questions(bed.client, stage.ways(1, "IPv4")["load balancer"]))
    unanswered(stage.questions(bed.client, stage.ways(1, "IPv6")["load balancer"]))


@pytest.mark.parametrize("family", FAMILIES)
def test_unknown_ports_and_unallocated_cluster_ips(stage: Stage, family: Family) -> None:
    """In nftables mode they are refused and dropped; iptables mode does not know them, and they go on their way."""
    bed, proxy = stage.bed, stage.proxy
    objects: list[Record] = [service(1), *slices(1, [local(bed.pod_a)]), service_cidrs()]
    proxy.apply(objects)
    proxy.sync(full=True)
    port = Way("unknown port", cluster_ip(1, family), PORT + 1)
    address = Way("unallocated", cluster_ip(77, family), PORT)
    with Tap(bed.other.netns) as tap:
        got = ask_each([stage.question(bed.client, way, "UDP") for way in (port, address)], seconds=0.4)
        passed = {each.destination for each in tap.packets(0.1)} & {port.address, address.address}
    if stage.mode == "iptables":
        assert (got, passed) == (["silence", "silence"], {port.address, address.address})
    else:
        assert (got, passed) == (["refused", "silence"], set())
