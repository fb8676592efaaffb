"""NodeRestriction. The node is ``a`` (uid u-a); ``b`` is another one."""

from __future__ import annotations

from typing import Any, NamedTuple

import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.admission.node_restriction import NodeRestriction
from cluster_shim.apiserver.admission.plugin import DELETE, Attributes
from cluster_shim.apiserver.request import RequestInfo, UserInfo
from tests.apiserver.admission.test_certificates import request_for
from tests.apiserver.admission.writes import named, pod, write
from tests.apiserver.fakes import FakeObjects

KUBELET = UserInfo("system:node:a", "", ("system:nodes", "system:authenticated"))
MIRROR = "kubernetes.io/config.mirror"


class Decision(NamedTuple):
    allowed: bool
    reason: str = ""


class Nobody:
    def authorize(self, user: UserInfo, info: RequestInfo) -> Decision:
        return Decision(info.resource == "vault")


def plugin(*objects: tuple[str, str, dict[str, Any]]) -> NodeRestriction:
    node = named("a")
    node["metadata"]["uid"] = "u-a"
    return NodeRestriction(FakeObjects(("", "nodes", node), *objects), Nobody())


def refusal(attributes: Attributes, *objects: tuple[str, str, dict[str, Any]]) -> str:
    with pytest.raises(APIError) as error:
        plugin(*objects).admit(attributes)
    return error.value.message.split(" is forbidden: ")[-1]


def mirror(**spec: Any) -> dict[str, Any]:
    made = pod(nodeName="a", **spec)
    made["metadata"]["annotations"] = {MIRROR: "x"}
    owner = {"apiVersion": "v1", "kind": "Node", "name": "a", "uid": "u-a", "controller": True}
    made["metadata"]["ownerReferences"] = [owner]
    return made


def as_kubelet(resource: str, obj: dict[str, Any], old: dict[str, Any] | None = None, **more: Any) -> Attributes:
    return write(resource, obj, old, user=KUBELET, **more)


def test_others_are_not_looked_at() -> None:
    plugin().admit(write("pods", pod()))
    plugin().admit(write("nodes", named("b"), named("b"), user=UserInfo("system:node:a", "", ("dev",))))


def test_a_mirror_of_its_own() -> None:
    plugin().admit(as_kubelet("pods", mirror()))
    assert refusal(as_kubelet("pods", pod(nodeName="a"))) == (
        f'pod does not have "{MIRROR}" annotation, node "a" can only create mirror pods'
    )
    other = mirror()
    other["spec"]["nodeName"] = "b"
    assert refusal(as_kubelet("pods", other)) == 'node "a" can only create pods with spec.nodeName set to itself'


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"name": "b"}, 'node "a" can only create pods with an owner reference set to itself'),
        ({"controller": False}, 'node "a" can only create pods with a controller owner reference set to itself'),
        ({"blockOwnerDeletion": True}, 'node "a" must not set blockOwnerDeletion on an owner reference'),
        ({"uid": "other"}, "node a UID mismatch: expected other got u-a"),
    ],
)
def test_a_mirror_is_owned_by_its_node(change: dict[str, Any], message: str) -> None:
    made = mirror()
    made["metadata"]["ownerReferences"][0] |= change
    assert refusal(as_kubelet("pods", made)) == message


@pytest.mark.parametrize(
    ("spec", "what"),
    [
        ({"serviceAccountName": "x"}, "serviceaccounts"),
        ({"imagePullSecrets": [{"name": "x"}]}, "secrets"),
        ({"containers": [{"name": "c", "envFrom": [{"configMapRef": {"name": "x"}}]}]}, "configmaps"),
        ({"resourceClaims": [{"name": "x"}]}, "resourceclaims"),
        ({"volumes": [{"name": "v", "persistentVolumeClaim": {}}]}, "persistentvolumeclaims"),
        (
            {"volumes": [{"name": "v", "projected": {"sources": [{"secret": {}}]}}]},
            "secrets (via projected volumes)",
        ),
    ],
)
def test_a_mirror_needs_no_api(spec: dict[str, Any], what: str) -> None:
    assert refusal(as_kubelet("pods", mirror(**spec))) == f'node "a" can not create pods that reference {what}'


def test_pods_elsewhere_are_not_its_own() -> None:
    there, here = pod("there", nodeName="b"), pod("here", nodeName="a")
    stored = ("", "pods", there), ("", "pods", here)
    removal = as_kubelet("pods", there)
    removal.operation, removal.object = DELETE, None
    assert refusal(removal, *stored) == 'node "a" can only delete pods with spec.nodeName set to itself'
    removal.name = "here"
    plugin(*stored).admit(removal)
    eviction = as_kubelet("pods", named("there"), subresource="eviction")
    assert refusal(eviction, *stored) == "node a can only evict pods with spec.nodeName set to itself"
    status = as_kubelet("pods", there, there, subresource="status")
    assert refusal(status).startswith('node "a" can only update pod status for pods')
    labelled = pod("here", nodeName="a")
    labelled["metadata"]["labels"] = {"x": "y"}
    changed = as_kubelet("pods", labelled, here, subresource="status")
    assert refusal(changed) == 'node "a" cannot update labels through pod status'
    binding = as_kubelet("pods", named("here"), subresource="binding")
    assert "unexpected pod subresource" in refusal(binding)


