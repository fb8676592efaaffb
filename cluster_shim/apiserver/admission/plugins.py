"""All plugins in upstream's order, and which of them are on."""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable
from dataclasses import dataclass, field

from cluster_shim.apiserver.admission.certificates import (
    CertificateApproval,
    CertificateSigning,
    CertificateSubjectRestriction,
)
from cluster_shim.apiserver.admission.chain import AdmissionChain
from cluster_shim.apiserver.admission.default_class import DefaultIngressClass, DefaultStorageClass
from cluster_shim.apiserver.admission.default_toleration_seconds import DefaultTolerationSeconds
from cluster_shim.apiserver.admission.limit_ranger import LimitRanger
from cluster_shim.apiserver.admission.namespace_lifecycle import NamespaceLifecycle
from cluster_shim.apiserver.admission.node_restriction import NodeRestriction
from cluster_shim.apiserver.admission.plugin import AdmissionPlugin, Authorizer
from cluster_shim.apiserver.admission.pod_placement import PodResizeValidator, PodTopologyLabels
from cluster_shim.apiserver.admission.pod_security import PodSecurity
from cluster_shim.apiserver.admission.priority import Priority
from cluster_shim.apiserver.admission.resource_quota import ResourceQuota
from cluster_shim.apiserver.admission.runtime_class import RuntimeClass
from cluster_shim.apiserver.admission.service_account import ServiceAccount
from cluster_shim.apiserver.admission.storage import PersistentVolumeClaimResize, StorageObjectInUseProtection
from cluster_shim.apiserver.admission.taint_nodes import TaintNodesByCondition
from cluster_shim.apiserver.registry.own import Objects


@dataclass(frozen=True, slots=True)
class Environment:
    """What plugins are made with."""

    objects: Objects
    authorizer: Authorizer
    more: dict[str, AdmissionPlugin] = field(default_factory=dict)
    """Plugins that are made elsewhere, by their names: policies and webhooks."""


Make = Callable[[Environment], AdmissionPlugin]

# In the order in which they see a write. None: made elsewhere.
ORDER: tuple[tuple[str, Make | None], ...] = (
    ("NamespaceLifecycle", lambda having: NamespaceLifecycle(having.objects)),
    ("LimitRanger", lambda having: LimitRanger(having.objects)),
    ("ServiceAccount", lambda having: ServiceAccount(having.objects)),
    ("NodeRestriction", lambda having: NodeRestriction(having.objects, having.authorizer)),
    ("TaintNodesByCondition", lambda having: TaintNodesByCondition()),
    ("PodSecurity", lambda having: PodSecurity(having.objects)),
    ("Priority", lambda having: Priority(having.objects)),
    ("DefaultTolerationSeconds", lambda having: DefaultTolerationSeconds()),
    ("DefaultStorageClass", lambda having: DefaultStorageClass(having.objects)),
    ("StorageObjectInUseProtection", lambda having: StorageObjectInUseProtection()),
    ("PersistentVolumeClaimResize", lambda having: PersistentVolumeClaimResize(having.objects)),
    ("RuntimeClass", lambda having: RuntimeClass(having.objects)),
    ("CertificateApproval", lambda having: CertificateApproval(having.authorizer)),
    ("CertificateSigning", lambda having: CertificateSigning(having.authorizer)),
    ("CertificateSubjectRestriction", lambda having: CertificateSubjectRestriction()),
    ("DefaultIngressClass", lambda having: DefaultIngressClass(having.objects)),
    ("PodTopologyLabels", lambda having: PodTopologyLabels(having.objects)),
    ("PodResizeValidator", lambda having: PodResizeValidator(having.objects)),
    ("MutatingAdmissionPolicy", None),
    ("MutatingAdmissionWebhook", None),
    ("ValidatingAdmissionPolicy", None),
    ("ValidatingAdmissionWebhook", None),
    ("ResourceQuota", lambda having: ResourceQuota(having.objects)),
)
OFF_BY_DEFAULT = frozenset({"NodeRestriction"})


def names() -> list[str]:
    """Return the names of all plugins, as flags have them."""
    return [name for name, _ in ORDER]


def unknown(asked: Iterable[str]) -> list[str]:
    """Return the names that are no plugin's."""
    return [name for name in asked if name not in names()]


def build_chain(having: Environment, enable: Collection[str] = (), disable: Collection[str] = ()) -> AdmissionChain:
    """Return the plugins that are on, in their order."""
    on = [(name, make) for name, make in ORDER if name in enable or name not in OFF_BY_DEFAULT]
    chosen = [(name, make) for name, make in on if name not in disable]
    made = (having.more.get(name) if make is None else make(having) for name, make in chosen)
    return AdmissionChain([plugin for plugin in made if plugin is not None])
