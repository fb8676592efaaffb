"""NodeName."""

from __future__ import annotations

from plugins.node_name import NodeName
from sched_core import Code, CycleState
from tests.plugins.tiny import Tiny, node, refusals

REFUSED = (("node(s) didn't match the requested node name",), Code.UnschedulableAndUnresolvable)


def test_a_pod_without_a_node_name_passes_everywhere() -> None:
    tiny = Tiny(node("a"), node("b"))
    assert refusals(tiny.nodes, NodeName().filter(CycleState(), tiny.info(), tiny.nodes)) == {}


def test_a_pod_that_names_its_node_passes_there_only() -> None:
    tiny = Tiny(node("a"), node("b"), node("c"))
    verdicts = NodeName().filter(CycleState(), tiny.info(nodeName="b"), tiny.nodes)
    assert refusals(tiny.nodes, verdicts) == {"a": REFUSED, "c": REFUSED}


def test_an_unknown_name_passes_nowhere() -> None:
    tiny = Tiny(node("a"))
    assert refusals(tiny.nodes, NodeName().filter(CycleState(), tiny.info(nodeName="x"), tiny.nodes)) == {"a": REFUSED}


def test_the_signature_is_the_name() -> None:
    tiny = Tiny(node("a"))
    assert NodeName().sign_pod(tiny.info(nodeName="a")) != NodeName().sign_pod(tiny.info())
