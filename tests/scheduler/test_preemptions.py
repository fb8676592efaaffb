"""Preemption put into effect: victims, nominations, the wait of the preemptor."""

from __future__ import annotations

from typing import Any

import pytest

from sched_core import SUCCESS, Scheduler, error, replaced
from tests.scheduler.api import SECOND, Api, node, pod, world


def crowded(**options: Any) -> tuple[Scheduler, Api]:
    """Return a node that two pods of low priority fill."""
    scheduler, api = world(node("a"), **options)
    api.create(scheduler, pod("low", "2"), pod("lower", "2", priority=-1))
    scheduler.run(0)
    api.echo(scheduler, 0)
    api.calls.clear()
    return scheduler, api


@pytest.mark.parametrize("async_preemption", [True, False])
def test_a_preemptor_is_nominated_and_takes_the_place_of_its_victims(async_preemption: bool) -> None:
    scheduler, api = crowded(async_preemption=async_preemption)
    api.create(scheduler, pod("high", "3", priority=10), now=1)
    assert scheduler.run(1) == 1
    assert api.said("delete") == [("low",), ("lower",)]
    assert api.notes("Preempted") == ["Preempted by pod uid-high on node a"] * 2
    event = next(event for event in api.events if event.reason == "Preempted")
    assert (event.type, event.action, event.regarding.metadata.name) == ("Normal", "Preempting", "low")
    assert event.related is not None and event.related.metadata.name == "high"
    ((name, condition, nominated),) = api.said("patch")
    assert (name, nominated) == ("high", "a")
    assert condition.message.endswith("1 Insufficient cpu. no new claims to deallocate, ") is False
    (info,) = scheduler.queue.unschedulable_pods
    assert info.unschedulable_plugins == {"NodeResourcesFit"}
    api.echo(scheduler, 2)
    assert scheduler.run(2) == 1 and api.said("bind") == [("high", "a")]
    assert len(scheduler.queue.nominator) == 0


def test_the_condition_of_a_victim_says_who_is_to_blame() -> None:
    scheduler, api = crowded()
    said = []
    delete = api.delete
    api.delete = lambda pod, condition: (said.append(condition), delete(pod, condition))[1]  # type: ignore[method-assign,func-returns-value]
    api.create(scheduler, pod("high", "3", priority=10), now=1)
    scheduler.run(1)
    condition = said[0]
    assert condition is not None and (condition.type, condition.status) == ("DisruptionTarget", "True")
    assert condition.reason == "PreemptionByScheduler"
    assert condition.message == "default-scheduler: preempting to accommodate a higher priority pod"


def test_victims_that_are_leaving_are_left_alone() -> None:
    scheduler, api = crowded()
    leaving = api.pods["default/low"]
    meta = replaced(leaving.metadata, deletion_timestamp="2026-01-01T00:00:00Z")
    api.change(replaced(leaving, metadata=meta))
    api.create(scheduler, pod("high", "4", priority=10), now=1)
    scheduler.run(1)
    assert api.said("delete") == [("lower",)] and len(scheduler.queue.nominator) == 1


def test_a_preemptor_waits_until_it_is_known_that_its_victims_go() -> None:
    scheduler, api = crowded()
    api.outcomes |= {"low": None, "lower": None}
    api.create(scheduler, pod("high", "4", priority=10), now=1)
    scheduler.run(1)
    known = api.pods["default/high"]
    scheduler.queue.activate([known], 1)
    (info,) = scheduler.queue.unschedulable_pods
    assert (info.gating_plugin, scheduler.run(1)) == ("DefaultPreemption", 0)
    scheduler.deletion_finished("uid-low", SUCCESS, 2)
    api.remove(api.pods["default/low"])
    api.echo(scheduler, 2)
    assert scheduler.run(2) == 0  # the second one is still there
    api.remove(api.pods["default/lower"])
    api.echo(scheduler, 3)
    assert scheduler.run(3) == 1 and api.said("bind") == [("high", "a")]


