"""The prioritize verb: what is added to the totals, ties, and errors, which do not count."""

from __future__ import annotations

from typing import Any

import pytest

from sched_core import ExtenderTimeout
from tests.extender.scripted import URL, Scripted, config_of, engine, extender, keep, node, pod, record

NODES = [node("a"), node("b"), node("c")]


def decide(*configs: Any, **answers: Any) -> tuple[Any, Scripted]:
    script = Scripted(answers)
    return engine(NODES, config_of(*configs), script).evaluate(record(pod("p"))), script


def points(**scores: int) -> list[dict[str, Any]]:
    return [{"Host": host, "Score": score} for host, score in scores.items()]


def test_a_score_counts_its_weight_times_ten() -> None:
    plain, _ = decide()
    decision, script = decide(extender("prioritize", weight=3), prioritize=points(a=1, b=5, ghost=9))
    assert [verb for verb, _ in script.asked] == ["prioritize"]
    assert [item["metadata"]["name"] for item in script.asked[0][1]["Nodes"]["items"]] == ["a", "b", "c"]
    assert (decision.total - plain.total).tolist() == [30, 150, 0]
    assert {name: added.tolist() for name, added in decision.extender_scores.items()} == {f"{URL}/": [30, 150, 0]}
    assert decision.node == "b"


def test_scores_of_several_extenders_add_up() -> None:
    one = extender("prioritize", prioritizeVerb="one", nodeCacheCapable=True)
    two = extender("prioritize", prioritizeVerb="two", weight=2, urlPrefix=f"{URL}//")
    decision, script = decide(one, two, one=points(a=3, b=1), two=points(b=2))
    assert script.verbs() == ["one", "two"]
    assert sum(added for added in decision.extender_scores.values()).tolist() == [30, 50, 0]
    assert decision.node == "b"


def test_scores_are_not_checked_and_overflow_as_int64_does() -> None:
    decision, _ = decide(extender("prioritize"), prioritize=points(a=-5, b=2**60, c=1_000_000_000))
    assert next(iter(decision.extender_scores.values())).tolist() == [-50, -(6 * 2**60), 10_000_000_000]
    assert decision.node == "c"


@pytest.mark.parametrize(
    "answer",
    [
        ExtenderTimeout(f"{URL}/prioritize", reading=False), b"", {"Host": "b"}, points(b=2**63), [{"Host": 1}],
        [{"Host": "b", "Score": 1.5}],
    ],
)  # fmt: skip
def test_an_error_adds_nothing(answer: Any) -> None:
    plain, _ = decide()
    decision, _ = decide(extender("prioritize"), prioritize=answer)
    assert (decision.total == plain.total).all()
    assert (decision.node, decision.best) == ("a", ["a", "b", "c"])


def test_of_equal_nodes_those_that_an_extender_has_scored_come_first() -> None:
    decision, _ = decide(extender("prioritize"), prioritize=points(c=0, b=0))
    assert (decision.node, decision.best) == ("b", ["b", "c"])


def test_an_extender_without_the_verb_scores_every_node_with_nothing() -> None:
    decision, _ = decide(extender("filter", nodeCacheCapable=True), filter=keep("c", "b", "a"))
    assert (decision.node, decision.best) == ("c", ["c", "b", "a"])
    assert decision.extender_scores == {}


def test_one_feasible_node_is_not_scored() -> None:
    decision, script = decide(extender("filter prioritize", nodeCacheCapable=True), filter=keep("b"), prioritize=[])
    assert (decision.node, script.verbs()) == ("b", ["filter"])


def test_extenders_score_in_a_profile_without_score_plugins() -> None:
    few = [{"name": name} for name in ("PrioritySort", "NodeName", "DefaultBinder")]
    plugins = {"multiPoint": {"disabled": [{"name": "*"}], "enabled": few}}
    script = Scripted({"prioritize": points(c=1)})
    config = config_of(extender("prioritize"), profiles=[{"plugins": plugins}])
    decision = engine(NODES, config, script).evaluate(record(pod("p")))
    assert (decision.node, decision.total.tolist()) == ("c", [0, 0, 10])
