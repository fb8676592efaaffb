"""A scenario of which one value was changed: the change is found and named, whichever field it is in."""

from __future__ import annotations

import copy
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from bench.verify.compare import LISTED, NOT_LISTED, Difference, first_difference
from bench.verify.outcome import Outcome
from bench.verify.read import Scenario
from bench.verify.replay import replay
from tests.verify.tiny_scenario import (
    BROKEN,
    DELETED,
    GATED,
    NOMINATED,
    PLACED,
    REFUSED,
    STRANGER,
    Json,
    brief,
    node,
    pod,
    scenario,
    sequence,
)

FIT, TAINTS = "NodeResourcesFit", "TaintToleration"
TAINTED, SHORT = f"{TAINTS}|node(s) had untolerated taint(s)", f"{FIT}|Insufficient cpu"


def outcome(document: Json) -> Outcome:
    return replay(msgspec.json.decode(msgspec.json.encode(document), type=Scenario))


@pytest.mark.parametrize("make", [scenario, brief, sequence])
def test_a_scenario_passes(make: Callable[[], Json]) -> None:
    count = len(make()["pods"])
    assert outcome(make()) == Outcome(count, count)


def test_the_scenario_has_what_the_cases_below_change() -> None:
    expect = scenario()["expect"]
    assert expect[PLACED]["feasible"] == ["a", "b"]
    assert expect[PLACED]["infeasible"] == {TAINTED: ["c"], SHORT: ["d"]}
    assert expect[PLACED]["unresolvable"] == ["c"]
    assert expect[PLACED]["chosen"] == "b"
    assert set(expect[REFUSED]["infeasible"]) == {TAINTED, f"{FIT}|Insufficient cpu"}
    assert [expect[index]["skipped"] for index in (GATED, STRANGER, DELETED)] == [
        "preEnqueue", "unknownSchedulerName", "deleting",
    ]  # fmt: skip
    assert "error" in expect[BROKEN]


CASES: list[tuple[Callable[[], Json], int, tuple[str, ...], Any, Difference]] = [
    (scenario, PLACED, ("pod",), "default/x", Difference("pod", "default/x", "default/placed")),
    (scenario, PLACED, ("profile",), "x", Difference("profile", "x", "default-scheduler")),
    (scenario, PLACED, ("rawScores", FIT, "a"), 1, Difference("rawScores", 1, 86, FIT, "a")),
    (scenario, PLACED, ("rawScores", FIT), {}, Difference("rawScores", None, 86, FIT, "a")),
    (scenario, PLACED, ("rawScores", "X"), {"a": 1}, Difference("rawScores", {"a": 1}, None, "X")),
    (scenario, PLACED, ("scores", TAINTS, "b"), 99, Difference("scores", 99, 100, TAINTS, "b")),
    (scenario, PLACED, ("weights", TAINTS), 2, Difference("weights", 2, 3, TAINTS)),
    (scenario, PLACED, ("total", "b"), 1, Difference("total", 1, 464, node="b")),
    (scenario, PLACED, ("best",), ["a", "b"], Difference("best", LISTED, NOT_LISTED, node="a")),
    (scenario, PLACED, ("chosen",), "a", Difference("chosen", "a", "b")),
    (scenario, PLACED, ("feasible",), ["a"], Difference("feasible", NOT_LISTED, LISTED, node="b")),
    (scenario, PLACED, ("feasible",), ["b", "a"], Difference("feasible", ["b", "a"], ["a", "b"])),
    (scenario, PLACED, ("unresolvable",), ["c", "d"], Difference("unresolvable", LISTED, NOT_LISTED, node="d")),
    (scenario, PLACED, ("infeasible",), {TAINTED: ["c", "d"]},
     Difference("infeasible", TAINTED, SHORT, TAINTS, "d")),
    (scenario, PLACED, ("infeasible", SHORT), [], Difference("infeasible", None, SHORT, FIT, "d")),
    (scenario, REFUSED, ("infeasible", TAINTED), ["a", "c"], Difference("infeasible", TAINTED, SHORT, TAINTS, "a")),
    (scenario, REFUSED, ("unschedulable",), False, Difference("unschedulable", False, True)),
    (scenario, REFUSED, ("preemption", "eligible"), False, Difference("preemption.eligible", False, True)),
    (scenario, GATED, ("skipped",), "deleting", Difference("skipped", "deleting", "preEnqueue")),
    (scenario, GATED, ("skippedPlugin",), "X", Difference("skippedPlugin", "X", "SchedulingGates")),
    (scenario, GATED, ("reason",), "x", Difference("reason", "x", "waiting for scheduling gates: [quota]")),
    (scenario, STRANGER, ("skipped",), "deleting", Difference("skipped", "deleting", "unknownSchedulerName")),
    (scenario, DELETED, ("feasible",), [], Difference("feasible", [], None)),
    (scenario, NOMINATED, ("nominatedNodeUsed",), "b", Difference("nominatedNodeUsed", "b", "a")),
    (scenario, NOMINATED, ("candidates",), 3, Difference("candidates", 3, None)),
    (brief, PLACED, ("feasibleCount",), 3, Difference("feasibleCount", 3, 2)),
    (brief, PLACED, ("infeasibleCount", SHORT), 2, Difference(f"infeasibleCount[{SHORT}]", 2, 1, FIT)),
    (brief, PLACED, ("bestCount",), 2, Difference("bestCount", 2, 1)),
    (brief, PLACED, ("best",), [], Difference("best", NOT_LISTED, LISTED, node="b")),
    (sequence, 0, ("nodes",), 4, Difference("nodes", 4, 3)),
    (sequence, 0, ("evaluated",), 2, Difference("evaluated", 2, 3)),
    (sequence, 0, ("feasibleCount",), 3, Difference("feasibleCount", 3, 2)),
    (sequence, 0, ("score",), 95, Difference("score", 95, 94)),
    (sequence, 0, ("bestCount",), 1, Difference("bestCount", 1, 2)),
    (sequence, 0, ("chosen",), "y", Difference("chosen", "y", "x")),
    (sequence, 3, ("unschedulable",), False, Difference("unschedulable", False, True)),
    (sequence, 4, ("nextStart",), 1, Difference("nextStart", 1, 0)),
]  # fmt: skip


