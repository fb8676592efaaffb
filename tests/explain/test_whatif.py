"""Scenarios: what objects become, what is placed anew, and how two outcomes are told apart."""

from __future__ import annotations

import random
from dataclasses import replace
from typing import Any

import pytest

from sched_core import Cluster, Engine, Objects, load_config, load_documents, pod_key
from sched_core.config import with_weight
from sched_core.explain import Comparison, Move, Scenario, changed, compare, copies, settle
from tests.explain.clusters import EVERY_NODE, HOSTNAME, node, pod, random_objects

Json = dict[str, Any]
CONFIG = load_config(EVERY_NODE)


def daemon(name: str, node_name: str) -> Json:
    made = pod(name, {"cpu": "100m"}, nodeName=node_name)
    made["metadata"]["ownerReferences"] = [
        {"apiVersion": "apps/v1", "kind": "DaemonSet", "name": "d", "uid": "u", "controller": True}
    ]
    return made


def mirror(name: str, node_name: str) -> Json:
    made = pod(name, {"cpu": "100m"}, nodeName=node_name)
    made["metadata"]["annotations"] = {"kubernetes.io/config.mirror": "x"}
    return made


def objects() -> Objects:
    return load_documents(
        [
            node("n0", {"disk": "ssd"}, {"taints": [{"key": "node.kubernetes.io/not-ready", "effect": "NoExecute"}]}),
            node("n1"),
            pod("p0", {"cpu": "1"}, nodeName="n0"),
            pod("p1", {"cpu": "1"}, nodeName="n1"),
            daemon("d0", "n0"),
            mirror("m0", "n0"),
            pod("w0", {"cpu": "4"}),
        ]
    )


def whatif(scenario: Scenario, made: Objects | None = None) -> Comparison:
    start = objects() if made is None else made
    return compare(settle(start, CONFIG), settle(changed(start, scenario), CONFIG))


def test_nothing_changes_nothing() -> None:
    start = objects()
    assert changed(start, Scenario()) == start
    found = whatif(Scenario())
    assert (found.moved, found.placed, found.evicted, found.gone, found.emptied) == ([], [], [], [], [])
    assert list(found.before.pending) == list(found.after.pending) == ["default/w0"]


def test_pods_of_a_drained_node_wait_and_the_node_is_cordoned() -> None:
    after = changed(objects(), Scenario(drain=frozenset({"n1"})))
    assert [each.spec.unschedulable for each in after.nodes] == [False, True]
    where = {each.metadata.name: each.spec.node_name for each in after.pods}
    assert where == {"p0": "n0", "p1": "", "d0": "n0", "m0": "n0", "w0": ""}
    found = whatif(Scenario(drain=frozenset({"n1"})))
    assert found.evicted == ["default/p1"]
    assert found.emptied == ["n1"]
    assert found.after.pending["default/p1"].reasons == {
        "node(s) had untolerated taint(s)": 1,
        "node(s) were unschedulable": 1,
    }


@pytest.mark.parametrize("scenario", [Scenario(drain=frozenset({"n9"})), Scenario(remove=frozenset({"n9"}))])
def test_an_unknown_node_is_an_error(scenario: Scenario) -> None:
    with pytest.raises(KeyError, match="n9"):
        changed(objects(), scenario)


def test_pods_that_belong_to_a_node_go_with_it() -> None:
    found = whatif(Scenario(remove=frozenset({"n0"})))
    assert found.gone == ["default/d0", "default/m0"]
    assert [(move.pod, move.before, move.after) for move in found.moved] == [("default/p0", "n0", "n1")]
    assert (found.before.nodes, found.after.nodes) == (2, 1)


def test_new_nodes_are_like_the_old_one_but_well_and_bring_their_own_pods() -> None:
    start = objects()
    after = changed(start, Scenario(add_nodes=((2, start.nodes[0]),)))
    new = after.nodes[2:]
    assert [each.metadata.name for each in new] == ["n0-new-1", "n0-new-2"]
    assert new[0].metadata.labels == {"disk": "ssd", HOSTNAME: "n0-new-1"}
    assert new[0].spec.taints == ()
    own = {each.metadata.name: each.spec.node_name for each in after.pods[5:]}
    assert own == {"d0-new-1": "n0-new-1", "m0-new-1": "n0-new-1", "d0-new-2": "n0-new-2", "m0-new-2": "n0-new-2"}
    found = whatif(Scenario(add_nodes=((1, start.nodes[1]),)))
    assert found.placed == ["default/w0"]
    assert found.after.node_of["default/w0"] == "n1-new-1"


