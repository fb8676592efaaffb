"""Scale: to and from an object."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.apiserver.registry.scale import problems, scale_of, selector_text, with_replicas


def test_a_scale_and_back() -> None:
    deployment = {
        "metadata": {"name": "d", "namespace": "n", "uid": "u", "resourceVersion": "7", "labels": {"a": "b"}},
        "spec": {"replicas": 2, "selector": {"matchLabels": {"app": "x"}}, "paused": True},
        "status": {"replicas": 1},
    }
    scale = scale_of(deployment)
    assert scale["metadata"] == {"name": "d", "namespace": "n", "uid": "u", "resourceVersion": "7"}
    assert (scale["spec"], scale["status"]) == ({"replicas": 2}, {"replicas": 1, "selector": "app=x"})
    wanted = {"metadata": {"name": "d"}, "spec": {"replicas": 5}}
    changed = with_replicas(deployment, wanted)
    assert changed["spec"] == {"replicas": 5, "selector": {"matchLabels": {"app": "x"}}, "paused": True}
    assert "resourceVersion" not in changed["metadata"]
    assert scale_of(with_replicas(deployment, {"spec": {}}))["spec"] == {}


def test_less_than_nothing_is_refused() -> None:
    (found,) = problems({"spec": {"replicas": -1}})
    assert found.message() == "spec.replicas: Invalid value: -1: must be greater than or equal to 0"


@pytest.mark.parametrize(
    ("selector", "text"),
    [
        (None, ""),
        ({}, ""),
        ({"b": "c", "a": "x"}, "a=x,b=c"),
        ({"matchLabels": {"b": "c", "a": "x"}}, "a=x,b=c"),
        (
            {
                "matchLabels": {"m": "n"},
                "matchExpressions": [
                    {"key": "z", "operator": "DoesNotExist"},
                    {"key": "a", "operator": "In", "values": ["2", "1"]},
                    {"key": "n", "operator": "NotIn", "values": ["3"]},
                    {"key": "e", "operator": "Exists"},
                ],
            },
            "a in (1,2),e,m=n,n notin (3),!z",
        ),
    ],
)
def test_selectors(selector: dict[str, Any] | None, text: str) -> None:
    assert selector_text(selector) == text
