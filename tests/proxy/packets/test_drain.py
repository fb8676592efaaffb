"""Endpoints that end: they are used while nothing better is there, and what they have begun they finish."""

from __future__ import annotations

import socket

import pytest

from proxy_core.addresses import Family
from proxy_core.kernel.netns import inside
from tests.proxy.packets.bed import FAMILIES
from tests.proxy.packets.clients import SHORT, TO_REFUSE, answered, connection, is_alive, unanswered
from tests.proxy.packets.cluster import local, remote, service, slices
from tests.proxy.packets.servers import Answer, read_answer
from tests.proxy.packets.stage import Stage

TIMES = 16
WAYS = ("cluster IP", "load balancer", "node port")


def servers_of(answers: list[Answer]) -> set[str]:
    return {each.server for each in answers}


@pytest.mark.parametrize("family", FAMILIES)
def test_new_connections_avoid_what_ends_and_old_ones_stay(stage: Stage, family: Family) -> None:
    bed, proxy = stage.bed, stage.proxy
    a, far = local(bed.pod_a), remote(bed, 0)
    proxy.apply([service(1), *slices(1, [a])])
    way = stage.ways(1, family)["cluster IP"]
    with connection(stage.question(bed.client, way)) as (kept, answer):
        assert answer.server == a.address(family)
        for ends in ([a.drains, far], [far], []):
            proxy.take(*slices(1, ends))
            proxy.sync()
            assert is_alive(kept)
            if ends:
                assert servers_of(answered(stage.questions(bed.client, way, times=TIMES))) == {far.address(family)}
        proxy.forget(service(1), *slices(1, []))
        proxy.sync()
        if stage.mode == "ipvs":  # where a virtual server goes at once, with its connections
            kept.settimeout(SHORT)
            assert not is_alive(kept)
        else:
            assert is_alive(kept)


@pytest.mark.parametrize("family", FAMILIES)
def test_what_ends_serves_while_there_is_nothing_else(stage: Stage, family: Family) -> None:
    bed, proxy = stage.bed, stage.proxy
    ends = [local(bed.pod_a), remote(bed, 0)]
    proxy.apply([service(1), *slices(1, [each.drains for each in ends])])
    asked = stage.questions(bed.client, stage.ways(1, family)["cluster IP"], times=TIMES)
    assert servers_of(answered(asked)) == {each.address(family) for each in ends}
    proxy.apply([service(1), *slices(1, [each.drains._replace(serving=False) for each in ends])])
    assert set(unanswered(asked[:1], seconds=TO_REFUSE)) == {"refused"}


@pytest.mark.parametrize("family", FAMILIES)
def test_the_last_local_endpoint_serves_to_its_end_whatever_is_elsewhere(stage: Stage, family: Family) -> None:
    """A load balancer goes on for a while to send to this node what only local endpoints may serve."""
    bed, proxy = stage.bed, stage.proxy
    a, far = local(bed.pod_a), remote(bed, 0)
    policy = service(1, "LoadBalancer", externalTrafficPolicy="Local")
    proxy.apply([policy, *slices(1, [a.drains, far])])
    ways = stage.ways(1, family)
    answers = answered(stage.questions(bed.client, ways["load balancer"], times=TIMES))
    assert set(answers) == {(a.address(family), bed.client.address(family))}
    inner = answered(stage.questions(bed.client, ways["cluster IP"], times=TIMES))
    assert servers_of(inner) == {far.address(family)}


@pytest.mark.parametrize("way", WAYS)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_client_of_udp_that_never_pauses_moves_on(stage: Stage, family: Family, way: str) -> None:
    """Its flow would lead to the old endpoint for as long as it sends, were it not forgotten."""
    bed, proxy = stage.bed, stage.proxy
    a, far = local(bed.pod_a), remote(bed, 0)
    proxy.apply([service(1, "LoadBalancer"), *slices(1, [a])])
    to = stage.ways(1, family)[way]
    with inside(bed.client.netns):
        client = socket.socket(socket.AF_INET6 if family == "IPv6" else socket.AF_INET, socket.SOCK_DGRAM)
    with client:
        client.settimeout(5)
        client.connect((to.address, to.port))

        def server() -> str:
            client.send(b"?")
            return read_answer(client.recv(1 << 12)).server

        assert [server(), server()] == [a.address(family)] * 2
        proxy.take(*slices(1, [a.drains, far]))
        proxy.sync()
        if stage.mode != "ipvs":  # which lets UDP go at once
            assert server() == a.address(family)  # it serves still, so the flow stays
        proxy.take(*slices(1, [far]))
        proxy.sync()
        assert [server(), server()] == [far.address(family)] * 2


@pytest.mark.parametrize("family", FAMILIES)
def test_a_refused_client_of_udp_is_served_when_an_endpoint_comes(stage: Stage, family: Family) -> None:
    bed, proxy = stage.bed, stage.proxy
    proxy.apply([service(1, "NodePort")])
    ways = stage.ways(1, family)
    asked = [stage.question(bed.client, ways[name], "UDP") for name in ("cluster IP", "node port")]
    assert set(unanswered(asked)) == {"refused"}
    proxy.take(*slices(1, [remote(bed, 0)]))
    proxy.sync()
    answered(asked)
