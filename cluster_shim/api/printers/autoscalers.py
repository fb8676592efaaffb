"""The row of a horizontal pod autoscaler, whose targets come in five forms."""

from __future__ import annotations

from typing import Any

from cluster_shim.api.printers.cells import NONE, UNSET, find, name
from cluster_shim.api.printers.durations import UNKNOWN, Json, age
from cluster_shim.api.resources import GroupVersionKind

SHOWN = 2
VERSION_1 = GroupVersionKind("autoscaling", "v1", "HorizontalPodAutoscaler")


def autoscaler_row(obj: Json, now: float) -> list[Any]:
    """Return the cells: Name, Reference, Targets, MinPods, MaxPods, Replicas, Age."""
    spec = obj.get("spec") or {}
    target = spec.get("scaleTargetRef") or {}
    return [
        name(obj, now),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _targets(spec.get("metrics") or [], find(obj, "status", "currentMetrics") or []),
        str(spec.get("minReplicas", UNSET)),
        spec.get("maxReplicas", 0),
        find(obj, "status", "currentReplicas") or 0,
        age(obj, now),
    ]


def version_1_row(obj: Json, now: float) -> list[Any]:
    """Return the cells of an autoscaler of version 1, most of whose metrics stand in annotations."""
    from cluster_shim.api import conversion

    whole = {
        "metadata": {},
        "spec": {},
        "status": {},
        **obj,
        "apiVersion": VERSION_1.api_version,
        "kind": VERSION_1.kind,
    }
    return autoscaler_row(conversion.convert(whole, conversion.hub(VERSION_1)), now)


def _targets(wanted: list[Json], current: list[Json]) -> str:
    if not wanted:
        return NONE
    texts = [_target(each, current[place] if place < len(current) else {}) for place, each in enumerate(wanted)]
    shown = ", ".join(texts[:SHOWN])
    return f"{shown} + {len(texts) - SHOWN} more..." if len(texts) > SHOWN else shown


def _target(metric: Json, status: Json) -> str:
    """Return what a metric is now and shall be: ``cpu: 12%/80%``, ``5/10 (avg)``."""
    match metric.get("type"):
        case "Resource":
            return _resource(metric.get("resource") or {}, status.get("resource"))
        case "ContainerResource":
            return _resource(metric.get("containerResource") or {}, status.get("containerResource"))
        case "Pods":
            target = find(metric, "pods", "target", "averageValue")
            return f"{_quantity(status.get('pods'), 'averageValue')}/{_nil(target)}"
        case "Object":
            return _value_or_average(metric.get("object") or {}, status.get("object"))
        case "External":
            return _value_or_average(metric.get("external") or {}, status.get("external"))
    return "<unknown type>"


def _resource(metric: Json, status: Json | None) -> str:
    target = metric.get("target") or {}
    if (average := target.get("averageValue")) is not None:
        return f"{metric.get('name', '')}: {_quantity(status, 'averageValue')}/{average}"
    now = find(status, "current", "averageUtilization")
    wanted = target.get("averageUtilization")
    shown = UNKNOWN if now is None else f"{now}%"
    return f"{metric.get('name', '')}: {shown}/{'<auto>' if wanted is None else f'{wanted}%'}"


def _value_or_average(metric: Json, status: Json | None) -> str:
    target = metric.get("target") or {}
    if (average := target.get("averageValue")) is not None:
        now = find(status, "current", "averageValue")
        return f"{UNKNOWN if now is None else now}/{average} (avg)"
    return f"{_quantity(status, 'value')}/{_nil(target.get('value'))}"


def _quantity(status: Json | None, member: str) -> str:
    return UNKNOWN if status is None else _nil(find(status, "current", member))


def _nil(quantity: Any) -> str:
    """Return a quantity as Go prints a pointer to one."""
    return "<nil>" if quantity is None else str(quantity)
