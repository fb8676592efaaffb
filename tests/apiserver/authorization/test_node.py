"""The Node authorizer: what belongs to a node, and what kubelets may do with it."""

from __future__ import annotations

import json
from typing import Any

import pytest

from cluster_shim.apiserver.authorization.graph import Graph
from cluster_shim.apiserver.authorization.node import Node
from cluster_shim.apiserver.bootstrap.wanted import table
from cluster_shim.apiserver.request import RequestInfo
from tests.apiserver.authorization.defaults import path, resource, user

N1 = user("system:node:n1", "system:nodes")
DENIED = "no relationship found between node 'n1' and this object"

POD: dict[str, Any] = {
    "metadata": {"name": "p", "namespace": "ns"},
    "spec": {
        "nodeName": "n1",
        "serviceAccountName": "sa",
        "imagePullSecrets": [{"name": "pull"}],
        "initContainers": [
            {"name": "i", "envFrom": [{"secretRef": {"name": "from"}}, {"configMapRef": {"name": "cmfrom"}}]}
        ],
        "containers": [
            {
                "name": "c",
                "env": [
                    {"name": "A", "value": "x"},
                    {"name": "B", "valueFrom": {"secretKeyRef": {"name": "key", "key": "k"}}},
                    {"name": "C", "valueFrom": {"configMapKeyRef": {"name": "cmkey", "key": "k"}}},
                ],
            }
        ],
        "volumes": [
            {"name": "a", "secret": {"secretName": "vol"}},
            {"name": "b", "configMap": {"name": "cmvol"}},
            {"name": "c", "projected": {"sources": [{"secret": {"name": "proj"}}, {"configMap": {"name": "cmproj"}}]}},
            {"name": "d", "persistentVolumeClaim": {"claimName": "claim"}},
            {"name": "e", "ephemeral": {"volumeClaimTemplate": {"spec": {}}}},
            {"name": "f", "csi": {"driver": "d", "nodePublishSecretRef": {"name": "csi"}}},
            {"name": "g", "scaleIO": {"gateway": "g", "system": "s", "secretRef": {"name": "scale"}}},
            {"name": "h", "azureFile": {"secretName": "azure", "shareName": "s"}},
        ],
        "resourceClaims": [
            {"name": "r1", "resourceClaimName": "own"},
            {"name": "r2", "resourceClaimTemplateName": "t"},
        ],
    },
    "status": {"resourceClaimStatuses": [{"name": "r2", "resourceClaimName": "made"}]},
}
VOLUME = {
    "metadata": {"name": "pv"},
    "spec": {
        "csi": {
            "nodeStageSecretRef": {"name": "stage", "namespace": "other"},
            "controllerPublishSecretRef": {"name": "no"},
        },
        "claimRef": {"namespace": "ns", "name": "claim"},
    },
}
OF_THE_POD = [
    *(("secrets", name) for name in ("pull", "from", "key", "vol", "proj", "csi", "scale", "azure")),
    *(("configmaps", name) for name in ("cmfrom", "cmkey", "cmvol", "cmproj")),
    *(("persistentvolumeclaims", name) for name in ("claim", "p-e")),
    *(("resourceclaims", name) for name in ("own", "made")),
    ("serviceaccounts", "sa"),
    ("pods", "p"),
]


def encoded(obj: Any) -> bytes:
    return json.dumps(obj, separators=(",", ":")).encode()


def graph() -> Graph:
    known = Graph()
    known.put_pod("ns", "p", encoded(POD))
    known.put_volume("pv", encoded(VOLUME))
    known._putter("volumeattachments")("", "va", encoded({"spec": {"nodeName": "n1"}}))
    known._putter("resourceslices")("", "slice", encoded({"spec": {"nodeName": "n1"}}))
    return known


@pytest.mark.parametrize(("resource", "name"), OF_THE_POD)
def test_what_a_pod_refers_to_belongs_to_its_node_until_it_is_gone(resource: str, name: str) -> None:
    known = graph()
    assert known.has("n1", resource, "ns", name)
    assert not known.has("n2", resource, "ns", name)
    assert not known.has("n1", resource, "other", name)
    known.put_pod("ns", "p", None)
    assert not known.has("n1", resource, "ns", name)


