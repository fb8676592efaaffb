"""Nominated pods: they count for pods of no higher priority and hold their node, at every speed."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sched_core import Engine, Pod, Speed
from tests.engine.test_speeds_equal import hold, repeated
from tests.engine.worlds import (
    ALL_NODES,
    Event,
    Json,
    World,
    cluster_of,
    looking_at,
    node,
    pod,
    random_pod,
    random_world,
    records,
)
from tests.naive.generate import random_cluster

SHORT = "Insufficient cpu"


def waiting(name: str, cpu: str = "3", priority: int = 0, nominated: str = "", **more: Any) -> Pod:
    raw: Json = pod(name, {"cpu": cpu}, priority=priority, **more)
    return records([raw | {"status": {"nominatedNodeName": nominated}}])[0]


def two_nodes(speed: Speed = "cycle") -> Engine:
    return Engine(cluster_of([node("a"), node("b")]), ALL_NODES, speed=speed)


def test_a_nominated_pod_counts_for_pods_of_no_higher_priority() -> None:
    engine = two_nodes()
    engine.nominate(waiting("nominated", priority=5), "a")
    assert engine.evaluate(waiting("equal", priority=5)).feasible == ["b"]
    assert engine.evaluate(waiting("lower", priority=4)).feasible == ["b"]
    assert engine.evaluate(waiting("higher", priority=6)).feasible == ["a", "b"]
    assert engine.evaluate(waiting("nominated", priority=5)).nominated_node_used


def test_what_nominated_pods_leave_is_worded_like_any_refusal() -> None:
    engine = two_nodes()
    engine.nominate(waiting("one", priority=5), "a")
    engine.nominate(waiting("two", cpu="4", priority=5), "b")
    decision = engine.evaluate(waiting("late"))
    assert decision.reasons == {SHORT: 2}
    assert decision.message.startswith("0/2 nodes are available: 2 Insufficient cpu. ")
    assert decision.diagnosis is not None and decision.diagnosis.codes.tolist() == [2, 2]


def test_both_passes_must_succeed() -> None:
    engine = two_nodes()
    engine.assume(waiting("placed", cpu="2"), "a")
    engine.nominate(waiting("small", cpu="100m"), "a")
    assert engine.evaluate(waiting("late")).feasible == ["b"]


def test_nominations_end_when_the_pod_is_placed_or_has_no_hope() -> None:
    engine = two_nodes()
    first = waiting("first")
    engine.nominate(first, "a")
    engine.nominate(first, "b")
    assert set(engine.nominator.nodes()) == {"b"}
    assert engine.schedule(first).node == "b"
    assert len(engine.nominator) == 0
    huge = waiting("huge", cpu="16")
    engine.nominate(huge, "a")
    assert engine.schedule(huge).nominated_node == ""
    assert len(engine.nominator) == 0
    engine.nominate(waiting("held"), "a")
    engine.nominate(waiting("held"), "")
    assert len(engine.nominator) == 0


def test_a_pod_without_hope_loses_its_nomination_in_all_ways_to_fail() -> None:
    empty = Engine(cluster_of([]), ALL_NODES, speed="cycle")
    assert empty.evaluate(waiting("p")).nominated_node == ""
    named: Json = {
        "nodeSelectorTerms": [{"matchFields": [{"key": "metadata.name", "operator": "In", "values": ["x"]}]}]
    }
    affinity = {"nodeAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": named}}
    assert two_nodes().evaluate(waiting("p", affinity=affinity)).nominated_node == ""
    below: Json = {"matchExpressions": [{"key": "gen", "operator": "Gt", "values": ["-5"]}]}
    broken = {"nodeAffinity": {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": below}]}}
    decision = two_nodes().evaluate(waiting("p", affinity=broken))
    assert decision.status.code == 1 and decision.nominated_node == ""


def test_preempting_clears_lower_nominations() -> None:
    engine = two_nodes()
    for name in ("a", "b"):
        engine.assume(waiting(f"old-{name}", cpu="4"), name)
    engine.nominate(waiting("low", priority=1), "a")
    engine.nominate(waiting("high", cpu="100m", priority=9), "a")
    decision = engine.schedule(waiting("new", cpu="3", priority=9))
    assert decision.preemption is not None and [each.node for each in decision.preemption.candidates] == ["a", "b"]
    assert engine.preempt(decision, "a") == ["default/low"]
    assert set(engine.nominator.nodes()) == {"a"} and len(engine.nominator) == 2
    with pytest.raises(KeyError):
        engine.preempt(decision, "c")
    with pytest.raises(ValueError, match="default/fits: there is nobody to preempt"):
        engine.preempt(engine.evaluate(waiting("fits", cpu="0")))


def test_a_snapshot_has_the_nominations() -> None:
    engine = two_nodes()
    engine.nominate(waiting("first"), "a")
    state = engine.snapshot()
    engine.nominate(waiting("second"), "b")
    engine.nominate(waiting("first"), "")
    engine.restore(state)
    assert set(engine.nominator.nodes()) == {"a"}


@pytest.mark.parametrize("speed", ["auto", "cycle", "fused", "incremental"])
def test_nominations_that_pods_of_a_batch_bring_along_count(speed: Speed) -> None:
    engine = two_nodes(speed)
    pods = [waiting("low-1"), waiting("low-2"), waiting("nominated", priority=5, nominated="a")]
    pods += [waiting(f"small-{number}", cpu="100m") for number in range(5)]
    batch = engine.schedule_many(pods)
    names = [engine.cluster.nodes.names[row] if row >= 0 else None for row in batch.node_of.tolist()]
    assert names[:3] == ["b", None, "a"]
    assert None not in names[3:]
    assert batch.speed_used.get("cycle", 0) == (8 if speed == "cycle" else 1)
    assert len(engine.nominator) == 0


def test_nominations_of_pods_that_are_not_tried_do_not_count() -> None:
    engine = two_nodes("fused")
    gated = waiting("gated", priority=5, nominated="a", schedulingGates=[{"name": "quota"}])
    claiming = waiting(
        "claiming", priority=5, nominated="b", resourceClaims=[{"name": "gpu", "resourceClaimName": "g"}]
    )
    batch = engine.schedule_many([waiting("first"), waiting("second"), gated, claiming])
    assert sorted(batch.node_of.tolist()) == [-1, -1, 0, 1]
    assert len(engine.nominator) == 0


@pytest.mark.parametrize("speed", ["cycle", "fused", "incremental"])
def test_a_batch_reports_victims_and_evicts_nobody(speed: Speed) -> None:
    engine = two_nodes(speed)
    old = [waiting("old-1", cpu="4", priority=2), waiting("old-2", cpu="4", priority=1)]
    batch = engine.schedule_many([*old, *(waiting(f"new-{number}", priority=9) for number in range(3)), waiting("x")])
    assert batch.node_of.tolist()[2:] == [-1, -1, -1, -1]
    for number in range(3):
        failure = batch.failures[2 + number]
        second = engine.cluster.nodes.names[batch.node_of[1]]
        assert (failure.nominated_node, failure.victims) == (second, ("default/old-2",))
        assert failure.message == "0/2 nodes are available: 2 Insufficient cpu."
    assert (batch.failures[5].nominated_node, batch.failures[5].victims) == ("", ())
    assert engine.cluster.nodes.pod_count.tolist() == [1, 1] and len(engine.nominator) == 0


def nominating(rng: random.Random, world: World, count: int) -> World:
    """Return the history with ``count`` nominations, of strangers and of its own pods; some are withdrawn."""
    names = [each["metadata"]["name"] for each in world.objects if each["kind"] == "Node"]
    events = list(world.events)
    for number in range(count):
        before = rng.randint(0, len(world.pods))
        if rng.random() < 0.3 and before < len(world.pods):
            nominated = world.pods[rng.randrange(before, len(world.pods))]
        else:
            raw = random_pod(rng, names, True)
            raw["metadata"]["name"] = f"stranger-{number}"
            raw["spec"] |= {"priority": rng.choice([-1, 0, 3, 5])}
            raw["spec"]["containers"][0]["resources"] = {"requests": {"cpu": rng.choice(["1", "3", "8"])}}
            nominated = records([raw])[0]
        events.append(Event(before, "nominate", (nominated, rng.choice([*names, "elsewhere"]))))
        if rng.random() < 0.4:
            events.append(Event(rng.randint(before, len(world.pods)), "nominate", (nominated, "")))
    return world._replace(events=sorted(events, key=lambda event: event.before))


@pytest.mark.parametrize("seed", range(24))
def test_random_histories_with_open_nominations(seed: int) -> None:
    """Batches count nominated pods as the cycle does, with all nodes and with a part of them."""
    rng = random.Random(f"nominations {seed}")
    world = random_world(
        rng,
        nodes=rng.choice([2, 7, 40, 130, 300]),
        classes=rng.choice([1, 4, 30]),
        pods=150,
        events=rng.choice([0, 3, 15]),
        plain=rng.random() < 0.6,
        named=rng.random() < 0.3,
        profiles=rng.choice([["default-scheduler"], ["default-scheduler", "second-scheduler"]]),
        priorities=rng.choice([(), (0, 5), (-1, 0, 3, 4, 5, 9)]),
    )
    config = ALL_NODES if seed % 2 else looking_at(rng.choice([0, 5, 40]))
    hold(nominating(rng, world, rng.choice([1, 5, 40])), seed, config)


@pytest.mark.parametrize("seed", range(8))
def test_every_feature_with_open_nominations(seed: int) -> None:
    """Nominated pods with ports, affinity and constraints of their own, and pods that mind them."""
    rng = random.Random(seed)
    objects, pods, _ = random_cluster(rng, rng.randint(2, 20), 25, 20)
    world = World(objects, repeated(pods, 3), [])
    events = []
    for number in range(12):
        nominated = repeated([rng.choice(pods)], 1)[0]
        nominated.metadata.name = f"stranger-{number}"
        nominated.spec.priority = rng.choice([0, 5])
        name = rng.choice([each["metadata"]["name"] for each in objects if each["kind"] == "Node"])
        events.append(Event(rng.randint(0, len(world.pods)), "nominate", (nominated, name)))
    hold(world._replace(events=sorted(events, key=lambda event: event.before)), seed)


@pytest.mark.parametrize("speed", ["auto", "fused", "incremental"])
def test_batches_stay_compiled_while_pods_are_nominated(speed: Speed) -> None:
    engine = Engine(cluster_of([node(f"n{number}") for number in range(20)]), ALL_NODES, speed=speed)
    for number in range(5):
        engine.nominate(waiting(f"nominated-{number}", cpu="4", priority=5), f"n{number}")
    batch = engine.schedule_many([waiting(f"p{number}", cpu="1") for number in range(61)])
    assert batch.speed_used == {"fused": 61}
    assert sorted(set(batch.node_of.tolist())) == [-1, *range(5, 20)] and list(batch.failures) == [60]
    higher = engine.schedule_many([waiting(f"q{number}", cpu="1", priority=6) for number in range(20)])
    assert sorted(set(higher.node_of.tolist())) == list(range(5))


@pytest.mark.parametrize("speed", ["cycle", "fused", "incremental"])
def test_what_failed_fits_once_a_nomination_is_withdrawn(speed: Speed) -> None:
    engine = two_nodes(speed)
    for number, name in enumerate("ab"):
        engine.nominate(waiting(f"nominated-{number}", priority=5), name)
    assert engine.schedule_many([waiting("p"), waiting("q")]).scheduled == 0
    engine.nominate(waiting("nominated-1"), "")
    assert engine.schedule_many([waiting("p"), waiting("q")]).node_of.tolist() == [1, -1]
    engine.nominate(waiting("nominated-0"), "")
    assert engine.schedule_many([waiting("q")]).node_of.tolist() == [0]
