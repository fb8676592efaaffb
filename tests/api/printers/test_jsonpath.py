"""JSONPath of printer columns."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.api.printers.jsonpath import BadPath, compile_path

OBJECT: dict[str, Any] = {
    "metadata": {"annotations": {"a.b/c": "dotted"}},
    "spec": {"list": [1, 2, 3], "named": [{"n": "a", "v": 1}, {"n": "b", "v": 2}, {"v": 3}], "null": None, "text": "t"},
    "status": {
        "conditions": [
            {"type": "Ready", "status": "True", "n": 3},
            {"type": "Odd (very)", "status": "False", "n": 5},
        ]
    },
}


@pytest.mark.parametrize(
    ("path", "values"),
    [
        (".spec.text", ["t"]),
        ("$.spec.text", ["t"]),
        (".", []),
        (".spec.absent.deeper", []),
        (".spec.text.deeper", []),
        (".spec.null", [None]),
        (r".metadata.annotations.a\.b/c", ["dotted"]),
        (r".metadata.annotations['a\.b/c']", ["dotted"]),
        (".spec['text']", ["t"]),
        (".spec.list[0]", [1]),
        (".spec.list[-1]", [3]),
        (".spec.list[7]", []),
        (".spec.list[1:]", [2, 3]),
        (".spec.list[:2]", [1, 2]),
        (".spec.list[0:3:2]", [1, 3]),
        (".spec.list[*]", [1, 2, 3]),
        (".spec.list[0,2]", [1, 3]),
        (".spec.text[0]", []),
        (".spec.named[*].n", ["a", "b"]),
        (".status.conditions[?(@.type=='Ready')].status", ["True"]),
        ('.status.conditions[?(@.type == "Odd (very)")].status', ["False"]),
        (".status.conditions[?(@.type!='Ready')].status", ["False"]),
        (".status.conditions[?(@.n>3)].n", [5]),
        (".status.conditions[?(@.n<=3)].n", [3]),
        (".status.conditions[?(@.n<'x')].n", []),
        (".status.conditions[?(@.n<4.5)].n", []),
        (".metadata.annotations['a.b/c']", []),
        (".spec.named[?(@.n)].v", [1, 2]),
        (".spec.named[?(@.v==@.v)].v", [1, 2, 3]),
        (".spec.text[?(@.n)]", []),
        (".status..status", ["True", "False"]),
        (".spec.named.*", [{"n": "a", "v": 1}, {"n": "b", "v": 2}, {"v": 3}]),
    ],
)
def test_what_a_path_finds(path: str, values: list[Any]) -> None:
    assert compile_path(path)(OBJECT) == values


def test_a_document_may_be_deeper_than_python_goes() -> None:
    document: dict[str, Any] = {}
    for _ in range(5000):
        document = {"a": document}
    assert compile_path("..b")(document) == []


@pytest.mark.parametrize("path", ["a", ".a[", ".a[x]", ".a[?(@.b", ".a[?(@.b=~'c')]", ".a{b}"])
def test_what_is_no_path(path: str) -> None:
    with pytest.raises(BadPath):
        compile_path(path)