@pytest.mark.parametrize(("make", "index", "path", "value", "difference"), CASES)
def test_a_changed_value_is_named(
    make: Callable[[], Json], index: int, path: tuple[str, ...], value: Any, difference: Difference
) -> None:
    document = make()
    inner = document["expect"][index]
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    pod_key = document["expect"][index]["pod"]
    assert outcome(document) == Outcome(len(document["pods"]), index, pod_key, difference)


@pytest.mark.parametrize(
    ("make", "index", "path"),
    [
        (scenario, REFUSED, ("message",)),
        (scenario, REFUSED, ("preemption", "message")),
        (scenario, BROKEN, ("error",)),
        (brief, REFUSED, ("message",)),
        (sequence, 3, ("message",)),
    ],
)
def test_one_letter_of_a_text_counts(make: Callable[[], Json], index: int, path: tuple[str, ...]) -> None:
    document = make()
    inner = document["expect"][index]
    for key in path[:-1]:
        inner = inner[key]
    text = inner[path[-1]]
    inner[path[-1]] = text[:-1]
    assert outcome(document).difference == Difference(".".join(path), text[:-1], text)


@pytest.mark.parametrize("make", [scenario, brief, sequence])
def test_no_field_of_an_entry_is_left_uncompared(make: Callable[[], Json]) -> None:
    for index, entry in enumerate(make()["expect"]):
        for field in entry.keys() - {"pod"}:
            document = make()
            del document["expect"][index][field]
            found = outcome(document)
            assert found.pods_passed == index, (index, field)
            assert found.difference is not None and found.difference.field.startswith(field), (index, field)


def test_a_scenario_ends_at_its_first_difference() -> None:
    document = scenario()
    document["expect"][REFUSED]["message"] = ""
    document["expect"][PLACED]["chosen"] = "a"
    assert outcome(document).pod == "default/placed"


