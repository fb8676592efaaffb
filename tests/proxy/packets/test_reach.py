"""Every kind of service is reached, by every protocol and family, from outside, from pods and from the node."""

from __future__ import annotations

import pytest

from proxy_core.addresses import Family
from tests.proxy.packets.bed import FAMILIES, forget_connections
from tests.proxy.packets.clients import answered, unanswered
from tests.proxy.packets.cluster import PROTOCOLS, local, remote, service, slices
from tests.proxy.packets.driver import Record
from tests.proxy.packets.stage import Stage, Way

TIMES = 6


@pytest.mark.parametrize("family", FAMILIES)
def test_every_kind_is_reached_from_everywhere(stage: Stage, family: Family) -> None:
    bed = stage.bed
    ends = [local(bed.pod_a), remote(bed, 0)]
    stage.proxy.apply([service(1, "LoadBalancer", external=True), *slices(1, ends)])
    questions = [
        stage.question(host, way, protocol)
        for host in (bed.client, bed.node, bed.pod_a, bed.pod_b, bed.other)
        for way in stage.ways(1, family).values()
        for protocol in PROTOCOLS
        for _ in range(TIMES)
        if host is not bed.other or way.name != "cluster IP"  # a node does not know another node's rules
    ]
    assert {each.server for each in answered(questions)} == {end.address(family) for end in ends}


@pytest.mark.parametrize("family", FAMILIES)
def test_ports_of_one_number_and_another_protocol_are_apart(stage: Stage, family: Family) -> None:
    bed = stage.bed
    tcp, udp = (service(n, "NodePort", protocols=[kind]) for n, kind in ((1, "TCP"), (2, "UDP")))
    ends = [local(bed.pod_a)], [remote(bed, 1)]
    objects: list[Record] = [tcp, *slices(1, ends[0], protocols=["TCP"]), udp, *slices(2, ends[1], protocols=["UDP"])]
    stage.proxy.apply(objects)
    one, two = stage.ways(1, family)["cluster IP"], stage.ways(2, family)["cluster IP"]
    asked = [stage.question(bed.pod_b, one, "TCP"), stage.question(bed.pod_b, two, "UDP")]
    assert [each.server for each in answered(asked)] == [bed.pod_a.address(family), bed.remote_pod(1, family)]


@pytest.mark.parametrize("family", FAMILIES)
def test_what_is_not_ours_is_left_alone(stage: Stage, family: Family) -> None:
    bed = stage.bed
    headless = service(1, clusterIP="None", clusterIPs=["None"])
    foreign = service(2, "LoadBalancer", labels={"service.kubernetes.io/service-proxy-name": "another"})
    headless_slices = slices(3, [local(bed.pod_a)], labels={"service.kubernetes.io/headless": ""})
    objects: list[Record] = [headless, *slices(1, [local(bed.pod_a)]), foreign, *slices(2, [local(bed.pod_a)])]
    stage.proxy.apply([*objects, service(4), *slices(4, [local(bed.pod_a)]), *headless_slices])
    ways = [stage.ways(1, family)["cluster IP"], *stage.ways(2, family).values()]
    unanswered(stage.question(bed.client, way, "UDP") for way in ways)
    answered([stage.question(bed.client, stage.ways(4, family)["cluster IP"], "UDP")])


@pytest.mark.parametrize("family", FAMILIES)
def test_a_service_comes_changes_its_address_and_goes(stage: Stage, family: Family) -> None:
    bed, proxy = stage.bed, stage.proxy
    ends = slices(1, [local(bed.pod_a)])
    proxy.apply([service(9), *slices(9, [local(bed.pod_b)])])
    ways = stage.ways(1, family)["cluster IP"], stage.ways(7, family)["cluster IP"]
    first, second = ([stage.question(bed.client, way, protocol) for protocol in PROTOCOLS] for way in ways)

    proxy.take(service(1), *ends)
    proxy.sync()
    answered(first)
    unanswered(second)

    moved = service(7)
    proxy.take(type(moved)(metadata=service(1).metadata, spec=moved.spec))
    proxy.sync()
    forget_connections(bed.node.netns)
    unanswered(first)
    answered(second)

    proxy.forget(service(1))
    proxy.sync()
    forget_connections(bed.node.netns)
    unanswered(first + second)


@pytest.mark.parametrize("family", FAMILIES)
def test_node_ports_are_served_at_every_address_or_the_primary_one(stage: Stage, family: Family) -> None:
    bed = stage.bed
    stage.proxy.apply([service(1, "NodePort"), *slices(1, [local(bed.pod_a)])])
    number = stage.ways(1, family)["node port"].port
    primary, another = bed.node.address(family), bed.node_address_towards(bed.client, family)
    answered([stage.question(bed.client, Way("primary", primary, number), "UDP")])
    asked = stage.question(bed.client, Way("another", another, number), "UDP")
    if stage.mode in ("nftables", "flat"):
        assert unanswered([asked]) == ["refused"]
    else:
        answered([asked])


def test_localhost_is_a_node_port_address_of_iptables_only(stage: Stage) -> None:
    bed = stage.bed
    stage.proxy.apply([service(1, "NodePort"), *slices(1, [local(bed.pod_a), remote(bed, 0)])])
    way = Way("localhost", "127.0.0.1", stage.ways(1, "IPv4")["node port"].port)
    asked = [stage.question(bed.node, way)] * 20
    if stage.mode == "iptables":
        assert {each.source for each in answered(asked)} == {"10.180.0.1", bed.node.IPv4}
    else:
        assert set(unanswered(asked)) == {"refused"}
