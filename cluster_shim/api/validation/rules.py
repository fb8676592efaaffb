"""The rules of a kind, and where those of each kind are found.

A kind is a row of `_KINDS` and a `Rules` in the module that the row names, which is loaded when the kind is first used.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib import import_module

from cluster_shim.api.validation.checks import Errors, Object

Create = Callable[[Errors, Object], None]
Update = Callable[[Errors, Object, Object], None]


@dataclass(frozen=True)
class Rules:
    """What is checked of a kind: at creation, at an update, at an update through a subresource."""

    create: Create
    update: Update
    subresources: Mapping[str, Update] = field(default_factory=dict)
    has_metadata: bool = True
    """Whether `create` checks the metadata; if not, they are checked when nothing else is wrong."""


_KINDS: dict[tuple[str, str], str] = {
    ("", "Pod"): "core.kinds:POD",
    ("", "PodTemplate"): "core.kinds:POD_TEMPLATE",
    ("", "ReplicationController"): "core.kinds:REPLICATION_CONTROLLER",
    ("", "Service"): "core.kinds:SERVICE",
    ("", "Endpoints"): "core.kinds:ENDPOINTS",
    ("", "Namespace"): "core.kinds:NAMESPACE",
    ("", "Node"): "core.kinds:NODE",
    ("", "PersistentVolume"): "core.kinds:PERSISTENT_VOLUME",
    ("", "PersistentVolumeClaim"): "core.kinds:CLAIM",
    ("", "ConfigMap"): "core.kinds:CONFIG_MAP",
    ("", "Secret"): "core.kinds:SECRET",
    ("", "ServiceAccount"): "core.kinds:SERVICE_ACCOUNT",
    ("", "LimitRange"): "core.kinds:LIMIT_RANGE",
    ("", "ResourceQuota"): "core.kinds:QUOTA",
    ("", "Event"): "core.kinds:EVENT",
    ("events.k8s.io", "Event"): "core.kinds:NEWER_EVENT",
    ("apiextensions.k8s.io", "CustomResourceDefinition"): "apiextensions:DEFINITION",
    ("apps", "Deployment"): "apps.kinds:DEPLOYMENT",
    ("apps", "ReplicaSet"): "apps.kinds:REPLICA_SET",
    ("apps", "StatefulSet"): "apps.kinds:STATEFUL_SET",
    ("apps", "DaemonSet"): "apps.kinds:DAEMON_SET",
    ("apps", "ControllerRevision"): "apps.kinds:CONTROLLER_REVISION",
    ("batch", "Job"): "batch.kinds:JOB",
    ("batch", "CronJob"): "batch.kinds:CRON_JOB",
    ("autoscaling", "HorizontalPodAutoscaler"): "autoscaling:HORIZONTAL_POD_AUTOSCALER",
    ("policy", "PodDisruptionBudget"): "policy_v1:POD_DISRUPTION_BUDGET",
    ("scheduling.k8s.io", "PriorityClass"): "classes:PRIORITY_CLASS",
    ("node.k8s.io", "RuntimeClass"): "classes:RUNTIME_CLASS",
    ("coordination.k8s.io", "Lease"): "classes:LEASE",
    ("rbac.authorization.k8s.io", "Role"): "rbac:ROLE",
    ("rbac.authorization.k8s.io", "ClusterRole"): "rbac:CLUSTER_ROLE",
    ("rbac.authorization.k8s.io", "RoleBinding"): "rbac:ROLE_BINDING",
    ("rbac.authorization.k8s.io", "ClusterRoleBinding"): "rbac:CLUSTER_ROLE_BINDING",
    ("networking.k8s.io", "NetworkPolicy"): "networking.kinds:NETWORK_POLICY",
    ("networking.k8s.io", "Ingress"): "networking.kinds:INGRESS",
    ("networking.k8s.io", "IngressClass"): "networking.kinds:INGRESS_CLASS",
    ("networking.k8s.io", "IPAddress"): "networking.kinds:IP_ADDRESS",
    ("networking.k8s.io", "ServiceCIDR"): "networking.kinds:SERVICE_CIDR",
    ("discovery.k8s.io", "EndpointSlice"): "networking.kinds:ENDPOINT_SLICE",
    ("storage.k8s.io", "StorageClass"): "storage.kinds:STORAGE_CLASS",
    ("storage.k8s.io", "VolumeAttributesClass"): "storage.kinds:VOLUME_ATTRIBUTES_CLASS",
    ("storage.k8s.io", "VolumeAttachment"): "storage.kinds:VOLUME_ATTACHMENT",
    ("storage.k8s.io", "CSINode"): "storage.kinds:CSI_NODE",
    ("storage.k8s.io", "CSIDriver"): "storage.kinds:CSI_DRIVER",
    ("storage.k8s.io", "CSIStorageCapacity"): "storage.kinds:CSI_STORAGE_CAPACITY",
    ("certificates.k8s.io", "CertificateSigningRequest"): "certificates:REQUEST",
    ("apiregistration.k8s.io", "APIService"): "api_services:API_SERVICE",
    ("flowcontrol.apiserver.k8s.io", "FlowSchema"): "flow_control:FLOW_SCHEMA",
    ("flowcontrol.apiserver.k8s.io", "PriorityLevelConfiguration"): "flow_control:PRIORITY_LEVEL",
    ("admissionregistration.k8s.io", "ValidatingWebhookConfiguration"): "registration.webhooks:VALIDATING",
    ("admissionregistration.k8s.io", "MutatingWebhookConfiguration"): "registration.webhooks:MUTATING",
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicy"): "registration.policies:VALIDATING",
    ("admissionregistration.k8s.io", "ValidatingAdmissionPolicyBinding"): "registration.policies:VALIDATING_BINDING",
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): "registration.policies:MUTATING",
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): "registration.policies:MUTATING_BINDING",
    ("resource.k8s.io", "ResourceClaim"): "devices.claims:CLAIM",
    ("resource.k8s.io", "ResourceClaimTemplate"): "devices.claims:TEMPLATE",
    ("resource.k8s.io", "DeviceClass"): "devices.claims:CLASS",
    ("resource.k8s.io", "ResourceSlice"): "devices.slices:SLICE",
}


@cache
def rules_of(group: str, kind: str) -> Rules | None:
    """Return the rules of a kind; None if it has none."""
    row = _KINDS.get((group, kind))
    if row is None:
        return None
    module, _, name = row.partition(":")
    found = getattr(import_module(f"{__package__}.{module}"), name)
    assert isinstance(found, Rules)
    return found
