"""What is wrong with new objects: one member of a valid object changed, and the messages that follow."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.api import defaults, validation
from cluster_shim.api.codec.json import decode
from tests.api.validation.objects import CONTAINER, LABELS, REMOVED, RESOURCES, VALID, creation, valid

LABEL = (
    "a lowercase RFC 1123 label must consist of lower case alphanumeric characters or '-', and must start and end with "
    "an alphanumeric character (e.g. 'my-name',  or '123-abc', regex used for validation is "
    "'[a-z0-9]([-a-z0-9]*[a-z0-9])?')"
)
NEGATIVE = "must be greater than or equal to 0"

CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    ("Pod", {"metadata__name": REMOVED}, ["metadata.name: Required value: name or generateName is required"]),
    ("Pod", {"spec__containers": []}, ["spec.containers: Required value"]),
    ("Pod", {"spec__containers__0__name": "A b"}, [f'spec.containers[0].name: Invalid value: "A b": {LABEL}']),
    ("Pod", {"spec__containers__0__image": ""}, ["spec.containers[0].image: Required value"]),
    (
        "Pod",
        {"spec__containers": [dict(CONTAINER, imagePullPolicy="Always", terminationMessagePolicy="File")] * 2},
        ['spec.containers[1].name: Duplicate value: "c"'],
    ),
    (
        "Pod",
        {"spec__restartPolicy": "Sometimes"},
        ['spec.restartPolicy: Unsupported value: "Sometimes": supported values: "Always", "OnFailure", "Never"'],
    ),
    (
        "Pod",
        {"spec__containers__0__resources": {"requests": {"cpu": "2"}, "limits": {"cpu": "1"}}},
        ['spec.containers[0].resources.requests: Invalid value: "2": must be less than or equal to cpu limit of 1'],
    ),
    (
        "Pod",
        {"spec__containers__0__volumeMounts": [{"name": "v", "mountPath": "/v"}]},
        ['spec.containers[0].volumeMounts[0].name: Not found: "v"'],
    ),
    (
        "Pod",
        {"spec__volumes": [{"name": "v"}]},
        ["spec.volumes[0]: Required value: must specify a volume type"],
    ),
    (
        "Pod",
        {"spec__activeDeadlineSeconds": 0},
        ["spec.activeDeadlineSeconds: Invalid value: 0: must be between 1 and 2147483647, inclusive"],
    ),
    (
        "Pod",
        {"spec__containers__0__securityContext": {"privileged": True}},
        ["spec.containers[0].securityContext.privileged: Forbidden: disallowed by cluster policy"],
    ),
    (
        "Deployment",
        {"spec__selector__matchLabels": {"app": "b"}},
        [
            'spec.template.metadata.labels: Invalid value: {"app":"a"}: `selector` does not match template `labels`',
        ],
    ),
    ("Deployment", {"spec__replicas": -1}, [f"spec.replicas: Invalid value: -1: {NEGATIVE}"]),
    (
        "Deployment",
        {"spec__template__spec__restartPolicy": "Never"},
        ['spec.template.spec.restartPolicy: Unsupported value: "Never": supported values: "Always"'],
    ),
    (
        "CronJob",
        {"spec__schedule": "x"},
        ['spec.schedule: Invalid value: "x": expected exactly 5 fields, found 1: [x]'],
    ),
    (
        "Service",
        {"spec__ports__0__port": 0},
        ["spec.ports[0].port: Invalid value: 0: must be between 1 and 65535, inclusive"],
    ),
    (
        "ConfigMap",
        {"binaryData": {"a": "eA=="}},
        ['data[a]: Invalid value: "a": duplicate of key present in binaryData'],
    ),
    (
        "PersistentVolumeClaim",
        {"spec__accessModes": []},
        ["spec.accessModes: Required value: at least 1 access mode is required"],
    ),
    ("ResourceQuota", {"spec__hard": {"pods": "500m"}}, ['spec.hard[pods]: Invalid value: "500m": must be an integer']),
    (
        "HorizontalPodAutoscaler",
        {"spec__maxReplicas": 0},
        [
            "spec.maxReplicas: Required value: must be set and greater than 0",
            "spec.maxReplicas: Invalid value: 0: must be greater than or equal to `minReplicas`",
        ],
    ),
    (
        "PriorityClass",
        {"metadata__name": "system-x"},
        [
            "metadata.name: Forbidden: priority class names with 'system-' prefix are reserved for system use only. "
            "error: "
            "system-x is not a known system priority class"
        ],
    ),
    (
        "RoleBinding",
        {"roleRef__kind": "X"},
        ['roleRef.kind: Unsupported value: "X": supported values: "Role", "ClusterRole"'],
    ),
    (
        "ResourceClaim",
        {"spec__devices__requests__0__exactly__count": -1},
        ["spec.devices.requests[0].exactly.count: Invalid value: -1: must be greater than zero"],
    ),
    (
        "FlowSchema",
        {"spec__matchingPrecedence": 1},
        ["spec.matchingPrecedence: Invalid value: 1: only the schema named 'exempt' may have matchingPrecedence 1"],
    ),
    (
        "PriorityLevelConfiguration",
        {
            "spec__limited__limitResponse": {
                "type": "Queue",
                "queuing": {"queues": 10_000_000, "handSize": 10, "queueLengthLimit": 1},
            }
        },
        [
            "spec.limited.limitResponse.queuing.handSize: Invalid value: 10: required entropy bits of deckSize "
            "10000000 and "
            "handSize 10 should not be greater than 60"
        ],
    ),
    (
        "ValidatingWebhookConfiguration",
        {"webhooks__0__clientConfig__url": "http://u@h#f"},
        [
            "webhooks[0].clientConfig.url: Invalid value: \"http\": 'https' is the only allowed URL scheme; desired "
            "format: "
            "https://host[/path]",
            'webhooks[0].clientConfig.url: Invalid value: "u": user information is not permitted in the URL',
            'webhooks[0].clientConfig.url: Invalid value: "f": fragments are not permitted in the URL',
        ],
    ),
    (
        "ValidatingAdmissionPolicy",
        {"spec__validations__0__expression": "object.metadata.name"},
        ['spec.validations[0].expression: Invalid value: "object.metadata.name": must evaluate to bool but got dyn'],
    ),
    (
        "ValidatingAdmissionPolicy",
        {"spec__validations__0__expression": "1"},
        ['spec.validations[0].expression: Invalid value: "1": must evaluate to bool but got int'],
    ),
    (
        "ValidatingAdmissionPolicy",
        {
            "spec__validations__0__expression": "variables.x > 1",
            "spec__variables": [{"name": "x", "expression": "'a'"}],
        },
        [
            'spec.validations[0].expression: Invalid value: "variables.x > 1": compilation failed: ERROR: '
            "<input>:1:13: "
            "found no matching overload for '_>_' applied to '(string, int)'\n | variables.x > 1\n | ............^"
        ],
    ),
]


@pytest.mark.parametrize(
    ("kind", "changes", "messages"), CASES, ids=[f"{kind}-{index}" for index, (kind, *_) in enumerate(CASES)]
)
def test_messages(kind: str, changes: dict[str, Any], messages: list[str]) -> None:
    assert creation(kind, valid(kind, **changes)) == messages


@pytest.mark.parametrize("kind", VALID)
def test_valid(kind: str) -> None:
    assert creation(kind, valid(kind)) == []


@pytest.mark.parametrize("kind", VALID)
def test_metadata_of_every_kind(kind: str) -> None:
    (message,) = creation(kind, valid(kind, metadata__labels={"a": "b c"}))
    assert message.startswith('metadata.labels: Invalid value: "b c": a valid label must be')


@pytest.mark.parametrize("kind", VALID)
def test_nothing_but_a_name(kind: str) -> None:
    empty = decode(b'{"metadata": {"name": "a", "namespace": "ns"}}', RESOURCES[kind].gvk).object
    defaults.apply(RESOURCES[kind].gvk, empty)
    assert isinstance(creation(kind, empty), list)
    assert isinstance(validation.warnings(RESOURCES[kind], empty), list)


def test_privileged_containers_by_policy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(validation.POLICY, "allow_privileged", True)
    assert creation("Pod", valid("Pod", spec__containers__0__securityContext={"privileged": True})) == []


def test_order_is_that_of_the_members_as_upstream_checks_them() -> None:
    bad = valid(
        "Pod", metadata__labels={"a": "b c"}, spec__containers__0__name="", spec__dnsPolicy="X", spec__nodeName="-"
    )
    paths = [each.partition(":")[0] for each in creation("Pod", bad)]
    assert paths == ["metadata.labels", "spec.containers[0].name", "spec.dnsPolicy", "spec.nodeName"]
    assert LABELS == {"app": "a"}