def node(name: str = "a", taints: Any = (), **labels: str) -> dict[str, Any]:
    made = named(name, spec={"taints": list(taints)})
    made["metadata"]["labels"] = {key.replace("__", "/").replace("_", "."): value for key, value in labels.items()}
    return made


def test_labels_of_its_own_node() -> None:
    plugin().admit(as_kubelet("nodes", node(kubernetes_io__hostname="a", free="x", x_node_kubernetes_io__y="z")))
    reserved = node(x_k8s_io__role="master")
    assert refusal(as_kubelet("nodes", reserved)) == (
        'node "a" is not allowed to set the following labels: x.k8s.io/role'
    )
    assert refusal(as_kubelet("nodes", reserved, node())) == "is not allowed to modify labels: x.k8s.io/role"
    plugin().admit(as_kubelet("nodes", reserved, reserved))
    assert refusal(as_kubelet("nodes", node("b"), node("b"))) == 'node "a" is not allowed to modify node "b"'
    tainted = node(taints=[{"key": "x"}])
    assert refusal(as_kubelet("nodes", node(), tainted)) == 'node "a" is not allowed to modify taints'


def test_leases_and_slices() -> None:
    group = "coordination.k8s.io"
    plugin().admit(as_kubelet("leases", named("a"), group=group, namespace="kube-node-lease"))
    assert "same name" in refusal(as_kubelet("leases", named("b"), group=group, namespace="kube-node-lease"))
    assert "kube-node-lease" in refusal(as_kubelet("leases", named("a"), group=group))
    piece = named("s", spec={"nodeName": "b"})
    assert refusal(as_kubelet("resourceslices", piece, group="resource.k8s.io")) == (
        "can only create ResourceSlice with the same NodeName as the requesting node"
    )


def test_claims() -> None:
    old = named("d", "n", spec={}, status={"phase": "Bound"})
    grown = named("d", "n", spec={}, status={"phase": "Bound", "capacity": {"storage": "2Gi"}})
    plugin().admit(as_kubelet("persistentvolumeclaims", grown, old, subresource="status"))
    lost = named("d", "n", spec={}, status={"phase": "Lost"})
    message = refusal(as_kubelet("persistentvolumeclaims", lost, old, subresource="status"))
    assert message.startswith('node "a" is not allowed to update fields other than')
    assert refusal(as_kubelet("persistentvolumeclaims", grown, old)) == "may only update PVC status"


def token(audiences: list[str], **reference: str) -> Attributes:
    bound = {"apiVersion": "v1", "kind": "Pod", **reference}
    return as_kubelet(
        "serviceaccounts", named("sa", spec={"audiences": audiences, "boundObjectRef": bound}), subresource="token"
    )


def test_tokens_are_for_pods_that_run_here() -> None:
    sources = [{"serviceAccountToken": {"audience": "own"}}]
    volumes = [{"name": "v", "projected": {"sources": sources}}, {"name": "w", "csi": {"driver": "d"}}]
    here = pod("here", nodeName="a", volumes=volumes)
    here["metadata"]["uid"] = "u-here"
    stored = (
        ("", "pods", here),
        ("storage.k8s.io", "csidrivers", named("d", spec={"tokenRequests": [{"audience": "store"}]})),
    )
    for audience in ("own", "store", "vault"):
        plugin(*stored).admit(token([audience], name="here", uid="u-here"))
    assert refusal(token(["foreign"], name="here", uid="u-here"), *stored) == (
        'audience "foreign" not found in pod spec volume, system:node:a is not authorized to request tokens '
        "for this audience"
    )
    assert "does not match the UID in record" in refusal(token(["own"], name="here", uid="x"), *stored)
    assert refusal(token(["own"], name="here"), *stored) == "node requested token with a pod binding without a uid"
    assert refusal(token(["own"]), *stored) == "node requested token not bound to a pod"
    here["spec"]["nodeName"] = "b"
    assert "different node" in refusal(token(["own"], name="here", uid="u-here"), ("", "pods", here))


def test_certificates_of_its_own() -> None:
    group, signer = "certificates.k8s.io", "kubernetes.io/kubelet-serving"

    def request(name: str, signer: str = signer) -> Attributes:
        spec = {"signerName": signer, "request": request_for(name)}
        return as_kubelet("certificatesigningrequests", named("r", spec=spec), group=group)

    plugin().admit(request("system:node:a"))
    plugin().admit(request("system:node:b", "example.com/any"))
    assert refusal(request("system:node:b")) == "can only create a node CSR with CN=system:node:a"
