"""The scheduler from the arrival of a pod to its binding, and the ends of attempts that fail."""

from __future__ import annotations

from sched_core import Scheduler, error
from tests.scheduler.api import SECOND, Api, node, pod


def scheduler(*nodes: str) -> tuple[Scheduler, Api]:
    api = Api()
    told = Scheduler(api)
    for name in nodes:
        told.apply(node(name), 0)
    return told, api


def test_a_pod_is_bound_and_confirmed() -> None:
    told, api = scheduler("a")
    api.change(pod("p"))
    api.echo(told, 1)
    assert told.run(2) == 1
    assert api.said("bind") == [("p", "a")]
    assert api.notes("Scheduled") == ["Successfully assigned default/p to a"]
    assert set(told.handlers.assumed) == {"uid-p"}
    api.echo(told, 3)
    assert not told.handlers.assumed and told.run(4) == 0 and told.next_due is None
    assert told.cluster.nodes.pod_count.tolist() == [1]


def test_a_pod_that_fits_nowhere_waits_for_room() -> None:
    told, api = scheduler("a")
    api.change(pod("p", "8"))
    api.echo(told, 0)
    assert told.run(0) == 1 and told.run(0) == 0
    note = "0/1 nodes are available: 1 Insufficient cpu. no new claims to deallocate, preemption: "
    (text,) = api.notes("FailedScheduling")
    assert text.startswith(note)
    ((name, condition, nominated),) = api.said("patch")
    assert (name, condition.reason, condition.message, nominated) == ("p", "Unschedulable", text, None)
    api.echo(told, 0)
    assert told.run(0) == 0
    told.apply(node("b", cpu="9"), 5 * SECOND)
    assert told.run(5 * SECOND) == 1 and api.said("bind") == [("p", "b")]


def test_a_binding_that_fails_frees_the_node_and_is_tried_again() -> None:
    told, api = scheduler("a")
    api.outcomes["p"] = error("conflict")
    api.change(pod("p"))
    api.echo(told, 0)
    told.run(0)
    assert told.cluster.nodes.pod_count.tolist() == [0]
    assert api.notes("FailedScheduling") == ['running Bind plugin "DefaultBinder": conflict']
    del api.outcomes["p"]
    api.echo(told, 0)
    due = told.next_due
    assert due is not None and told.run(1 * SECOND) == 0
    assert told.run(2 * SECOND) == 1 and len(api.said("bind")) == 2


def test_a_preemptor_is_nominated_and_takes_the_place_of_its_victim() -> None:
    told, api = scheduler("a")
    api.change(pod("low", "3"))
    api.echo(told, 0)
    told.run(0)
    api.echo(told, 0)
    api.change(pod("high", "3", priority=10))
    api.echo(told, 1)
    assert told.run(1) == 1
    assert api.said("delete") == [("low",)]
    assert api.notes("Preempted") == ["Preempted by pod uid-high on node a"]
    assert api.said("patch")[-1][2] == "a"
    api.echo(told, 2)
    assert told.run(2) == 1 and api.said("bind")[-1] == ("high", "a")
