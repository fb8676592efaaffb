"""The row of a horizontal pod autoscaler, whose targets come in five forms (and in version 1 in one of its own)."""

from __future__ import annotations

from typing import Any

import msgspec

from cluster_shim.api.printers.cells import NONE, UNSET, find, name
from cluster_shim.api.printers.durations import UNKNOWN, Json, age

SHOWN = 2
METRICS = "autoscaling.alpha.kubernetes.io/metrics"
CURRENT_METRICS = "autoscaling.alpha.kubernetes.io/current-metrics"


def autoscaler_row(obj: Json, now: float) -> list[Any]:
    """Return the cells: Name, Reference, Targets, MinPods, MaxPods, Replicas, Age."""
    spec = obj.get("spec") or {}
    target = spec.get("scaleTargetRef") or {}
    return [
        name(obj, now),
        f"{target.get('kind', '')}/{target.get('name', '')}",
        _targets(*_metrics(obj)),
        str(spec.get("minReplicas", UNSET)),
        spec.get("maxReplicas", 0),
        find(obj, "status", "currentReplicas") or 0,
        age(obj, now),
    ]


def _metrics(obj: Json) -> tuple[list[Json], list[Json]]:
    """Return the metrics of spec and status; version 1 has CPU in fields and the others in annotations."""
    spec, status = obj.get("spec") or {}, obj.get("status") or {}
    if obj.get("apiVersion") != "autoscaling/v1":
        return spec.get("metrics") or [], status.get("currentMetrics") or []
    annotations = find(obj, "metadata", "annotations") or {}
    wanted: list[Json] = msgspec.json.decode(annotations.get(METRICS, "[]"))
    current: list[Json] = msgspec.json.decode(annotations.get(CURRENT_METRICS, "[]"))
    if (target := spec.get("targetCPUUtilizationPercentage")) is not None:
        wanted = [*wanted, _cpu("target", target)]
    if (utilization := status.get("currentCPUUtilizationPercentage")) is not None:
        current = [*current, _cpu("current", utilization)]
    return wanted, current


def _cpu(member: str, utilization: int) -> Json:
    return {"type": "Resource", "resource": {"name": "cpu", member: {"averageUtilization": utilization}}}


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
