"""Sets of fields against plain sets of paths: the same operations, the obvious way."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from cluster_shim.api.patch.apply import fieldset

PATHS = st.lists(st.sampled_from(["f:a", "f:b", 'k:{"n":"x"}', 'v:"y"']), min_size=1, max_size=3).map(tuple)
SETS = st.frozensets(PATHS, max_size=8)
Paths = frozenset[tuple[str, ...]]


def made(paths: Paths) -> Any:
    fields: Any = {}
    for path in sorted(paths):
        fields = fieldset.union(fields, fieldset.of_path(*path))
    return fields


def read(fields: Any) -> Paths:
    return frozenset(fieldset.paths(fields))


@given(SETS, SETS)
def test_operations(left: Paths, right: Paths) -> None:
    one, other = made(left), made(right)
    assert read(fieldset.union(one, other)) == left | right
    assert read(fieldset.intersection(one, other)) == left & right
    assert read(fieldset.difference(one, other)) == left - right
    below = {path for path in left for top in right if path[: len(top)] == top}
    assert read(fieldset.difference(one, other, recursive=True)) == left - below
    assert read(one) == left
    assert read(other) == right
    assert all(fieldset.has(one, path) == (path in left) for path in left | right)


@given(SETS)
def test_what_is_written_is_read(paths: Paths) -> None:
    text = json.dumps(fieldset.ordered(made(paths)))
    assert fieldset.parse(json.loads(text)) == made(paths)


def test_the_order_is_that_of_upstream() -> None:
    fields: dict[str, Any] = {
        'v:"b"': {},
        "v:2": {},
        "v:10": {},
        'k:{"p":80}': {},
        'k:{"p":9}': {},
        "f:b": {},
        "f:a": {"f:z": {}, ".": {}},
        "i:1": {},
    }
    ordered = fieldset.ordered(fields)
    assert list(ordered) == ["f:a", "f:b", 'k:{"p":9}', 'k:{"p":80}', "v:2", "v:10", 'v:"b"', "i:1"]
    assert list(ordered["f:a"]) == [".", "f:z"]


@pytest.mark.parametrize(
    ("element", "shown"),
    [
        ("f:spec", ".spec"),
        ('k:{"containerPort":80,"protocol":"TCP"}', '[containerPort=80,protocol="TCP"]'),
        ('v:"x"', '[="x"]'),
        ("v:1.5", "[=1.5]"),
        ("i:3", "[3]"),
    ],
)
def test_elements_are_shown(element: str, shown: str) -> None:
    assert fieldset.shown(element) == shown


def test_elements_are_written_as_go_does() -> None:
    assert fieldset.value_element("<a&b>") == 'v:"\\u003ca\\u0026b\\u003e"'
    assert fieldset.canonical('k:{ "b": 1, "a": "x" }') == 'k:{"a":"x","b":1}'
    assert fieldset.canonical("q:future") == ""
    for bad in ("f", "name", "v:{", "k:[]"):
        with pytest.raises(ValueError, match=r"."):
            fieldset.canonical(bad)
