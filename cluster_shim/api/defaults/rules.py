"""Rules: defaults that depend on other fields, by type. Each changes an object in place.

Those in BEFORE run before the defaults of what the object contains (upstream: SetDefaults functions of the versioned
packages), those in AFTER when everything else is there (upstream: the conversions to the internal form and back).
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Callable
from datetime import UTC, datetime
from fractions import Fraction
from math import ceil
from typing import Any

from cluster_shim.api import quantity, times
from cluster_shim.api.conversion.autoscalers import without_annotations
from cluster_shim.api.defaults import pods, services, workloads
from cluster_shim.api.remembered import remembered

Rule = Callable[[dict[str, Any]], None]

_RBAC = "rbac.authorization.k8s.io"


def resource_list(resources: dict[str, str]) -> None:
    """Round quantities up to thousandths."""
    for name, text in resources.items():
        resources[name] = _in_thousandths(text)


@remembered(4096)
def _in_thousandths(text: str) -> str:
    parsed = quantity.parse(text)
    if parsed.exponent >= -3:
        return text
    thousandths = ceil(abs(parsed.amount) * 1000)
    return quantity.written(Fraction(-thousandths if parsed.mantissa < 0 else thousandths, 1000), parsed.format)


def _namespace(obj: dict[str, Any]) -> None:
    name = obj.get("metadata", {}).get("name")
    if name:
        obj["metadata"].setdefault("labels", {})["kubernetes.io/metadata.name"] = name


def _node_status(status: dict[str, Any]) -> None:
    if "allocatable" not in status and "capacity" in status:
        status["allocatable"] = dict(status["capacity"])


def _node_spec(spec: dict[str, Any]) -> None:
    cidr = spec.get("podCIDR")
    if cidr and spec.get("podCIDRs", [""])[0] != cidr:
        spec["podCIDRs"] = [cidr]
    elif spec.get("podCIDRs"):
        spec["podCIDR"] = spec["podCIDRs"][0]


def _secret(obj: dict[str, Any]) -> None:
    texts = obj.pop("stringData", None)
    if texts:
        obj.setdefault("data", {}).update((key, b64encode(text.encode()).decode()) for key, text in texts.items())


def _limit_range_item(item: dict[str, Any]) -> None:
    if item.get("type") != "Container":
        return
    default = item.get("max", {}) | item.get("default", {})
    request = item.get("min", {}) | default | item.get("defaultRequest", {})
    for name, value in (("default", default), ("defaultRequest", request)):
        if value:
            item[name] = value


def _subject(subject: dict[str, Any]) -> None:
    if not subject.get("apiGroup") and subject.get("kind") in ("User", "Group"):
        subject["apiGroup"] = _RBAC


def _network_policy_spec(spec: dict[str, Any]) -> None:
    if not spec.get("policyTypes"):
        spec["policyTypes"] = ["Ingress", "Egress"] if spec.get("egress") else ["Ingress"]


def _device_request(request: dict[str, Any]) -> None:
    if request.get("allocationMode") in (None, "ExactCount") and not request.get("count"):
        request["count"] = 1


def _device_taint(taint: dict[str, Any]) -> None:
    taint.setdefault("timeAdded", times.written_time(datetime.now(UTC)))


def _node_allocatable_mapping(mapping: dict[str, Any]) -> None:
    mapping.setdefault("allocationMultiplier", "1")


def _custom_resource_definition(obj: dict[str, Any]) -> None:
    spec = obj["spec"]
    names = spec["names"]
    kind = names.get("kind", "")
    if not names.get("singular") and kind:
        names["singular"] = kind.lower()
    if not names.get("listKind") and kind:
        names["listKind"] = f"{kind}List"
    spec.setdefault("conversion", {"strategy": "None"})
    if not obj["status"].get("storedVersions"):
        stored = [each["name"] for each in spec.get("versions") or () if each.get("storage")][:1]
        if stored:
            obj["status"]["storedVersions"] = stored


BEFORE: dict[str, Rule] = {
    "apiextensions/v1.CustomResourceDefinition": _custom_resource_definition,
    "apps/v1.DaemonSetSpec": workloads.daemon_set_spec,
    "apps/v1.DeploymentSpec": workloads.deployment_spec,
    "apps/v1.StatefulSetSpec": workloads.stateful_set_spec,
    "autoscaling/v2.HorizontalPodAutoscalerSpec": workloads.horizontal_pod_autoscaler_spec,
    "batch/v1.Job": workloads.job,
    "core/v1.Container": pods.container,
    "core/v1.EphemeralContainer": pods.container,
    "core/v1.LimitRangeItem": _limit_range_item,
    "core/v1.Namespace": _namespace,
    "core/v1.NodeStatus": _node_status,
    "core/v1.Pod": pods.pod,
    "core/v1.ReplicationController": workloads.replication_controller,
    "core/v1.Service": services.service,
    "core/v1.Volume": pods.volume,
    "networking/v1.NetworkPolicySpec": _network_policy_spec,
    "rbac/v1.Subject": _subject,
    "resource/v1.DeviceSubRequest": _device_request,
    "resource/v1.DeviceTaint": _device_taint,
    "resource/v1.ExactDeviceRequest": _device_request,
    "resource/v1.NodeAllocatableResourceMapping": _node_allocatable_mapping,
}


def _horizontal_pod_autoscaler(obj: dict[str, Any]) -> None:
    obj["metadata"] = without_annotations(obj["metadata"])


AFTER: dict[str, Rule] = {
    "apps/v1.StatefulSetSpec": workloads.volume_claim_templates,
    "autoscaling/v2.HorizontalPodAutoscaler": _horizontal_pod_autoscaler,
    "core/v1.NodeSpec": _node_spec,
    "core/v1.Pod": pods.stored_pod,
    "core/v1.PodSpec": pods.pod_spec,
    "core/v1.PodStatus": pods.pod_status,
    "core/v1.PodTemplateSpec": pods.without_old_annotations,
    "core/v1.Secret": _secret,
}
