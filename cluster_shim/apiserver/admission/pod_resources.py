"""What a pod asks for in all: containers run side by side, init containers one after the other, sidecars throughout."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api.amounts import Amount, parse

Amounts = dict[str, Amount]
_OF_PODS = frozenset({"cpu", "memory"})


def amounts_of(resources: Mapping[str, str] | None) -> Amounts:
    """Return the amounts of a map of quantities."""
    return {name: parse(text) for name, text in (resources or {}).items()}


def pod_total(spec: Mapping[str, Any], kind: str) -> Amounts:
    """Return the total of a pod's ``requests`` or ``limits``, without overhead."""
    total: Amounts = {}
    for container in spec.get("containers") or ():
        add(total, _of(container, kind))
    sidecars: Amounts = {}
    highest: Amounts = {}
    for container in spec.get("initContainers") or ():
        own = _of(container, kind)
        if container.get("restartPolicy") == "Always":
            add(total, own)
            add(sidecars, own)
            own = dict(sidecars)
        else:
            add(own, sidecars)
        raise_to(highest, own)
    raise_to(total, highest)
    for name, amount in _of(spec, kind).items():
        if name in _OF_PODS or name.startswith("hugepages-"):
            total[name] = amount
    return total


def add(total: Amounts, more: Amounts) -> None:
    """Add amounts to a total, in place."""
    for name, amount in more.items():
        total[name] = total[name].plus(amount) if name in total else amount


def raise_to(total: Amounts, floor: Amounts) -> None:
    """Raise amounts of a total to at least those of another, in place."""
    for name, amount in floor.items():
        if name not in total or amount.nano > total[name].nano:
            total[name] = amount


def _of(holder: Mapping[str, Any], kind: str) -> Amounts:
    return amounts_of((holder.get("resources") or {}).get(kind))
