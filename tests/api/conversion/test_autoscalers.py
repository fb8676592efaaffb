"""Horizontal pod autoscalers in both versions, as a real server writes them."""

from __future__ import annotations

import copy
import json
from typing import Any

from cluster_shim.api import conversion, defaults
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.api.types import normalise

V1 = GroupVersionKind("autoscaling", "v1", "HorizontalPodAutoscaler")
V2 = GroupVersionKind("autoscaling", "v2", "HorizontalPodAutoscaler")
PREFIX = "autoscaling.alpha.kubernetes.io/"

METRICS: list[dict[str, Any]] = [
    {
        "type": "Resource",
        "resource": {"name": "cpu", "target": {"type": "Utilization", "averageUtilization": 55}},
    },
    {
        "type": "Resource",
        "resource": {"name": "memory", "target": {"type": "AverageValue", "averageValue": "100Mi"}},
    },
    {
        "type": "Pods",
        "pods": {
            "metric": {"name": "p", "selector": {"matchLabels": {"z": "1", "a": "2"}}},
            "target": {"type": "AverageValue", "averageValue": "1k"},
        },
    },
    {
        "type": "Object",
        "object": {
            "metric": {"name": "o"},
            "describedObject": {"kind": "Service", "name": "s", "apiVersion": "v1"},
            "target": {"type": "Value", "value": "10"},
        },
    },
    {
        "type": "Object",
        "object": {
            "metric": {"name": "o"},
            "describedObject": {"kind": "Service", "name": "s"},
            "target": {"type": "AverageValue", "averageValue": "5"},
        },
    },
    {
        "type": "External",
        "external": {"metric": {"name": "e"}, "target": {"type": "Value", "value": "30"}},
    },
    {
        "type": "ContainerResource",
        "containerResource": {
            "name": "cpu",
            "container": "c",
            "target": {"type": "Utilization", "averageUtilization": 10},
        },
    },
]
WRITTEN = (
    '[{"type":"Resource","resource":{"name":"memory","targetAverageValue":"100Mi"}},'
    '{"type":"Pods","pods":{"metricName":"p","targetAverageValue":"1k","selector":{"matchLabels":{"a":"2","z":"1"}}}},'
    '{"type":"Object","object":{"target":{"kind":"Service","name":"s","apiVersion":"v1"},"metricName":"o",'
    '"targetValue":"10"}},'
    '{"type":"Object","object":{"target":{"kind":"Service","name":"s"},"metricName":"o","targetValue":"0",'
    '"averageValue":"5"}},'
    '{"type":"External","external":{"metricName":"e","targetValue":"30"}},'
    '{"type":"ContainerResource","containerResource":{"name":"cpu","targetAverageUtilization":10,"container":"c"}}]'
)
BEHAVIOR = (
    '{"ScaleUp":{"StabilizationWindowSeconds":0,"SelectPolicy":"Max",'
    '"Policies":[{"Type":"Pods","Value":4,"PeriodSeconds":15},'
    '{"Type":"Percent","Value":100,"PeriodSeconds":15}],"Tolerance":null},"ScaleDown":{"StabilizationWindowSeconds":60,'
    '"SelectPolicy":"Max","Policies":[{"Type":"Percent","Value":100,"PeriodSeconds":15}],"Tolerance":null}}'
)


def autoscaler(**spec: Any) -> dict[str, Any]:
    reference = {"kind": "Deployment", "name": "d", "apiVersion": "apps/v1"}
    made = normalise(
        V2,
        {
            "apiVersion": "autoscaling/v2",
            "kind": V2.kind,
            "metadata": {"name": "a", "annotations": {"k": "v"}},
            "spec": {"scaleTargetRef": reference, "maxReplicas": 3, **spec},
        },
    )
    defaults.apply(V2, made)
    return made


def test_metrics_and_behaviour_travel_in_annotations() -> None:
    hpa = autoscaler(metrics=METRICS, behavior={"scaleDown": {"stabilizationWindowSeconds": 60}})
    first = conversion.convert(hpa, V1)
    assert first["apiVersion"] == "autoscaling/v1"
    assert first["spec"]["targetCPUUtilizationPercentage"] == 55
    assert first["metadata"]["annotations"] == {"k": "v", f"{PREFIX}metrics": WRITTEN, f"{PREFIX}behavior": BEHAVIOR}
    back = conversion.convert(first, V2)
    assert back["spec"].pop("metrics") == [*METRICS[1:], METRICS[0]]  # what has a field comes last
    del hpa["spec"]["metrics"]
    assert back == hpa


def test_a_status_travels_too() -> None:
    hpa = autoscaler()
    current = {"averageUtilization": 7, "averageValue": "5m"}
    hpa["status"] = {
        "currentReplicas": 1,
        "desiredReplicas": 2,
        "currentMetrics": [{"type": "Resource", "resource": {"name": "cpu", "current": current}}],
        "conditions": [{"type": "AbleToScale", "status": "True", "lastTransitionTime": None}],
    }
    first = conversion.convert(hpa, V1)
    assert first["status"] == {"currentReplicas": 1, "desiredReplicas": 2, "currentCPUUtilizationPercentage": 7}
    (metric,) = json.loads(first["metadata"]["annotations"][f"{PREFIX}current-metrics"])
    assert metric["resource"] == {"name": "cpu", "currentAverageUtilization": 7, "currentAverageValue": "5m"}
    assert conversion.convert(first, V2) == hpa


def test_without_metrics_it_is_the_processor() -> None:
    first = conversion.convert(autoscaler(), V1)
    del first["spec"]["targetCPUUtilizationPercentage"]
    (metric,) = conversion.convert(first, V2)["spec"]["metrics"]
    assert metric["resource"]["target"] == {"type": "Utilization", "averageUtilization": 80}


def test_annotations_that_cannot_be_read_say_nothing() -> None:
    first = conversion.convert(autoscaler(), V1)
    broken = copy.deepcopy(first)
    broken["metadata"]["annotations"] |= {
        f"{PREFIX}metrics": "[{",
        f"{PREFIX}behavior": "5",
        f"{PREFIX}conditions": '{"a":1}',
    }
    assert conversion.convert(broken, V2) == conversion.convert(first, V2)


def test_the_stored_version_drops_the_annotations_of_the_other() -> None:
    hpa = autoscaler()
    hpa["metadata"]["annotations"][f"{PREFIX}metrics"] = "[]"
    defaults.apply(V2, hpa)
    assert hpa["metadata"]["annotations"] == {"k": "v"}


def test_versions() -> None:
    assert conversion.hub(V1) == V2
    assert conversion.versions(V1) == (V2, V1)
    pod = GroupVersionKind("", "v1", "Pod")
    assert conversion.versions(pod) == (pod,)
    hpa = autoscaler()
    assert conversion.convert(hpa, V2) is hpa
