"""Binding: a pod gets its node. What a Binding may say, and what becomes of the pod.

Upstream: pkg/registry/core/pod/storage, BindingREST.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api import errors
from cluster_shim.api.fields import ROOT, FieldError, not_supported, required
from cluster_shim.apiserver.registry.conditions import pod_condition, with_condition

Object = dict[str, Any]
_TARGET = ROOT.child("target")


def problems(binding: Mapping[str, Any]) -> list[FieldError]:
    """Return what is wrong with a Binding."""
    target = binding.get("target") or {}
    found = []
    if target.get("kind", "") not in ("", "Node"):
        found.append(not_supported(_TARGET.child("kind"), target["kind"], ("Node", "<empty>")))
    if not target.get("name"):
        found.append(required(_TARGET.child("name")))
    return found


def bound(pod: Mapping[str, Any], binding: Mapping[str, Any], now: str) -> Object:
    """Return a pod with the node of a Binding, its annotations and its labels. Raises APIError 409."""
    name, spec = pod["metadata"]["name"], pod["spec"]
    if pod["metadata"].get("deletionTimestamp"):
        raise _conflict(name, f"pod {name} is being deleted, cannot be assigned to a host")
    if spec.get("nodeName"):
        raise _conflict(name, f'pod {name} is already assigned to node "{spec["nodeName"]}"')
    if spec.get("schedulingGates"):
        raise _conflict(name, f"pod {name} has non-empty .spec.schedulingGates")
    metadata = dict(pod["metadata"])
    for member in ("annotations", "labels"):
        if more := (binding.get("metadata") or {}).get(member):
            metadata[member] = {**(metadata.get(member) or {}), **more}
    status = {key: value for key, value in (pod.get("status") or {}).items() if key != "nominatedNodeName"}
    status["conditions"] = with_condition(status.get("conditions"), pod_condition("PodScheduled"), now)
    return {**pod, "metadata": metadata, "spec": {**spec, "nodeName": binding["target"]["name"]}, "status": status}


def _conflict(name: str, message: str) -> errors.APIError:
    return errors.conflict("pods/binding", name, message)
