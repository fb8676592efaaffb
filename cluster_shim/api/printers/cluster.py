"""Rows of what a cluster consists of besides workloads: nodes, namespaces, events, configuration, leases, classes."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cluster_shim.api.printers.cells import (
    AGED_NAME,
    NONE,
    Cell,
    Row,
    at,
    condition,
    count,
    find,
    first,
    name,
    row,
)
from cluster_shim.api.printers.durations import UNKNOWN, Json, age, since

ROLE_PREFIX = "node-role.kubernetes.io/"
ROLE_LABEL = "kubernetes.io/role"


def node_status(node: Json, _now: float) -> str:
    """Return whether a node is ready, and whether pods may be placed on it."""
    conditions: list[Json] = find(node, "status", "conditions") or []
    ready = first((each.get("status") for each in reversed(conditions) if each.get("type") == "Ready"), None)
    status = "Unknown" if ready is None else "Ready" if ready == "True" else "NotReady"
    return f"{status},SchedulingDisabled" if find(node, "spec", "unschedulable") else status


def node_roles(node: Json, _now: float) -> str:
    """Return the roles of a node, of both kinds of labels."""
    found: dict[str, str] = find(node, "metadata", "labels") or {}
    roles = {key.removeprefix(ROLE_PREFIX) for key in found if key.startswith(ROLE_PREFIX)} | {
        found.get(ROLE_LABEL, "")
    }
    return ",".join(sorted(roles - {""})) or NONE


def node_address(kind: str) -> Cell:
    """Return the cell of a node's first address of a type."""
    return lambda node, _now: first(
        (each.get("address", "") for each in find(node, "status", "addresses") or () if each.get("type") == kind), NONE
    )


def node_info(member: str) -> Cell:
    """Return the cell of a text that the kubelet told."""
    return lambda node, _now: find(node, "status", "nodeInfo", member) or UNKNOWN


def node_kernel(node: Json, _now: float) -> str:
    """Return a node's kernel and architecture."""
    architecture = find(node, "status", "nodeInfo", "architecture")
    kernel = find(node, "status", "nodeInfo", "kernelVersion") or UNKNOWN
    return f"{kernel} ({architecture})" if architecture else str(kernel)


def event_row(event: Json, now: float) -> list[Any]:
    """Return the cells of an event, in the form of either group (core or events.k8s.io)."""
    seen_first = since(_either(event, "firstTimestamp", "deprecatedFirstTimestamp") or event.get("eventTime"), now)
    last = _either(event, "lastTimestamp", "deprecatedLastTimestamp")
    seen_last = since(last, now) if last else seen_first
    times = _either(event, "count", "deprecatedCount") or 1
    if (series := event.get("series")) is not None:
        seen_last, times = since(series.get("lastObservedTime"), now), series.get("count", 0)
    regarding: Json = _either(event, "involvedObject", "regarding") or {}
    kind = regarding.get("kind", "").lower()
    return [
        seen_last,
        event.get("type", ""),
        event.get("reason", ""),
        f"{kind}/{regarding['name']}" if regarding.get("name") else kind,
        regarding.get("fieldPath", ""),
        _event_source(event),
        (_either(event, "message", "note") or "").strip(),
        seen_first,
        times,
        name(event, now),
    ]


def _either(event: Json, old: str, new: str) -> Any:
    return event.get(old) or event.get(new)


def _event_source(event: Json) -> str:
    source: Json = _either(event, "source", "deprecatedSource") or {}
    component = source.get("component") or _either(event, "reportingComponent", "reportingController") or ""
    instance = source.get("host") or event.get("reportingInstance")
    return f"{component}, {instance}" if instance else component


def quota(limits: bool) -> Cell:
    """Return the cell of a quota's requests or limits: ``pods: 1/10, cpu: 0/4``."""

    def cell(obj: Json, _now: float) -> str:
        hard: dict[str, str] = find(obj, "status", "hard") or {}
        used: dict[str, str] = find(obj, "status", "used") or {}
        shown = (key for key in sorted(hard) if key.startswith("limits.") == limits)
        return ", ".join(f"{key}: {used.get(key, '0')}/{hard[key]}" for key in shown)

    return cell


