"""The plugin: which rule holds for which resource, for users that are nodes."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api import errors
from cluster_shim.apiserver.admission.certificates import common_name
from cluster_shim.apiserver.admission.node_restriction.pods import check_pod
from cluster_shim.apiserver.admission.plugin import (
    ANY,
    CREATE,
    DELETE,
    UPDATE,
    Attributes,
    Authorizer,
    Interest,
    Reader,
    forbidden,
)
from cluster_shim.apiserver.request import RequestInfo, UserInfo

NODE_USER, NODES_GROUP = "system:node:", "system:nodes"
_LEASES = "kube-node-lease"
_RESERVED = "node-restriction.kubernetes.io"
_OWN_LABELS = frozenset(
    (
        *("kubernetes.io/hostname", "topology.kubernetes.io/zone", "topology.kubernetes.io/region"),
        *("failure-domain.beta.kubernetes.io/zone", "failure-domain.beta.kubernetes.io/region"),
        *("beta.kubernetes.io/instance-type", "node.kubernetes.io/instance-type", "kubernetes.io/os"),
        *("kubernetes.io/arch", "beta.kubernetes.io/os", "beta.kubernetes.io/arch"),
    )
)
_OWN_DOMAINS = ("kubelet.kubernetes.io", "node.kubernetes.io")
_SIGNERS = ("kubernetes.io/kubelet-serving", "kubernetes.io/kube-apiserver-client-kubelet")
_WRITES = (CREATE, UPDATE, DELETE)


def node_of(user: UserInfo) -> str | None:
    """Return the name of the node that a user is; None for everybody else."""
    if user.name.startswith(NODE_USER) and NODES_GROUP in user.groups:
        return user.name.removeprefix(NODE_USER)
    return None


class NodeRestriction:
    """The plugin."""

    name = "NodeRestriction"
    interests = (
        Interest(_WRITES, "", "pods", ANY),
        Interest(_WRITES, "", "nodes", ANY),
        Interest(_WRITES, "", "persistentvolumeclaims", ANY),
        Interest((CREATE,), "", "serviceaccounts", "token"),
        Interest(_WRITES, "coordination.k8s.io", "leases", ANY),
        Interest(_WRITES, "storage.k8s.io", "csinodes", ANY),
        Interest((CREATE, DELETE), "resource.k8s.io", "resourceslices", ANY),
        Interest((CREATE,), "certificates.k8s.io", "certificatesigningrequests"),
    )

    def __init__(self, reader: Reader, authorizer: Authorizer) -> None:
        self._reader = reader
        self._authorizer = authorizer

    def admit(self, attributes: Attributes) -> None:
        """Refuse what a node may not do. Raises Forbidden and NotFound."""
        node = node_of(attributes.user)
        if node is None:
            return
        if not node:
            raise forbidden(attributes, f'could not determine node from user "{attributes.user.name}"')
        match attributes.resource.name:
            case "pods":
                check_pod(node, attributes, self._reader)
            case "nodes":
                _check_node(node, attributes)
            case "persistentvolumeclaims":
                _check_claim(node, attributes)
            case "serviceaccounts":
                self._check_token(node, attributes)
            case "leases":
                if attributes.namespace != _LEASES:
                    raise forbidden(attributes, f'can only access leases in the "{_LEASES}" system namespace')
                _check_own(node, attributes, "node lease")
            case "csinodes":
                _check_own(node, attributes, "CSINode")
            case "resourceslices":
                _check_slice(node, attributes)
            case "certificatesigningrequests":
                _check_request(node, attributes)

    def _check_token(self, node: str, attributes: Attributes) -> None:
        spec = attributes.new.get("spec") or {}
        reference = spec.get("boundObjectRef") or {}
        if (reference.get("apiVersion"), reference.get("kind")) != ("v1", "Pod") or not reference.get("name"):
            raise forbidden(attributes, "node requested token not bound to a pod")
        if not reference.get("uid"):
            raise forbidden(attributes, "node requested token with a pod binding without a uid")
        pod = self._reader.get("", "pods", attributes.namespace, reference["name"])
        if pod is None:
            raise errors.not_found("pods", reference["name"])
        if reference["uid"] != pod["metadata"]["uid"]:
            message = (
                f"the UID in the bound object reference ({reference['uid']}) does not match the UID in record. "
                "The object might have been deleted and then recreated"
            )
            raise forbidden(attributes, message)
        if pod["spec"].get("nodeName") != node:
            raise forbidden(attributes, "node requested token bound to a pod scheduled on a different node")
        self._check_audience(attributes, pod, spec.get("audiences") or [])

    def _check_audience(self, attributes: Attributes, pod: Mapping[str, Any], audiences: list[str]) -> None:
        if len(audiences) > 1:
            raise forbidden(attributes, "node may only request 0 or 1 audiences")
        audience, user = audiences[0] if audiences else "", attributes.user
        if audience in self._audiences(pod):
            return
        info = RequestInfo(
            "request-serviceaccounts-token-audience",
            "",
            is_resource=True,
            version="v1",
            resource=audience,
            namespace=attributes.namespace,
            name=attributes.name,
        )
        if not self._authorizer.authorize(user, info).allowed:
            message = (
                f'audience "{audience}" not found in pod spec volume, {user.name} is not authorized to request '
                "tokens for this audience"
            )
            raise forbidden(attributes, message)

    def _audiences(self, pod: Mapping[str, Any]) -> set[str]:
        """Return for whom the volumes of a pod want tokens."""
        found: set[str] = set()
        for volume in pod["spec"].get("volumes") or ():
            for source in (volume.get("projected") or {}).get("sources") or ():
                if "serviceAccountToken" in source:
                    found.add(source["serviceAccountToken"].get("audience", ""))
            driver = self._driver(pod, volume)
            registered = self._reader.get("storage.k8s.io", "csidrivers", "", driver) if driver else None
            requests = ((registered or {}).get("spec") or {}).get("tokenRequests") or ()
            found.update(each.get("audience", "") for each in requests)
        return found

    def _driver(self, pod: Mapping[str, Any], volume: Mapping[str, Any]) -> str:
        if "csi" in volume:
            return str(volume["csi"].get("driver", ""))
        claim = (volume.get("persistentVolumeClaim") or {}).get("claimName", "")
        if "ephemeral" in volume:
            claim = f"{pod['metadata']['name']}-{volume['name']}"
        namespace = pod["metadata"]["namespace"]
        found = self._reader.get("", "persistentvolumeclaims", namespace, claim) if claim else None
        name = ((found or {}).get("spec") or {}).get("volumeName", "")
        there = self._reader.get("", "persistentvolumes", "", name) if name else None
        return str((((there or {}).get("spec") or {}).get("csi") or {}).get("driver", ""))


def _name(attributes: Attributes) -> str:
    return attributes.name or str((attributes.object or {}).get("metadata", {}).get("name", ""))


def _check_own(node: str, attributes: Attributes, what: str) -> None:
    if _name(attributes) != node:
        raise forbidden(attributes, f"can only access {what} with the same name as the requesting node")


def _check_node(node: str, attributes: Attributes) -> None:
    name = _name(attributes)
    if name != node:
        raise forbidden(attributes, f'node "{node}" is not allowed to modify node "{name}"')
    if attributes.operation == DELETE:
        return
    new, old = attributes.new, attributes.old_object or {}
    spec, before = new.get("spec") or {}, old.get("spec") or {}
    labels, labels_before = (each.get("metadata", {}).get("labels") or {} for each in (new, old))
    changed = {key for key in {*labels, *labels_before} if labels.get(key) != labels_before.get(key)}
    wrong = ", ".join(sorted(key for key in changed if not _may_set(key)))
    if attributes.operation == CREATE:
        if wrong:
            raise forbidden(attributes, f'node "{node}" is not allowed to set the following labels: {wrong}')
        return
    if (spec.get("taints") or []) != (before.get("taints") or []):
        raise forbidden(attributes, f'node "{node}" is not allowed to modify taints')
    if new["metadata"].get("ownerReferences") != old["metadata"].get("ownerReferences"):
        raise forbidden(attributes, f'node "{node}" is not allowed to modify ownerReferences')
    if wrong:
        raise forbidden(attributes, f"is not allowed to modify labels: {wrong}")


def _may_set(label: str) -> bool:
    domain = label.split("/", 1)[0] if "/" in label else ""
    if _within(domain, _RESERVED):
        return False
    kubernetes = _within(domain, "kubernetes.io") or _within(domain, "k8s.io")
    return not kubernetes or label in _OWN_LABELS or any(_within(domain, each) for each in _OWN_DOMAINS)


def _within(domain: str, parent: str) -> bool:
    return domain == parent or domain.endswith(f".{parent}")


def _check_claim(node: str, attributes: Attributes) -> None:
    if attributes.subresource != "status" or attributes.operation != UPDATE:
        raise forbidden(attributes, "may only update PVC status")
    if _without_sizes(attributes.new) != _without_sizes(attributes.old):
        message = f'node "{node}" is not allowed to update fields other than status.quantity and status.conditions'
        raise forbidden(attributes, message)


def _without_sizes(claim: Mapping[str, Any]) -> dict[str, Any]:
    sizes = ("capacity", "conditions", "allocatedResources", "allocatedResourceStatuses")
    status = {key: value for key, value in (claim.get("status") or {}).items() if key not in sizes}
    metadata = {
        key: value for key, value in claim["metadata"].items() if key not in ("resourceVersion", "managedFields")
    }
    return {**claim, "metadata": metadata, "status": status}


def _check_slice(node: str, attributes: Attributes) -> None:
    verb = "create" if attributes.operation == CREATE else "delete"
    slice_ = attributes.new if attributes.operation == CREATE else attributes.old
    if slice_["spec"].get("nodeName") != node:
        raise forbidden(attributes, f"can only {verb} ResourceSlice with the same NodeName as the requesting node")


def _check_request(node: str, attributes: Attributes) -> None:
    spec = attributes.new["spec"]
    if spec.get("signerName") not in _SIGNERS:
        return
    try:
        found = common_name(spec)
    except ValueError as error:
        raise forbidden(attributes, f"unable to parse csr: {error}") from None
    if found != NODE_USER + node:
        raise forbidden(attributes, f"can only create a node CSR with CN={NODE_USER}{node}")
