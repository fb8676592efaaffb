"""The plugins' node selectors against the plain twin, on random terms."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from plugins.helper import node_selector
from plugins.helper.node_selector import NodeSelectorMasks
from plugins.helper.selector_errors import aggregate, quoted, term_errors
from sched_core import NodeSelectorTerm
from tests.naive import selectors as twin
from tests.plugins.tiny import Tiny, node

Json = dict[str, Any]

values = st.sampled_from(["", "a", "b", "7", "-3", "+12", "007", "9223372036854775808", "a b", "x" * 64, 'q"', "\t\n"])
label_values = st.sampled_from(["", "a", "b", "7", "-3", "12", "9223372036854775807"])
keys = st.sampled_from(["zone", "example.com/gen", "kubernetes.io/hostname", "absent"])
odd_keys = keys | st.sampled_from(["", "a/b/c", "/x", "Upper.com/x", "x" * 64, "a/", "-a"])
operators = st.sampled_from(["In", "NotIn", "Exists", "DoesNotExist", "Gt", "Lt", "Near"])


def requirements(key: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries({"key": key, "operator": operators, "values": st.lists(values, max_size=3)})


field_requirements = st.fixed_dictionaries(
    {
        "key": st.sampled_from(["metadata.name", "spec.other"]),
        "operator": operators,
        "values": st.lists(st.sampled_from(["n0", "n1", "", "n9"]), max_size=2),
    }
)


def terms(key: st.SearchStrategy[str]) -> st.SearchStrategy[Json]:
    return st.fixed_dictionaries(
        {
            "matchExpressions": st.lists(requirements(key), max_size=3),
            "matchFields": st.lists(field_requirements, max_size=2),
        }
    )


clusters = st.lists(st.dictionaries(keys.filter(lambda key: key != "absent"), label_values), min_size=1, max_size=4)


def without_empty_lists(term: Json) -> Json:
    """Leave empty lists out, as they are after a trip over the wire."""
    return {
        field: [{name: each for name, each in requirement.items() if each != []} for requirement in listed]
        for field, listed in term.items()
    }


@given(clusters, st.lists(terms(keys), min_size=1, max_size=4))
def test_masks_match_what_the_twin_matches(labels: list[dict[str, str]], wanted: list[Json]) -> None:
    objects = [node(f"n{number}", labels=each) for number, each in enumerate(labels)]
    tiny, masks = Tiny(*objects), NodeSelectorMasks()
    for term in wanted:
        mask = masks.of_term(tiny.nodes, msgspec.convert(term, NodeSelectorTerm))
        assert mask.tolist() == [twin.term_matches(term, each) for each in objects]


@given(terms(odd_keys))
def test_errors_are_worded_like_the_twins(term: Json) -> None:
    term = without_empty_lists(term)
    found = term_errors(msgspec.convert(term, NodeSelectorTerm), "[3].")
    assert list(found) == twin.term_errors(term, "[3]")
    if found:
        assert aggregate(found) == twin.aggregate(found)


@given(st.text())
def test_quotes_are_gos(text: str) -> None:
    assert quoted(text) == twin.go_quote(text)
    if text.isascii() and text.isprintable():
        assert json.loads(quoted(text)) == text


def test_masks_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(node_selector, "KEPT_BYTES", 4)
    tiny, masks = Tiny(node("n0", labels={"zone": "3"}), node("n1")), NodeSelectorMasks()
    for number in range(20):
        mask = masks.of_labels(tiny.nodes, {"zone": str(number)})
        assert mask.tolist() == [number == 3, False]
        assert len(masks._masks) <= 3
