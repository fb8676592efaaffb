"""What is said of objects that are accepted."""

from __future__ import annotations

from typing import Any

import pytest

from cluster_shim.api import validation
from tests.api.validation.objects import RESOURCES, VALID, changed, valid

CASES: list[tuple[str, dict[str, Any], list[str]]] = [
    (
        "Pod",
        {"metadata__name": "a.b"},
        [
            "metadata.name: this is used in the Pod's hostname, which can result in surprising behavior; a DNS "
            "label is "
            "recommended: [must not contain dots]"
        ],
    ),
    (
        "Pod",
        {"spec__containers__0__env": [{"name": "A", "value": "1"}, {"name": "A", "value": "2"}]},
        ['spec.containers[0].env[1]: hides previous definition of "A", which may be dropped when using apply'],
    ),
    ("Pod", {"spec__containers__0__env": [{"name": "A", "value": "1"}, {"name": "A", "value": "$(A)2"}]}, []),
    (
        "Pod",
        {"spec__containers__0__ports": [{"containerPort": 80, "protocol": "TCP", "hostIP": "1.2.3.4"}]},
        [
            "spec.containers[0].ports[0]: hostIP set without hostPort: {Name: HostPort:0 ContainerPort:80 Protocol:TCP "
            "HostIP:1.2.3.4}"
        ],
    ),
    (
        "Pod",
        {"spec__nodeSelector": {"beta.kubernetes.io/os": "linux"}},
        ['spec.nodeSelector[beta.kubernetes.io/os]: deprecated since v1.14; use "kubernetes.io/os" instead'],
    ),
    (
        "Pod",
        {
            "spec__volumes": [
                {
                    "name": "v",
                    "configMap": {"name": "m", "items": [{"key": "a", "path": "x"}, {"key": "b", "path": "x/y"}]},
                }
            ]
        },
        ['volume "v" (ConfigMap "m"): overlapping paths: "x/y" with "x"'],
    ),
    (
        "Deployment",
        {"spec__template__metadata__annotations": {"container.apparmor.security.beta.kubernetes.io/c": "unconfined"}},
        [
            "spec.template.metadata.annotations[container.apparmor.security.beta.kubernetes.io/c]: deprecated since "
            "v1.30; "
            'use the "appArmorProfile" field instead'
        ],
    ),
    (
        "Service",
        {"spec__externalIPs": ["010.1.1.1"]},
        [
            'spec.externalIPs[0]: non-standard IP address "010.1.1.1" is invalid: use "10.1.1.1"',
            "spec.externalIPs is deprecated and may no longer be implemented in some clusters",
        ],
    ),
    ("Secret", {"type": "kubernetes.io/tls"}, ["tls: failed to find any PEM data in certificate input"]),
    (
        "ResourceQuota",
        {"spec__hard": {"cpu": "2", "limits.cpu": "1"}},
        ["ResourceQuota cpu (2) should be less than limits.cpu (1)"],
    ),
    (
        "PersistentVolume",
        {"spec__persistentVolumeReclaimPolicy": "Recycle"},
        [
            "spec.persistentVolumeReclaimPolicy: The Recycle reclaim policy is deprecated. Instead, the recommended "
            "approach "
            "is to use dynamic provisioning."
        ],
    ),
]


@pytest.mark.parametrize(("kind", "changes", "messages"), CASES)
def test_at_creation(kind: str, changes: dict[str, Any], messages: list[str]) -> None:
    assert validation.warnings(RESOURCES[kind], valid(kind, **changes)) == messages


@pytest.mark.parametrize("kind", VALID)
def test_none_of_what_is_well(kind: str) -> None:
    obj = valid(kind)
    assert validation.warnings(RESOURCES[kind], obj) == []
    assert validation.warnings(RESOURCES[kind], obj, obj) == []


def test_templates_speak_up_when_they_change() -> None:
    old = valid("Deployment", spec__template__spec__terminationGracePeriodSeconds=-1)
    assert validation.warnings(RESOURCES["Deployment"], old, old) == []
    new = changed(old, metadata__generation=2)
    assert validation.warnings(RESOURCES["Deployment"], new, old) == [
        "spec.template.spec.terminationGracePeriodSeconds: must be >= 0; negative values are invalid and will be "
        "treated as 1"
    ]
    assert validation.warnings(RESOURCES["Deployment"], new, old, "status") == []
