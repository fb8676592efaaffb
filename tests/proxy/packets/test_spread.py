"""Connections are spread evenly over the endpoints: χ² tests over thousands of flows."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from math import sqrt

import pytest

from tests.proxy.packets.bed import REMOTE_PODS
from tests.proxy.packets.clients import ask_often
from tests.proxy.packets.cluster import local, remote, service, slices
from tests.proxy.packets.servers import Answer, Protocol
from tests.proxy.packets.stage import Stage

FLOWS = 5000
_MILLIONTH = 4.7534
"""The normal distribution leaves a millionth beyond so many deviations: how often a good proxy may fail here."""


def chi_square(counts: Mapping[str, int], names: Collection[str]) -> float:
    """Return how far counts are from being equal, in the unit of `limit`."""
    expected = sum(counts.values()) / len(names)
    return sum((counts.get(name, 0) - expected) ** 2 / expected for name in names)


def limit(choices: int) -> float:
    """Return the χ² that equal chances exceed once in a million times (Wilson and Hilferty's approximation)."""
    free = choices - 1
    return free * (1 - 2 / (9 * free) + _MILLIONTH * sqrt(2 / (9 * free))) ** 3


def test_the_limit_is_that_of_the_tables() -> None:
    assert 46.86 <= limit(11) < 49  # the approximation is on the safe side
    assert 23.92 <= limit(2) < 28
    assert chi_square({"a": 2600, "b": 2400}, "ab") == pytest.approx(8)
    assert chi_square({"a": 2700, "b": 2300}, "ab") > limit(2)


@pytest.mark.parametrize("protocol", ["TCP", "UDP"])
def test_each_endpoint_gets_its_share(stage: Stage, protocol: Protocol) -> None:
    bed = stage.bed
    ends = [local(bed.pod_a), local(bed.pod_b), *(remote(bed, number) for number in range(REMOTE_PODS))]
    stage.proxy.apply([service(1, "LoadBalancer"), *slices(1, ends)])
    way = stage.ways(1, "IPv4")["cluster IP" if protocol == "UDP" else "load balancer"]
    _check(stage, "IPv4", way.name, protocol, [end.IPv4 for end in ends])


def test_also_after_one_has_gone(stage: Stage) -> None:
    bed = stage.bed
    ends = [local(bed.pod_a), *(remote(bed, number) for number in range(REMOTE_PODS))]
    stage.proxy.apply([service(1), *slices(1, ends)])
    stage.proxy.apply([service(1), *slices(1, [ends[0], *ends[2:5]])])
    _check(stage, "IPv6", "cluster IP", "UDP", [end.IPv6 for end in [ends[0], *ends[2:5]]])


def _check(stage: Stage, family: str, way: str, protocol: Protocol, names: list[str]) -> None:
    ways = stage.ways(1, "IPv6" if family == "IPv6" else "IPv4")
    got = ask_often(stage.question(stage.bed.client, ways[way], protocol), FLOWS)
    wrong = {each: count for each, count in got.items() if not isinstance(each, Answer)}
    assert not wrong
    counts: dict[str, int] = {}
    for each, count in got.items():
        if isinstance(each, Answer):
            counts[each.server] = counts.get(each.server, 0) + count
    assert counts.keys() == set(names)
    assert chi_square(counts, names) < limit(len(names)), counts
