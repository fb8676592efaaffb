"""Objects that are parsed already: the words and ways of upstream's converter."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.api.codec import Unmarshalable, from_unstructured
from cluster_shim.api.resources import GroupVersionKind

DEPLOYMENT = GroupVersionKind("apps", "v1", "Deployment")


@pytest.mark.parametrize(
    ("obj", "message"),
    [
        ({"spec": {"replicas": "x"}}, "unrecognized type: int32"),
        ({"spec": {"replicas": 1.5}}, "cannot convert float64 to int32"),
        ({"spec": {"paused": 1}}, "unrecognized type: bool"),
        ({"metadata": {"name": 5}}, "cannot convert int64 to string"),
        ({"metadata": {"name": True}}, "unrecognized type: string"),
        ({"spec": {"strategy": {"type": 5}}}, "cannot convert int64 to v1.DeploymentStrategyType"),
        ({"metadata": {"labels": ["x"]}}, "cannot restore map from slice"),
        ({"metadata": {"labels": {"n": 5}}}, "cannot convert int64 to string"),
        ({"metadata": {"finalizers": "x"}}, "cannot restore slice from string"),
        ({"spec": []}, "cannot restore struct from: slice"),
        ({"metadata": {"creationTimestamp": 5}}, "json: cannot unmarshal number into Go value of type string"),
        (
            {"spec": {"strategy": {"rollingUpdate": {"maxSurge": True}}}},
            "json: cannot unmarshal bool into Go value of type int32",
        ),
    ],
)
def test_what_does_not_fit(obj: dict[str, Any], message: str) -> None:
    with pytest.raises(Unmarshalable) as caught:
        from_unstructured(obj, DEPLOYMENT)
    assert str(caught.value) == message


def test_complaints_are_sorted() -> None:
    spec = {"zip": 1, "template": {"spec": {"zip": 1, "containers": [{"name": "c", "zop": 1}]}}}
    assert from_unstructured({"spec": spec}, DEPLOYMENT).strict_errors == [
        'unknown field "spec.template.spec.containers[0].zop"',
        'unknown field "spec.template.spec.zip"',
        'unknown field "spec.zip"',
    ]


def test_values_are_taken_as_they_are() -> None:
    spec = {"replicas": 2.0, "paused": None, "template": {"spec": {"containers": [{"name": "c", "args": [None]}]}}}
    made = from_unstructured({"metadata": {"labels": {"a": None}}, "spec": spec}, DEPLOYMENT).object
    assert made["spec"]["replicas"] == 2
    assert made["metadata"]["labels"] == {"a": ""}
    assert made["spec"]["template"]["spec"]["containers"][0]["args"] == [""]
    secret = GroupVersionKind("", "v1", "Secret")
    assert from_unstructured({"data": {"a": "YQ=="}}, secret).object["data"] == {"a": "YQ=="}
    with pytest.raises(Unmarshalable, match="error decoding from json: illegal base64 data at input byte 0"):
        from_unstructured({"data": {"a": "!"}}, secret)
