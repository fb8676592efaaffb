"""Selectors of a request: what they match, and how bad ones are refused."""

from __future__ import annotations

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.api.selectors import (
    FieldTerm,
    field_terms,
    label_requirements,
    label_selector,
    name_in_field_selector,
)
from cluster_shim.api.validation.labels import matches

WEB = {"tier": "web", "n": "3"}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("tier=web", True),
        ("tier==db", False),
        ("tier!=db", True),
        ("absent!=x", True),
        ("tier in (web,db)", True),
        ("tier notin (web)", False),
        ("absent notin (x)", True),
        ("tier", True),
        ("!tier", False),
        ("!absent", True),
        ("n>2", True),
        ("n<3", False),
        ("tier>2", False),
        ("tier=web,n=3", True),
        ("tier=web,n=4", False),
        ("tier in ()", False),
        ("absent=", False),
    ],
)
def test_label_selectors_match_as_upstream(text: str, expected: bool) -> None:
    selector = label_selector(text)
    assert selector is not None
    assert selector(WEB) is expected


def test_an_empty_selector_matches_everything() -> None:
    assert label_selector("") is None
    assert label_selector(" ") is None


def test_requirements_are_sorted_by_key_and_values_are_a_set() -> None:
    assert [(each.key, each.values) for each in label_requirements("b in (y,x,y),a")] == [("a", ()), ("b", ("x", "y"))]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("a=b=c", "found '=', expected: ',' or 'end of string'"),
        ("a,", "found '', expected: identifier after ','"),
        ("a in b", "unable to parse requirement: found 'b' expected: '('"),
        (
            "n>x",
            "unable to parse requirement: values[0]: Invalid value: \"x\": for 'Gt', 'Lt' operators, "
            "the value must be an integer",
        ),
    ],
)
def test_bad_label_selectors_are_refused_in_upstreams_words(text: str, message: str) -> None:
    with pytest.raises(APIError) as caught:
        label_selector(text)
    assert (caught.value.code, caught.value.message) == (400, message)


def test_field_selectors_have_terms_and_escapes() -> None:
    assert field_terms(r"spec.nodeName=,metadata.name!=a\,b") == (
        FieldTerm("metadata.name", False, "a,b"),
        FieldTerm("spec.nodeName", True, ""),
    )


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("nope", "invalid selector: 'nope'; can't understand 'nope'"),
        ("a=b=c", "invalid field selector: unescaped character in value: 61"),
        (r"a=\x", r"invalid field selector: invalid escape sequence: \x"),
    ],
)
def test_bad_field_selectors_are_refused_in_upstreams_words(text: str, message: str) -> None:
    with pytest.raises(APIError) as caught:
        field_terms(text)
    assert (caught.value.code, caught.value.message) == (400, message)


def test_a_name_that_a_field_selector_pins_counts_for_authorization() -> None:
    assert name_in_field_selector("metadata.name=x,status.phase!=Running") == "x"
    assert name_in_field_selector("metadata.name!=x") == ""
    assert name_in_field_selector("nonsense") == ""


def test_selector_objects_select_nothing_if_there_is_none_and_everything_if_empty() -> None:
    assert not matches(None, WEB)
    assert matches({}, WEB)
    expression = {"key": "tier", "operator": "NotIn", "values": ["db"]}
    assert matches({"matchLabels": {"n": "3"}, "matchExpressions": [expression]}, WEB)
    assert not matches({"matchExpressions": [{"key": "tier", "operator": "DoesNotExist"}]}, WEB)
