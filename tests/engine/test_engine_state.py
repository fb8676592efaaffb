"""Undo, snapshot and restore: what was taken back left no trace, and what is decided again is decided as before."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sched_core import Cluster, Engine, Failure, Pod, Speed
from tests.engine.worlds import (
    ALL_NODES,
    Event,
    World,
    cluster_of,
    node,
    node_record,
    places,
    pod,
    random_event,
    random_world,
    records,
    take,
    usage,
)

SPEEDS: tuple[Speed, ...] = ("cycle", "fused", "incremental", "auto")
ARRAYS = (
    "allocatable",
    "requested",
    "nonzero_requested",
    "used_ports",
    "pod_count",
    "allowed_pods",
    "alive",
    "taint_set",
)


def columns(cluster: Cluster) -> dict[str, bytes]:
    """Return the columns of the nodes, byte for byte."""
    return {name: getattr(cluster.nodes, name).tobytes() for name in ARRAYS}


def without_shared_ports(world: World) -> World:
    """Drop running pods with host ports: two that share one, which only hand-made state can have, free it together."""
    running = [one for one in world.objects if one["kind"] == "Node" or "ports" not in one["spec"]["containers"][0]]
    return World(running, world.pods, world.events)


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("seed", range(3))
def test_forgetting_brings_the_columns_back(speed: Speed, seed: int) -> None:
    rng = random.Random(seed)
    world = without_shared_ports(random_world(rng, nodes=25, classes=12, pods=150))
    engine = Engine(cluster_of(world.objects), ALL_NODES, speed=speed)
    engine.schedule_many(world.pods[:50])
    before, known = columns(engine.cluster), places(engine.cluster)
    batch = engine.schedule_many(world.pods[50:])
    placed = [
        f"default/{each.metadata.name}"
        for each, row in zip(world.pods[50:], batch.node_of.tolist(), strict=True)
        if row >= 0
    ]
    assert len(placed) > 20 and columns(engine.cluster) != before
    rng.shuffle(placed)
    for key in placed:
        assert engine.forget(key)
    assert not engine.forget(placed[0])
    assert columns(engine.cluster) == before and places(engine.cluster) == known


def test_a_decision_takes_itself_back() -> None:
    engine = Engine(cluster_of([node("a"), node("b")]), ALL_NODES)
    one = pod("web", {"cpu": "1"}, container={"ports": [{"containerPort": 80, "hostPort": 80}]})
    before = columns(engine.cluster)
    decision = engine.schedule(records([one])[0])
    assert decision.node == "a" and engine.cluster.nodes.pods.node_of[decision.placed_as] == 0
    assert columns(engine.cluster) != before
    assert engine.forget(decision) and not engine.forget(decision)
    assert columns(engine.cluster) == before
    assert engine.schedule(records([one])[0]).node == "a"


def test_looking_does_not_place() -> None:
    rng = random.Random(2)
    world = random_world(rng, nodes=20, classes=20, pods=20)
    engine = Engine(cluster_of(world.objects), ALL_NODES)
    before, known = columns(engine.cluster), places(engine.cluster)
    for each in world.pods:
        if each.spec.scheduler_name in engine.profiles:
            first, second = engine.evaluate(each), engine.evaluate(each)
            assert (first.node, first.message) == (second.node, second.message)
    assert columns(engine.cluster) == before and places(engine.cluster) == known and engine.start == 0


def go_on(engine: Engine, pods: list[Pod]) -> tuple[list[str], dict[int, Failure], Any, Any, int]:
    """Schedule pods and return all that came of it."""
    batch = engine.schedule_many(pods)
    names = [engine.cluster.nodes.names[row] if row >= 0 else "" for row in batch.node_of.tolist()]
    return names, batch.failures, usage(engine.cluster), places(engine.cluster), engine.start


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("seed", range(4))
def test_what_comes_behind_a_snapshot_comes_again(speed: Speed, seed: int) -> None:
    """Nodes and pods come, go and change behind the snapshot; nothing of it is there after going back, twice."""
    rng = random.Random(seed)
    world = random_world(rng, nodes=rng.choice([4, 30, 150]), classes=15, pods=160, named=seed % 2 == 1)
    engine = Engine(cluster_of(world.objects), ALL_NODES, speed=speed)
    names = sorted(engine.cluster.nodes.row_of)
    engine.schedule_many(world.pods[:60])
    if seed >= 2:  # the list of nodes is out of date when the snapshot is taken
        engine.cluster.remove_node(names[0])
    state = engine.snapshot()
    expected = go_on(engine, world.pods[60:])
    for _ in range(2):
        for number in range(15):
            take(engine, random_event(rng, number, names, world.pods[:60]))
        engine.schedule_many(world.pods[60:90])
        engine.restore(state)
        assert go_on(engine, world.pods[60:]) == expected
    engine.restore(state)
    fresh = Engine(engine.cluster, ALL_NODES, speed="cycle")  # one that has kept nothing
    fresh.start = engine.start
    assert go_on(fresh, world.pods[60:]) == expected


def test_a_snapshot_of_an_engine_fits_its_own_cluster_of_that_time() -> None:
    """Snapshots are independent of each other and of the order in which they are used."""
    rng = random.Random(9)
    world = random_world(rng, nodes=30, classes=10, pods=100, plain=True)
    engine = Engine(cluster_of(world.objects), ALL_NODES)
    states, expected = [], []
    for start in range(0, 100, 20):
        states.append(engine.snapshot())
        expected.append(go_on(engine, world.pods[start : start + 20]))
    for number in (3, 0, 4, 4, 1, 2):
        engine.restore(states[number])
        assert go_on(engine, world.pods[20 * number : 20 * number + 20]) == expected[number]


def test_resources_that_came_behind_a_snapshot_are_zero_after_it() -> None:
    engine = Engine(cluster_of([node("a")]), ALL_NODES)
    state = engine.snapshot()
    engine.cluster.add_node(node_record(node("b", {f"example.com/r{number}": "5" for number in range(5)})))
    engine.cluster.add_pods(records([pod("x", {"example.com/r3": "2"}, nodeName="b")]))
    engine.restore(state)
    nodes = engine.cluster.nodes
    assert sorted(nodes.row_of) == ["a"] and nodes.count == 1
    assert nodes.allocatable[3:, 0].tolist() == [0] * (nodes.resource_count - 3)
    batch = engine.schedule_many(records([pod("p", {"cpu": "1"}), pod("q", {"example.com/r3": "1"})]))
    assert batch.node_of.tolist() == [0, -1]
    assert batch.failures[1].reasons == {"Insufficient example.com/r3": 1}


def test_the_same_calls_give_the_same_decisions() -> None:
    world = random_world(random.Random(5), nodes=60, classes=30, pods=200, events=10)
    results = []
    for _ in range(2):
        engine = Engine(cluster_of(world.objects), ALL_NODES)
        results.append(go_on(engine, world.pods))
    assert results[0] == results[1]


def test_an_assumed_pod_counts_and_is_found() -> None:
    engine = Engine(cluster_of([node("a"), node("b")]), ALL_NODES)
    number = engine.assume(records([pod("big", {"cpu": "3"})])[0], "a")
    assert engine.cluster.nodes.pods.key(number) == "default/big"
    assert engine.cluster.nodes.requested[0].tolist() == [3000, 0]
    assert engine.schedule_many(records([pod("p", {"cpu": "2"})])).node_of.tolist() == [1]
    with pytest.raises(KeyError):
        engine.assume(records([pod("q")])[0], "nobody")


@pytest.mark.parametrize("speed", SPEEDS)
def test_a_budget_that_comes_in_between_protects_those_whom_a_failed_pod_would_evict(speed: Speed) -> None:
    """A failure repeats by class while nothing changes; another object is a change, though no plan depends on it."""
    low = [pod(name, {"cpu": "3"}, nodeName=f"on-{name}", priority=0) for name in "ab"]
    for each in low:
        each["metadata"]["labels"] = {"app": each["metadata"]["name"]}
        each["status"] = {"phase": "Running", "startTime": "2026-01-01T00:00:00Z"}
    engine = Engine(cluster_of([node("on-a"), node("on-b"), *low]), ALL_NODES, speed=speed)
    high = records([pod(f"high-{number}", {"cpu": "2"}, priority=9) for number in range(2)])
    first = engine.schedule_many(high[:1]).failures[0].victims
    budget = {
        "apiVersion": "policy/v1", "kind": "PodDisruptionBudget",
        "metadata": {"name": "keep", "namespace": "default"},
        "spec": {"selector": {"matchLabels": {"app": first[0].partition("/")[2]}}},
        "status": {"disruptionsAllowed": 0},
    }  # fmt: skip
    take(engine, Event(0, "object", budget))
    assert engine.schedule_many(high[1:]).failures[0].victims != first
