"""Selectors, node selector terms and tolerations, as tables."""

from __future__ import annotations

import msgspec
import pytest

from sched_core.objects.affinity import NodeSelector, NodeSelectorRequirement, NodeSelectorTerm, Toleration
from sched_core.objects.meta import LabelSelector, LabelSelectorRequirement
from sched_core.objects.node import Taint
from sched_core.objects.selectors import (
    label_value_errors,
    matches_label_selector,
    matches_node_selector,
    matches_node_selector_term,
    node_selector_term_errors,
    parse_int64,
    tolerates,
    tolerates_all,
)

LABELS = {"app": "web", "gen": "4", "empty": ""}


@pytest.mark.parametrize(
    ("operator", "key", "values", "matches"),
    [
        ("In", "app", ("db", "web"), True),
        ("In", "app", ("db",), False),
        ("In", "missing", ("web",), False),
        ("In", "empty", ("",), True),
        ("In", "missing", ("",), False),
        ("NotIn", "app", ("web",), False),
        ("NotIn", "app", ("db",), True),
        ("NotIn", "missing", ("web",), True),
        ("Exists", "empty", (), True),
        ("Exists", "missing", (), False),
        ("DoesNotExist", "empty", (), False),
        ("DoesNotExist", "missing", (), True),
        ("in", "app", ("web",), False),
        ("", "app", ("web",), False),
    ],
)
def test_expressions(operator: str, key: str, values: tuple[str, ...], matches: bool) -> None:
    selector = LabelSelector(match_expressions=(LabelSelectorRequirement(key=key, operator=operator, values=values),))
    term = NodeSelectorTerm(match_expressions=(NodeSelectorRequirement(key=key, operator=operator, values=values),))
    assert matches_label_selector(selector, LABELS) is matches
    assert matches_node_selector_term(term, LABELS, "node-1") is matches


def test_no_selector_matches_nothing_and_an_empty_one_everything() -> None:
    assert not matches_label_selector(None, LABELS)
    assert matches_label_selector(LabelSelector(), LABELS)
    assert matches_label_selector(LabelSelector(), {})


def test_labels_and_expressions_must_all_match() -> None:
    exists = LabelSelectorRequirement(key="gen", operator="Exists")
    absent = LabelSelectorRequirement(key="gen", operator="DoesNotExist")
    assert matches_label_selector(LabelSelector(match_labels={"app": "web"}, match_expressions=(exists,)), LABELS)
    assert not matches_label_selector(LabelSelector(match_labels={"app": "web"}, match_expressions=(absent,)), LABELS)
    assert not matches_label_selector(LabelSelector(match_labels={"app": "db"}, match_expressions=(exists,)), LABELS)
    assert not matches_label_selector(LabelSelector(match_labels={"missing": ""}), LABELS)


@pytest.mark.parametrize(
    ("operator", "key", "values", "matches"),
    [
        ("Gt", "gen", ("3",), True),
        ("Gt", "gen", ("4",), False),
        ("Gt", "gen", ("+3",), False),  # an int64, but not a label value
        ("Gt", "gen", ("-5",), False),
        ("Lt", "gen", ("5",), True),
        ("Lt", "gen", ("05",), True),
        ("Lt", "gen", ("4",), False),
        ("Lt", "gen", ("9223372036854775807",), True),
        ("Lt", "gen", ("9223372036854775808",), False),
        ("Gt", "gen", ("x",), False),
        ("Gt", "gen", ("3", "2"), False),
        ("Gt", "gen", (), False),
        ("Gt", "app", ("3",), False),
        ("Gt", "empty", ("3",), False),
        ("Gt", "missing", ("3",), False),
    ],
)
def test_numbers_of_nodes(operator: str, key: str, values: tuple[str, ...], matches: bool) -> None:
    term = NodeSelectorTerm(match_expressions=(NodeSelectorRequirement(key=key, operator=operator, values=values),))
    assert matches_node_selector_term(term, LABELS, "node-1") is matches


@pytest.mark.parametrize(
    ("operator", "key", "values", "matches"),
    [
        ("In", "metadata.name", ("node-1",), True),
        ("In", "metadata.name", ("node-2",), False),
        ("NotIn", "metadata.name", ("node-1",), False),
        ("NotIn", "metadata.name", ("node-2",), True),
        ("In", "metadata.name", ("node-1", "node-2"), False),
        ("Exists", "metadata.name", (), False),
        ("In", "metadata.uid", ("node-1",), False),
    ],
)
def test_fields_of_nodes(operator: str, key: str, values: tuple[str, ...], matches: bool) -> None:
    term = NodeSelectorTerm(match_fields=(NodeSelectorRequirement(key=key, operator=operator, values=values),))
    assert matches_node_selector_term(term, LABELS, "node-1") is matches


