"""NodePorts."""

from __future__ import annotations

from typing import Any

import pytest

from plugins.node_ports import NodePorts
from sched_core import CycleState, PodInfo
from tests.plugins.tiny import Tiny, node, pod


def using(port: int, address: str = "", protocol: str = "") -> dict[str, Any]:
    """Return the spec of a pod with one host port."""
    used = {"containerPort": 80, "hostPort": port, "hostIP": address, "protocol": protocol}
    return {"containers": [{"name": "main", "image": "app", "ports": [used]}]}


def conflicts(running: dict[str, Any], waiting: dict[str, Any]) -> bool:
    tiny = Tiny(node("a"), node("b"), pod("old", nodeName="a", **running))
    answers = rows(tiny, tiny.info(**waiting))
    assert answers[1] == 0
    return bool(answers[0])


def rows(tiny: Tiny, waiting: PodInfo) -> list[int]:
    return tiny.each(NodePorts(), NodePorts.filter_row, waiting)


@pytest.mark.parametrize(
    ("running", "waiting", "expected"),
    [
        (using(80), using(80), True),
        (using(80), using(81), False),
        (using(80), using(80, protocol="UDP"), False),
        (using(80), using(80, protocol="TCP"), True),
        (using(80, "10.0.0.1"), using(80, "10.0.0.2"), False),
        (using(80, "10.0.0.1"), using(80, "10.0.0.1"), True),
        (using(80, "10.0.0.1"), using(80), True),
        (using(80, "0.0.0.0"), using(80, "10.0.0.1"), True),
        (using(80, "::"), using(80, "10.0.0.1"), False),
    ],
)
def test_conflicts(running: dict[str, Any], waiting: dict[str, Any], expected: bool) -> None:
    assert conflicts(running, waiting) is expected


def test_the_reason_and_that_preemption_may_help() -> None:
    tiny = Tiny(node("a"), pod("old", nodeName="a", **using(80)))
    assert rows(tiny, tiny.info(**using(80))) == [1]
    assert NodePorts().reasons == ("node(s) didn't have free ports for the requested pod ports",)


def test_a_pod_without_host_ports_is_skipped() -> None:
    tiny = Tiny(node("a"))
    plugin = NodePorts()
    assert plugin.pre_filter(CycleState(), tiny.info(), tiny.nodes).status.is_skip
    assert plugin.pre_filter(CycleState(), tiny.info(**using(0)), tiny.nodes).status.is_skip
    assert plugin.pre_filter(CycleState(), tiny.info(**using(80)), tiny.nodes).status.is_success


def test_more_ports_than_one_word_holds() -> None:
    tiny = Tiny(node("a"), node("b"), *(pod(f"p{port}", nodeName="a", **using(port)) for port in range(1, 131)))
    assert rows(tiny, tiny.info(**using(130))) == [1, 0]
    assert rows(tiny, tiny.info(**using(131))) == [0, 0]
