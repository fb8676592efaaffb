"""What a kubelet may do with pods: mirror its own, say how those that run on it are, evict and delete them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from cluster_shim.api import errors
from cluster_shim.apiserver.admission.plugin import CREATE, DELETE, UPDATE, Attributes, Reader, forbidden
from cluster_shim.apiserver.admission.service_account import MIRROR

_API_VOLUMES = (
    ("configMap", "configmaps (via configmap volumes)"),
    ("secret", "secrets (via secret volumes)"),
    ("csi", "csidrivers (via CSI volumes)"),
    ("glusterfs", "endpoints (via glusterFS volumes)"),
    ("persistentVolumeClaim", "persistentvolumeclaims"),
    ("ephemeral", "persistentvolumeclaims (via ephemeral volumes)"),
    ("azureFile", "secrets (via azureFile volumes)"),
)
_API_SOURCES = (
    ("configMap", "configmaps (via projected volumes)"),
    ("secret", "secrets (via projected volumes)"),
    ("serviceAccountToken", "serviceaccounts (via projected volumes)"),
    ("clusterTrustBundle", "clustertrustbundles"),
    ("podCertificate", "podcertificates"),
)


def check_pod(node: str, attributes: Attributes, reader: Reader) -> None:
    """Refuse what a node may not do with a pod. Raises Forbidden and NotFound."""
    subresource, operation = attributes.subresource, attributes.operation
    if subresource == "status":
        _check_status(node, attributes)
    elif subresource == "eviction":
        if _pod(attributes, reader)["spec"].get("nodeName") != node:
            raise forbidden(attributes, f"node {node} can only evict pods with spec.nodeName set to itself")
    elif subresource:
        message = f"unexpected pod subresource \"{subresource}\", only 'status' and 'eviction' are allowed"
        raise forbidden(attributes, message)
    elif operation == CREATE:
        _check_mirror(node, attributes, reader)
    elif operation == DELETE:
        if _pod(attributes, reader)["spec"].get("nodeName") != node:
            raise forbidden(attributes, f'node "{node}" can only delete pods with spec.nodeName set to itself')
    else:
        message = f'unexpected operation "{operation}", node "{node}" can only create and delete mirror pods'
        raise forbidden(attributes, message)


def _pod(attributes: Attributes, reader: Reader) -> Mapping[str, Any]:
    found = reader.get("", "pods", attributes.namespace, attributes.name)
    if found is None:
        raise errors.not_found("pods", attributes.name)
    return found


def _check_mirror(node: str, attributes: Attributes, reader: Reader) -> None:
    pod = attributes.new
    if MIRROR not in (pod["metadata"].get("annotations") or {}):
        message = f'pod does not have "{MIRROR}" annotation, node "{node}" can only create mirror pods'
        raise forbidden(attributes, message)
    if pod["spec"].get("nodeName") != node:
        raise forbidden(attributes, f'node "{node}" can only create pods with spec.nodeName set to itself')
    _check_owner(node, attributes, reader)
    reference = next(api_references(pod["spec"]), None)
    if reference is not None:
        raise forbidden(attributes, f'node "{node}" can not create pods that reference {reference}')


def _check_owner(node: str, attributes: Attributes, reader: Reader) -> None:
    owners = attributes.new["metadata"].get("ownerReferences") or []
    start = f'node "{node}" can only create pods with'
    if len(owners) > 1:
        raise forbidden(attributes, f"{start} a single owner reference set to itself")
    own = {"apiVersion": "v1", "kind": "Node", "name": node}
    if not owners or any(owners[0].get(name) != value for name, value in own.items()):
        raise forbidden(attributes, f"{start} an owner reference set to itself")
    if not owners[0].get("controller"):
        raise forbidden(attributes, f"{start} a controller owner reference set to itself")
    if owners[0].get("blockOwnerDeletion"):
        raise forbidden(attributes, f'node "{node}" must not set blockOwnerDeletion on an owner reference')
    found = reader.get("", "nodes", "", node)
    if found is None:
        raise errors.not_found("nodes", node)
    uid = owners[0].get("uid", "")
    if uid != found["metadata"]["uid"]:
        raise forbidden(attributes, f"node {node} UID mismatch: expected {uid} got {found['metadata']['uid']}")


def _check_status(node: str, attributes: Attributes) -> None:
    if attributes.operation != UPDATE:
        raise forbidden(attributes, f'unexpected operation "{attributes.operation}"')
    new, old = attributes.new, attributes.old
    if old["spec"].get("nodeName") != node:
        message = f'node "{node}" can only update pod status for pods with spec.nodeName set to itself'
        raise forbidden(attributes, message)
    if (old["metadata"].get("labels") or {}) != (new["metadata"].get("labels") or {}):
        raise forbidden(attributes, f'node "{node}" cannot update labels through pod status')
    for member, text in (
        ("resourceClaimStatuses", "resource claim statues"),
        ("extendedResourceClaimStatus", "extended resource claim status"),
    ):
        if (new.get("status") or {}).get(member) != (old.get("status") or {}).get(member):
            raise forbidden(attributes, f'node "{node}" cannot update {text}')


def api_references(spec: Mapping[str, Any]) -> Iterator[str]:
    """Yield what a pod needs the API for, as messages name it."""
    if spec.get("serviceAccountName"):
        yield "serviceaccounts"
    if spec.get("imagePullSecrets") or any(_env_references(spec, "secretKeyRef", "secretRef")):
        yield "secrets"
    if any(_env_references(spec, "configMapKeyRef", "configMapRef")):
        yield "configmaps"
    if spec.get("resourceClaims"):
        yield "resourceclaims"
    for volume in spec.get("volumes") or ():
        yield from (text for member, text in _API_VOLUMES if member in volume)
        for source in (volume.get("projected") or {}).get("sources") or ():
            yield from (text for member, text in _API_SOURCES if member in source)


def _env_references(spec: Mapping[str, Any], key: str, whole: str) -> Iterator[bool]:
    for containers in ("initContainers", "containers", "ephemeralContainers"):
        for container in spec.get(containers) or ():
            yield any(key in (each.get("valueFrom") or {}) for each in container.get("env") or ())
            yield any(whole in each for each in container.get("envFrom") or ())
