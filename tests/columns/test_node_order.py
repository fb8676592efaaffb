"""The order in which nodes are looked at, against a list kept by the rules of the golden data's family `sequence`."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from sched_core import Cluster, NodeArray
from tests.engine.worlds import node, node_record
from tests.naive.order import NodeList, node_order

BETA_ZONE, BETA_REGION = "failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region"
ZONE, REGION = "topology.kubernetes.io/zone", "topology.kubernetes.io/region"

LABELS: list[dict[str, str]] = [
    {},
    {ZONE: "a"},
    {ZONE: "b"},
    {ZONE: "a", REGION: "r"},
    {ZONE: "b", BETA_ZONE: "a"},
    {ZONE: "a", BETA_ZONE: ""},
    {BETA_REGION: "r", BETA_ZONE: "a"},
    {REGION: "r"},
]


def names_in_order(cluster: Cluster) -> list[str]:
    return [cluster.nodes.names[row] for row in cluster.nodes.order().tolist()]


STEPS = st.lists(
    st.tuples(st.sampled_from(["set", "set", "drop", "list"]), st.integers(0, 6), st.sampled_from(LABELS)), max_size=40
)


@settings(max_examples=300, deadline=None)
@given(STEPS)
def test_any_history(steps: list[tuple[str, int, dict[str, str]]]) -> None:
    """Nodes that come, go, come back and change their zone, with looks at the list in between."""
    cluster, twin = Cluster(), NodeList()
    for what, number, labels in [*steps, ("list", 0, {})]:
        name = f"n{number}"
        if what == "set":
            cluster.add_node(node_record(node(name, labels=labels)))
            twin.set(node(name, labels=labels))
        elif what == "drop" and name in cluster.nodes.row_of:
            cluster.remove_node(name)
            twin.drop(name)
        elif what == "list":
            assert names_in_order(cluster) == twin.order()


def test_a_node_that_is_back_before_the_next_look_keeps_its_place() -> None:
    cluster = Cluster()
    for name in "abc":
        cluster.add_node(node_record(node(name, labels={ZONE: "z"})))
    assert names_in_order(cluster) == ["a", "b", "c"]
    cluster.remove_node("a")
    cluster.add_node(node_record(node("a", labels={ZONE: "z"})))
    assert names_in_order(cluster) == ["a", "b", "c"]
    cluster.add_node(node_record(node("d", labels={ZONE: "z"})))  # a new name: the list is made anew
    assert names_in_order(cluster) == ["b", "c", "a", "d"]


def test_a_change_of_zone_shows_when_a_node_comes() -> None:
    cluster = Cluster()
    for name, zone in (("a", "x"), ("b", "x"), ("c", "y")):
        cluster.add_node(node_record(node(name, labels={ZONE: zone})))
    assert names_in_order(cluster) == ["a", "c", "b"]
    cluster.update_node(node_record(node("a", labels={ZONE: "y"})))
    assert names_in_order(cluster) == ["a", "c", "b"]
    cluster.add_node(node_record(node("d", labels={ZONE: "x"})))
    assert names_in_order(cluster) == ["b", "c", "d", "a"]


def test_many_nodes_at_once_come_in_the_order_of_the_array() -> None:
    rng = random.Random(1)
    templates = [node("t", labels=labels) for labels in LABELS]
    template_of = np.array([rng.randrange(len(templates)) for _ in range(200)], np.int32)
    names = [f"n{number}" for number in range(200)]
    cluster = Cluster.from_array(NodeArray(names, [node_record(each) for each in templates], template_of))
    one_by_one = [node(name, labels=LABELS[number]) for name, number in zip(names, template_of.tolist(), strict=True)]
    assert names_in_order(cluster) == node_order(one_by_one)
    twin = NodeList()
    for each in one_by_one:
        twin.set(each)
    twin.order()
    for number in range(30):  # and go on as if they had come one by one
        change: dict[str, Any] = node(f"n{rng.randrange(250)}", labels=rng.choice(LABELS))
        cluster.add_node(node_record(change))
        twin.set(change)
        gone = f"n{number}"
        cluster.remove_node(gone)
        twin.drop(gone)
        assert names_in_order(cluster) == twin.order()


def test_rows_are_used_again_only_when_nobody_refers_to_them() -> None:
    """A row of a node that went is free once the list is made without it."""
    cluster = Cluster()
    for name in "ab":
        cluster.add_node(node_record(node(name)))
    cluster.nodes.order()
    row = cluster.nodes.row_of["a"]
    cluster.remove_node("a")
    assert cluster.add_node(node_record(node("c"))) != row
    cluster.nodes.order()
    assert cluster.add_node(node_record(node("d"))) == row
    assert cluster.nodes.count == 3 and cluster.nodes.snapshot_size == 3
