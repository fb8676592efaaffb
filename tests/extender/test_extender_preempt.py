"""The preempt verb: candidates and victims that extenders agree to."""

from __future__ import annotations

from typing import Any

import pytest

from sched_core import Code, ExtenderUnreachable
from tests.extender.scripted import URL, Json, Scripted, config_of, engine, extender, node, pod, record


def low(name: str, where: str, cpu: str = "2", uid: str = "", priority: int = 1, start: str = "") -> Json:
    one = pod(name, cpu=cpu, uid=uid, nodeName=where, priority=priority)
    one["status"] = {"startTime": start} if start else {}
    return one


OBJECTS = [
    node("a"), node("b"), node("c"), low("x", "a", uid="ux", start="2026-01-01T00:00:00Z"), low("y", "a"),
    low("z", "b", cpu="4", uid="uz", priority=2), low("w", "c", cpu="4", priority=9),
]  # fmt: skip
PREFIX = "no new claims to deallocate, preemption: "


def decide(answer: Any, **fields: Any) -> tuple[Any, Scripted]:
    script = Scripted({"preempt": answer})
    here = engine(OBJECTS, config_of(extender("preempt", **fields)), script)
    return here.evaluate(record(pod("p", cpu="4", priority=5))), script


def meta(**victims: Any) -> Json:
    told = {node: {"Pods": [{"UID": uid} for uid in uids], "NumPDBViolations": 0} for node, uids in victims.items()}
    return {"NodeNameToMetaVictims": told}


def test_an_extender_that_knows_nodes_is_asked_by_uid() -> None:
    decision, script = decide(meta(b=["uz"]), nodeCacheCapable=True)
    ((_, question),) = script.asked
    assert question["Pod"]["metadata"]["name"] == "p"
    assert question["NodeNameToVictims"] is None
    assert question["NodeNameToMetaVictims"] == {
        "a": {"Pods": [{"UID": "ux"}, {"UID": "default/y"}], "NumPDBViolations": 0},
        "b": {"Pods": [{"UID": "uz"}], "NumPDBViolations": 0},
    }
    assert (decision.nominated_node, decision.victims) == ("b", ("default/z",))


def test_another_one_gets_the_victims_as_objects() -> None:
    _, script = decide(meta(a=["ux"]))
    ((_, question),) = script.asked
    assert question["NodeNameToMetaVictims"] is None
    first = question["NodeNameToVictims"]["a"]["Pods"][0]
    assert (first["metadata"]["name"], first["metadata"]["uid"]) == ("x", "ux")
    assert (first["spec"]["nodeName"], first["status"]["startTime"]) == ("a", "2026-01-01T00:00:00Z")
    assert "startTime" not in question["NodeNameToVictims"]["b"]["Pods"][0].get("status", {})


def test_victims_may_be_other_pods_of_the_node_whatever_their_priority() -> None:
    decision, _ = decide(meta(c=["default/w"], a=["ux"]))
    assert decision.preemption.candidates[0].victims == ("default/x",)
    assert [each.node for each in decision.preemption.candidates] == ["a", "c"]
    assert decision.nominated_node == "a"


def test_numbers_of_broken_budgets_are_believed() -> None:
    answer = meta(a=["ux"], b=["uz"])
    answer["NodeNameToMetaVictims"]["a"]["NumPDBViolations"] = 3
    decision, _ = decide(answer)
    assert decision.nominated_node == "b"


def test_without_candidates_nobody_is_preempted_and_a_nomination_stays() -> None:
    decision, _ = decide({})
    assert decision.message == f"0/3 nodes are available: 3 Insufficient cpu. {PREFIX}no candidate node for preemption"
    assert decision.nominated_node is None


def test_a_node_without_victims_is_dropped_by_an_ignorable_extender() -> None:
    decision, _ = decide(meta(a=[], b=["uz"]), ignorable=True)
    assert decision.nominated_node == "b"
    decision, _ = decide({"NodeNameToMetaVictims": {"a": None, "b": {"Pods": None}}}, ignorable=True)
    assert decision.message.endswith("no candidate node for preemption")


ERRORS = {
    "no victims": (meta(a=[]), 'expected at least one victim pod on node "a"'),
    "an unknown node": (meta(ghost=["ux"]), 'nodeinfo not found for node name "ghost"'),
    "a pod of another node": (
        meta(a=["uz"]),
        f"extender: {URL}/ claims to preempt pod (UID: &{{uz}}) on node: a, but the pod is not found on that node",
    ),
    "no connection": (ExtenderUnreachable(f"{URL}/preempt", "EOF"), f'Post "{URL}/preempt": EOF'),
    "a number for a uid": (
        {"NodeNameToMetaVictims": {"a": {"Pods": [{"UID": 1}]}}},
        "json: cannot unmarshal number into Go struct field MetaPod.NodeNameToMetaVictims.Pods.UID of type string",
    ),
    "a list for the map": (
        {"NodeNameToMetaVictims": []},
        "json: cannot unmarshal array into Go struct field ExtenderPreemptionResult.NodeNameToMetaVictims of type "
        "map[string]*v1.MetaVictims",
    ),
}


@pytest.mark.parametrize(("answer", "text"), ERRORS.values(), ids=ERRORS)
def test_an_error_ends_preemption(answer: Any, text: str) -> None:
    decision, _ = decide(answer)
    assert decision.status.code == Code.Unschedulable
    assert decision.message == f"0/3 nodes are available: 3 Insufficient cpu. preemption: {text}"
    assert (decision.nominated_node, decision.victims) == (None, ())


def test_errors_of_an_ignorable_extender_leave_the_candidates_as_they_were() -> None:
    decision, _ = decide(ExtenderUnreachable(f"{URL}/preempt", "EOF"), ignorable=True)
    assert [each.node for each in decision.preemption.candidates] == ["a", "b"]


def test_each_extender_is_asked_about_what_the_one_before_left() -> None:
    script = Scripted({"one": meta(b=["uz"]), "two": meta(b=["uz"])})
    configs = [extender("preempt", preemptVerb=verb, nodeCacheCapable=True) for verb in ("one", "two")]
    engine(OBJECTS, config_of(*configs), script).evaluate(record(pod("p", cpu="4", priority=5)))
    assert list(script.asked[1][1]["NodeNameToMetaVictims"]) == ["b"]


def test_uids_come_and_go_with_pods_and_snapshots() -> None:
    here = engine(OBJECTS, config_of(), Scripted({}), speed="auto")
    before = here.snapshot()
    here.forget("default/x")
    here.schedule(record(pod("n", cpu="1", uid="un")))
    here.schedule_many([record(pod("m", cpu="1", uid="um"))])
    assert here.cluster.uids == {"default/z": "uz", "default/n": "un", "default/m": "um"}
    here.restore(before)
    assert here.cluster.uids == {"default/x": "ux", "default/z": "uz"}
