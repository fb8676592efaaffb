"""The filter verb in the cycle: what is asked, what the answer means, and every error that it can end with."""

from __future__ import annotations

import re
from typing import Any

import pytest

from sched_core import Code, Engine, ExtenderStatus, ExtenderTimeout, ExtenderUnreachable, NotSupported, load_config
from tests.extender.scripted import URL, Scripted, config_of, engine, extender, keep, node, pod, record

NODES = [node("a"), node("b"), node("c")]


def decide(answer: Any, *, nodes: Any = NODES, the_pod: Any = None, **fields: Any) -> tuple[Any, Scripted]:
    script = Scripted({"filter": answer})
    fields.setdefault("nodeCacheCapable", True)
    decision = engine(nodes, config_of(extender("filter", **fields)), script).evaluate(record(the_pod or pod("p")))
    return decision, script


def test_the_question_has_go_field_names_and_the_feasible_nodes_in_scan_order() -> None:
    _, script = decide(keep("a"), nodes=[*NODES, node("full", cpu="0")], httpTimeout="7s")
    ((verb, question),) = script.asked
    assert verb == "filter"
    assert question["NodeNames"] == ["a", "b", "c"]
    assert question["Nodes"] is None
    assert question["Pod"]["metadata"] == {"name": "p", "namespace": "default", "uid": "default/p"}
    assert script.timeouts == [7.0]


def test_an_extender_without_a_node_cache_is_asked_about_whole_objects() -> None:
    _, script = decide(keep("a"), nodeCacheCapable=False)
    ((_, question),) = script.asked
    assert question["NodeNames"] is None
    assert [item["metadata"]["name"] for item in question["Nodes"]["items"]] == ["a", "b", "c"]
    assert question["Nodes"]["items"][0]["status"]["allocatable"]["cpu"] == "4"


def test_the_order_of_the_answer_is_the_order_of_the_feasible_nodes() -> None:
    decision, _ = decide(keep("c", "a"))
    assert decision.feasible == ["c", "a"]
    assert decision.node == "c"  # of equal nodes the first


def test_names_match_whatever_their_case_and_what_is_unknown_is_ignored() -> None:
    decision, _ = decide(b'{"nodenames": ["b"], "Extra": {"x": [1]}, "FAILEDNODES": null} trailing')
    assert decision.node == "b"


@pytest.mark.parametrize("answer", [b"{}", b"null", b'{"NodeNames": null, "Nodes": {"items": null}}'])
def test_an_answer_without_nodes_leaves_none(answer: bytes) -> None:
    decision, _ = decide(answer)
    assert (decision.node, decision.feasible) == (None, [])
    assert decision.message.startswith("0/3 nodes are available: no new claims to deallocate, preemption: ")


def test_messages_count_as_reasons_and_the_unresolvable_ones_come_first() -> None:
    decision, _ = decide(
        {
            "NodeNames": [],
            "FailedNodes": {"a": "no slot", "b": "no slot", "c": "loses"},
            "FailedAndUnresolvableNodes": {"c": "wrong model"},
        },
        nodes=[*NODES, node("full", cpu="0")],
    )
    expected = "0/4 nodes are available: 1 Insufficient cpu, 1 wrong model, 2 no slot."
    assert decision.message.startswith(f"{expected} no new claims to deallocate, preemption: ")
    assert decision.reasons == {"no slot": 2, "wrong model": 1, "Insufficient cpu": 1}
    codes = dict(zip("abc", decision.diagnosis.codes[:3].tolist(), strict=True))
    assert codes == {"a": Code.Unschedulable, "b": Code.Unschedulable, "c": Code.UnschedulableAndUnresolvable}
    assert decision.diagnosis.extenders_refused


def test_a_node_that_is_gone_without_a_word_has_no_reason_and_is_no_candidate_for_preemption() -> None:
    decision, _ = decide({"NodeNames": [], "FailedNodes": {"a": "no slot"}})
    assert decision.reasons == {"no slot": 1}
    assert decision.diagnosis.codes.tolist()[1:] == [Code.UnschedulableAndUnresolvable] * 2


def test_what_is_said_of_nodes_that_are_not_there_counts_in_the_message() -> None:
    decision, _ = decide({"NodeNames": [], "FailedNodes": {"ghost": "boo", "a": "boo"}})
    assert decision.message.startswith("0/3 nodes are available: 2 boo. ")


