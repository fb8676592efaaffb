"""Which endpoints traffic reaches, and with which source address: the masquerade matrix, and hairpin.

The rows are pods, processes of the node and an outside client, the columns kinds of services by their traffic policies.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Literal, NamedTuple

import pytest

from proxy_core.addresses import Family
from tests.proxy.packets.bed import FAMILIES, Host
from tests.proxy.packets.clients import answered
from tests.proxy.packets.cluster import local, remote, service, slices
from tests.proxy.packets.driver import Record, configuration
from tests.proxy.packets.stage import Stage, new_stage

PLAIN, EXTERNAL_LOCAL, INTERNAL_LOCAL = 1, 2, 3
POLICIES: dict[int, dict[str, Any]] = {
    PLAIN: {},
    EXTERNAL_LOCAL: {"externalTrafficPolicy": "Local"},
    INTERNAL_LOCAL: {"internalTrafficPolicy": "Local"},
}
TIMES = 24
"""So often both of two endpoints are seen, but for one time in millions."""


class Cell(NamedTuple):
    """What traffic meets: all endpoints or the node's own ones, masqueraded or not."""

    where: Literal["all", "local"]
    masqueraded: bool


ALL, ALL_MASQUERADED = Cell("all", False), Cell("all", True)
LOCAL, LOCAL_MASQUERADED = Cell("local", False), Cell("local", True)

# cluster IP and external addresses of: a plain service, one with externalTrafficPolicy, one with internalTrafficPolicy
Matrix = Mapping[str, tuple[Cell, ...]]
BASE: Matrix = {
    "pod": (ALL, ALL_MASQUERADED, ALL, ALL, LOCAL, ALL_MASQUERADED),
    "node": (ALL_MASQUERADED, ALL_MASQUERADED, ALL_MASQUERADED, ALL_MASQUERADED, LOCAL_MASQUERADED, ALL_MASQUERADED),
    "client": (ALL_MASQUERADED, ALL_MASQUERADED, ALL_MASQUERADED, LOCAL, LOCAL_MASQUERADED, ALL_MASQUERADED),
}
NO_DETECTOR: Matrix = {
    "pod": (ALL, ALL_MASQUERADED, ALL, LOCAL, LOCAL, ALL_MASQUERADED),
    "node": (ALL, ALL_MASQUERADED, ALL, ALL_MASQUERADED, LOCAL, ALL_MASQUERADED),
    "client": (ALL, ALL_MASQUERADED, ALL, LOCAL, LOCAL, ALL_MASQUERADED),
}
MASQUERADE_ALL: Matrix = {
    **BASE,
    "pod": (ALL_MASQUERADED, ALL_MASQUERADED, ALL_MASQUERADED, ALL, LOCAL_MASQUERADED, ALL_MASQUERADED),
}
BOTH: Matrix = {
    **MASQUERADE_ALL,
    "pod": (ALL_MASQUERADED, ALL_MASQUERADED, ALL_MASQUERADED, LOCAL, LOCAL_MASQUERADED, ALL_MASQUERADED),
}
_MASQUERADE = {"masqueradeAll": True}
_EVERYTHING = {"iptables": _MASQUERADE, "nftables": _MASQUERADE, "ipvs": {}}
CONFIGURATIONS: dict[str, tuple[dict[str, Any], Matrix]] = {
    "base": ({}, BASE),
    "no detector": ({"clusterCIDR": ""}, NO_DETECTOR),
    "masqueradeAll": (_EVERYTHING, MASQUERADE_ALL),
    "masqueradeAll, no detector": ({**_EVERYTHING, "clusterCIDR": ""}, BOTH),
}


@pytest.mark.parametrize("name", CONFIGURATIONS)
def test_masquerade_matrix(mode: str, name: str) -> None:
    more, matrix = CONFIGURATIONS[name]
    with new_stage(mode, configuration(**more)) as stage:
        bed = stage.bed
        ends = [local(bed.pod_a), remote(bed, 0)]
        objects: list[Record] = []
        for number, policy in POLICIES.items():
            objects += [service(number, "LoadBalancer", external=True, **policy), *slices(number, ends)]
        stage.proxy.apply(objects)
        hosts = {"pod": bed.pod_b, "node": bed.node, "client": bed.client}
        wrong = {
            (family, row, number, column): found
            for family in FAMILIES
            for row, cells in matrix.items()
            for number in POLICIES
            for column, cell in zip(("cluster IP", "external"), cells[2 * number - 2 : 2 * number], strict=True)
            if (found := _cell(stage, family, hosts[row], number, column == "external")) != {cell}
        }
        assert not wrong


def _cell(stage: Stage, family: Family, host: Host, number: int, external: bool) -> set[Cell | str]:
    """Return what a host meets at the addresses of a service; one cell if all are alike."""
    bed = stage.bed
    ways = [each for each in stage.ways(number, family).values() if (each.name != "cluster IP") == external]
    found: set[Cell | str] = set()
    for way in ways:
        answers = answered([stage.question(host, way, "UDP")] * TIMES)
        servers = {each.server for each in answers}
        near, far = bed.pod_a.address(family), bed.remote_pod(0, family)
        masqueraded = set()
        for each in set(answers):
            given = bed.node_address_towards(bed.pod_a if each.server == near else bed.other, family)
            if each.source not in (host.address(family), given):
                found.add(f"{way.name}: source {each.source}")
            if not (host is bed.node and each.server == far):  # there the two are the same
                masqueraded.add(each.source == given)
        if len(masqueraded) != 1 or servers not in ({near}, {near, far}):
            found.add(f"{way.name}: {sorted(set(answers))}")
            continue
        found.add(Cell("all" if far in servers else "local", masqueraded.pop()))
    return found


@pytest.mark.parametrize("policy", POLICIES)
@pytest.mark.parametrize("family", FAMILIES)
def test_a_pod_reaches_itself_masqueraded(stage: Stage, family: Family, policy: int) -> None:
    bed = stage.bed
    stage.proxy.apply([service(1, "LoadBalancer", external=True, **POLICIES[policy]), *slices(1, [local(bed.pod_a)])])
    ways = stage.ways(1, family).values()
    answers = answered(stage.questions(bed.pod_a, *ways))
    assert set(answers) == {(bed.pod_a.address(family), bed.node_address_towards(bed.pod_a, family))}


def test_a_pod_reaches_itself_among_others(stage: Stage) -> None:
    bed = stage.bed
    stage.proxy.apply([service(1), *slices(1, [local(bed.pod_a), local(bed.pod_b), remote(bed, 0)])])
    answers = set(answered(stage.questions(bed.pod_a, stage.ways(1, "IPv4")["cluster IP"], times=TIMES)))
    assert answers == {
        (bed.pod_a.IPv4, "10.180.0.1"),
        (bed.pod_b.IPv4, bed.pod_a.IPv4),
        (bed.remote_pod(0, "IPv4"), bed.pod_a.IPv4),
    }
