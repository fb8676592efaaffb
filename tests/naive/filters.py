"""PreFilter and Filter of the plugins.

Does not know the order of the plugins nor what comes after; see `cycle.py`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from .nodes import NodeState, host_ports
from .requests import is_counted, is_extended, is_scalar, pod_requests, whole
from .selectors import labels_of, term_matches, tolerates

Json = dict[str, Any]


@dataclass(frozen=True)
class Rejection:
    """A node (or in PreFilter the pod) was rejected."""

    plugin: str
    reasons: tuple[str, ...]
    unresolvable: bool


class CycleError(Exception):
    """The attempt ends with an error of this text."""


def needs_filter(plugin: str, pod: Json, args: Json) -> bool:
    """Say what PreFilter says: False where it skips the plugin's Filter for this pod."""
    if plugin == "NodeAffinity":
        return bool(pod["spec"].get("nodeSelector")) or required_affinity(pod) is not None or bool(_enforced(args))
    if plugin == "NodePorts":
        return bool(host_ports(pod))
    if plugin == "NodeDeclaredFeatures":
        return bool(required_features(pod))
    return True


def node_names(pod: Json) -> set[str] | None:
    """Return the only nodes that required node affinity leaves, None for no such limit."""
    terms = (required_affinity(pod) or {}).get("nodeSelectorTerms") or []
    names: set[str] = set()
    for term in terms:
        lists = [
            set(one["values"])
            for one in term.get("matchFields") or []
            if one["key"] == "metadata.name" and one["operator"] == "In"
        ]
        if not lists:
            return None
        names |= set.intersection(*lists)
    return names if terms else None


def required_affinity(pod: Json) -> Json | None:
    """Return the required node affinity of a pod."""
    node_affinity = (pod["spec"].get("affinity") or {}).get("nodeAffinity") or {}
    required: Json | None = node_affinity.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required


def required_features(pod: Json) -> set[str]:
    """Return the features that a node must have declared to run this pod."""
    spec, features = pod["spec"], set()
    containers = [*spec["containers"], *(spec.get("initContainers") or [])]
    rules = [rule for container in containers for rule in container.get("restartPolicyRules") or []]
    if any(rule["action"] == "RestartAllContainers" for rule in rules):
        features.add("RestartAllContainersOnContainerExits")
    if spec.get("hostNetwork") and spec.get("hostUsers") is False:
        features.add("UserNamespacesHostNetworkSupport")
    return features


def filter_node(plugin: str, pod: Json, node: NodeState, args: Json) -> Rejection | None:
    """Run the Filter of one plugin on one node; None if the node passes (or the plugin has nothing to say here)."""
    if plugin == "NodeUnschedulable":
        taint = {"key": "node.kubernetes.io/unschedulable", "effect": "NoSchedule"}
        if node.node.get("spec", {}).get("unschedulable") and not _tolerated(pod, taint):
            return Rejection(plugin, ("node(s) were unschedulable",), True)
    elif plugin == "NodeName":
        if pod["spec"].get("nodeName") not in (None, "", node.name):
            return Rejection(plugin, ("node(s) didn't match the requested node name",), True)
    elif plugin == "TaintToleration":
        for taint in node.node.get("spec", {}).get("taints") or []:
            if taint["effect"] in ("NoSchedule", "NoExecute") and not _tolerated(pod, taint):
                return Rejection(plugin, ("node(s) had untolerated taint(s)",), True)
    elif plugin == "NodeAffinity":
        return _filter_affinity(pod, node, args)
    elif plugin == "NodePorts":
        if any(_conflicts(wanted, used) for wanted in host_ports(pod) for used in node.used_ports()):
            return Rejection(plugin, ("node(s) didn't have free ports for the requested pod ports",), False)
    elif plugin == "NodeResourcesFit":
        return _filter_resources(pod, node, args)
    elif plugin == "NodeDeclaredFeatures":
        declared = set((node.node.get("status") or {}).get("declaredFeatures") or [])
        if not required_features(pod) <= declared:
            return Rejection(plugin, ("node(s) didn't match Pod's required features",), True)
    return None


def _tolerated(pod: Json, taint: Json) -> bool:
    return any(tolerates(toleration, taint) for toleration in pod["spec"].get("tolerations") or [])


def _enforced(args: Json) -> Json | None:
    added = args.get("addedAffinity") or {}
    required: Json | None = added.get("requiredDuringSchedulingIgnoredDuringExecution")
    return required


def _filter_affinity(pod: Json, node: NodeState, args: Json) -> Rejection | None:
    enforced, required = _enforced(args), required_affinity(pod)
    if enforced is not None and not _any_term(enforced, node):
        return Rejection("NodeAffinity", ("node(s) didn't match scheduler-enforced node affinity",), True)
    labels = labels_of(node.node)
    selected = all(labels.get(key) == value for key, value in (pod["spec"].get("nodeSelector") or {}).items())
    if not selected or (required is not None and not _any_term(required, node)):
        return Rejection("NodeAffinity", ("node(s) didn't match Pod's node affinity/selector",), True)
    return None


def _any_term(selector: Json, node: NodeState) -> bool:
    return any(term_matches(term, node.node) for term in selector.get("nodeSelectorTerms") or [])


def _conflicts(wanted: Any, used: Any) -> bool:
    if (wanted.protocol, wanted.port) != (used.protocol, used.port):
        return False
    return wanted.ip == used.ip or "0.0.0.0" in (wanted.ip, used.ip)


def _filter_resources(pod: Json, node: NodeState, args: Json) -> Rejection | None:
    reasons, unresolvable = [], False
    if len(node.pods) + 1 > node.allocatable("pods"):
        reasons.append("Too many pods")
    for name, exact in pod_requests(pod, use_status=False).items():
        request = whole(name, exact)
        if not is_counted(name) or request <= 0 or _is_ignored(name, args):
            continue
        if request > node.allocatable(name) - node.requested(name):
            reasons.append(f"Insufficient {name}")
            unresolvable = unresolvable or request > node.allocatable(name)
    return Rejection("NodeResourcesFit", tuple(reasons), unresolvable) if reasons else None


def _is_ignored(name: str, args: Json) -> bool:
    if not is_scalar(name) or not is_extended(name):
        return False
    return name in (args.get("ignoredResources") or []) or name.split("/")[0] in (
        args.get("ignoredResourceGroups") or []
    )
