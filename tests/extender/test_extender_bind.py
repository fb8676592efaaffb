"""The bind verb, and pods of batches of which only some concern extenders."""

from __future__ import annotations

from typing import Any

import pytest

from sched_core import Code, ExtenderStatus, ExtenderUnreachable
from tests.extender.scripted import URL, Scripted, config_of, engine, extender, keep, node, pod, record

NODES = [node("a"), node("b")]
MANAGED = [{"name": "example.com/chip", "ignoredByScheduler": True}]
CHIP = {"example.com/chip": "1"}


def test_an_extender_binds_in_place_of_the_plugins() -> None:
    script = Scripted({"bind": {}})
    here = engine(NODES, config_of(extender("bind")), script)
    assert here.schedule(record(pod("p", uid="u-1"))).node == "a"
    expected = {"PodName": "p", "PodNamespace": "default", "PodUID": "u-1", "Node": "a"}
    assert script.asked == [("bind", expected)]


ERRORS = {
    "an error of its own": ({"Error": "taken"}, "taken"),
    "no connection": (ExtenderUnreachable(f"{URL}/bind", "EOF"), f'Post "{URL}/bind": EOF'),
    "another status": (ExtenderStatus(f"{URL}/bind", 500), f"failed bind with extender at URL {URL}/bind, code 500"),
    "a number": (b"5", "json: cannot unmarshal number into Go value of type v1.ExtenderBindingResult"),
    "a wrong type": (
        {"Error": []},
        "json: cannot unmarshal array into Go struct field ExtenderBindingResult.Error of type string",
    ),
}


@pytest.mark.parametrize(("answer", "text"), ERRORS.values(), ids=ERRORS)
def test_a_pod_that_an_extender_does_not_bind_is_taken_back(answer: Any, text: str) -> None:
    here = engine(NODES, config_of(extender("bind")), Scripted({"bind": answer}))
    decision = here.schedule(record(pod("p")))
    assert (decision.node, decision.status.code, decision.message) == (None, Code.Error, text)
    assert here.cluster.nodes.pod_count.tolist() == [0, 0]


@pytest.mark.parametrize(("answer", "text"), ERRORS.values(), ids=ERRORS)
def test_where_an_ignorable_extender_fails_the_plugins_bind(answer: Any, text: str) -> None:
    here = engine(NODES, config_of(extender("bind", ignorable=True)), Scripted({"bind": answer}))
    assert here.schedule(record(pod("p"))).node == "a"


def test_only_pods_that_an_extender_is_interested_in_leave_compiled_batches() -> None:
    script = Scripted({"filter": keep("b"), "bind": {}})
    config = config_of(extender("filter bind", nodeCacheCapable=True, managedResources=MANAGED))
    here = engine(NODES, config, script, speed="auto")
    pods = [record(pod("x")), record(pod("chip", resources=CHIP)), record(pod("y")), record(pod("z"))]
    batch = here.schedule_many(pods)
    assert batch.scheduled == 4
    assert here.cluster.nodes.names[batch.node_of[1]] == "b"
    assert batch.speed_used == {"incremental": 3, "cycle": 1}
    assert script.verbs() == ["filter", "bind"]


def test_classes_of_one_shape_may_differ_in_what_extenders_care_for() -> None:
    script = Scripted({"filter": keep("b")})
    config = config_of(extender("filter", nodeCacheCapable=True, managedResources=MANAGED))
    here = engine(NODES, config, script, speed="auto")
    nothing = {"example.com/chip": "0"}  # names the resource and asks for none of it
    batch = here.schedule_many([record(pod("x")), record(pod("y", resources=nothing))])
    assert batch.speed_used == {"incremental": 1, "cycle": 1}
    assert script.verbs() == ["filter"]


def test_an_extender_that_cares_for_all_pods_leaves_nothing_to_batches_and_is_not_called_to_warm_up() -> None:
    script = Scripted({"filter": keep("b")})
    here = engine(NODES, config_of(extender("filter", nodeCacheCapable=True)), script, speed="auto")
    here.warm_up()
    assert script.asked == []
    batch = here.schedule_many([record(pod("x")), record(pod("y"))])
    assert (batch.speed_used, batch.scheduled) == ({"cycle": 2}, 2)


def test_an_error_in_a_batch_is_a_failure_of_the_pod() -> None:
    here = engine(NODES, config_of(extender("filter")), Scripted({"filter": b""}), speed="auto")
    batch = here.schedule_many([record(pod("x"))])
    assert batch.failures[0].message == "EOF"
    assert batch.failures[0].error
