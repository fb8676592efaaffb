"""Nominated pods: they count for pods of no higher priority, hold their node, and send batches through the cycle."""

from __future__ import annotations

from typing import Any

import pytest

from sched_core import Engine, Pod, Speed
from tests.engine.worlds import ALL_NODES, Json, cluster_of, node, pod, records

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
    assert engine.nominator.nodes() == {"b"}
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
    assert engine.nominator.nodes() == {"a"} and len(engine.nominator) == 2
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
    assert engine.nominator.nodes() == {"a"}


@pytest.mark.parametrize("speed", ["auto", "cycle", "fused", "incremental"])
def test_nominations_that_pods_of_a_batch_bring_along_count(speed: Speed) -> None:
    engine = two_nodes(speed)
    pods = [waiting("low-1"), waiting("low-2"), waiting("nominated", priority=5, nominated="a")]
    pods += [waiting(f"small-{number}", cpu="100m") for number in range(5)]
    batch = engine.schedule_many(pods)
    names = [engine.cluster.nodes.names[row] if row >= 0 else None for row in batch.node_of.tolist()]
    assert names[:3] == ["b", None, "a"]
    assert None not in names[3:]
    assert batch.speed_used.get("cycle", 0) == (8 if speed == "cycle" else 3)
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
