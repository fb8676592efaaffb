"""Fields that a field selector can name, kind by kind: a table of names and where they stand in an object."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from cluster_shim.api.errors import APIError, bad_request
from cluster_shim.api.fields import quoted
from cluster_shim.api.resources import Resource
from cluster_shim.api.selectors import FieldTerm

Extract = Callable[[Mapping[str, Any]], str]


def _at(*path: str, default: str = "") -> Extract:
    def extract(document: Mapping[str, Any]) -> str:
        value: Any = document
        for step in path:
            value = value.get(step) if isinstance(value, Mapping) else None
        if value is None:
            return default
        if isinstance(value, bool):
            return "true" if value else "false"
        return str(value)

    return extract


def _pod_ips(document: Mapping[str, Any]) -> str:
    return ",".join(each.get("ip", "") for each in document.get("status", {}).get("podIPs", ()))


def _pod_ip(document: Mapping[str, Any]) -> str:
    addresses = document.get("status", {}).get("podIPs", ())
    return str(addresses[0].get("ip", "")) if addresses else ""


def _event_source(document: Mapping[str, Any]) -> str:
    return str(document.get("source", {}).get("component") or document.get("reportingComponent", ""))


def _references(member: str, wire: str) -> dict[str, Extract]:
    names = ("kind", "namespace", "name", "uid", "apiVersion", "resourceVersion", "fieldPath")
    return {f"{wire}.{name}": _at(member, name) for name in names}


def _paths(*paths: str) -> dict[str, Extract]:
    return {path: _at(*path.split(".")) for path in paths}


FIELDS: dict[tuple[str, str], dict[str, Extract]] = {
    ("", "pods"): {
        **_paths(
            "spec.nodeName",
            "spec.restartPolicy",
            "spec.schedulerName",
            "spec.serviceAccountName",
            "status.phase",
            "status.nominatedNodeName",
        ),
        "spec.hostNetwork": _at("spec", "hostNetwork", default="false"),
        "status.podIP": _pod_ip,
        "status.podIPs": _pod_ips,
        "spec.host": _at("spec", "nodeName"),
    },
    ("", "nodes"): {"spec.unschedulable": _at("spec", "unschedulable", default="false")},
    ("", "namespaces"): _paths("status.phase"),
    ("", "secrets"): _paths("type"),
    ("", "services"): _paths("spec.clusterIP", "spec.type"),
    ("", "replicationcontrollers"): {"status.replicas": _at("status", "replicas", default="0")},
    ("batch", "jobs"): {"status.successful": _at("status", "succeeded", default="0")},
    ("", "events"): {
        **_references("involvedObject", "involvedObject"),
        **_paths("reason", "reportingComponent", "type"),
        "source": _event_source,
    },
    ("events.k8s.io", "events"): {
        **_references("involvedObject", "regarding"),
        **_paths("reason", "type"),
        "reportingController": _at("reportingComponent"),
    },
    ("certificates.k8s.io", "certificatesigningrequests"): _paths("spec.signerName"),
    ("resource.k8s.io", "resourceslices"): _paths("spec.nodeName", "spec.driver"),
}


def extractors(resource: Resource) -> Mapping[str, Extract]:
    """Return which fields a selector may name, with the functions that read them from a stored object."""
    found: dict[str, Extract] = {"metadata.name": _at("metadata", "name")}
    if resource.namespaced or (resource.group, resource.name) not in FIELDS:
        found["metadata.namespace"] = _at("metadata", "namespace")
    if resource.custom is not None:
        for path in resource.custom.selectable_fields:
            found[path] = _at(*path.split("."))
        return found
    return {**found, **FIELDS.get((resource.group, resource.name), {})}


def check(resource: Resource, terms: Sequence[FieldTerm]) -> None:
    """Refuse a selector that names another field. Raises APIError 400."""
    if not terms:
        return
    known = extractors(resource)
    for term in terms:
        if term.field not in known:
            raise _unknown(resource, term.field)


def _unknown(resource: Resource, field: str) -> APIError:
    if resource.name == "jobs":
        return bad_request(f"field label {quoted(field)} not supported for Job")
    if resource.name == "resourceslices":
        return bad_request(f"field label not supported for {resource.api_version}, Kind=ResourceSlice: {field}")
    if (resource.group, resource.name) in FIELDS or resource.custom is not None:
        return bad_request(f"field label not supported: {field}")
    supported = '"metadata.name", "metadata.namespace"'
    return bad_request(f"{quoted(field)} is not a known field selector: only {supported}")
