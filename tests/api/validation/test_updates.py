"""What may not change: fields of pods and workloads, claims, jobs, secrets; what subresources are for."""

from __future__ import annotations

from typing import Any

import pytest

from tests.api.validation.objects import REMOVED, VALID, changed, update, valid

IMMUTABLE = "field is immutable"
BOUND = {"phase": "Bound", "capacity": {"storage": "1Gi"}}

CASES: list[tuple[str, dict[str, Any], dict[str, Any], list[str]]] = [
    (
        "StatefulSet",
        {},
        {"spec__serviceName": "t"},
        [
            "spec: Forbidden: updates to statefulset spec for fields other than 'replicas', 'ordinals', 'template', "
            "'updateStrategy', 'revisionHistoryLimit', 'persistentVolumeClaimRetentionPolicy' and 'minReadySeconds' "
            "are "
            "forbidden"
        ],
    ),
    (
        "ConfigMap",
        {"immutable": True},
        {"data": {"a": "c"}},
        ["data: Forbidden: field is immutable when `immutable` is set"],
    ),
    ("Secret", {}, {"type": "example.com/t"}, [f'type: Invalid value: "example.com/t": {IMMUTABLE}']),
    ("StorageClass", {}, {"provisioner": "x"}, [f'provisioner: Invalid value: "x": {IMMUTABLE}']),
    ("PriorityClass", {}, {"value": 2}, ["value: Forbidden: may not be changed in an update."]),
    (
        "RoleBinding",
        {},
        {"roleRef__name": "s"},
        [
            'roleRef: Invalid value: {"APIGroup":"rbac.authorization.k8s.io","Kind":"Role","Name":"s"}: cannot '
            "change roleRef"
        ],
    ),
    (
        "ResourceClaim",
        {},
        {"spec__devices__requests__0__name": "s"},
        [
            "spec: Invalid value: "
            '{"Devices":{"Requests":[{"Name":"s","Exactly":{"DeviceClassName":"c","Selectors":null,'
            '"AllocationMode":"ExactCount","Count":1,"AdminAccess":null,"Tolerations":null,"Capacity":null},'
            f'"FirstAvailable":null}}],"Constraints":null,"Config":null}}}}: {IMMUTABLE}'
        ],
    ),
    (
        "Deployment",
        {},
        {"spec__selector__matchLabels": {"app": "b"}, "spec__template__metadata__labels": {"app": "b"}},
        [f'spec.selector: Invalid value: {{"matchLabels":{{"app":"b"}}}}: {IMMUTABLE}'],
    ),
    ("Pod", {}, {"spec__containers__0__image": "other:2"}, []),
    ("Pod", {}, {"metadata__labels": {"b": "c"}}, []),
]


@pytest.mark.parametrize(("kind", "before", "after", "messages"), CASES)
def test_messages(kind: str, before: dict[str, Any], after: dict[str, Any], messages: list[str]) -> None:
    old = valid(kind, **before)
    assert update(kind, changed(old, **after), old) == messages


@pytest.mark.parametrize("kind", VALID)
def test_no_change(kind: str) -> None:
    old = valid(kind)
    assert update(kind, old, old) == []


@pytest.mark.parametrize("kind", VALID)
def test_identity(kind: str) -> None:
    old = valid(kind)
    found = update(kind, changed(old, metadata__uid="1"), old)
    assert f'metadata.uid: Invalid value: "1": {IMMUTABLE}' in found


@pytest.mark.parametrize("kind", VALID)
def test_version_is_needed(kind: str) -> None:
    old = valid(kind)
    found = update(kind, changed(old, metadata__resourceVersion=REMOVED), old)
    assert 'metadata.resourceVersion: Invalid value: "": must be specified for an update' in found


def test_spec_of_a_pod() -> None:
    old = valid("Pod")
    (message,) = update("Pod", changed(old, spec__restartPolicy="Never"), old)
    assert message.startswith("spec: Forbidden: pod updates may not change fields other than ")
    assert '\n-  "RestartPolicy": "Always",\n' in message or '\n- "RestartPolicy": "Always",\n' in message


def test_containers_cannot_be_added() -> None:
    old = valid("Pod")
    new = changed(old, spec__containers=[*old["spec"]["containers"], {**old["spec"]["containers"][0], "name": "d"}])
    assert update("Pod", new, old) == ["spec.containers: Forbidden: pod updates may not add or remove containers"]


def test_claims_only_grow() -> None:
    old = valid("PersistentVolumeClaim", spec__volumeName="v", status=BOUND)
    smaller = changed(old, spec__resources={"requests": {"storage": "1Mi"}})
    larger = changed(old, spec__resources={"requests": {"storage": "2Gi"}})
    assert update("PersistentVolumeClaim", larger, old) == []
    (message,) = update("PersistentVolumeClaim", smaller, old)
    assert message.startswith("spec.resources.requests.storage: Forbidden: field can not be less than status.capacity")


def test_a_bad_value_stays_where_it_was() -> None:
    odd = {"matchExpressions": [{"key": "a", "operator": "In", "values": ["b c"]}]}
    old = valid("PodDisruptionBudget", spec__selector=odd)
    assert update("PodDisruptionBudget", changed(old, metadata__labels={"b": "c"}), old) == []
    before = valid("PodDisruptionBudget")
    assert update("PodDisruptionBudget", changed(before, spec__selector=odd), before) != []


def test_subresources_look_at_their_part_only() -> None:
    old = valid("Deployment", status={})
    new = changed(old, spec__replicas=-1, status__observedGeneration=-2)
    assert update("Deployment", new, old, "status") == [
        "status.observedGeneration: Invalid value: -2: must be greater than or equal to 0"
    ]


def test_deletion_stops_new_finalizers() -> None:
    old = valid("ConfigMap", metadata__deletionTimestamp="2020-01-01T00:00:00Z", metadata__finalizers=["a.example/b"])
    found = update("ConfigMap", changed(old, metadata__finalizers=["a.example/b", "c.example/d"]), old)
    message = (
        "metadata.finalizers: Forbidden: no new finalizers can be added if the object is being deleted, found new "
        'finalizers []string{"c.example/d"}'
    )
    assert message in found
