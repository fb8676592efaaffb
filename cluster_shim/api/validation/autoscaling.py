"""HorizontalPodAutoscalers of autoscaling/v1 and v2, and Scale."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import amounts, formats, metadata, names
from cluster_shim.api.validation.checks import (
    IS_NOT_POSITIVE,
    NOTHING,
    SPEC,
    STATUS,
    Errors,
    Object,
    need,
    need_formatted,
    non_negative,
    optional_one_of,
)
from cluster_shim.api.validation.core.resources import container_resource_name
from cluster_shim.api.validation.formats import path_segment
from cluster_shim.api.validation.rules import Rules

_SELECT_POLICIES = ("Disabled", "Max", "Min")
_SCALING_POLICIES = ("Percent", "Pods")
_SOURCES = ("ContainerResource", "External", "Object", "Pods", "Resource")


def _create(errors: Errors, scaler: Object) -> None:
    metadata.create(errors, scaler, True, names.dns_subdomain)
    _spec(errors, scaler["spec"], NOTHING)


def _update(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    _spec(errors, new["spec"], old["spec"])


def _spec(errors: Errors, spec: Object, before: Object) -> None:
    least, most = spec.get("minReplicas"), spec.get("maxReplicas", 0)
    bound = 0 if before.get("minReplicas") == 0 else 1
    if least is not None and least < bound:
        detail = f"must be greater than or equal to {bound}"
        errors.append(fields.invalid(SPEC.child("minReplicas"), least, detail))
    if most == 0:
        errors.append(fields.required(SPEC.child("maxReplicas"), "must be set and greater than 0"))
    elif most < 0:
        errors.append(fields.invalid(SPEC.child("maxReplicas"), most, "must be greater than or equal to 1"))
    if least is not None and most < least:
        detail = "must be greater than or equal to `minReplicas`"
        errors.append(fields.invalid(SPEC.child("maxReplicas"), most, detail))
    target, old_target = spec.get("scaleTargetRef") or NOTHING, before.get("scaleTargetRef")
    is_kept = old_target is not None and all(target.get(key) == old_target.get(key) for key in ("apiVersion", "kind"))
    needs_group = target.get("kind") != "ReplicationController"
    _reference(errors, target, SPEC.child("scaleTargetRef"), is_kept, needs_group)
    _metrics(errors, _metrics_of(spec), least, _has_bad_version(before))
    for key in ("scaleUp", "scaleDown"):
        if (rules := (spec.get("behavior") or NOTHING).get(key)) is not None:
            _scaling_rules(errors, rules, SPEC.child("behavior", key))


def _metrics_of(spec: Object) -> Sequence[Object]:
    """Return the metrics; v1 knows only one, and has it in a field of its own."""
    percent = spec.get("targetCPUUtilizationPercentage")
    if percent is None:
        return spec.get("metrics") or ()
    target = {"type": "Utilization", "averageUtilization": percent}
    return ({"type": "Resource", "resource": {"name": "cpu", "target": target}},)


def _version_problem(version: str, needs_group: bool) -> str:
    if version.count("/") > 1:
        return f"unexpected GroupVersion string: {version}"
    return "apiVersion must specify API group" if needs_group and not version.partition("/")[1] else ""


def _has_bad_version(before: Object) -> bool:
    described = [(each.get("object") or NOTHING).get("describedObject") for each in before.get("metrics") or ()]
    return any(_version_problem(each.get("apiVersion", ""), needs_group=False) for each in described if each)


def _reference(errors: Errors, reference: Object, path: Path, any_version: bool, needs_group: bool) -> None:
    need_formatted(errors, reference, "kind", path, path_segment)
    need_formatted(errors, reference, "name", path, path_segment)
    version = reference.get("apiVersion", "")
    if not any_version and (problem := _version_problem(version, needs_group)):
        errors.append(fields.invalid(path.child("apiVersion"), version, problem))


def _metrics(errors: Errors, metrics: Sequence[Object], least: int | None, any_version: bool) -> None:
    path = SPEC.child("metrics")
    for index, metric in enumerate(metrics):
        _metric(errors, metric, path.index(index), any_version)
    if least == 0 and not any(each.get("type") in ("Object", "External") for each in metrics):
        detail = "must specify at least one Object or External metric to support scaling to zero replicas"
        errors.append(fields.forbidden(path, detail))


def _metric(errors: Errors, metric: Object, path: Path, any_version: bool) -> None:
    kind = metric.get("type", "")
    if not kind:
        errors.append(fields.required(path.child("type"), "must specify a metric source type"))
    if kind not in _SOURCES:
        errors.append(fields.not_supported(path.child("type"), kind, _SOURCES))
    found = [key for key in _CHECKS if key in metric]
    if found:
        at = path.child(found[0])
        if found[0] == "object":
            described = metric["object"].get("describedObject") or NOTHING
            _reference(errors, described, at.child("describedObject"), any_version, needs_group=False)
        _CHECKS[found[0]](errors, metric[found[0]], at)
    expected = f"{kind[:1].lower()}{kind[1:]}"
    if kind not in _SOURCES:
        errors.append(fields.not_supported(path.child("type"), kind, _SOURCES))
    elif expected not in metric:
        errors.append(fields.required(path.child(expected), "must populate information for the given metric source"))
    if len(found) != 1:
        detail = "must populate the given metric source only"
        errors.extend(fields.forbidden(path.child(key), detail) for key in found if key != expected)


def _identifier(errors: Errors, source: Object, path: Path) -> None:
    metric, detail = source.get("metric") or NOTHING, "must specify a metric name"
    need_formatted(errors, metric, "name", path.child("metric"), path_segment, detail)


def _target(errors: Errors, source: Object, path: Path) -> tuple[Object, Path]:
    target, at = source.get("target") or NOTHING, path.child("target")
    kind = target.get("type", "")
    need(errors, target, "type", at, "must specify a metric target type")
    if kind not in ("Utilization", "Value", "AverageValue"):
        detail = "must be either Utilization, Value, or AverageValue"
        errors.append(fields.invalid(at.child("type"), kind, detail))
    for key in ("value", "averageValue"):
        if key in target and amounts.nano(target[key]) <= 0:
            errors.append(fields.invalid(at.child(key), target[key], "must be positive"))
    percent: Any = target.get("averageUtilization")
    if percent is not None and percent < 1:
        errors.append(fields.invalid(at.child("averageUtilization"), percent, "must be greater than 0"))
    return target, at


def _object(errors: Errors, source: Object, path: Path) -> None:
    _identifier(errors, source, path)
    target, at = _target(errors, source, path)
    if "value" not in target and "averageValue" not in target:
        detail = "must set either a target value or averageValue"
        errors.append(fields.required(at.child("averageValue"), detail))


def _external(errors: Errors, source: Object, path: Path) -> None:
    _identifier(errors, source, path)
    target, at = _target(errors, source, path)
    if "value" not in target and "averageValue" not in target:
        detail = "must set either a target value for metric or a per-pod target"
        errors.append(fields.required(at.child("averageValue"), detail))
    if "value" in target and "averageValue" in target:
        detail = "may not set both a target value for metric and a per-pod target"
        errors.append(fields.forbidden(at.child("value"), detail))


def _pods(errors: Errors, source: Object, path: Path) -> None:
    _identifier(errors, source, path)
    target, at = _target(errors, source, path)
    if "averageValue" not in target:
        detail = "must specify a positive target averageValue"
        errors.append(fields.required(at.child("averageValue"), detail))


def _resource(errors: Errors, source: Object, path: Path) -> None:
    need(errors, source, "name", path, "must specify a resource name")
    _utilization(errors, source, path)


def _container_resource(errors: Errors, source: Object, path: Path) -> None:
    if need(errors, source, "name", path, "must specify a resource name"):
        container_resource_name(errors, source["name"], path.child("name"))
    need_formatted(errors, source, "container", path, formats.dns_label, "must specify a container")
    _utilization(errors, source, path)


def _utilization(errors: Errors, source: Object, path: Path) -> None:
    target, at = _target(errors, source, path)
    if "averageUtilization" not in target and "averageValue" not in target:
        detail = "must set either a target raw value or a target utilization"
        errors.append(fields.required(at.child("averageUtilization"), detail))
    if "averageUtilization" in target and "averageValue" in target:
        detail = "may not set both a target raw value and a target utilization"
        errors.append(fields.forbidden(at.child("averageValue"), detail))


_CHECKS: dict[str, Callable[[Errors, Object, Path], None]] = {
    "object": _object,
    "external": _external,
    "pods": _pods,
    "resource": _resource,
    "containerResource": _container_resource,
}


def _scaling_rules(errors: Errors, rules: Object, path: Path) -> None:
    window = rules.get("stabilizationWindowSeconds")
    if window is not None and window < 0:
        detail = "must be greater than or equal to zero"
        errors.append(fields.invalid(path.child("stabilizationWindowSeconds"), window, detail))
    if window is not None and window > 3600:
        detail = "must be less than or equal to 3600"
        errors.append(fields.invalid(path.child("stabilizationWindowSeconds"), window, detail))
    optional_one_of(errors, rules, "selectPolicy", path, _SELECT_POLICIES)
    need(errors, rules, "policies", path, "must specify at least one Policy")
    for index, policy in enumerate(rules.get("policies") or ()):
        at, kind, seconds = path.child("policies").index(index), policy.get("type", ""), policy.get("periodSeconds", 0)
        if kind not in _SCALING_POLICIES:
            errors.append(fields.not_supported(at.child("type"), kind, _SCALING_POLICIES))
        for key in ("value", "periodSeconds"):
            if policy.get(key, 0) <= 0:
                errors.append(fields.invalid(at.child(key), policy.get(key, 0), IS_NOT_POSITIVE))
        if seconds > 1800:
            errors.append(fields.invalid(at.child("periodSeconds"), seconds, "must be less than or equal to 1800"))
    if (tolerance := rules.get("tolerance")) is not None:
        amounts.non_negative(errors, tolerance, path.child("tolerance"))


def _update_status(errors: Errors, new: Object, old: Object) -> None:
    metadata.update(errors, new, old)
    non_negative(errors, new.get("status") or NOTHING, STATUS, "currentReplicas", "desiredReplicas")


HORIZONTAL_POD_AUTOSCALER = Rules(_create, _update, {"status": _update_status})
