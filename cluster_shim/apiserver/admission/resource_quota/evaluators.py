"""Evaluators: what an object uses, by the names that quotas have for it; one for each kind that has more than a number.

Upstream: pkg/quota/v1/evaluator/core, apiserver/pkg/quota/v1/generic.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol

from cluster_shim.api.amounts import NANO, Amount, count
from cluster_shim.api.times import LONGEST_SECONDS
from cluster_shim.apiserver.admission.plugin import CREATE, UPDATE, Attributes
from cluster_shim.apiserver.admission.pod_resources import Amounts, add, amounts_of, pod_total
from cluster_shim.apiserver.admission.resource_quota.scopes import ScopeSelector, matches_claim, matches_pod

Object = Mapping[str, Any]

_POD_NAMES = frozenset(
    {"count/pods", "cpu", "memory", "ephemeral-storage", "pods"}
    | {f"{kind}.{name}" for kind in ("requests", "limits") for name in ("cpu", "memory", "ephemeral-storage")}
)
_REQUIRED = frozenset(
    {"cpu", "memory"} | {f"{kind}.{name}" for kind in ("requests", "limits") for name in ("cpu", "memory")}
)
_SERVICE_NAMES = frozenset({"count/services", "services", "services.nodeports", "services.loadbalancers"})
_CLAIM_NAMES = ("persistentvolumeclaims", "requests.storage")
_BY_CLASS = ".storageclass.storage.k8s.io/"
_BY_DEVICE_CLASS = ".deviceclass.resource.k8s.io/devices"
_ALIASES = {
    ("", "configmaps"): "configmaps",
    ("", "resourcequotas"): "resourcequotas",
    ("", "replicationcontrollers"): "replicationcontrollers",
    ("", "secrets"): "secrets",
}


class Evaluator(Protocol):
    """What quotas know of the objects of one resource."""

    def handles(self, attributes: Attributes) -> bool:
        """Tell whether a write can change what is used."""

    def matching(self, names: Iterable[str]) -> list[str]:
        """Return which names of a quota count these objects."""

    def in_scope(self, selector: ScopeSelector, obj: Object) -> bool:
        """Tell whether an object is in a scope."""

    def missing(self, names: Sequence[str], obj: Object) -> str:
        """Return what an object must say to be counted and does not; an empty text if nothing."""

    def usage(self, obj: Object) -> Amounts:
        """Return what an object uses."""


class CountEvaluator:
    """Objects that are only counted."""

    def __init__(self, group: str, resource: str) -> None:
        name = f"count/{resource}.{group}" if group else f"count/{resource}"
        alias = _ALIASES.get((group, resource))
        self.names = (name, alias) if alias else (name,)

    def handles(self, attributes: Attributes) -> bool:
        """Tell whether a write makes an object."""
        return attributes.operation == CREATE and not attributes.subresource

    def matching(self, names: Iterable[str]) -> list[str]:
        """Return the names that count the objects."""
        return [name for name in names if name in self.names]

    def in_scope(self, selector: ScopeSelector, obj: Object) -> bool:
        """Be in no scope."""
        return False

    def missing(self, names: Sequence[str], obj: Object) -> str:
        """Lack nothing."""
        return ""

    def usage(self, obj: Object) -> Amounts:
        """Return one."""
        return dict.fromkeys(self.names, count(1))


class ServiceEvaluator(CountEvaluator):
    """Services: also their node ports and load balancers."""

    def __init__(self) -> None:
        super().__init__("", "services")

    def handles(self, attributes: Attributes) -> bool:
        """Tell whether a write makes or changes a Service."""
        return not attributes.subresource and attributes.operation in (CREATE, UPDATE)

    def matching(self, names: Iterable[str]) -> list[str]:
        """Return the names that count Services."""
        return sorted(_SERVICE_NAMES.intersection(names))

    def usage(self, obj: Object) -> Amounts:
        """Return what a Service uses."""
        spec = obj["spec"]
        ports, kind = spec.get("ports") or [], spec.get("type")
        node_ports = len(ports) if kind in ("NodePort", "LoadBalancer") else 0
        if kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts") is False:
            node_ports = sum(1 for port in ports if port.get("nodePort"))
        return {
            "count/services": count(1),
            "services": count(1),
            "services.loadbalancers": count(int(kind == "LoadBalancer")),
            "services.nodeports": count(node_ports),
        }


class ClaimEvaluator(CountEvaluator):
    """Claims: also what they ask for, in all and of each storage class."""

    def __init__(self) -> None:
        super().__init__("", "persistentvolumeclaims")

    def handles(self, attributes: Attributes) -> bool:
        """Tell whether a write makes or changes a claim."""
        return attributes.operation in (CREATE, UPDATE) and attributes.subresource in ("", "status")

    def matching(self, names: Iterable[str]) -> list[str]:
        """Return the names that count claims."""
        ends = tuple(_BY_CLASS + name for name in _CLAIM_NAMES)
        return [name for name in names if name in (*self.names, *_CLAIM_NAMES) or name.endswith(ends)]

    def in_scope(self, selector: ScopeSelector, obj: Object) -> bool:
        """Tell whether a claim is in the scope of a volume attributes class."""
        return matches_claim(selector, obj)

    def usage(self, obj: Object) -> Amounts:
        """Return what a claim uses."""
        one = count(1)
        used = {"persistentvolumeclaims": one, "count/persistentvolumeclaims": one}
        annotations = obj["metadata"].get("annotations") or {}
        storage_class = annotations.get("volume.beta.kubernetes.io/storage-class") or obj["spec"].get(
            "storageClassName"
        )
        storage = amounts_of((obj["spec"].get("resources") or {}).get("requests")).get("storage")
        if storage_class:
            used[f"{storage_class}{_BY_CLASS}persistentvolumeclaims"] = one
        if storage is not None:
            allocated = amounts_of((obj.get("status") or {}).get("allocatedResources")).get("storage", storage)
            storage = _rounded(max(storage, allocated, key=lambda each: each.nano))
            used["requests.storage"] = storage
            if storage_class:
                used[f"{storage_class}{_BY_CLASS}requests.storage"] = storage
        return used


class ResourceClaimEvaluator(CountEvaluator):
    """Claims to devices: also how many devices of each class they ask for."""

    def __init__(self) -> None:
        super().__init__("resource.k8s.io", "resourceclaims")

    def handles(self, attributes: Attributes) -> bool:
        """Tell whether a write makes or changes a claim."""
        return not attributes.subresource and attributes.operation in (CREATE, UPDATE)

    def matching(self, names: Iterable[str]) -> list[str]:
        """Return the names that count claims to devices."""
        return [name for name in names if name in self.names or name.endswith(_BY_DEVICE_CLASS)]

    def usage(self, obj: Object) -> Amounts:
        """Return what a claim uses; of alternatives, the most of each class."""
        used = super().usage(obj)
        for request in (obj["spec"].get("devices") or {}).get("requests") or ():
            highest: dict[str, int] = {}
            alternatives = [request["exactly"]] if "exactly" in request else request.get("firstAvailable") or ()
            for each in alternatives:
                number = 32 if each.get("allocationMode") == "All" else each.get("count", 1)
                name = each.get("deviceClassName", "") + _BY_DEVICE_CLASS
                highest[name] = max(highest.get(name, 0), number)
            add(used, {name: count(number) for name, number in highest.items()})
        return used


class PodEvaluator(CountEvaluator):
    """Pods: what they request and are limited to."""

    def __init__(self) -> None:
        super().__init__("", "pods")

    def handles(self, attributes: Attributes) -> bool:
        """Tell whether a write makes a pod, resizes one, or ends or begins its deadline."""
        if attributes.subresource:
            return attributes.subresource == "resize" and attributes.operation == UPDATE
        if attributes.operation == UPDATE:
            new, old = (each["spec"].get("activeDeadlineSeconds") is None for each in (attributes.new, attributes.old))
            return new != old
        return attributes.operation == CREATE

    def matching(self, names: Iterable[str]) -> list[str]:
        """Return the names that count pods."""
        names = list(names)
        more = [name for name in names if name.startswith(("hugepages-", "requests.hugepages-")) or _extended(name)]
        return [*sorted(_POD_NAMES.intersection(names)), *more]

    def in_scope(self, selector: ScopeSelector, obj: Object) -> bool:
        """Tell whether a pod is in a scope."""
        return matches_pod(selector, obj)

    def missing(self, names: Sequence[str], obj: Object) -> str:
        """Return which containers do not say what the quota counts."""
        spec = obj["spec"]
        if spec.get("resources"):
            return ""
        lacking: dict[str, set[str]] = {}
        for container in (*(spec.get("containers") or ()), *(spec.get("initContainers") or ())):
            resources = container.get("resources") or {}
            said = _by_quota_names(amounts_of(resources.get("requests")), amounts_of(resources.get("limits")))
            for name in _REQUIRED.intersection(names) - set(said):
                lacking.setdefault(name, set()).add(container.get("name", ""))
        if not lacking:
            return ""
        parts = (f"{name} for: {','.join(sorted(lacking[name]))}" for name in sorted(lacking))
        return f"must specify {'; '.join(parts)}"

    def usage(self, obj: Object) -> Amounts:
        """Return what a pod uses; one that has ended is only an object."""
        used = {"count/pods": count(1)}
        if _ended(obj):
            return used
        spec = obj["spec"]
        requests, limits = pod_total(spec, "requests"), pod_total(spec, "limits")
        overhead = amounts_of(spec.get("overhead"))
        add(requests, overhead)
        add(limits, {name: amount for name, amount in overhead.items() if name in limits and limits[name].nano})
        return {**used, "pods": count(1), **_by_quota_names(requests, limits)}


def _by_quota_names(requests: Amounts, limits: Amounts) -> Amounts:
    used: Amounts = {}
    for name in ("cpu", "memory", "ephemeral-storage"):
        if name in requests:
            used[name] = used[f"requests.{name}"] = requests[name]
        if name in limits:
            used[f"limits.{name}"] = limits[name]
    for name, amount in requests.items():
        if name.startswith("hugepages-"):
            used[name] = used[f"requests.{name}"] = amount
        elif "/" in name and ("kubernetes.io/" not in name or name.startswith("deviceclass.resource.kubernetes.io/")):
            used[f"requests.{name}"] = amount
    return used


def _extended(name: str) -> bool:
    native = "/" not in name or "kubernetes.io/" in name
    implicit = name.startswith("requests.deviceclass.resource.kubernetes.io/")
    return (not native or implicit) and name.startswith("requests.")


def _ended(pod: Object) -> bool:
    if (pod.get("status") or {}).get("phase") in ("Failed", "Succeeded"):
        return True
    metadata = pod["metadata"]
    deleted, grace = metadata.get("deletionTimestamp"), metadata.get("deletionGracePeriodSeconds")
    if deleted is None or grace is None:
        return False
    return datetime.fromisoformat(deleted) < datetime.now(UTC) - timedelta(seconds=min(grace, LONGEST_SECONDS))


def _rounded(amount: Amount) -> Amount:
    return Amount(-(-amount.nano // NANO) * NANO, amount.family)


SPECIAL: Mapping[tuple[str, str], Evaluator] = {
    ("", "pods"): PodEvaluator(),
    ("", "services"): ServiceEvaluator(),
    ("", "persistentvolumeclaims"): ClaimEvaluator(),
    ("resource.k8s.io", "resourceclaims"): ResourceClaimEvaluator(),
}
