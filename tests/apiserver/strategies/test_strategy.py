"""Strategies: generations, status and metadata, by the table and by hooks."""

from __future__ import annotations

import copy
from typing import Any

import pytest

from cluster_shim.api.resources import built_in
from cluster_shim.apiserver.registry.strategies.pods import qos_class
from cluster_shim.apiserver.registry.strategies.strategy import custom_strategy, strategy_of
from cluster_shim.apiserver.request import UserInfo

USER = UserInfo("jane", "u-1", ("dev", "system:authenticated"), {"scopes": ("a",)})
NOW = "2026-01-02T03:04:05Z"
VIRTUAL = {"Binding", "ComponentStatus"}


def new(**members: Any) -> dict[str, Any]:
    return {"metadata": {"name": "x", "uid": "u-2"}, "spec": {}, **members}


def test_every_stored_kind_has_a_row() -> None:
    stored = [each for each in built_in() if "update" in each.verbs and each.kind not in VIRTUAL]
    assert [each.kind for each in stored if not strategy_of(each.group, each.kind).kind] == []
    assert all(strategy_of(each.group, each.kind).group == each.group for each in stored)


def test_status_is_the_servers_at_creation_and_update() -> None:
    strategy = strategy_of("apps", "ReplicaSet")
    created = new(status={"replicas": 7})
    strategy.prepare_create(created, USER, NOW)
    assert created["status"] == {"replicas": 0}
    assert created["metadata"]["generation"] == 1
    changed = new(spec={"replicas": 3}, status={"replicas": 9})
    strategy.prepare_update(changed, created, NOW)
    assert changed["status"] == {"replicas": 0}
    assert changed["metadata"]["generation"] == 2


def test_generation_is_not_the_clients() -> None:
    old = new(spec={"a": 1})
    old["metadata"]["generation"] = 4
    same = copy.deepcopy(old)
    same["metadata"]["generation"] = 99
    strategy_of("apps", "StatefulSet").prepare_update(same, old, NOW)
    assert same["metadata"]["generation"] == 4


@pytest.mark.parametrize(
    ("group", "kind", "change", "generation"),
    [
        ("apps", "Deployment", {"metadata": {"annotations": {"a": "b"}}}, 2),
        ("apps", "StatefulSet", {"metadata": {"annotations": {"a": "b"}}}, 1),
        ("discovery.k8s.io", "EndpointSlice", {"metadata": {"labels": {"a": "b"}}}, 2),
        ("discovery.k8s.io", "EndpointSlice", {"metadata": {"annotations": {"a": "b"}}}, 1),
        ("", "PodTemplate", {"template": {"spec": {}}}, 2),
        ("scheduling.k8s.io", "PriorityClass", {"description": "other"}, 1),
    ],
)
def test_what_counts_as_a_change(group: str, kind: str, change: dict[str, Any], generation: int) -> None:
    strategy = strategy_of(group, kind)
    old = new()
    strategy.prepare_create(old, USER, NOW)
    changed = copy.deepcopy(old)
    changed["metadata"] |= change.get("metadata", {})
    changed |= {key: value for key, value in change.items() if key != "metadata"}
    strategy.prepare_update(changed, old, NOW)
    assert changed["metadata"]["generation"] == generation


def test_custom_resources_count_everything_but_metadata_and_status() -> None:
    strategy = custom_strategy(True)
    old: dict[str, Any] = {"metadata": {"name": "x"}, "colour": "red", "status": {"seen": 1}}
    strategy.prepare_create(old, USER, NOW)
    assert "status" not in old
    changed: dict[str, Any] = {"metadata": {"name": "x"}, "colour": "blue", "status": {"seen": 2}}
    strategy.prepare_update(changed, old, NOW)
    assert changed["metadata"]["generation"] == 2
    assert "status" not in changed
    status = {"metadata": {"name": "x", "labels": {"a": "b"}}, "colour": "green", "status": {"seen": 3}}
    strategy.prepare_subresource_update("status", status, changed, NOW)
    assert status == {"metadata": changed["metadata"], "colour": "blue", "status": {"seen": 3}}


def test_status_of_a_deployment_keeps_labels_and_takes_annotations() -> None:
    old = new(status={})
    written = new(spec={"replicas": 3}, status={"replicas": 3})
    written["metadata"] |= {"labels": {"a": "b"}, "annotations": {"c": "d"}}
    strategy_of("apps", "Deployment").prepare_subresource_update("status", written, old, NOW)
    assert written["spec"] == {}
    assert written["metadata"].get("labels") is None
    assert written["metadata"]["annotations"] == {"c": "d"}


