"""RFC 6902 as upstream's server reads it: verbs, paths, what counts as equal, what is refused."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_shim.api.errors import APIError
from cluster_shim.api.patch import json_patch


def patched(document: Any, *operations: Any) -> Any:
    body = json.dumps(operations, ensure_ascii=False).encode()
    decoded, _ = json_patch.decode(body, list(operations))
    return json_patch.apply(document, decoded)


@pytest.mark.parametrize(
    ("operation", "expected"),
    [
        ({"op": "add", "path": "/l/1", "value": 9}, {"l": [1, 9, 2], "o": {"a/b": "x"}}),
        ({"op": "add", "path": "/l/-", "value": 9}, {"l": [1, 2, 9], "o": {"a/b": "x"}}),
        ({"op": "add", "path": "/l/-1", "value": 9}, {"l": [1, 2, 9], "o": {"a/b": "x"}}),
        ({"op": "add", "path": "/n"}, {"l": [1, 2], "o": {"a/b": "x"}, "n": None}),
        ({"op": "replace", "path": "/new", "value": 1}, {"l": [1, 2], "o": {"a/b": "x"}, "new": 1}),
        ({"op": "replace", "path": "/l/-1", "value": 9}, {"l": [1, 9], "o": {"a/b": "x"}}),
        ({"op": "remove", "path": "/o/a~1b"}, {"l": [1, 2], "o": {}}),
        ({"op": "move", "from": "/l/0", "path": "/l/1"}, {"l": [2, 1], "o": {"a/b": "x"}}),
        ({"op": "copy", "from": "/l", "path": "/o/l"}, {"l": [1, 2], "o": {"a/b": "x", "l": [1, 2]}}),
        ({"op": "replace", "path": "", "value": {"all": 1}}, {"all": 1}),
        ({"op": "test", "path": "/absent", "value": None}, {"l": [1, 2], "o": {"a/b": "x"}}),
        ({"op": "test", "path": "", "value": {"o": {"a/b": "x"}, "l": [1, 2]}}, {"l": [1, 2], "o": {"a/b": "x"}}),
    ],
)
def test_an_operation_that_can_be_done(operation: Any, expected: Any) -> None:
    document = {"l": [1, 2], "o": {"a/b": "x"}}
    assert patched(document, operation) == expected
    assert document == {"l": [1, 2], "o": {"a/b": "x"}}


@pytest.mark.parametrize(
    "operation",
    [
        {"op": "add", "path": "", "value": {}},
        {"op": "add", "path": "/l/3", "value": 0},
        {"op": "add", "path": "/l/x", "value": 0},
        {"op": "add", "path": "/absent/deep", "value": 0},
        {"op": "remove", "path": "/absent"},
        {"op": "remove", "path": "/l/2"},
        {"op": "replace", "path": "/l/-", "value": 0},
        {"op": "move", "from": "/o", "path": "/o/inner"},
        {"op": "copy", "path": "/x"},
        {"op": "test", "path": "/l/0", "value": 1.0},
        {"op": "test", "path": "/l/0", "value": True},
        {"op": "test", "path": "/o", "value": {"a/b": "x", "more": 1}},
        {"op": "test", "path": "/s", "value": "<"},
        {"op": "bogus", "path": "/l"},
        {"path": "/l"},
        None,
    ],
)
def test_an_operation_that_cannot(operation: Any) -> None:
    with pytest.raises(APIError) as refusal:
        patched({"l": [1, 2], "o": {"a/b": "x"}, "s": "<"}, operation)
    assert refusal.value.status["message"] == "the server rejected our request due to an error in our request"
    assert (refusal.value.code, refusal.value.reason, refusal.value.details) == (422, "Invalid", {})


@pytest.mark.parametrize("text", ["1e+21", "1e-7", "0.00001", "1.5", "100000000000000000000", "0.1"])
def test_floats_are_compared_as_go_writes_them(text: str) -> None:
    body = f'[{{"op":"test","path":"/x","value":{text}}}]'.encode()
    operations, _ = json_patch.decode(body, json.loads(body))
    assert json_patch.apply({"x": float(text)}, operations)


def test_what_a_patch_wrote_is_compared_as_it_was_written() -> None:
    body = rb'[{"op":"add","path":"/a","value":"\u00fc"},{"op":"test","path":"/a","value":"\u00fc"}]'
    operations, _ = json_patch.decode(body, json.loads(body))
    assert json_patch.apply({}, operations) == {"a": "ü"}


@pytest.mark.parametrize(
    ("value", "strict", "message"),
    [
        ({}, True, "error decoding patch: json: cannot unmarshal object into Go value of type []handlers.jsonPatchOp"),
        ([1], True, "error decoding patch: json: cannot unmarshal number into Go value of type handlers.jsonPatchOp"),
        (
            [{"op": 1}],
            True,
            "error decoding patch: json: cannot unmarshal number into Go struct field jsonPatchOp.op of type string",
        ),
        ("x", False, "json: cannot unmarshal string into Go value of type jsonpatch.Patch"),
        ([[]], False, "json: cannot unmarshal array into Go value of type jsonpatch.Operation"),
    ],
)
def test_a_body_that_is_no_patch(value: Any, strict: bool, message: str) -> None:
    with pytest.raises(APIError) as refusal:
        json_patch.decode(json.dumps(value).encode(), value, strict)
    assert (refusal.value.code, refusal.value.message) == (400, message)


def test_unknown_members_are_told_and_too_many_operations_refused() -> None:
    _, complaints = json_patch.decode(b'[{"op":"test","x":1}]', [{"op": "test", "x": 1}])
    assert complaints == ['json patch unknown field "[0].x"']
    with pytest.raises(APIError) as refusal:
        json_patch.decode(json.dumps([{}] * 10_001).encode(), [{}] * 10_001)
    assert refusal.value.code == 413
    assert refusal.value.message.endswith("The allowed maximum operations in a JSON patch is 10000, got 10001")


SCALARS = st.none() | st.booleans() | st.integers(-9, 9) | st.text("ab~/", max_size=3)
DOCUMENTS = st.recursive(
    SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text("ab~/", max_size=2), inner, max_size=3)
)


def difference(old: Any, new: Any, path: str = "") -> list[dict[str, Any]]:
    """Return operations that make `new` of `old`, found the simplest way."""
    if isinstance(old, dict) and isinstance(new, dict):
        paths = {key: f"{path}/{key.replace('~', '~0').replace('/', '~1')}" for key in {**old, **new}}
        return (
            [{"op": "remove", "path": paths[key]} for key in old.keys() - new.keys()]
            + [{"op": "add", "path": paths[key], "value": new[key]} for key in new.keys() - old.keys()]
            + [each for key in old.keys() & new.keys() for each in difference(old[key], new[key], paths[key])]
        )
    if msgspec.json.encode(old) == msgspec.json.encode(new):
        return [{"op": "test", "path": path, "value": new}] if path else []
    return [{"op": "replace", "path": path, "value": new}]


@given(st.dictionaries(st.text("ab~/", max_size=2), DOCUMENTS), st.dictionaries(st.text("ab~/", max_size=2), DOCUMENTS))
def test_a_difference_makes_the_other_document(old: Any, new: Any) -> None:
    assert msgspec.json.encode(patched(old, *difference(old, new)), order="sorted") == msgspec.json.encode(
        new, order="sorted"
    )


def test_bytes_that_are_no_text_are_replaced() -> None:
    operations, _ = json_patch.decode(b'[{"op":"add","path":"/a","value":"x\xff"}]', [{"op": "add", "path": "/a"}])
    assert json_patch.apply({}, operations) == {"a": "x\ufffd"}