def test_two_pods_of_a_node_refer_to_the_same() -> None:
    known = graph()
    known.put_pod("ns", "q", encoded(POD))
    known.put_pod("ns", "q", None)
    assert known.has("n1", "secrets", "ns", "pull")
    moved = {**POD, "spec": {**POD["spec"], "nodeName": "n2"}}
    known.put_pod("ns", "p", encoded(moved))
    assert known.has("n2", "secrets", "ns", "pull") and not known.has("n1", "secrets", "ns", "pull")


def test_a_write_of_the_status_changes_nothing_and_one_of_the_spec_counts() -> None:
    known = Graph()
    spec = {key: value for key, value in POD["spec"].items() if key != "resourceClaims"}
    known.put_pod("ns", "p", encoded({"kind": "Pod", "spec": spec, "status": {"phase": "Pending"}}))
    before = known._pods["ns"]["p"]
    known.put_pod("ns", "p", encoded({"kind": "Pod", "spec": spec, "status": {"phase": "Running"}}))
    assert known._pods["ns"]["p"] is before
    debug = {"name": "d", "envFrom": [{"secretRef": {"name": "debug"}}]}
    known.put_pod("ns", "p", encoded({"kind": "Pod", "spec": {**spec, "ephemeralContainers": [debug]}, "status": {}}))
    assert known.has("n1", "secrets", "ns", "debug") and known.has("n1", "secrets", "ns", "pull")


def test_nothing_is_kept_of_pods_that_are_gone() -> None:
    known = Graph()
    for number in range(10):
        known.put_pod("ns", f"p{number}", encoded(POD))
    for number in range(10):
        known.put_pod("ns", f"p{number}", None)
    assert not known._counts and not known._vertices and not known._pods["ns"]


def test_volumes_and_their_secrets() -> None:
    known = graph()
    assert known.has("n1", "persistentvolumes", "", "pv")
    assert known.has("n1", "secrets", "other", "stage")
    assert not known.has("n1", "secrets", "ns", "no")  # for the controller only
    known.put_volume("pv", encoded({**VOLUME, "spec": {}}))
    assert not known.has("n1", "persistentvolumes", "", "pv")
    assert not known.has("n1", "secrets", "other", "stage")


def test_mirror_pods_give_nothing() -> None:
    known = Graph()
    known.put_pod("ns", "p", encoded({**POD, "metadata": {"annotations": {"kubernetes.io/config.mirror": "x"}}}))
    assert known.has("n1", "pods", "ns", "p")
    assert not known.has("n1", "secrets", "ns", "pull")


def test_pods_without_a_node_give_nothing() -> None:
    known = Graph()
    spec = {key: value for key, value in POD["spec"].items() if key != "nodeName"}
    known.put_pod("ns", "p", encoded({**POD, "spec": spec}))
    assert not known.has("", "secrets", "ns", "pull")


def nodes(known: Graph | None = None) -> Node:
    rules = next(row["rules"] for row in table("rbac") if row["kind"] == "ClusterRole" and row["name"] == "system:node")
    return Node(known or graph(), rules)


def selecting(info: RequestInfo, selector: str) -> RequestInfo:
    return info._replace(field_selector=selector)


CLAIM = "resource.k8s.io"
STORAGE = "storage.k8s.io"
LEASES = "coordination.k8s.io"
PODS = resource("list", "pods")
SLICES = resource("watch", "resourceslices", CLAIM)