def test_a_job_selects_its_pods_by_its_uid() -> None:
    job = new(spec={"template": {"metadata": {"labels": {"job-name": "mine"}}, "spec": {}}})
    strategy_of("batch", "Job").prepare_create(job, USER, NOW)
    assert job["spec"]["selector"] == {"matchLabels": {"batch.kubernetes.io/controller-uid": "u-2"}}
    assert job["spec"]["template"]["metadata"]["labels"] == {
        "job-name": "mine",
        "batch.kubernetes.io/job-name": "x",
        "controller-uid": "u-2",
        "batch.kubernetes.io/controller-uid": "u-2",
    }


def test_a_certificate_request_says_who_asks() -> None:
    strategy = strategy_of("certificates.k8s.io", "CertificateSigningRequest")
    request = new(spec={"username": "root", "groups": ["system:masters"], "request": "abc"})
    strategy.prepare_create(request, USER, NOW)
    assert request["spec"] == {
        "username": "jane",
        "uid": "u-1",
        "groups": ["dev", "system:authenticated"],
        "extra": {"scopes": ["a"]},
        "request": "abc",
    }
    approved = copy.deepcopy(request)
    approved["status"] = {"conditions": [{"type": "Approved", "status": "True"}], "certificate": "mine"}
    strategy.prepare_subresource_update("approval", approved, request, NOW)
    times = {"lastUpdateTime": NOW, "lastTransitionTime": NOW}
    assert approved["status"] == {"conditions": [{"type": "Approved", "status": "True", **times}]}


def test_a_pod_through_resize_changes_only_resources() -> None:
    old = new(spec={"containers": [{"name": "a", "image": "i", "resources": {"requests": {"cpu": "1"}}}]})
    old["metadata"]["generation"] = 1
    wanted = new(spec={"containers": [{"name": "a", "image": "other", "resources": {"requests": {"cpu": "2"}}}]})
    wanted["metadata"]["labels"] = {"a": "b"}
    strategy_of("", "Pod").prepare_subresource_update("resize", wanted, old, NOW)
    assert wanted["spec"]["containers"] == [{"name": "a", "image": "i", "resources": {"requests": {"cpu": "2"}}}]
    assert wanted["metadata"] == {"name": "x", "uid": "u-2", "generation": 2}


def resources(requests: dict[str, str], limits: dict[str, str]) -> dict[str, Any]:
    return {"name": "c", "resources": {"requests": requests, "limits": limits}}


@pytest.mark.parametrize(
    ("containers", "expected"),
    [
        ([{"name": "c"}], "BestEffort"),
        ([resources({"cpu": "0"}, {})], "BestEffort"),
        ([resources({"cpu": "1"}, {})], "Burstable"),
        ([resources({"cpu": "1", "memory": "1Gi"}, {"cpu": "1000m", "memory": "1024Mi"})], "Guaranteed"),
        ([resources({"cpu": "1", "memory": "1Gi"}, {"cpu": "1", "memory": "1Gi"}), {"name": "d"}], "Burstable"),
        ([resources({"cpu": "1", "memory": "1Gi"}, {"cpu": "2", "memory": "1Gi"})], "Burstable"),
    ],
)
def test_quality_of_service(containers: list[dict[str, Any]], expected: str) -> None:
    assert qos_class({"containers": containers}) == expected


def test_a_namespace_has_its_finalizer_and_its_name_as_a_label() -> None:
    namespace = new(spec={"finalizers": ["example.com/own"]}, status={"phase": "Terminating"})
    strategy_of("", "Namespace").prepare_create(namespace, USER, NOW)
    assert namespace["spec"]["finalizers"] == ["example.com/own", "kubernetes"]
    assert namespace["metadata"]["labels"] == {"kubernetes.io/metadata.name": "x"}
    assert namespace["status"] == {"phase": "Active"}
    written = new(spec={"finalizers": []}, status={})
    strategy_of("", "Namespace").prepare_update(written, namespace, NOW)
    assert written["spec"]["finalizers"] == ["example.com/own", "kubernetes"]
    finalized = new(spec={"finalizers": []}, status={})
    strategy_of("", "Namespace").prepare_subresource_update("finalize", finalized, namespace, NOW)
    assert (finalized["spec"], finalized["status"]) == ({"finalizers": []}, {"phase": "Active"})