@pytest.mark.parametrize("later", [True, False])
def test_a_victim_that_cannot_be_deleted_has_the_preemptor_tried_again(later: bool) -> None:
    scheduler, api = crowded()
    api.outcomes["low"] = None if later else error("forbidden")
    api.create(scheduler, pod("high", "4", priority=10), now=1)
    scheduler.run(1, limit=1)
    if later:
        assert len(scheduler.queue.active_q) == 0
        scheduler.deletion_finished("uid-low", error("forbidden"), 1)
    assert [info.key for info in scheduler.queue.active_q.list()] == ["default/high"]
    assert len(api.notes("Preempted")) == (2 if later else 1)


def test_without_the_gate_an_error_is_part_of_the_message_and_the_nomination_stays() -> None:
    scheduler, api = crowded(async_preemption=False)
    api.outcomes["low"] = error("forbidden")
    api.create(scheduler, pod("high", "4", priority=10), now=1)
    scheduler.run(1)
    assert api.notes("FailedScheduling") == ["0/1 nodes are available: 1 Insufficient cpu. preemption: forbidden"]
    assert api.said("patch")[0][2] is None and len(scheduler.queue.nominator) == 0


def test_lower_pods_lose_their_nomination_to_the_node() -> None:
    scheduler, api = crowded()
    api.create(scheduler, pod("middle", "4", priority=5), now=1)
    scheduler.run(1)
    assert [each.key for each in scheduler.queue.nominator.on("a")] == ["default/middle"]
    told, api.told = api.told, []
    for _, known in told:  # the victims are still there, the nomination is known
        if known.metadata.name == "middle":
            scheduler.apply(known, 1)
    api.create(scheduler, pod("high", "4", priority=10), now=2)
    scheduler.run(2)
    assert ("middle", None, "") in api.said("patch")
    api.echo(scheduler, 3)
    assert [each.key for each in scheduler.queue.nominator.on("a")] == ["default/high"]


def test_a_victim_that_is_not_bound_yet_is_bound_before_it_is_deleted() -> None:
    scheduler, api = world(node("a"))
    api.create(scheduler, pod("low", "3", priority=1), pod("high", "3", priority=0))
    api.create(scheduler, pod("higher", "3", priority=-1))
    scheduler.run(0)
    api.create(scheduler, pod("first", "3", priority=2))
    scheduler.run(1)
    calls = [call[:2] for call in api.calls if call[0] != "patch"]
    assert calls.index(("bind", "low")) < calls.index(("delete", "low"))


def test_a_nomination_that_is_gone_lets_the_next_pod_of_the_class_preempt() -> None:
    scheduler, api = crowded()
    api.create(scheduler, pod("high", "4", priority=10), now=1)
    scheduler.run(1)
    api.told = []  # the deletions take their time
    api.remove(api.pods["default/high"])
    api.create(scheduler, pod("next", "4", priority=10), now=2)
    scheduler.run(2)
    assert [each.key for each in scheduler.queue.nominator.on("a")] == ["default/next"]
    assert len(api.said("delete")) == 4


def test_what_is_nominated_counts_as_it_stands_in_the_queue() -> None:
    scheduler, api = world(node("a"))
    api.create(scheduler, pod("claims", "3", priority=5, status={"nominatedNodeName": "a"}))
    nominator, info = scheduler.queue.nominator, scheduler.cluster.classes.info(pod("other", "2"))
    assert [each.priority for each in nominator.on("a")] == [5] and len(nominator.rivals("a", info)) == 1
    popped = scheduler.queue.pop()
    assert popped is not None
    (stub,) = nominator.on("a")
    assert (stub.key, stub.priority, stub.requests.tolist()[:2]) == ("default/claims", 0, [0, 0])
    assert nominator.lower("a", 1) == ["default/claims"] and nominator.node_of(popped.pod_info) == "a"
    scheduler.queue.done(popped.uid)
    api.remove(api.pods["default/claims"])
    api.echo(scheduler, 1 * SECOND)
    assert len(nominator) == 0
