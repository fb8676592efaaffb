"""How much of each resource a pod requests: upstream's PodRequests, exact.

Everything is in nano units; rounding up happens once per pod and resource, with ``resource_amount``, after the sum.
This module does *not* know nodes, and ignores resource claims (the gate DRANodeAllocatableResources is off).
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import lru_cache

from sched_core.objects.meta import Quantity
from sched_core.objects.pod import Container, ContainerStatus, Pod
from sched_core.objects.quantity import NANO, parse_quantity

Amounts = dict[str, int]
"""Resource name to nano units."""

DEFAULT_CPU_NANO = 100 * 10**6
"""What a container without a cpu request counts in scores: 100m."""
DEFAULT_MEMORY_NANO = 200 * 2**20 * NANO
"""What a container without a memory request counts in scores: 200Mi."""

_NAME_PART = re.compile(r"[A-Za-z0-9]([A-Za-z0-9_.-]*[A-Za-z0-9])?")
_SUBDOMAIN = re.compile(r"[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*")


def pod_requests(pod: Pod, *, use_status: bool, pod_level: bool = True, non_missing: bool = False) -> Amounts:
    """Sum what a pod requests, overhead included, in nano units; zero entries are kept.

    ========================================  ==========  =========  ===========
    consumer                                  use_status  pod_level  non_missing
    ========================================  ==========  =========  ===========
    NodeInfo.Requested of placed pods         True        True       False
    NodeInfo.NonZeroRequested of placed pods  True        True       True
    NodeResourcesFit, PreFilter and Filter    False       True       False
    NodeResourcesFit, Score                   False       False      True
    NodeResourcesBalancedAllocation, Score    True        True       False
    scale-down event detection                True        True       False
    ========================================  ==========  =========  ===========

    ``use_status`` counts what a resized pod still holds according to its status. ``pod_level=False`` leaves out
    ``spec.resources``. With ``non_missing`` a container (init containers too) without a request for cpu or memory
    counts as 100m or 200Mi, an explicit 0 stays 0; if requests at pod level count, the default is only for those of
    the two of which no request came out at all.

    Source: component-helpers ``resource/helpers.go``; kube-scheduler ``framework/types.go`` (CalculateResource).
    """
    at_pod_level = pod_level and is_pod_level_requests_set(pod)
    defaults: Amounts = {}
    if non_missing:
        defaults = {"cpu": DEFAULT_CPU_NANO, "memory": DEFAULT_MEMORY_NANO}
        if at_pod_level:
            requests = _requests(pod, use_status, at_pod_level, {})
            defaults = {name: nano for name, nano in defaults.items() if name not in requests}
            if not defaults:
                return requests
    return _requests(pod, use_status, at_pod_level, defaults)


def is_pod_level_requests_set(pod: Pod) -> bool:
    """Tell whether ``spec.resources.requests`` has a resource that counts at pod level: cpu, memory, hugepages-*."""
    resources = pod.spec.resources
    return resources is not None and any(is_pod_level_resource(name) for name in resources.requests)


def is_pod_level_resource(name: str) -> bool:
    """Tell whether a resource can be requested for a pod as a whole."""
    return name in ("cpu", "memory") or name.startswith("hugepages-")


@lru_cache(maxsize=4096)
def is_scalar_resource(name: str) -> bool:
    """Tell whether the scheduler counts a resource that has no field of its own (``scheduler/util``)."""
    return (
        name.startswith(("hugepages-", "attachable-volumes-")) or "kubernetes.io/" in name or is_extended_resource(name)
    )


@lru_cache(maxsize=4096)
def is_extended_resource(name: str) -> bool:
    """Tell whether a resource is an extended one, such as ``nvidia.com/gpu`` (``core/v1/helper``)."""
    if "/" not in name or "kubernetes.io/" in name or name.startswith("requests."):
        return False
    return is_qualified_name("requests." + name)


def is_qualified_name(name: str) -> bool:
    """Tell whether a name has the form ``[subdomain/]name`` (apimachinery ``util/validation``)."""
    prefix, slash, last = name.rpartition("/")
    if slash and not (0 < len(prefix) <= 253 and _SUBDOMAIN.fullmatch(prefix)):
        return False
    return 0 < len(last) <= 63 and _NAME_PART.fullmatch(last) is not None


def _requests(pod: Pod, use_status: bool, at_pod_level: bool, defaults: Amounts) -> Amounts:
    total = aggregate_container_requests(pod, use_status=use_status, defaults=defaults)
    resources = pod.spec.resources
    if at_pod_level and resources is not None:
        own = parse_all(resources.requests)
        state = pod.status.resources if use_status else None
        effective = own
        if state is not None:
            effective = _effective(pod, own, state.requests, pod.status.allocated_resources)
        for name in own:
            if is_pod_level_resource(name):
                total[name] = effective.get(name, 0)
    if pod.spec.overhead:
        add_to(total, parse_all(pod.spec.overhead))
    return total


def aggregate_container_requests(
    pod: Pod, *, use_status: bool = False, defaults: Mapping[str, int] | None = None
) -> Amounts:
    """Sum the requests of containers, sidecars and init containers, without pod level and overhead."""
    statuses = _container_statuses(pod) if use_status else {}
    total: Amounts = {}
    for container in pod.spec.containers:
        add_to(total, _container_requests(pod, container, statuses.get(container.name), defaults or {}))
    if not pod.spec.init_containers:
        return total
    sidecars: Amounts = {}
    peak: Amounts = {}
    for container in pod.spec.init_containers:
        sidecar = container.restart_policy == "Always"
        status = statuses.get(container.name) if sidecar else None
        need = _container_requests(pod, container, status, defaults or {})
        if sidecar:
            add_to(total, need)
            add_to(sidecars, need)
            need = sidecars
        else:
            need = dict(need)
            add_to(need, sidecars)
        max_into(peak, need)
    max_into(total, peak)
    return total


def parse_all(resources: Mapping[str, Quantity]) -> Amounts:
    """Parse the quantities of a resource list."""
    return {name: parse_quantity(text) for name, text in resources.items()}


def add_to(amounts: Amounts, more: Mapping[str, int]) -> None:
    """Add in place."""
    for name, nano in more.items():
        amounts[name] = amounts.get(name, 0) + nano


def max_into(amounts: Amounts, others: Mapping[str, int]) -> None:
    """Take the larger of the two in place."""
    for name, nano in others.items():
        if name not in amounts or nano > amounts[name]:
            amounts[name] = nano


def _container_requests(
    pod: Pod, container: Container, status: ContainerStatus | None, defaults: Mapping[str, int]
) -> Amounts:
    requests = parse_all(container.resources.requests) if container.resources is not None else {}
    if status is not None and status.resources is not None:
        requests = _effective(pod, requests, status.resources.requests, status.allocated_resources)
    for name, nano in defaults.items():
        requests.setdefault(name, nano)
    return requests


def _effective(pod: Pod, spec: Amounts, actuated: Mapping[str, Quantity], allocated: Mapping[str, Quantity]) -> Amounts:
    """Merge what is asked for, in force and allocated; what is asked for does not count if it can never be had."""
    amounts = {} if _is_resize_infeasible(pod) else dict(spec)
    max_into(amounts, parse_all(actuated))
    max_into(amounts, parse_all(allocated))
    return amounts


def _is_resize_infeasible(pod: Pod) -> bool:
    pending = (condition for condition in pod.status.conditions if condition.type == "PodResizePending")
    first = next(pending, None)
    return first is not None and first.reason == "Infeasible"


def _container_statuses(pod: Pod) -> dict[str, ContainerStatus]:
    status = pod.status
    return {each.name: each for each in (*status.container_statuses, *status.init_container_statuses)}