def test_names_of_new_nodes_are_free() -> None:
    start = load_documents([node("n0"), node("n0-new-1")])
    names = [each.metadata.name for each in changed(start, Scenario(add_nodes=((2, start.nodes[0]),))).nodes]
    assert names == ["n0", "n0-new-1", "n0-new-2", "n0-new-3"]


def test_copies_of_a_pod() -> None:
    template = load_documents([pod("w", nodeName="n0")]).pods[0]
    assert [each.metadata.name for each in copies(template, 1, ())] == ["w"]
    assert [each.metadata.name for each in copies(template, 1, {("default", "w")})] == ["w-1"]
    assert [each.metadata.name for each in copies(template, 2, {("default", "w-1")})] == ["w-2", "w-3"]
    assert copies(template, 1, ())[0].spec.node_name == ""


def test_everything_anew_leaves_the_pods_of_nodes_where_they_are() -> None:
    after = changed(objects(), Scenario(reschedule_all=True))
    assert [each.metadata.name for each in after.pods if each.spec.node_name] == ["d0", "m0"]


def test_pods_wait_by_priority_then_by_age() -> None:
    late, early, first = pod("late", {"cpu": "3"}), pod("early", {"cpu": "3"}), pod("first", {"cpu": "3"}, priority=5)
    for made, at in ((late, 3), (early, 1), (first, 9)):
        made["metadata"]["creationTimestamp"] = f"2026-01-01T00:00:0{at}Z"
    found = settle(load_documents([node("n0"), node("n1"), late, early, first]), CONFIG)
    assert set(found.node_of) == {"default/first", "default/early"}
    assert list(found.pending) == ["default/late"]


def test_another_weight_moves_pods() -> None:
    start = load_documents(
        [node("n0"), node("n1"), pod("p0", {"cpu": "1"}, nodeName="n0"), pod("w", {"cpu": "1", "memory": "2Gi"})]
    )
    blind = with_weight(with_weight(CONFIG, "NodeResourcesFit", 0), "NodeResourcesBalancedAllocation", 0)
    found = compare(settle(start, CONFIG), settle(start, blind))
    assert found.moved == [Move("default/w", "n1", "n0")]


def test_pods_that_have_ended_count_for_nothing() -> None:
    ended = pod("done", {"cpu": "4"}, nodeName="n0")
    ended["status"] = {"phase": "Succeeded"}
    found = settle(load_documents([node("n0"), ended]), CONFIG)
    assert (found.node_of, found.pending, found.empty) == ({}, {}, ["n0"])


@pytest.mark.parametrize("seed", range(12))
def test_every_pod_is_somewhere(seed: int) -> None:
    """No pod is lost or doubled, moves are real, and the columns add up."""
    rng = random.Random(seed)
    start = load_documents(random_objects(rng))
    names = [each.metadata.name for each in start.nodes]
    scenario = Scenario(
        add_nodes=((rng.randint(1, 3), rng.choice(start.nodes)),),
        drain=frozenset(rng.sample(names, rng.randint(0, 1))),
        reschedule_all=rng.random() < 0.5,
    )
    found = whatif(scenario, start)
    keys = {pod_key(each) for each in start.pods}
    for outcome in (found.before, found.after):
        assert outcome.node_of.keys() | outcome.pending.keys() == keys
        assert not outcome.node_of.keys() & outcome.pending.keys()
        assert outcome.utilisation["pods"].requested == len(outcome.node_of)
    assert {move.pod for move in found.moved} == {
        key for key, where in found.before.node_of.items() if found.after.node_of.get(key, where) != where
    }
    assert not {move.after for move in found.moved} & scenario.drain
    again = settle(replace(start, pods=list(start.pods)), CONFIG)
    assert again == found.before


def test_the_outcome_is_that_of_the_engine() -> None:
    start = objects()
    engine = Engine(Cluster.from_objects(start), CONFIG)
    batch = engine.schedule_many([each for each in start.pods if not each.spec.node_name])
    assert batch.failures[0] == settle(start, CONFIG).pending["default/w0"]