@pytest.mark.parametrize(
    ("field", "change", "said"),
    [
        ("objects", {"objects": [{"kind": "Node", "apiVersion": "v1", "metadata": {}}]}, "metadata.name"),
        ("objects", {"objects": [7]}, "expected an object"),
        ("config", {"config": {"kind": "Nothing", "apiVersion": "v1"}}, "Nothing"),
    ],
)
def test_what_the_engine_refuses_is_a_difference(field: str, change: Json, said: str) -> None:
    difference = outcome({**scenario(), **change}).difference
    assert difference is not None
    assert (difference.field, difference.expected) == (field, "accepted")
    assert said in difference.got


def test_something_else_than_pods_to_place_is_a_difference() -> None:
    document = scenario()
    document["pods"][PLACED]["kind"] = "ReplicaSet"
    assert outcome(document).difference == Difference("pods", "7 pods", "6 pods")


def test_a_step_that_cannot_be_taken_is_an_error_of_the_pod() -> None:
    document = sequence()
    document["steps"][0]["deleteNode"] = "gone"
    difference = outcome(document).difference
    assert difference is not None and difference.field == "error"
    assert "gone" in difference.got


def test_what_is_not_supported_is_named() -> None:
    document = scenario()
    document["pods"][REFUSED]["spec"]["resourceClaims"] = [{"name": "gpu", "resourceClaimName": "gpu"}]
    found = outcome(document)
    assert found == Outcome(7, REFUSED, "default/refused", needs=("DynamicResources",))
    assert not found.passed


def preempting() -> Json:
    """Return a scenario in which `high` takes the place of `old`, and of the nomination of `low`."""
    document = scenario()
    document["objects"] = [node("a", "1", "1Gi"), pod("old", "1", nodeName="a", priority=-3)]
    document["pods"] = [pod("high", "1", priority=5), pod("low", "1", status={"nominatedNodeName": "a"}, priority=-4)]
    short = "0/1 nodes are available: 1 Insufficient cpu."
    none = "preemption: 0/1 nodes are available: 1 No preemption victims found for incoming pod."
    message = f"no new claims to deallocate, {none}"
    told = {"feasible": [], "infeasible": {SHORT: ["a"]}, "unschedulable": True}
    high = {"pod": "default/high", "profile": "default-scheduler"}
    after = {**high, "nominatedNodeUsed": "a", "feasible": ["a"], "best": ["a"], "chosen": "a"}
    preemption = {
        "eligible": True,
        "candidates": {"a": {"victims": ["default/old"], "pdbViolations": 0}},
        "tiedNodes": ["a"],
        "nominatedNode": "a",
        "victims": ["default/old"],
        "clearedNominations": ["default/low"],
    }
    document["expect"] = [
        {**high, **told, "message": short, "preemption": preemption, "afterPreemption": after},
        {**high, "pod": "default/low", **told, "message": f"{short} {message}",
         "preemption": {"eligible": True, "message": message}},
    ]  # fmt: skip
    return document


def test_a_preemption_is_replayed_to_its_end() -> None:
    assert outcome(preempting()) == Outcome(2, 2)


@pytest.mark.parametrize(
    ("path", "value"),
    [
        (("candidates", "a", "pdbViolations"), 1),
        (("victims",), []),
        (("tiedNodes",), ["a", "b"]),
        (("nominatedNode",), "b"),
        (("clearedNominations",), []),
    ],
)
def test_a_changed_value_of_a_preemption_is_named(path: tuple[str, ...], value: Any) -> None:
    document = preempting()
    inner = document["expect"][0]["preemption"]
    for key in path[:-1]:
        inner = inner[key]
    inner[path[-1]] = value
    found = outcome(document).difference
    assert found is not None and found.field == f"preemption.{path[0]}"


def test_the_attempt_after_a_preemption_is_compared() -> None:
    document = preempting()
    document["expect"][0]["afterPreemption"]["chosen"] = "b"
    found = outcome(document).difference
    assert found is not None and found.field == "afterPreemption"


def test_values_of_a_wrong_type_are_told_as_a_whole() -> None:
    entry = scenario()["expect"][PLACED]
    for field in entry:
        broken = {**copy.deepcopy(entry), field: 7}
        difference = first_difference(broken, entry)
        assert difference is not None and difference.field == field
        assert difference.expected in (7, None, NOT_LISTED)
