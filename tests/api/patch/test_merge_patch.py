"""RFC 7386, checked against a twin that follows the text of the RFC, and where upstream departs from it."""

from __future__ import annotations

from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_shim.api.errors import APIError
from cluster_shim.api.patch import merge_patch


@pytest.mark.parametrize(
    ("document", "patch", "expected"),
    [
        ({"a": "b"}, {"a": None}, {}),
        ({"a": {"b": "c"}}, {"a": {"b": "d", "c": None}}, {"a": {"b": "d"}}),
        ({"a": {"b": "c"}}, {"a": [1]}, {"a": [1]}),
        ({}, {"a": {"bb": {"ccc": None}}}, {"a": {"bb": {}}}),
        ({"a": None}, {"a": {"b": None}}, {"a": {}}),
        ({}, {"a": [{"b": None}, None]}, {"a": [{}, None]}),
        ({"a": {}}, {"a": [{"b": None}]}, {"a": [{"b": None}]}),
        ({"a": 1}, ["c"], ["c"]),
    ],
)
def test_cases(document: Any, patch: Any, expected: Any) -> None:
    assert merge_patch.apply(document, patch) == expected


def test_what_is_no_patch() -> None:
    with pytest.raises(APIError, match=r"^Invalid JSON Patch$"):
        merge_patch.apply({}, None)
    with pytest.raises(APIError) as refusal:
        merge_patch.decoded([])
    assert refusal.value.message == (
        "error decoding patch: json: cannot unmarshal array into Go value of type map[string]interface {}"
    )


OBJECTS = st.dictionaries(
    st.sampled_from("abc"),
    st.recursive(
        st.none() | st.integers(0, 3) | st.text("x", max_size=1),
        lambda inner: st.dictionaries(st.sampled_from("abc"), inner, max_size=3),
    ),
)


def by_the_text(target: Any, patch: Any) -> Any:
    """Merge as the pseudo code of RFC 7386 does it."""
    if not isinstance(patch, dict):
        return patch
    result = dict(target) if isinstance(target, dict) else {}
    for name, value in patch.items():
        if value is None:
            result.pop(name, None)
        else:
            result[name] = by_the_text(result.get(name), value)
    return result


@given(OBJECTS, OBJECTS)
def test_it_does_what_the_text_says(document: Any, patch: Any) -> None:
    before = repr(document)
    assert merge_patch.apply(document, patch) == by_the_text(document, patch)
    assert repr(document) == before
