"""What the containers of a pod ask for together, and the quality of service that follows."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api.validation import amounts
from cluster_shim.api.validation.checks import NOTHING, Object

Amounts = dict[str, int]
_COMPUTE = ("cpu", "memory")


def _wanted(container: Object, member: str) -> Mapping[str, str]:
    return (container.get("resources") or NOTHING).get(member) or {}


def _is_sidecar(container: Object) -> bool:
    return bool(container.get("restartPolicy") == "Always")


def _add(total: Amounts, more: Mapping[str, int]) -> None:
    for name, amount in more.items():
        total[name] = total.get(name, 0) + amount


def _most(total: Amounts, more: Mapping[str, int]) -> None:
    for name, amount in more.items():
        total[name] = max(total.get(name, amount), amount)


def _aggregate(spec: Object, member: str) -> dict[str, str]:
    total: Amounts = {}
    for each in spec.get("containers") or ():
        _add(total, {name: amounts.nano(amount) for name, amount in _wanted(each, member).items()})
    initial: Amounts = {}
    sidecars: Amounts = {}
    for each in spec.get("initContainers") or ():
        own: Amounts = {name: amounts.nano(amount) for name, amount in _wanted(each, member).items()}
        if _is_sidecar(each):
            _add(total, own)
            _add(sidecars, own)
            own = dict(sidecars)
        else:
            _add(own, sidecars)
        _most(initial, own)
    _most(total, initial)
    return {name: _shown(name, amount) for name, amount in total.items()}


def _shown(name: str, nano: int) -> str:
    """Return a sum as a canonical quantity: binary for memory in whole units, decimal otherwise."""
    milli, rest = divmod(nano, 10**6)
    if rest or milli % 1000:
        return f"{milli + bool(rest)}m"
    number = milli // 1000
    base, suffixes = (1024, "KMGTPE") if name != "cpu" and number % 1024 == 0 else (1000, "kMGTPE")
    suffix = ""
    for each in suffixes:
        if not number or number % base:
            break
        number //= base
        suffix = each + ("i" if base == 1024 else "")
    return f"{number}{suffix}"


def container_requests(spec: Object) -> dict[str, str]:
    """Return the sums of requests, init containers taken into account."""
    return _aggregate(spec, "requests")


def container_limits(spec: Object) -> dict[str, str]:
    """Return the sums of limits, init containers taken into account."""
    return _aggregate(spec, "limits")


def quality_of_service(spec: Object) -> str:
    """Return the class that requests and limits of a pod give it: Guaranteed, Burstable or BestEffort."""
    own = spec.get("resources")
    holders: list[Any] = (
        [{"resources": own}]
        if own and (own.get("requests") or own.get("limits"))
        else [*(spec.get("containers") or ()), *(spec.get("initContainers") or ())]
    )
    requests: Amounts = {}
    limits: Amounts = {}
    is_guaranteed = True
    for each in holders:
        for total, member in ((requests, "requests"), (limits, "limits")):
            found = {
                name: amounts.nano(amount)
                for name, amount in _wanted(each, member).items()
                if name in _COMPUTE and amounts.nano(amount) > 0
            }
            _add(total, found)
            if member == "limits" and len(found) < len(_COMPUTE):
                is_guaranteed = False
    if not requests and not limits:
        return "BestEffort"
    return "Guaranteed" if is_guaranteed and requests == limits else "Burstable"