def test_one_term_is_enough_and_an_empty_one_matches_nothing() -> None:
    web = NodeSelectorRequirement(key="app", operator="In", values=("web",))
    name = NodeSelectorRequirement(key="metadata.name", operator="In", values=("node-1",))
    bad = NodeSelectorRequirement(key="gen", operator="Lt", values=("a b",))
    empty, both = NodeSelectorTerm(), NodeSelectorTerm(match_expressions=(web,), match_fields=(name,))
    broken = NodeSelectorTerm(match_expressions=(web, bad))
    assert not matches_node_selector(NodeSelector(), LABELS, "node-1")
    assert not matches_node_selector(NodeSelector(node_selector_terms=(empty, broken)), LABELS, "node-1")
    assert matches_node_selector(NodeSelector(node_selector_terms=(empty, broken, both)), LABELS, "node-1")
    assert not matches_node_selector(NodeSelector(node_selector_terms=(both,)), LABELS, "node-2")
    assert not matches_node_selector(NodeSelector(node_selector_terms=(both,)), {}, "node-1")


LABEL_VALUE_REASON = (
    "a valid label must be an empty string or consist of alphanumeric characters, '-', '_' or '.', and must start and "
    "end with an alphanumeric character (e.g. 'MyValue',  or 'my_value',  or '12345', regex used for validation is "
    "'(([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9])?')"
)


@pytest.mark.parametrize(
    ("operator", "value", "errors"),
    [
        ("Gt", "5", []),
        ("Gt", "-5", [f'[1].matchExpressions[0].values[0][gen]: Invalid value: "-5": {LABEL_VALUE_REASON}']),
        (
            "Lt",
            "x",
            [
                '[1].matchExpressions[0].values[0]: Invalid value: "x": '
                "for 'Gt', 'Lt' operators, the value must be an integer"
            ],
        ),
        (
            "In",
            "x" * 64,
            [f'[1].matchExpressions[0].values[0][gen]: Invalid value: "{"x" * 64}": must be no more than 63 bytes'],
        ),
        ("In", 'a"b', [f'[1].matchExpressions[0].values[0][gen]: Invalid value: "a\\"b": {LABEL_VALUE_REASON}']),
    ],
)
def test_errors_of_terms_are_upstreams(operator: str, value: str, errors: list[str]) -> None:
    term = NodeSelectorTerm(match_expressions=(NodeSelectorRequirement(key="gen", operator=operator, values=(value,)),))
    assert node_selector_term_errors(term, "[1]") == errors


@pytest.mark.parametrize(
    ("toleration", "taint", "expected"),
    [
        ({}, ("a", "", "NoSchedule"), True),  # an empty key with Equal compares values only
        ({}, ("a", "v", "NoSchedule"), False),
        ({"operator": "Exists"}, ("a", "v", "NoSchedule"), True),
        ({"operator": "Exists", "key": "b"}, ("a", "v", "NoSchedule"), False),
        ({"operator": "Exists", "key": "a", "effect": "NoExecute"}, ("a", "v", "NoSchedule"), False),
        ({"operator": "Exists", "key": "a", "effect": "NoSchedule"}, ("a", "v", "NoSchedule"), True),
        ({"key": "a", "value": "v"}, ("a", "v", "NoSchedule"), True),
        ({"key": "a", "operator": "Equal", "value": "w"}, ("a", "v", "NoSchedule"), False),
        ({"key": "a", "operator": "Lt", "value": "5"}, ("a", "3", "NoSchedule"), False),
        ({"key": "a", "operator": "exists"}, ("a", "", "NoSchedule"), False),
    ],
)
def test_tolerations(toleration: dict[str, str], taint: tuple[str, str, str], expected: bool) -> None:
    key, value, effect = taint
    record = msgspec.convert(toleration, Toleration)
    assert tolerates(record, Taint(key=key, value=value, effect=effect)) is expected


def test_all_taints_must_be_borne() -> None:
    taints = (Taint(key="a", effect="NoSchedule"), Taint(key="b", effect="NoExecute"))
    a, b = Toleration(key="a", operator="Exists"), Toleration(key="b", operator="Exists")
    assert tolerates_all((a, b), taints)
    assert not tolerates_all((a,), taints)
    assert tolerates_all((), ())


@pytest.mark.parametrize(
    ("text", "number"),
    [
        ("0", 0),
        ("-0", 0),
        ("+7", 7),
        ("007", 7),
        ("9223372036854775807", 2**63 - 1),
        ("-9223372036854775808", -(2**63)),
        ("9223372036854775808", None),
        ("0" * 5000 + "1", 1),
        ("1" * 5000, None),
        ("", None),
        ("-", None),
        (" 1", None),
        ("1_0", None),
        ("0x1", None),
        ("١", None),
    ],
)
def test_int64(text: str, number: int | None) -> None:
    assert parse_int64(text) == number


def test_label_values_are_measured_in_bytes() -> None:
    assert label_value_errors("x" * 63) == []
    assert label_value_errors("") == []
    assert label_value_errors("é" * 32) == ["must be no more than 63 bytes", LABEL_VALUE_REASON]
