"""The Node authorizer: a kubelet may do what its node needs (upstream: authorizer/node/node_authorizer.go).

Which objects belong to a node is the business of the graph; what kubelets may do everywhere is that of ClusterRole
system:node.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cluster_shim.api.fields import quoted
from cluster_shim.apiserver.authorization.authorizer import ALLOW, NO_OPINION, Decision, Rules
from cluster_shim.apiserver.authorization.graph import Graph
from cluster_shim.apiserver.authorization.rules import Rule
from cluster_shim.apiserver.request import RequestInfo, UserInfo

PREFIX = "system:node:"
NODES_GROUP = "system:nodes"
LEASE_NAMESPACE = "kube-node-lease"

_OWN_VERBS = ("get", "create", "update", "patch", "delete")
_READ = ("get", "list", "watch")


def node_name(user: UserInfo) -> str | None:
    """Return the name of the node that a user is, None if it is no node (the name is empty if that is not told)."""
    if NODES_GROUP not in user.groups or not user.name.startswith(PREFIX):
        return None
    return user.name[len(PREFIX) :]


def _no(reason: str = "") -> Decision:
    return Decision(False, reason) if reason else NO_OPINION


def _selects(info: RequestInfo, field: str, value: str) -> bool:
    wanted = (f"{field}={value}", f"{field}=={value}")
    return any(term in wanted for term in info.field_selector.split(","))


class Node:
    """The mode ``Node``."""

    def __init__(self, graph: Graph, rules: Sequence[dict[str, Any]]) -> None:
        self._graph = graph
        self._rules = [Rule(each) for each in rules]
        self._checks: dict[tuple[str, str], Callable[[str, RequestInfo], Decision]] = {
            ("", "secrets"): self._read,
            ("", "configmaps"): self._read,
            ("", "persistentvolumeclaims"): self._claim,
            ("", "persistentvolumes"): self._get,
            ("resource.k8s.io", "resourceclaims"): self._get,
            ("storage.k8s.io", "volumeattachments"): self._get,
            ("", "serviceaccounts"): self._service_account,
            ("coordination.k8s.io", "leases"): self._lease,
            ("storage.k8s.io", "csinodes"): self._csi_node,
            ("resource.k8s.io", "resourceslices"): self._slice,
            ("", "nodes"): self._node,
            ("", "pods"): self._pod,
        }

    def authorize(self, user: UserInfo, info: RequestInfo) -> Decision:
        """Decide on a request of a node; no opinion on others."""
        node = node_name(user)
        if node is None:
            return NO_OPINION
        if not node:
            return _no(f"unknown node for user {quoted(user.name)}")
        check = self._checks.get((info.group, info.resource)) if info.is_resource else None
        if check is not None:
            return check(node, info)
        return ALLOW if any(rule.allows(info) for rule in self._rules) else NO_OPINION

    def rules_for(self, user: UserInfo, namespace: str) -> Rules:
        """Say that the rights of a node cannot be listed."""
        if node_name(user) is None:
            return Rules()
        return Rules(errors=["node authorizer does not support user rule resolution"], incomplete=True)

    def _related(self, node: str, info: RequestInfo) -> Decision:
        if not info.name:
            return _no("No Object name found")
        if self._graph.has(node, info.resource, info.namespace, info.name):
            return ALLOW
        return _no(f"no relationship found between node '{node}' and this object")

    def _read(self, node: str, info: RequestInfo) -> Decision:
        if info.verb not in _READ:
            return _no("can only read resources of this type")
        if info.subresource:
            return _no("cannot read subresource")
        if not info.namespace:
            return _no("can only read namespaced object of this type")
        return self._related(node, info)

    def _get(self, node: str, info: RequestInfo) -> Decision:
        if info.verb != "get":
            return _no("can only get individual resources of this type")
        if info.subresource:
            return _no("cannot get subresource")
        return self._related(node, info)

    def _claim(self, node: str, info: RequestInfo) -> Decision:
        if info.subresource != "status":
            return self._get(node, info)
        if info.verb not in ("update", "patch"):
            return _no("can only get/update/patch this type")
        return self._related(node, info)

    def _service_account(self, node: str, info: RequestInfo) -> Decision:
        if info.verb == "get" and not info.subresource:
            return self._read(node, info)
        if info.verb != "create" or not info.name:
            return _no("can only create tokens for individual service accounts")
        if info.subresource != "token":
            return _no("can only create token subresource of serviceaccount")
        return self._related(node, info)

    def _lease(self, node: str, info: RequestInfo) -> Decision:
        if info.verb not in _OWN_VERBS:
            return _no("can only get, create, update, patch, or delete a node lease")
        if info.namespace != LEASE_NAMESPACE:
            return _no(f"can only access leases in the {quoted(LEASE_NAMESPACE)} system namespace")
        if info.verb != "create" and info.name != node:
            return _no("can only access node lease with the same name as the requesting node")
        return ALLOW

    def _csi_node(self, node: str, info: RequestInfo) -> Decision:
        if info.verb not in _OWN_VERBS:
            return _no("can only get, create, update, patch, or delete a CSINode")
        if info.subresource:
            return _no("cannot authorize CSINode subresources")
        if info.verb != "create" and info.name != node:
            return _no("can only access CSINode with the same name as the requesting node")
        return ALLOW

    def _slice(self, node: str, info: RequestInfo) -> Decision:
        if info.subresource:
            return _no("cannot authorize ResourceSlice subresources")
        if info.verb == "create":
            return ALLOW
        if info.verb in _OWN_VERBS:
            return self._related(node, info)
        if info.verb in ("list", "watch", "deletecollection"):
            if _selects(info, "spec.nodeName", node):
                return ALLOW
            return _no("can only list/watch/deletecollection resourceslices with nodeName field selector")
        verbs = "get, watch, list, create, update, patch, delete, deletecollection"
        return _no(f"only the following verbs are allowed for a ResourceSlice: {verbs}")

    def _node(self, node: str, info: RequestInfo) -> Decision:
        if info.subresource:
            return ALLOW if info.subresource == "status" and info.verb in ("update", "patch") else NO_OPINION
        if info.verb in ("create", "update", "patch"):
            return ALLOW
        if info.verb not in _READ:
            return NO_OPINION
        if info.name == node:
            return ALLOW
        what = f"'{info.name}'" if info.name else "all nodes"
        return _no(f"node '{node}' cannot read {what}, only its own Node object")

    def _pod(self, node: str, info: RequestInfo) -> Decision:
        if info.subresource:
            verbs = {"status": ("update", "patch"), "eviction": ("create",)}.get(info.subresource, ())
            return ALLOW if info.verb in verbs else NO_OPINION
        if info.verb == "get":
            return self._get(node, info)
        if info.verb in ("create", "delete"):
            return ALLOW
        if info.verb not in ("list", "watch"):
            return NO_OPINION
        if _selects(info, "spec.nodeName", node):
            return ALLOW
        if info.name:
            return self._related(node, info)
        return _no("can only list/watch pods with spec.nodeName field selector")