def test_as_many_nodes_as_before_are_no_rejection_by_the_extender() -> None:
    decision, _ = decide({"NodeNames": ["a", "a", "b"], "FailedNodes": {"c": "no"}})
    assert decision.feasible == ["a", "a", "b"]
    assert not decision.diagnosis.extenders_refused


def test_extenders_are_asked_one_after_the_other_about_what_is_left_and_ignorable_ones_last() -> None:
    script = Scripted({"first": keep("b", "c"), "second": keep("c", "b"), "third": keep("c")})
    one = extender("filter", filterVerb="first", nodeCacheCapable=True)
    two = extender("filter", filterVerb="second", nodeCacheCapable=True, ignorable=True)
    three = extender("filter", filterVerb="third", nodeCacheCapable=True)
    decision = engine(NODES, config_of(two, one, three), script).evaluate(record(pod("p")))
    assert decision.node == "c"
    assert [(verb, question["NodeNames"]) for verb, question in script.asked] == [
        ("first", ["a", "b", "c"]), ("third", ["b", "c"]), ("second", ["c"]),
    ]  # fmt: skip


def test_nobody_is_asked_once_no_node_is_left() -> None:
    script = Scripted({"first": {}, "second": {}})
    configs = [extender("filter", filterVerb=verb, nodeCacheCapable=True) for verb in ("first", "second")]
    engine(NODES, config_of(*configs), script).evaluate(record(pod("p")))
    assert script.verbs() == ["first"]


def test_nobody_is_asked_about_a_pod_without_managed_resources() -> None:
    managed = [{"name": "example.com/chip"}, {"name": "example.com/lens"}]
    chip = {"example.com/chip": "1"}
    nodes = [node("a"), {**node("b"), "status": {"allocatable": {"cpu": "4", "memory": "16Gi", "pods": "9"} | chip}}]
    script = Scripted({"filter": keep("b")})
    here = engine(nodes, config_of(extender("filter", nodeCacheCapable=True, managedResources=managed)), script)
    assert here.evaluate(record(pod("plain"))).node is not None
    assert script.asked == []
    assert here.evaluate(record(pod("one", resources=chip))).node == "b"
    limited = pod("two")
    first = {"name": "first", "image": "app", "resources": {"limits": {"example.com/lens": "0"}}}
    limited["spec"]["initContainers"] = [first]
    here.evaluate(record(limited))
    assert script.verbs() == ["filter", "filter"]


def test_a_resource_that_the_scheduler_ignores_is_left_to_the_extender() -> None:
    managed = [{"name": "example.com/chip", "ignoredByScheduler": True}]
    decision, script = decide(
        keep("a"), the_pod=pod("p", resources={"example.com/chip": "1"}), managedResources=managed
    )
    assert (decision.node, script.verbs()) == ("a", ["filter"])


ERRORS = {
    "an error of its own": ({"Error": "out of order"}, "out of order"),
    "a node that it was not asked about": (
        {"NodeNames": ["a", "x"]},
        f'extender "{URL}/" claims a filtered node "x" which is not found in the input node list',
    ),
    "another status": (
        ExtenderStatus(f"{URL}/filter", 503),
        f"failed filter with extender at URL {URL}/filter, code 503",
    ),
    "no connection": (
        ExtenderUnreachable(f"{URL}/filter", "dial tcp: no route"),
        f'Post "{URL}/filter": dial tcp: no route',
    ),
    "no answer in time": (
        ExtenderTimeout(f"{URL}/filter", reading=False),
        f'Post "{URL}/filter": context deadline exceeded (Client.Timeout exceeded while awaiting headers)',
    ),
    "half an answer in time": (
        ExtenderTimeout(f"{URL}/filter", reading=True),
        "context deadline exceeded (Client.Timeout or context cancellation while reading body)",
    ),
    "nothing": (b" ", "EOF"),
    "half a value": (b'{"NodeNames": ["a"', "unexpected EOF"),
    "half a text": (b'{"NodeNames": ["a', "unexpected EOF"),
    "no JSON": (b"<html>", "invalid character '<' looking for beginning of value"),
    "a bad name": (b"{x: 1}", "invalid character 'x' looking for beginning of object key string"),
    "no colon": (b'{"a" 1}', "invalid character '1' after object key"),
    "no comma": (b'{"a": 1 "b": 2}', "invalid character '\"' after a value"),
    "not a number": (b'{"a": NaN}', "invalid character 'N' looking for beginning of value"),
    "too deep": (b"[" * 200_000, "exceeded max depth"),
    "a list": (b"[]", "json: cannot unmarshal array into Go value of type v1.ExtenderFilterResult"),
    "a number for names": (
        b'{"NodeNames": 1}',
        "json: cannot unmarshal number into Go struct field ExtenderFilterResult.NodeNames of type []string",
    ),
    "a number for a name": (
        b'{"NodeNames": [1]}',
        "json: cannot unmarshal number into Go struct field ExtenderFilterResult.NodeNames of type string",
    ),
    "a list for failures": (
        b'{"FailedNodes": []}',
        "json: cannot unmarshal array into Go struct field ExtenderFilterResult.FailedNodes of type v1.FailedNodesMap",
    ),
    "an object for a message": (
        b'{"FailedNodes": {"a": {}}}',
        "json: cannot unmarshal object into Go struct field ExtenderFilterResult.FailedNodes of type string",
    ),
    "a text for nodes": (
        b'{"Nodes": "a"}',
        "json: cannot unmarshal string into Go struct field ExtenderFilterResult.Nodes of type v1.NodeList",
    ),
    "a number for a node": (b'{"Nodes": {"items": [1]}}', "json: cannot unmarshal a node that is no object"),
    "a wrong node": (
        b'{"Nodes": {"items": [{"metadata": {"name": "a", "labels": 1}}]}}',
        "json: cannot unmarshal a node: metadata.labels: expected object, got integer",
    ),
}  # fmt: skip


