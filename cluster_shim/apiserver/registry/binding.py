"""Binding: a pod gets its node. What a Binding may say, and what becomes of the pod.

Upstream: pkg/registry/core/pod/storage, BindingREST.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import msgspec

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


def bound_text(value: bytes, binding: Mapping[str, Any], now: str) -> bytes | None:
    """Return what `bound` makes of a stored pod, as it is stored; None if anything is out of the ordinary.

    Most of a pod stays as it is: it is copied and not read.
    """
    try:
        pod = _decode(value)
    except msgspec.ValidationError:
        return None
    wanted, metadata, spec = binding.get("metadata") or {}, pod.metadata, bytes(pod.spec)
    if spec == b"{}" or b'"nodeName"' in spec or b'"schedulingGates"' in spec or "deletionTimestamp" in metadata:
        return None
    if wanted.get("resourceVersion") or wanted.get("uid", "") not in ("", _read(metadata["uid"])):
        return None
    for member in ("annotations", "labels"):
        if more := wanted.get(member):
            there = _read(metadata[member]) if member in metadata else {}
            metadata[member] = msgspec.Raw(_encode({**there, **more}))
    status = pod.status
    status.pop("nominatedNodeName", None)
    status["conditions"] = with_condition(status.get("conditions"), pod_condition("PodScheduled"), now)
    pod.spec = msgspec.Raw(b'%b,"nodeName":%b}' % (spec[:-1], _encode(binding["target"]["name"])))
    return _encode(pod)


class _Waiting(msgspec.Struct, forbid_unknown_fields=True):
    """A stored pod, in the order in which it is stored."""

    kind: str
    apiVersion: str  # noqa: N815
    metadata: dict[str, msgspec.Raw]
    spec: msgspec.Raw
    status: Object


_decode = msgspec.json.Decoder(_Waiting).decode
_read = msgspec.json.Decoder().decode
_encode = msgspec.json.Encoder().encode


def _conflict(name: str, message: str) -> errors.APIError:
    return errors.conflict("pods/binding", name, message)
