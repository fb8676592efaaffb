"""What no row says of namespaces, services, secrets and other kinds that hold a cluster together."""

from __future__ import annotations

import uuid
from typing import Any

from cluster_shim.apiserver.custom.status import marked_for_deletion
from cluster_shim.apiserver.registry.services.type_change import drop_type_dependent_fields
from cluster_shim.apiserver.registry.strategies.strategy import Hooks, Object
from cluster_shim.apiserver.request import UserInfo

FINALIZER = "kubernetes"
NAME_LABEL = "kubernetes.io/metadata.name"


def _create_namespace(obj: Object, user: UserInfo, now: str) -> None:
    finalizers = obj.setdefault("spec", {}).setdefault("finalizers", [])
    if FINALIZER not in finalizers:
        finalizers.append(FINALIZER)
    metadata = obj["metadata"]  # a generated name was not there yet when defaults were set
    if name := metadata.get("name"):
        metadata["labels"] = {**(metadata.get("labels") or {}), NAME_LABEL: name}


def _update_namespace(new: Object, old: Object, now: str) -> None:
    new["spec"] = {key: value for key, value in (new.get("spec") or {}).items() if key != "finalizers"}
    if finalizers := (old.get("spec") or {}).get("finalizers"):
        new["spec"]["finalizers"] = finalizers


def _subresource_of_namespace(subresource: str, new: Object, old: Object, now: str) -> bool:
    if subresource != "finalize":
        return False
    new["status"] = old.get("status", {})
    return True


def _create_node(obj: Object, user: UserInfo, now: str) -> None:
    obj.get("spec", {}).pop("configSource", None)
    obj.get("status", {}).pop("config", None)


def _update_node(new: Object, old: Object, now: str) -> None:
    if "configSource" not in old.get("spec", {}):
        new.get("spec", {}).pop("configSource", None)


def _write_node(subresource: str, new: Object, old: Object, now: str) -> bool:
    if subresource == "status" and "config" not in old.get("status", {}):
        new.get("status", {}).pop("config", None)
    return False


def _create_lease(obj: Object, user: UserInfo, now: str) -> None:
    _update_lease(obj, {}, now)


def _update_lease(new: Object, old: Object, now: str) -> None:
    for name in ("strategy", "preferredHolder"):  # gate CoordinatedLeaderElection
        if name not in old.get("spec", {}):
            new.get("spec", {}).pop(name, None)


def _create_limit_range(obj: Object, user: UserInfo, now: str) -> None:
    if not obj["metadata"].get("name"):
        obj["metadata"]["name"] = str(uuid.uuid4())


def _update_secret(new: Object, old: Object, now: str) -> None:
    if not new.get("type") and "type" in old:
        new["type"] = old["type"]


def _clean_secrets(obj: Object) -> None:
    """Keep only the names of a service account's secrets: the other members of the reference mean nothing."""
    if secrets := obj.get("secrets"):
        obj["secrets"] = [{"name": each["name"]} if each.get("name") else {} for each in secrets]


def _create_service_account(obj: Object, user: UserInfo, now: str) -> None:
    _clean_secrets(obj)


def _update_service_account(new: Object, old: Object, now: str) -> None:
    _clean_secrets(new)


def _update_service(new: Object, old: Object, now: str) -> None:
    drop_type_dependent_fields(new, old)
    _drop_traffic_policy(new)


def _create_service(obj: Object, user: UserInfo, now: str) -> None:
    _drop_traffic_policy(obj)


def _drop_traffic_policy(service: Object) -> None:
    """Drop what no Service shows that is only a name for another."""
    if service["spec"].get("type") == "ExternalName":
        service["spec"].pop("internalTrafficPolicy", None)


def _drop_topology(new: Object, old: Object | None) -> None:
    """Drop the topology of v1beta1 from endpoints that change; a node name that was there becomes the field."""
    if old is not None and new.get("endpoints") == old.get("endpoints"):
        return
    known = {
        endpoint["deprecatedTopology"]["kubernetes.io/hostname"]
        for endpoint in (old or {}).get("endpoints") or ()
        if "kubernetes.io/hostname" in endpoint.get("deprecatedTopology", {})
    }
    for endpoint in new.get("endpoints") or ():
        topology = endpoint.pop("deprecatedTopology", {})
        node = topology.get("kubernetes.io/hostname")
        if "nodeName" not in endpoint and node in known:
            endpoint["nodeName"] = node


def _create_endpoint_slice(obj: Object, user: UserInfo, now: str) -> None:
    _drop_topology(obj, None)


def _update_endpoint_slice(new: Object, old: Object, now: str) -> None:
    _drop_topology(new, old)


def _stored_versions(obj: Object) -> None:
    """Add the version that is stored to those that were."""
    stored = next((each["name"] for each in obj["spec"].get("versions") or () if each.get("storage")), None)
    versions = list(obj["status"].get("storedVersions") or ())
    if stored is not None and stored not in versions:
        obj["status"] = {**obj["status"], "storedVersions": [*versions, stored]}


def _create_crd(obj: Object, user: UserInfo, now: str) -> None:
    _stored_versions(obj)


def _update_crd(new: Object, old: Object, now: str) -> None:
    _stored_versions(new)


def _create_api_service(obj: Object, user: UserInfo, now: str) -> None:
    if not obj.get("spec", {}).get("service"):
        condition: dict[str, Any] = {
            "type": "Available",
            "status": "True",
            "lastTransitionTime": now,
            "reason": "Local",
            "message": "Local APIServices are always available",
        }
        obj["status"] = {"conditions": [condition]}


def _create_hpa(obj: Object, user: UserInfo, now: str) -> None:
    old_version = obj.get("apiVersion") == "autoscaling/v1"
    zero = {"currentReplicas": 0} if old_version else {"currentMetrics": None}
    obj["status"] = {**zero, "desiredReplicas": 0}


HOOKS = {
    "namespace": Hooks(_create_namespace, _update_namespace, _subresource_of_namespace),
    "node": Hooks(_create_node, _update_node, _write_node),
    "lease": Hooks(_create_lease, _update_lease),
    "limit_range": Hooks(_create_limit_range),
    "secret": Hooks(update=_update_secret),
    "service": Hooks(_create_service, _update_service),
    "service_account": Hooks(_create_service_account, _update_service_account),
    "endpoint_slice": Hooks(_create_endpoint_slice, _update_endpoint_slice),
    "custom_resource_definition": Hooks(_create_crd, _update_crd, delete=marked_for_deletion),
    "api_service": Hooks(_create_api_service),
    "horizontal_pod_autoscaler": Hooks(_create_hpa),
}
