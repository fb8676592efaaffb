"""Small valid objects of many kinds, and ways to change them and to read what is wrong with them."""

from __future__ import annotations

import copy
import json
from typing import Any

from cluster_shim.api import defaults, validation
from cluster_shim.api.codec.json import decode
from cluster_shim.api.resources import Resource, built_in

Object = dict[str, Any]

REMOVED = object()
RESOURCES = {each.kind: each for each in built_in() if each.group != "events.k8s.io"}

LABELS = {"app": "a"}
SELECTOR = {"matchLabels": LABELS}
CONTAINER = {"name": "c", "image": "registry.example/app:1"}
POD_SPEC = {"containers": [CONTAINER]}
TEMPLATE = {"metadata": {"labels": LABELS}, "spec": POD_SPEC}
ONCE = {"metadata": {"labels": LABELS}, "spec": {**POD_SPEC, "restartPolicy": "Never"}}
CLAIM_SPEC = {"accessModes": ["ReadWriteOnce"], "resources": {"requests": {"storage": "1Gi"}}}

VALID: dict[str, Object] = {
    "Pod": {"spec": {**POD_SPEC, "serviceAccountName": "default"}},
    "Deployment": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "ReplicaSet": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "DaemonSet": {"spec": {"selector": SELECTOR, "template": TEMPLATE}},
    "StatefulSet": {"spec": {"selector": SELECTOR, "template": TEMPLATE, "serviceName": "s"}},
    "ReplicationController": {"spec": {"selector": LABELS, "template": TEMPLATE}},
    "CronJob": {"spec": {"schedule": "* * * * *", "jobTemplate": {"spec": {"template": ONCE}}}},
    "Service": {
        "spec": {"ports": [{"port": 80}], "selector": LABELS, "clusterIP": "10.0.0.1", "clusterIPs": ["10.0.0.1"]}
    },
    "ConfigMap": {"data": {"a": "b"}},
    "Secret": {"type": "Opaque"},
    "Namespace": {},
    "Node": {},
    "PersistentVolumeClaim": {"spec": CLAIM_SPEC},
    "PersistentVolume": {
        "spec": {"accessModes": ["ReadWriteOnce"], "capacity": {"storage": "1Gi"}, "hostPath": {"path": "/a"}}
    },
    "ResourceQuota": {"spec": {"hard": {"pods": "1"}}},
    "LimitRange": {"spec": {"limits": [{"type": "Container", "max": {"cpu": "1"}}]}},
    "HorizontalPodAutoscaler": {
        "spec": {"maxReplicas": 2, "scaleTargetRef": {"kind": "Deployment", "name": "a", "apiVersion": "apps/v1"}}
    },
    "PodDisruptionBudget": {"spec": {"minAvailable": 1, "selector": SELECTOR}},
    "NetworkPolicy": {"spec": {"podSelector": {}}},
    "Ingress": {"spec": {"defaultBackend": {"service": {"name": "s", "port": {"number": 80}}}}},
    "StorageClass": {"provisioner": "example.com/p"},
    "PriorityClass": {"value": 1},
    "Lease": {"spec": {}},
    "Role": {"rules": [{"apiGroups": [""], "resources": ["pods"], "verbs": ["get"]}]},
    "RoleBinding": {
        "roleRef": {"apiGroup": "rbac.authorization.k8s.io", "kind": "Role", "name": "r"},
        "subjects": [{"kind": "User", "apiGroup": "rbac.authorization.k8s.io", "name": "u"}],
    },
    "ResourceClaim": {"spec": {"devices": {"requests": [{"name": "r", "exactly": {"deviceClassName": "c"}}]}}},
    "FlowSchema": {"spec": {"matchingPrecedence": 100, "priorityLevelConfiguration": {"name": "p"}}},
    "PriorityLevelConfiguration": {
        "spec": {"type": "Limited", "limited": {"nominalConcurrencyShares": 1, "limitResponse": {"type": "Reject"}}}
    },
    "ValidatingWebhookConfiguration": {
        "webhooks": [
            {
                "name": "a.example.com",
                "sideEffects": "None",
                "admissionReviewVersions": ["v1"],
                "clientConfig": {"url": "https://example.com/x"},
            }
        ]
    },
    "ValidatingAdmissionPolicy": {
        "spec": {
            "matchConstraints": {
                "resourceRules": [
                    {"apiGroups": [""], "apiVersions": ["v1"], "operations": ["CREATE"], "resources": ["pods"]}
                ]
            },
            "validations": [{"expression": "object.metadata.name != 'x'"}],
        }
    },
}


def resource_of(kind: str) -> Resource:
    return RESOURCES[kind]


def valid(kind: str, **changes: Any) -> Object:
    """Return a valid object, stored once; a change is named by its path: ``spec__containers__0__image``."""
    resource = RESOURCES[kind]
    meta = {"name": "a", "uid": "0", "creationTimestamp": "2020-01-01T00:00:00Z", "resourceVersion": "1"}
    namespace = {"namespace": "ns"} if resource.namespaced else {}
    body = {"apiVersion": resource.api_version, "kind": kind, "metadata": {**meta, **namespace}, **VALID[kind]}
    obj = decode(json.dumps(body).encode(), resource.gvk).object
    defaults.apply(resource.gvk, obj)
    return changed(obj, **changes)


def changed(obj: Object, **changes: Any) -> Object:
    """Return a copy with members replaced, added (REMOVED: taken away)."""
    made = copy.deepcopy(obj)
    for path, value in changes.items():
        *steps, last = [int(each) if each.isdigit() else each for each in path.split("__")]
        target: Any = made
        for step in steps:
            target = target[step] if isinstance(step, int) else target.setdefault(step, {})
        if value is REMOVED:
            target.pop(last, None)
        else:
            target[last] = copy.deepcopy(value)
    return made


def creation(kind: str, obj: Object) -> list[str]:
    """Return what is wrong with a new object."""
    return [each.message() for each in validation.create(RESOURCES[kind], obj)]


def update(kind: str, new: Object, old: Object, subresource: str = "") -> list[str]:
    """Return what is wrong with a changed object."""
    return [each.message() for each in validation.update(RESOURCES[kind], new, old, subresource)]