@pytest.mark.parametrize(
    ("info", "expected"),
    [
        (resource("get", "secrets", "", "ns", "vol"), None),
        (resource("list", "secrets", "", "ns", "vol"), None),
        (resource("get", "secrets", "", "ns", "other"), DENIED),
        (resource("list", "secrets", "", "ns"), "No Object name found"),
        (resource("get", "secrets", name="vol"), "can only read namespaced object of this type"),
        (resource("update", "secrets", "", "ns", "vol"), "can only read resources of this type"),
        (resource("get", "configmaps", "", "ns", "cmvol"), None),
        (resource("get", "persistentvolumeclaims", "", "ns", "claim"), None),
        (resource("patch", "persistentvolumeclaims", "", "ns", "claim", "status"), None),
        (resource("list", "persistentvolumeclaims", "", "ns"), "can only get individual resources of this type"),
        (resource("get", "persistentvolumes", name="pv"), None),
        (resource("get", "volumeattachments", STORAGE, name="va"), None),
        (resource("get", "resourceclaims", CLAIM, "ns", "own"), None),
        (resource("create", "serviceaccounts", "", "ns", "sa", "token"), None),
        (resource("create", "serviceaccounts", "", "ns", "root", "token"), DENIED),
        (resource("get", "serviceaccounts", "", "ns", "sa"), None),
        (resource("create", "serviceaccounts", "", "ns"), "can only create tokens for individual service accounts"),
        (resource("create", "leases", LEASES, "kube-node-lease"), None),
        (resource("update", "leases", LEASES, "kube-node-lease", "n1"), None),
        (
            resource("update", "leases", LEASES, "kube-node-lease", "n2"),
            "can only access node lease with the same name as the requesting node",
        ),
        (
            resource("get", "leases", LEASES, "default", "n1"),
            'can only access leases in the "kube-node-lease" system namespace',
        ),
        (resource("get", "csinodes", STORAGE, name="n1"), None),
        (
            resource("get", "csinodes", STORAGE, name="n2"),
            "can only access CSINode with the same name as the requesting node",
        ),
        (resource("get", "nodes", name="n1"), None),
        (resource("create", "nodes"), None),
        (resource("patch", "nodes", name="n2", subresource="status"), None),  # NodeRestriction looks at that
        (resource("get", "nodes", name="n2"), "node 'n1' cannot read 'n2', only its own Node object"),
        (resource("list", "nodes"), "node 'n1' cannot read all nodes, only its own Node object"),
        (resource("delete", "nodes", name="n1"), ""),
        (selecting(PODS, "spec.nodeName=n1"), None),
        (selecting(PODS, "status.phase!=Failed,spec.nodeName==n1"), None),
        (selecting(PODS, "spec.nodeName=n2"), "can only list/watch pods with spec.nodeName field selector"),
        (PODS, "can only list/watch pods with spec.nodeName field selector"),
        (resource("get", "pods", "", "ns", "p"), None),
        (resource("get", "pods", "", "ns", "q"), DENIED),
        (resource("create", "pods", "", "ns"), None),
        (resource("create", "pods", "", "ns", "q", "eviction"), None),
        (resource("create", "pods", "", "ns", "p", "exec"), ""),
        (selecting(SLICES, "spec.nodeName=n1"), None),
        (SLICES, "can only list/watch/deletecollection resourceslices with nodeName field selector"),
        (resource("get", "resourceslices", CLAIM, name="slice"), None),
        (resource("create", "events", "", "ns"), None),
        (resource("list", "services"), None),
        (resource("list", "deployments", "apps"), ""),
        (path("get", "/metrics"), ""),
    ],
)
def test_a_node_may(info: RequestInfo, expected: str | None) -> None:
    """Expect no reason where it is allowed."""
    decision = nodes().authorize(N1, info)
    assert (decision.allowed, decision.reason) == (expected is None, expected or "")


@pytest.mark.parametrize(
    ("who", "reason"),
    [
        (user("system:node:n1"), ""),
        (user("alice", "system:nodes"), ""),
        (user("system:node:", "system:nodes"), 'unknown node for user "system:node:"'),
    ],
)
def test_who_is_no_node(who: Any, reason: str) -> None:
    assert nodes().authorize(who, resource("get", "secrets", "", "ns", "vol")) == (False, reason, False)


def test_rights_of_nodes_are_not_listed() -> None:
    assert nodes().rules_for(N1, "ns").incomplete
    assert nodes().rules_for(user("alice"), "ns") == ((), (), False)
