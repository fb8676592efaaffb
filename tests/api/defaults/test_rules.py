"""Defaults that depend on other fields."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.api import defaults
from cluster_shim.api.defaults import rules, walk
from cluster_shim.api.defaults.images import pull_policy
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.api.types import normalise, type_by_name

POD = GroupVersionKind("", "v1", "Pod")


def defaulted(gvk: GroupVersionKind, obj: dict[str, Any]) -> dict[str, Any]:
    made = normalise(gvk, obj)
    defaults.apply(gvk, made)
    return made


@pytest.mark.parametrize(
    ("image", "policy"),
    [
        ("nginx", "Always"),
        ("nginx:latest", "Always"),
        ("nginx:1.2", "IfNotPresent"),
        ("localhost:5000/a/b", "Always"),
        ("Registry:5000/a:x", "IfNotPresent"),
        ("registry.example/app@sha256:" + "0" * 64, "IfNotPresent"),
        ("registry.example/app:latest@sha256:" + "0" * 64, "Always"),
        ("UPPER", "IfNotPresent"),
        ("a" * 64, "IfNotPresent"),
        ("", "IfNotPresent"),
        ("not an image", "IfNotPresent"),
    ],
)
def test_pull_policy(image: str, policy: str) -> None:
    assert pull_policy(image) == policy


def test_requests_come_from_limits_in_pods_and_are_rounded_to_thousandths() -> None:
    resources = {"limits": {"cpu": "1500u", "memory": "1Gi"}, "requests": {"memory": "1Mi"}}
    spec = {"containers": [{"name": "c", "resources": resources}]}
    (container,) = defaulted(POD, {"spec": spec})["spec"]["containers"]
    assert container["resources"]["requests"] == {"cpu": "2m", "memory": "1Mi"}
    template = defaulted(GroupVersionKind("", "v1", "PodTemplate"), {"template": {"spec": spec}})["template"]
    assert template["spec"]["containers"][0]["resources"]["requests"] == {"memory": "1Mi"}


def test_requests_of_the_pod_as_a_whole() -> None:
    spec = {
        "resources": {"limits": {"cpu": "4", "memory": "8Gi"}},
        "containers": [
            {"name": "a", "resources": {"requests": {"cpu": "1"}, "limits": {"hugepages-2Mi": "4Mi"}}},
            {"name": "b", "resources": {"requests": {"cpu": "500m"}}},
        ],
        "initContainers": [
            {"name": "s", "restartPolicy": "Always", "resources": {"requests": {"cpu": "100m"}}},
            {"name": "i", "resources": {"requests": {"cpu": "3"}}},
        ],
    }
    resources = defaulted(POD, {"spec": spec})["spec"]["resources"]
    assert resources["requests"] == {"cpu": "3100m", "memory": "8Gi", "hugepages-2Mi": "4Mi"}
    assert resources["limits"] == {"cpu": "4", "memory": "8Gi", "hugepages-2Mi": "4Mi"}


def test_a_secrets_texts_become_data() -> None:
    secret = defaulted(
        GroupVersionKind("", "v1", "Secret"), {"data": {"a": "eA=="}, "stringData": {"a": "y", "b": "ä"}}
    )
    assert secret["data"] == {"a": "eQ==", "b": "w6Q="}
    assert "stringData" not in secret


def test_the_way_through_the_internal_form() -> None:
    annotations = {"pod.beta.kubernetes.io/init-containers": "[]"}
    pod = defaulted(
        POD,
        {
            "metadata": {"annotations": annotations},
            "spec": {"serviceAccount": "old", "terminationGracePeriodSeconds": -5},
            "status": {"podIP": "10.0.0.1"},
        },
    )
    assert pod["metadata"] == {}
    assert pod["spec"]["serviceAccountName"] == "old"
    assert pod["spec"]["terminationGracePeriodSeconds"] == 1
    assert pod["status"] == {"podIP": "10.0.0.1", "podIPs": [{"ip": "10.0.0.1"}]}
    node = defaulted(GroupVersionKind("", "v1", "Node"), {"spec": {"podCIDRs": ["10.0.0.0/24"]}})
    assert node["spec"]["podCIDR"] == "10.0.0.0/24"


def test_scaling_rules_are_completed() -> None:
    gvk = GroupVersionKind("autoscaling", "v2", "HorizontalPodAutoscaler")
    spec = {"maxReplicas": 3, "behavior": {"scaleUp": {"selectPolicy": "Min"}}}
    behavior = defaulted(gvk, {"spec": spec})["spec"]["behavior"]
    assert behavior["scaleUp"]["selectPolicy"] == "Min"
    assert [each["type"] for each in behavior["scaleUp"]["policies"]] == ["Pods", "Percent"]
    assert "stabilizationWindowSeconds" not in behavior["scaleDown"]


def test_every_row_names_a_field() -> None:
    for name, row in walk._rows().items():
        assert row.keys() <= type_by_name(name).fields.keys(), name
    for name in (*rules.BEFORE, *rules.AFTER):
        assert type_by_name(name).fields, name


def test_a_job_takes_the_labels_that_its_template_was_given() -> None:
    gvk = GroupVersionKind("batch", "v1", "Job")
    job = defaulted(gvk, {"spec": {"template": {"spec": {"containers": []}}}})
    job["spec"]["template"]["metadata"]["labels"] = {"job-name": "a"}
    defaults.settle(gvk, job)
    assert job["metadata"]["labels"] == {"job-name": "a"}
    assert job["spec"]["template"]["spec"]["containers"] is None
