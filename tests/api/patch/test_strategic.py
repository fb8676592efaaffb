"""Strategic merge patch on a small type: lists by key, sets of scalars, directives, order, texts of errors."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_shim.api.errors import APIError
from cluster_shim.api.patch import strategic
from cluster_shim.api.patch.schema import of_type
from cluster_shim.api.types.model import Field, Type

STRING, NUMBER = Type("string", "string"), Type("int64", "int64")
ITEM = Type("test.Item", "struct")
ITEM.fields = {
    "name": Field("name", STRING),
    "v": Field("v", NUMBER),
    "m": Field("m", Type("map[string]string", "map", element=STRING)),
}
THINGS = Type("test.Thing", "struct")
THINGS.fields = {
    "items": Field("items", Type("[]test.Item", "list", element=ITEM)),
    "set": Field("set", Type("[]string", "list", element=STRING), patch_strategy=("merge",)),
    "plain": Field("plain", Type("[]int64", "list", element=NUMBER)),
    "whole": Field("whole", ITEM, patch_strategy=("replace",)),
    "item": Field("item", ITEM),
}
THINGS.fields["items"].patch_strategy, THINGS.fields["items"].merge_key = ("merge", "retainKeys"), "name"
THING = of_type(THINGS)


def items(*names: str) -> dict[str, Any]:
    return {"items": [{"name": name, "v": 1} for name in names]}


@pytest.mark.parametrize(
    ("live", "patch", "expected"),
    [
        (items("a", "b"), items("c"), items("c", "a", "b")),
        (items("a", "b"), {"items": [{"name": "b", "v": 1, "m": {"x": "y"}}]}, None),
        (items("a", "b", "c"), {"items": [{"name": "b", "$patch": "delete"}]}, items("a", "c")),
        (items("a", "b"), {"items": [{"$patch": "replace"}, {"name": "z", "v": 1}]}, items("z")),
        (items("a", "b"), {"$setElementOrder/items": [{"name": "b"}, {"name": "a"}]}, items("b", "a")),
        (items("a", "s", "b"), {"$setElementOrder/items": [{"name": "b"}, {"name": "a"}]}, items("s", "b", "a")),
        ({"set": ["a", "b"]}, {"set": ["c", "b"]}, {"set": ["c", "a", "b"]}),
        ({"set": ["a", "b"]}, {"$deleteFromPrimitiveList/set": ["a"]}, {"set": ["b"]}),
        ({"set": ["a"]}, {"$deleteFromPrimitiveList/set": None}, {}),
        ({"plain": [1, 2]}, {"plain": [3]}, {"plain": [3]}),
        ({"item": {"name": "a", "v": 1}}, {"item": {"v": None, "m": None}}, {"item": {"name": "a"}}),
        ({"item": {"name": "a", "v": 1}}, {"item": {"$retainKeys": ["v"], "v": 2}}, {"item": {"v": 2}}),
        ({"item": {"name": "a"}}, {"item": {"$patch": "replace", "v": 2}}, {"item": {"v": 2}}),
        ({"item": {"name": "a"}}, {"item": {"$patch": "delete"}}, {"item": {}}),
        ({}, {"item": {"m": {"$patch": "delete"}, "v": None}}, {"item": {}}),
        ({}, {"item": {"$patch": "delete"}}, {}),
        ({"whole": {"name": "a", "v": 1}}, {"whole": {"v": 2}}, {"whole": {"v": 2}}),
    ],
)
def test_merging(live: Any, patch: Any, expected: Any) -> None:
    before = repr((live, patch))
    merged = strategic.apply(live, patch, THING)
    if expected is None:
        expected = {"items": [live["items"][0], patch["items"][0]]}
    assert merged == expected
    assert repr((live, patch)) == before


@pytest.mark.parametrize(
    ("live", "patch", "code", "message"),
    [
        (items("a"), {"items": [{"v": 1}]}, 500, "map: map[v:1] does not contain declared merge key: name"),
        ({"item": {"v": 1}}, {"item": {"$patch": "x"}}, 500, "unknown patch type: x in map: map[$patch:x]"),
        ({"item": {"v": 1}}, {"item": {"$retainKeys": ["v"], "name": "a"}}, 400, "invalid patch format of retainKeys"),
        ({"item": {"v": 1}}, {"item": {"$retainKeys": "v"}}, 400, "invalid patch format of retainKeys"),
        ({}, {"$deleteFromPrimitiveList": []}, 400, "invalid patch format of primitive list"),
        ({}, {"$setElementOrder": []}, 400, "invalid patch format of setElementOrder list"),
        ({}, {"$setElementOrder/items": 1}, 500, "expected a []interface {}, but received a int64"),
        ({"set": [[]]}, {"set": ["a"]}, 422, "the server rejected our request due to an error in our request"),
        ({"set": ["a"]}, {"set": [1]}, 500, "list element types are not identical: [[a] [1]]"),
        (
            items("a"),
            {"$setElementOrder/items": [{"name": "a"}], "items": [{"name": "b"}]},
            500,
            "The order in patch list:\n[map[name:b]]\n doesn't match $setElementOrder list:\n[map[name:a]]\n",
        ),
    ],
)
def test_refusals(live: Any, patch: Any, code: int, message: str) -> None:
    with pytest.raises(APIError) as refusal:
        strategic.apply(live, patch, THING)
    assert (refusal.value.code, refusal.value.message) == (code, message)


NAMES = st.lists(st.sampled_from("abcdef"), unique=True, max_size=6)


@given(NAMES, NAMES)
def test_a_list_becomes_what_a_client_wants(live: list[str], wanted: list[str]) -> None:
    """As kubectl makes it: what is new, what is to go, and the order of all."""
    patch = {
        "$setElementOrder/items": [{"name": name} for name in wanted],
        "items": [{"name": name, "v": 1} for name in wanted if name not in live]
        + [{"name": name, "$patch": "delete"} for name in live if name not in wanted],
    }
    if live or wanted:
        assert strategic.apply(items(*live), patch, THING) == items(*wanted)


@given(st.lists(st.sampled_from("abc"), max_size=5), st.lists(st.sampled_from("abc"), max_size=5))
def test_a_set_has_each_element_once(live: list[str], patch: list[str]) -> None:
    merged = strategic.apply({"set": live}, {"set": patch}, THING)["set"]
    assert set(merged) == {*live, *patch}
    assert len(merged) == len(set(merged))
