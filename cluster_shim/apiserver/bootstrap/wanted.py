"""The objects that every cluster has, as the tables say, complete but for what a create adds."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from cluster_shim.api.resources import Catalogue

Object = dict[str, Any]

RBAC_GROUP = "rbac.authorization.k8s.io"
RBAC_LABEL = {"kubernetes.io/bootstrapping": "rbac-defaults"}
RBAC_ANNOTATION = {"rbac.authorization.kubernetes.io/autoupdate": "true"}
FLOW_GROUP = "flowcontrol.apiserver.k8s.io"
FLOW_ANNOTATION = {"apf.kubernetes.io/autoupdate-spec": "true"}
API_SERVICE_GROUP = "apiregistration.k8s.io"
MANAGED_LABEL = "kube-aggregator.kubernetes.io/automanaged"

_RESOURCES = {
    "ClusterRole": "clusterroles",
    "ClusterRoleBinding": "clusterrolebindings",
    "Role": "roles",
    "RoleBinding": "rolebindings",
    "FlowSchema": "flowschemas",
    "PriorityLevelConfiguration": "prioritylevelconfigurations",
}
_CUSTOM_PRIORITIES = 1000, 100
"""Of the groups of custom resources: group, version."""


class Wanted(NamedTuple):
    """One object that has to be there."""

    group: str
    resource: str
    object: Object
    mandatory: bool = False
    """Brought back to what it should be although someone has said that it should not."""


@cache
def table(name: str) -> list[dict[str, Any]]:
    """Return the rows of a table; they must not be changed."""
    rows: list[dict[str, Any]] = msgspec.json.decode((files(__package__) / "tables" / f"{name}.json").read_bytes())
    return rows


def basics() -> Iterator[Wanted]:
    """Yield namespaces and priority classes."""
    for row in table("objects"):
        yield Wanted(row.get("group", ""), row["resource"], row["object"])


def rbac() -> Iterator[Wanted]:
    """Yield the default roles and bindings."""
    for row in table("rbac"):
        metadata = {"name": row["name"]}
        if "namespace" in row:
            metadata["namespace"] = row["namespace"]
        rest: Object = {key: row[key] for key in ("rules", "aggregationRule", "subjects", "roleRef") if key in row}
        labels = RBAC_LABEL | row.get("labels", {})
        yield Wanted(
            RBAC_GROUP, _RESOURCES[row["kind"]], _object(RBAC_GROUP, row, metadata, labels, RBAC_ANNOTATION, rest)
        )


def flow_control() -> Iterator[Wanted]:
    """Yield the flow schemas and priority levels of API priority and fairness."""
    for row in table("flow_control"):
        rest: Object = {"spec": row["spec"], "status": {}}
        obj = _object(FLOW_GROUP, row, {"name": row["name"], "generation": 1}, {}, FLOW_ANNOTATION, rest)
        yield Wanted(FLOW_GROUP, _RESOURCES[row["kind"]], obj, row.get("mandatory", False))


def api_services(catalogue: Catalogue, now: str) -> Iterator[Wanted]:
    """Yield an APIService for each version of a group that the server has; `now` is a time of the API."""
    priorities = {
        (row["group"], row["version"]): (row["groupPriorityMinimum"], row["versionPriority"])
        for row in table("api_services")
    }
    custom = {(each.group, each.version) for each in catalogue if each.custom is not None}
    for group in catalogue.groups():
        for version in group.versions:
            key = (group.name, version)
            if key in priorities:
                yield _api_service(*key, *priorities[key], "onstart", now)
            elif key in custom:
                yield _api_service(*key, *_CUSTOM_PRIORITIES, "true", now)


def _api_service(group: str, version: str, group_priority: int, priority: int, managed: str, now: str) -> Wanted:
    spec: Object = {"group": group} if group else {}
    spec |= {"version": version, "groupPriorityMinimum": group_priority, "versionPriority": priority}
    condition = {
        "type": "Available",
        "status": "True",
        "lastTransitionTime": now,
        "reason": "Local",
        "message": "Local APIServices are always available",
    }
    obj = {
        "apiVersion": f"{API_SERVICE_GROUP}/v1",
        "kind": "APIService",
        "metadata": {"name": f"{version}.{group}", "labels": {MANAGED_LABEL: managed}},
        "spec": spec,
        "status": {"conditions": [condition]},
    }
    return Wanted(API_SERVICE_GROUP, "apiservices", obj)


def _object(
    group: str,
    row: Mapping[str, Any],
    metadata: Mapping[str, Any],
    labels: Mapping[str, str],
    annotations: Mapping[str, str],
    rest: Object,
) -> Object:
    more: Object = {"labels": dict(labels)} if labels else {}
    more["annotations"] = dict(annotations)
    return {"apiVersion": f"{group}/v1", "kind": row["kind"], "metadata": {**metadata, **more}, **rest}


def names(wanted: Iterable[Wanted]) -> set[tuple[str, str]]:
    """Return resources and names, for whoever looks what is there but not wanted."""
    return {(each.resource, each.object["metadata"]["name"]) for each in wanted}