@pytest.mark.parametrize(("answer", "text"), ERRORS.values(), ids=ERRORS)
def test_an_error_ends_the_attempt(answer: Any, text: str) -> None:
    decision, _ = decide(answer)
    assert (decision.status.code, decision.message, decision.node) == (Code.Error, text, None)


@pytest.mark.parametrize(("answer", "text"), ERRORS.values(), ids=ERRORS)
def test_an_error_of_an_ignorable_extender_does_not_count(answer: Any, text: str) -> None:
    decision, script = decide(answer, ignorable=True)
    assert (decision.node, decision.feasible) == ("a", ["a", "b", "c"])
    assert script.verbs() == ["filter"]


def test_an_engine_without_a_transport_refuses_extenders_by_name() -> None:
    config = load_config(config_of(extender("filter")))
    text = f"extender {URL}/: an engine without a transport calls no extenders"
    with pytest.raises(NotSupported, match=f"^{re.escape(text)}$"):
        Engine(engine(NODES, config_of(), Scripted({})).cluster, config)


def test_the_scan_looks_at_more_than_one_node_if_an_extender_filters_though_nobody_scores() -> None:
    few = [{"name": name} for name in ("PrioritySort", "NodeName", "DefaultBinder")]
    plugins = {"multiPoint": {"disabled": [{"name": "*"}], "enabled": few}}
    script = Scripted({"filter": keep("b")})
    config = config_of(extender("filter", nodeCacheCapable=True), profiles=[{"plugins": plugins}])
    assert engine(NODES, config, script).evaluate(record(pod("p"))).node == "b"
    assert script.asked[0][1]["NodeNames"] == ["a", "b", "c"]


def test_the_nominated_node_is_asked_about_alone_and_if_refused_all_are() -> None:
    def all_but_b(question: Any) -> Any:
        names = [name for name in question["NodeNames"] if name != "b"]
        return {"NodeNames": names, "FailedNodes": {"b": "busy"}}

    script = Scripted({"filter": all_but_b})
    here = engine(NODES, config_of(extender("filter", nodeCacheCapable=True)), script)
    here.nominate(record(pod("p")), "b")
    decision = here.schedule(record(pod("p")))
    assert [question["NodeNames"] for _, question in script.asked] == [["b"], ["a", "b", "c"]]
    assert (decision.node, decision.nominated_node_used) == ("a", False)
    assert decision.evaluated == 4  # three nodes, and what was said of the nominated one before
    here.nominate(record(pod("q")), "c")
    decision = here.schedule(record(pod("q")))
    assert (decision.node, decision.nominated_node_used, decision.feasible) == ("c", True, ["c"])


def test_an_error_about_the_nominated_node_does_not_count() -> None:
    script = Scripted({"filter": lambda question: keep("a")(question) if len(question["NodeNames"]) > 1 else b""})
    here = engine(NODES, config_of(extender("filter", nodeCacheCapable=True)), script)
    here.nominate(record(pod("p")), "b")
    assert here.evaluate(record(pod("p"))).node == "a"
