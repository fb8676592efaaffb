"""Horizontal pod autoscalers: what version 1 has no fields for travels in annotations.

Upstream: pkg/apis/autoscaling. The behaviour is written under the names of Go's fields, for upstream writes its
internal form; so it is here, letter for letter.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import msgspec

from cluster_shim.api.codec.scanner import Malformed, scan
from cluster_shim.api.codec.unmarshal import Unmarshalable, unmarshal
from cluster_shim.api.types import Type, Unusual, model, normaliser, ordered, type_by_name

_PREFIX = "autoscaling.alpha.kubernetes.io/"
_METRICS, _CURRENT_METRICS = f"{_PREFIX}metrics", f"{_PREFIX}current-metrics"
_CONDITIONS, _BEHAVIOR = f"{_PREFIX}conditions", f"{_PREFIX}behavior"
ANNOTATIONS = (
    *(_METRICS, _CURRENT_METRICS, _CONDITIONS, _BEHAVIOR),
    *(f"{_PREFIX}scale-down-tolerance", f"{_PREFIX}scale-up-tolerance"),
)
_DEFAULT_UTILIZATION = 80

# Per kind of metric, where version 1 and where version 2 has a value.
_SPECS: dict[str, dict[str, tuple[str, ...]]] = {
    "object": {
        "target": ("describedObject",),
        "metricName": ("metric", "name"),
        "selector": ("metric", "selector"),
        "targetValue": ("target", "value"),
        "averageValue": ("target", "averageValue"),
    },
    "pods": {
        "metricName": ("metric", "name"),
        "selector": ("metric", "selector"),
        "targetAverageValue": ("target", "averageValue"),
    },
    "resource": {
        "name": ("name",),
        "targetAverageUtilization": ("target", "averageUtilization"),
        "targetAverageValue": ("target", "averageValue"),
    },
    "containerResource": {
        "name": ("name",),
        "container": ("container",),
        "targetAverageUtilization": ("target", "averageUtilization"),
        "targetAverageValue": ("target", "averageValue"),
    },
    "external": {
        "metricName": ("metric", "name"),
        "metricSelector": ("metric", "selector"),
        "targetValue": ("target", "value"),
        "targetAverageValue": ("target", "averageValue"),
    },
}
_CURRENT = {"targetValue": "currentValue"} | {
    f"targetAverage{what}": f"currentAverage{what}" for what in ("Value", "Utilization")
}


def _current(places: dict[str, tuple[str, ...]]) -> dict[str, tuple[str, ...]]:
    """Return where the status of a kind of metric has what its specification has."""
    return {
        _CURRENT.get(name, name): ("current", *path[1:]) if path[0] == "target" else path
        for name, path in places.items()
    }


_STATUSES = {source: _current(places) for source, places in _SPECS.items()}


def to_v2(obj: dict[str, Any]) -> dict[str, Any]:
    """Return an autoscaler of version 1 in version 2."""
    annotations = obj["metadata"].get("annotations", {})
    spec, status = dict(obj["spec"]), dict(obj["status"])
    utilization = spec.pop("targetCPUUtilizationPercentage", None)
    metrics = [_metric_to_v2(each) for each in _annotated(annotations, _METRICS, "MetricSpec")]
    if utilization is not None or not metrics:
        metrics.append(_cpu(_DEFAULT_UTILIZATION if utilization is None else utilization))
    spec["metrics"] = metrics
    behavior = _read_behavior(annotations.get(_BEHAVIOR, ""))
    if behavior:
        spec["behavior"] = behavior
    current = status.pop("currentCPUUtilizationPercentage", None)
    if current is not None:
        status["currentMetrics"] = [
            {"type": "Resource", "resource": {"name": "cpu", "current": {"averageUtilization": current}}}
        ]
    if _CURRENT_METRICS in annotations:
        status["currentMetrics"] = [
            _through(each, _STATUSES, to_v1=False) for each in _annotated(annotations, _CURRENT_METRICS, "MetricStatus")
        ]
    conditions = list(_annotated(annotations, _CONDITIONS, "HorizontalPodAutoscalerCondition"))
    if conditions:
        status["conditions"] = conditions
    return {**obj, "metadata": without_annotations(obj["metadata"]), "spec": spec, "status": status}


def to_v1(obj: dict[str, Any]) -> dict[str, Any]:
    """Return an autoscaler of version 2 in version 1."""
    metadata = without_annotations(obj["metadata"])
    spec, status = dict(obj["spec"]), dict(obj["status"])
    added: dict[str, str] = {}
    others = []
    for metric in spec.pop("metrics", ()):
        utilization = _cpu_utilization(metric, "target")
        if utilization is None:
            others.append(_through(metric, _SPECS, to_v1=True))
        else:
            spec.setdefault("targetCPUUtilizationPercentage", utilization)
    if others:
        added[_METRICS] = _text("MetricSpec", others)
    current = status.pop("currentMetrics", None)
    if current:
        added[_CURRENT_METRICS] = _text("MetricStatus", [_through(each, _STATUSES, to_v1=True) for each in current])
        for metric in current:
            utilization = _cpu_utilization(metric, "current")
            if utilization is not None:
                status["currentCPUUtilizationPercentage"] = utilization
    behavior = spec.pop("behavior", None)
    if behavior is not None:
        added[_BEHAVIOR] = _write_behavior(behavior)
    conditions = status.pop("conditions", None)
    if conditions:
        added[_CONDITIONS] = _text("HorizontalPodAutoscalerCondition", conditions)
    if added:
        metadata["annotations"] = metadata.get("annotations", {}) | added
    return {**obj, "metadata": metadata, "spec": spec, "status": status}


def without_annotations(metadata: dict[str, Any]) -> dict[str, Any]:
    """Return metadata without the annotations that carry fields."""
    kept = {name: value for name, value in metadata.get("annotations", {}).items() if name not in ANNOTATIONS}
    made = {name: value for name, value in metadata.items() if name != "annotations"}
    return made | {"annotations": kept} if kept else made


def _cpu(utilization: int) -> dict[str, Any]:
    target = {"type": "Utilization", "averageUtilization": utilization}
    return {"type": "Resource", "resource": {"name": "cpu", "target": target}}


def _cpu_utilization(metric: dict[str, Any], where: str) -> int | None:
    """Return the utilization of the metric that version 1 has a field for."""
    resource = metric.get("resource", {})
    if metric.get("type") != "Resource" or resource.get("name") != "cpu":
        return None
    found: int | None = resource.get(where, {}).get("averageUtilization")
    return found


def _through(metric: dict[str, Any], names: dict[str, dict[str, tuple[str, ...]]], *, to_v1: bool) -> dict[str, Any]:
    """Return a metric with its values where the other version has them."""
    made = {"type": metric.get("type", "")}
    for source, places in names.items():
        if metric.get(source) is not None:
            made[source] = _to_v1(metric[source], places) if to_v1 else _to_v2(metric[source], places)
    return made


def _to_v1(source: dict[str, Any], places: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    made = {}
    for name, path in places.items():
        value: Any = source
        for step in path:
            value = (value or {}).get(step)
        if value is not None:
            made[name] = value
    return made


def _to_v2(source: dict[str, Any], places: dict[str, tuple[str, ...]]) -> dict[str, Any]:
    made: dict[str, Any] = {}
    for name, path in places.items():
        if source.get(name) is not None:
            within = made
            for step in path[:-1]:
                within = within.setdefault(step, {})
            within[path[-1]] = source[name]
    return made


def _metric_to_v2(metric: dict[str, Any]) -> dict[str, Any]:
    """Return a metric with the type of its target, which version 1 does not write."""
    made = _through(metric, _SPECS, to_v1=False)
    for source in _SPECS:
        if source in made:
            target = made[source].setdefault("target", {})
            target["type"] = _target_type(source, target)
    return made


def _target_type(source: str, target: dict[str, Any]) -> str:
    if source in ("resource", "containerResource"):
        return "AverageValue" if target.get("averageUtilization") is None else "Utilization"
    if source == "object" and target.get("averageValue") is not None and target.get("value") == "0":
        del target["value"]
    averaged = target.get("value") is None if source == "external" else target.get("averageValue") is not None
    return "AverageValue" if source == "pods" or averaged else "Value"


def _list_of(name: str) -> Type:
    element = type_by_name(f"autoscaling/v1.{name}")
    return Type(f"[]{element.name}", model.LIST, element=element)


def _text(name: str, values: list[Any]) -> str:
    of = _list_of(name)
    return msgspec.json.encode(ordered(of, normaliser(of)(values))).decode()


def _annotated(annotations: dict[str, str], annotation: str, name: str) -> Iterator[dict[str, Any]]:
    """Yield what an annotation says; what cannot be read says nothing."""
    text = annotations.get(annotation)
    if text is None:
        return
    holder = Type("", model.STRUCT)
    holder.fields["values"] = model.Field("values", _list_of(name), omit_empty=True)
    try:
        values, _ = unmarshal({"values": scan(text.encode())}, holder)
        yield from normaliser(holder)(values).get("values", ())
    except (Malformed, Unmarshalable, Unusual):
        return


def _write_behavior(behavior: dict[str, Any]) -> str:
    rules = {name: _rules_of(behavior.get(name)) for name in ("scaleUp", "scaleDown")}
    return msgspec.json.encode({_go_name(name): value for name, value in rules.items()}).decode()


def _rules_of(rules: dict[str, Any] | None) -> dict[str, Any] | None:
    if rules is None:
        return None
    made = {_go_name(name): rules.get(name) for name in ("stabilizationWindowSeconds", "selectPolicy")}
    policies = [
        {_go_name(name): policy[name] for name in ("type", "value", "periodSeconds")}
        for policy in rules.get("policies") or ()
    ]
    made["Policies"] = policies or None
    made["Tolerance"] = rules.get("tolerance")
    return made


def _read_behavior(text: str) -> dict[str, Any] | None:
    if not text:
        return None
    try:
        of = type_by_name("autoscaling/v2.HorizontalPodAutoscalerBehavior")
        found, _ = unmarshal(_json_names(msgspec.json.decode(text)), of)
    except (ValueError, Unusual):
        return None
    return found


def _go_name(name: str) -> str:
    return name[0].upper() + name[1:]


def _json_names(value: Any) -> Any:
    if isinstance(value, dict):
        return {name[:1].lower() + name[1:]: _json_names(each) for name, each in value.items()}
    return [_json_names(each) for each in value] if isinstance(value, list) else value