def component_row(component: Json, now: float) -> list[Any]:
    """Return the cells of a ComponentStatus: Name, Status, Message, Error."""
    conditions: list[Json] = component.get("conditions") or []
    healthy = first((each for each in conditions if each.get("type") == "Healthy"), None)
    if healthy is None:
        return [name(component, now), "Unknown", "", ""]
    status = "Healthy" if healthy.get("status") == "True" else "Unhealthy"
    return [name(component, now), status, healthy.get("message", ""), healthy.get("error", "")]


def api_service(service: Json, _now: float) -> str:
    """Return where a group and version is served."""
    found: Json | None = find(service, "spec", "service")
    return "Local" if found is None else f"{found.get('namespace', '')}/{found.get('name', '')}"


def api_available(service: Json, _now: float) -> str:
    """Return whether a group and version is served, and if not, why."""
    available = condition(service, "Available")
    status = available.get("status", "Unknown")
    return f"{status} ({available['reason']})" if status != "True" and available.get("reason") else str(status)


def dangling(schema: Json, _now: float) -> str:
    """Return whether a FlowSchema's priority level is missing."""
    return str(condition(schema, "Dangling").get("status", "?"))


def limited(*path: str) -> Cell:
    """Return the cell of a number of a limited priority level."""
    return lambda level, _now: _limited(level, path)


def _limited(level: Json, path: tuple[str, ...]) -> Any:
    spec: Json = level.get("spec") or {}
    if (part := spec.get("limited")) is None or (part := find(part, *path[:-1]) if path[:-1] else part) is None:
        return NONE
    return part.get(path[-1], 0)


def precedence(schema: Json) -> tuple[int, str]:
    """Return the key by which FlowSchemas are sorted: in this order the server tries them."""
    return find(schema, "spec", "matchingPrecedence") or 0, name(schema, 0)


ORDERS: dict[tuple[str, str], Callable[[Json], Any]] = {("flowcontrol.apiserver.k8s.io", "FlowSchema"): precedence}
"""Kinds whose rows do not stand in the order of the list."""

QUEUING = ("limitResponse", "queuing")

ROWS: dict[tuple[str, str], Row] = {
    ("", "Node"): row(
        name,
        node_status,
        node_roles,
        age,
        at("status", "nodeInfo", "kubeletVersion"),
        node_address("InternalIP"),
        node_address("ExternalIP"),
        node_info("osImage"),
        node_kernel,
        node_info("containerRuntimeVersion"),
    ),
    ("", "Namespace"): row(name, at("status", "phase"), age),
    ("", "Event"): event_row,
    ("events.k8s.io", "Event"): event_row,
    ("", "ConfigMap"): row(name, lambda obj, _now: len(obj.get("data") or ()) + len(obj.get("binaryData") or ()), age),
    ("", "Secret"): row(name, at("type"), count("data"), age),
    ("", "ServiceAccount"): row(*AGED_NAME),
    ("", "ResourceQuota"): row(name, quota(limits=False), quota(limits=True), age),
    ("", "ComponentStatus"): component_row,
    ("coordination.k8s.io", "Lease"): row(name, at("spec", "holderIdentity"), age),
    ("node.k8s.io", "RuntimeClass"): row(name, at("handler"), age),
    ("scheduling.k8s.io", "PriorityClass"): row(
        name, at("value", default=0), at("globalDefault", default=False), age, at("preemptionPolicy")
    ),
    ("apiregistration.k8s.io", "APIService"): row(name, api_service, api_available, age),
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): row(
        name,
        at("spec", "priorityLevelConfiguration", "name"),
        at("spec", "matchingPrecedence", default=0),
        at("spec", "distinguisherMethod", "type", default=NONE),
        age,
        dangling,
    ),
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): row(
        name,
        at("spec", "type"),
        limited("nominalConcurrencyShares"),
        limited(*QUEUING, "queues"),
        limited(*QUEUING, "handSize"),
        limited(*QUEUING, "queueLengthLimit"),
        age,
    ),
}
