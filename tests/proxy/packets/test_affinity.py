"""Session affinity: a client stays with its endpoint, for the time that the service says."""

from __future__ import annotations

import time
from collections.abc import Sequence

from proxy_core import Service
from proxy_core.addresses import Family
from tests.proxy.packets.bed import CLIENTS, FAMILIES
from tests.proxy.packets.clients import answered
from tests.proxy.packets.cluster import PROTOCOLS, local, remote, service, slices
from tests.proxy.packets.servers import Protocol
from tests.proxy.packets.stage import Stage

SECONDS = 3


def sticky(seconds: int, number: int = 1, kind: str = "LoadBalancer") -> Service:
    config = {"clientIP": {"timeoutSeconds": seconds}}
    return service(number, kind, sessionAffinity="ClientIP", sessionAffinityConfig=config)


def servers_of_all(
    stage: Stage, family: Family, name: str = "load balancer", protocols: Sequence[Protocol] = ("UDP",)
) -> dict[tuple[str, Protocol], str]:
    """Return the server of each address of the client, by protocol: ports of a service remember apart."""
    way = stage.ways(1, family)[name]
    keys = [(stage.bed.client_address(number, family), each) for number in range(CLIENTS) for each in protocols]
    asked = [stage.question(stage.bed.client, way, protocol, source) for source, protocol in keys]
    return dict(zip(keys, (each.server for each in answered(asked)), strict=True))


def test_a_client_stays_whatever_way_it_comes_and_whatever_is_synced(stage: Stage) -> None:
    bed, proxy = stage.bed, stage.proxy
    ends = [local(bed.pod_a), *(remote(bed, number) for number in range(3))]
    # externalTrafficPolicy Local keeps sources; a client of a load balancer is one of the cluster IP too
    proxy.apply([sticky(600), *slices(1, ends)])
    for family in FAMILIES:
        first = servers_of_all(stage, family, protocols=PROTOCOLS)
        assert set(first.values()) == {end.address(family) for end in ends}
        assert servers_of_all(stage, family, protocols=PROTOCOLS) == first
        assert servers_of_all(stage, family, "cluster IP", PROTOCOLS) == first
        proxy.take(service(2), *slices(2, ends))
        proxy.sync()
        assert servers_of_all(stage, family, "node port", PROTOCOLS) == first
        proxy.sync(full=True)
        assert servers_of_all(stage, family, protocols=PROTOCOLS) == first


def test_only_clients_of_an_endpoint_that_has_gone_move(stage: Stage) -> None:
    bed, proxy = stage.bed, stage.proxy
    ends = [local(bed.pod_a), *(remote(bed, number) for number in range(3))]
    proxy.apply([sticky(600), *slices(1, ends)])
    first = servers_of_all(stage, "IPv4")
    proxy.apply([sticky(600), *slices(1, ends[:-1])])
    second = servers_of_all(stage, "IPv4")
    gone = ends[-1].IPv4
    assert gone in first.values()
    assert gone not in second.values()
    assert {key: name for key, name in second.items() if first[key] != gone} == {
        key: name for key, name in first.items() if name != gone
    }


def test_affinity_expires_and_can_be_switched_off(stage: Stage) -> None:
    bed, proxy = stage.bed, stage.proxy
    ends = [local(bed.pod_a), *(remote(bed, number) for number in range(3))]
    proxy.apply([sticky(SECONDS), *slices(1, ends)])
    begin = time.monotonic()
    first = {family: servers_of_all(stage, family) for family in FAMILIES}
    again = {family: servers_of_all(stage, family) for family in FAMILIES}
    if time.monotonic() - begin < SECONDS:  # else the machine was too slow to tell
        assert again == first
    time.sleep(SECONDS + 0.5)
    for family in FAMILIES:
        assert servers_of_all(stage, family) != first[family]
    proxy.apply([service(1, "LoadBalancer"), *slices(1, ends)])
    one, two, three = (servers_of_all(stage, "IPv4") for _ in range(3))
    assert not one == two == three
    proxy.apply([sticky(600), *slices(1, ends)])
    assert servers_of_all(stage, "IPv4") == servers_of_all(stage, "IPv4")
