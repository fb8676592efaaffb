"""What a pod requests: upstream's PodRequests on the JSON object of a pod.

Does not know nodes; see `nodes.py` for what is left on one.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from fractions import Fraction
from typing import Any

from .quantity import parse_quantity, to_milli, to_units

Json = dict[str, Any]
Amounts = dict[str, Fraction]

DEFAULT_CPU = Fraction(1, 10)
DEFAULT_MEMORY = Fraction(200 * 2**20)
NON_ZERO = {"cpu": DEFAULT_CPU, "memory": DEFAULT_MEMORY}

_NAME = re.compile(r"([A-Za-z0-9][-A-Za-z0-9_.]*)?[A-Za-z0-9]")
_SUBDOMAIN = re.compile(r"[a-z0-9]([-a-z0-9]*[a-z0-9])?(\.[a-z0-9]([-a-z0-9]*[a-z0-9])?)*")


def amounts(resource_list: Json | None) -> Amounts:
    """Return the parsed quantities of a resource list."""
    return {name: parse_quantity(text) for name, text in (resource_list or {}).items()}


def whole(name: str, value: Fraction) -> int:
    """Round a sum up as the scheduler counts it: cpu in thousandths, everything else in units."""
    return to_milli(value) if name == "cpu" else to_units(value)


def is_extended(name: str) -> bool:
    """Say whether this is an extended resource name (`IsExtendedResourceName`)."""
    if "/" not in name or "kubernetes.io/" in name or name.startswith("requests."):
        return False
    prefix, _, rest = ("requests." + name).partition("/")
    return (
        len(prefix) <= 253
        and _SUBDOMAIN.fullmatch(prefix) is not None
        and len(rest) <= 63
        and _NAME.fullmatch(rest) is not None
    )


def is_scalar(name: str) -> bool:
    """Say whether the scheduler counts this resource apart from cpu, memory, ephemeral-storage and pods."""
    return is_extended(name) or name.startswith(("hugepages-", "attachable-volumes-")) or "kubernetes.io/" in name


def is_counted(name: str) -> bool:
    """Say whether the scheduler counts a pod's request for this resource at all."""
    return name in ("cpu", "memory", "ephemeral-storage") or is_scalar(name)


def is_pod_level(name: str) -> bool:
    """Say whether pod-level resources may hold this resource."""
    return name in ("cpu", "memory") or name.startswith("hugepages-")


def is_sidecar(init_container: Json) -> bool:
    """Say whether an init container keeps running beside the others."""
    return init_container.get("restartPolicy") == "Always"


def pod_requests(pod: Json, *, use_status: bool, pod_level: bool = True, non_missing: Amounts | None = None) -> Amounts:
    """Return the exact sum of what a pod requests, overhead included.

    `use_status` takes in what the status says about containers resized in place; `non_missing` holds amounts for
    containers that leave a resource out. Source: upstream's component-helpers/resource/helpers.go.
    """
    result = _container_requests(pod, use_status, non_missing or {})
    spec_level = (pod["spec"].get("resources") or {}).get("requests") or {}
    if pod_level and has_pod_level_requests(pod):
        declared = amounts(spec_level)
        status = pod.get("status") or {}
        if use_status and status.get("resources") is not None:
            declared = _effective(pod, declared, status["resources"].get("requests"), status.get("allocatedResources"))
        for name in spec_level:
            if is_pod_level(name):
                result[name] = declared.get(name, Fraction(0))
    return _sum(result, amounts(pod["spec"].get("overhead")))


def has_pod_level_requests(pod: Json) -> bool:
    """Say whether the pod as a whole declares a request that counts."""
    return any(is_pod_level(name) for name in (pod["spec"].get("resources") or {}).get("requests") or {})


def non_zero_requests(pod: Json) -> tuple[int, int]:
    """Return cpu (milli) and memory (bytes) that a placed pod counts for when nodes are scored.

    Source: upstream's framework/types.go, CalculateResource.
    """
    requested = pod_requests(pod, use_status=True)
    defaults = NON_ZERO
    if has_pod_level_requests(pod):
        defaults = {name: amount for name, amount in NON_ZERO.items() if name not in requested}
    filled = pod_requests(pod, use_status=True, non_missing=defaults)
    return to_milli(filled.get("cpu", Fraction(0))), to_units(filled.get("memory", Fraction(0)))


def _container_requests(pod: Json, use_status: bool, non_missing: Amounts) -> Amounts:
    status = pod.get("status") or {}
    statuses: dict[str, Json] = {}
    for one in _both(status, "containerStatuses", "initContainerStatuses"):
        statuses[one["name"]] = one

    def of(container: Json, may_be_resized: bool) -> Amounts:
        requested = amounts((container.get("resources") or {}).get("requests"))
        seen = statuses.get(container["name"])
        if use_status and may_be_resized and seen is not None and seen.get("resources") is not None:
            actual = seen["resources"].get("requests")
            requested = _effective(pod, requested, actual, seen.get("allocatedResources"))
        return {**non_missing, **requested}

    together: Amounts = {}
    for container in pod["spec"]["containers"]:
        together = _sum(together, of(container, True))
    sidecars: Amounts = {}
    while_starting: Amounts = {}
    for container in pod["spec"].get("initContainers") or []:
        own = of(container, is_sidecar(container))
        if is_sidecar(container):
            together = _sum(together, own)
            sidecars = _sum(sidecars, own)
            while_starting = _max(while_starting, sidecars)
        else:
            while_starting = _max(while_starting, _sum(own, sidecars))
    return _max(together, while_starting)


def _effective(pod: Json, declared: Amounts, actual: Json | None, allocated: Json | None) -> Amounts:
    """What counts of a container (or pod) that was or is being resized in place."""
    seen = _max(amounts(actual), amounts(allocated))
    for condition in (pod.get("status") or {}).get("conditions") or []:
        if condition["type"] == "PodResizePending":
            if condition.get("reason") == "Infeasible":
                return seen
            break
    return _max(declared, seen)


def _sum(left: Amounts, right: Amounts) -> Amounts:
    return {name: left.get(name, Fraction(0)) + right.get(name, Fraction(0)) for name in {**left, **right}}


def _max(left: Amounts, right: Amounts) -> Amounts:
    result = dict(left)
    for name, value in right.items():
        if name not in result or value > result[name]:
            result[name] = value
    return result


def _both(owner: Json, first: str, second: str) -> Iterable[Json]:
    return [*(owner.get(first) or []), *(owner.get(second) or [])]
