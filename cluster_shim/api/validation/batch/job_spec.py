"""The spec of a Job, alone or in the template of a CronJob."""

from __future__ import annotations

from collections.abc import Collection, Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats
from cluster_shim.api.validation.batch.indexes import count_indexes
from cluster_shim.api.validation.checks import NOTHING, Errors, Object, non_negative, refuse
from cluster_shim.api.validation.core import pod
from cluster_shim.api.validation.core.pod_options import PodOptions
from cluster_shim.api.validation.domain_paths import domain_prefixed_path
from cluster_shim.api.validation.structs import dump

_MANY = 100_000
_MANY_LIMIT = 10_000
_ACTIONS = ("Count", "FailIndex", "FailJob", "Ignore")
_OPERATORS = ("In", "NotIn")
_STATUSES = ("False", "True", "Unknown")
_NUMBERS = (
    "parallelism",
    "completions",
    "activeDeadlineSeconds",
    "backoffLimit",
    "ttlSecondsAfterFinished",
    "backoffLimitPerIndex",
    "maxFailedIndexes",
)
_INDEXED_ONLY = "requires indexed completion mode"


def job_spec(errors: Errors, spec: Object, path: Path, options: PodOptions) -> None:
    """Check what CronJobs and Jobs have in common."""
    non_negative(errors, spec, path, *_NUMBERS)
    if "maxFailedIndexes" in spec and "backoffLimitPerIndex" not in spec:
        errors.append(fields.required(path.child("backoffLimitPerIndex"), "when maxFailedIndexes is specified"))
    if (manager := spec.get("managedBy")) is not None:
        domain_prefixed_path(errors, manager, path.child("managedBy"))
        if formats.size(manager) > 63:
            errors.append(fields.too_long(path.child("managedBy"), 63))
    _completion_mode(errors, spec, path)
    if "podFailurePolicy" in spec:
        _failure_policy(errors, spec, path.child("podFailurePolicy", "rules"))
    if "successPolicy" in spec:
        at = path.child("successPolicy")
        if spec.get("completionMode") != "Indexed":
            errors.append(fields.invalid(at, dump("SuccessPolicy", spec["successPolicy"]), _INDEXED_ONLY))
        else:
            _success_policy(errors, spec, at.child("rules"))
    _replacement_policy(errors, spec, path.child("podReplacementPolicy"))
    template = spec.get("template") or NOTHING
    pod.template(errors, template, path.child("template"), options)
    _restart_policy(errors, spec, template, path.child("template", "spec", "restartPolicy"))


def _completion_mode(errors: Errors, spec: Object, path: Path) -> None:
    mode = spec.get("completionMode")
    if mode not in (None, "NonIndexed", "Indexed"):
        errors.append(fields.not_supported(path.child("completionMode"), mode, ("NonIndexed", "Indexed")))
    if mode == "Indexed":
        _indexed(errors, spec, path)
    elif mode in (None, "NonIndexed"):
        for key in ("backoffLimitPerIndex", "maxFailedIndexes"):
            if key in spec:
                errors.append(fields.invalid(path.child(key), spec[key], _INDEXED_ONLY))


def _indexed(errors: Errors, spec: Object, path: Path) -> None:
    completions, parallelism, failed = (spec.get(each) for each in ("completions", "parallelism", "maxFailedIndexes"))
    if completions is None:
        errors.append(fields.required(path.child("completions"), "when completion mode is Indexed"))
    if parallelism is not None and parallelism > _MANY:
        detail = f"must be less than or equal to {_MANY} when completion mode is Indexed"
        errors.append(fields.invalid(path.child("parallelism"), parallelism, detail))
    at = path.child("maxFailedIndexes")
    if completions is not None and failed is not None and failed > completions:
        errors.append(fields.invalid(at, failed, "must be less than or equal to completions"))
    if failed is not None and failed > _MANY:
        errors.append(fields.invalid(at, failed, f"must be less than or equal to {_MANY}"))
    if completions is None or completions <= _MANY or "backoffLimitPerIndex" not in spec:
        return
    if failed is None:
        errors.append(fields.required(at, f"must be specified when completions is above {_MANY}"))
    detail = (
        f"must be less than or equal to {_MANY_LIMIT} when completions are above {_MANY} "
        "and used with backoff limit per index"
    )
    if parallelism is not None and parallelism > _MANY_LIMIT:
        errors.append(fields.invalid(path.child("parallelism"), parallelism, detail))
    if failed is not None and failed > _MANY_LIMIT:
        errors.append(fields.invalid(at, failed, detail))


def _restart_policy(errors: Errors, spec: Object, template: Object, path: Path) -> None:
    policy = (template.get("spec") or NOTHING).get("restartPolicy", "")
    if policy in ("", "Always"):
        errors.append(fields.required(path, 'valid values: "OnFailure", "Never"'))
    elif policy not in ("OnFailure", "Never"):
        errors.append(fields.not_supported(path, policy, ("OnFailure", "Never")))
    elif "podFailurePolicy" in spec and policy != "Never":
        detail = 'only "Never" is supported when podFailurePolicy is specified'
        errors.append(fields.invalid(path, policy, detail))


def _replacement_policy(errors: Errors, spec: Object, path: Path) -> None:
    policy = spec.get("podReplacementPolicy")
    supported = ("Failed",) if "podFailurePolicy" in spec else ("Failed", "TerminatingOrFailed")
    if policy is not None and policy not in supported:
        errors.append(fields.not_supported(path, policy, supported))


def _valid_values(values: Sequence[str]) -> str:
    return f"valid values: [{' '.join(fields.quoted(each) for each in values)}]"


def _listed(errors: Errors, value: str, supported: Sequence[str], path: Path) -> None:
    if not value:
        errors.append(fields.required(path, _valid_values(supported)))
    elif value not in supported:
        errors.append(fields.not_supported(path, value, supported))


def _failure_policy(errors: Errors, spec: Object, path: Path) -> None:
    rules = spec["podFailurePolicy"].get("rules") or ()
    if len(rules) > 20:
        errors.append(fields.too_many(path, len(rules), 20))
    pod_spec = (spec.get("template") or NOTHING).get("spec") or NOTHING
    names = {each.get("name", "") for key in ("containers", "initContainers") for each in pod_spec.get(key) or ()}
    for index, rule in enumerate(rules):
        _failure_rule(errors, spec, rule, names, path.index(index))


def _failure_rule(errors: Errors, spec: Object, rule: Object, names: Collection[str], path: Path) -> None:
    action, codes, conditions = rule.get("action", ""), rule.get("onExitCodes"), rule.get("onPodConditions") or ()
    if action == "FailIndex":
        if "backoffLimitPerIndex" not in spec:
            detail = "requires the backoffLimitPerIndex to be set"
            errors.append(fields.invalid(path.child("action"), action, detail))
    else:
        _listed(errors, action, _ACTIONS, path.child("action"))
    if codes is not None:
        _exit_codes(errors, codes, names, path.child("onExitCodes"))
    if len(conditions) > 20:
        errors.append(fields.too_many(path.child("onPodConditions"), len(conditions), 20))
    for index, pattern in enumerate(conditions):
        at, kind = path.child("onPodConditions").index(index), pattern.get("type", "")
        refuse(errors, at.child("type"), kind, formats.label_key(kind))
        _listed(errors, pattern.get("status", ""), _STATUSES, at.child("status"))
    if codes is not None and conditions:
        errors.append(fields.invalid_whole(path, "specifying both OnExitCodes and OnPodConditions is not supported"))
    if codes is None and not conditions:
        errors.append(fields.invalid_whole(path, "specifying one of OnExitCodes and OnPodConditions is required"))


def _exit_codes(errors: Errors, codes: Object, names: Collection[str], path: Path) -> None:
    operator, name, values = codes.get("operator", ""), codes.get("containerName"), codes.get("values") or []
    _listed(errors, operator, _OPERATORS, path.child("operator"))
    if name is not None and name not in names:
        detail = "must be one of the container or initContainer names in the pod template"
        errors.append(fields.invalid(path.child("containerName"), name, detail))
    at = path.child("values")
    if not values:
        errors.append(fields.invalid(at, values or None, "at least one value is required"))
    elif len(values) > 255:
        errors.append(fields.too_many(at, len(values), 255))
    seen: set[int] = set()
    for index, value in enumerate(values):
        if operator == "In" and value == 0:
            errors.append(fields.invalid(at.index(index), value, "must not be 0 for the In operator"))
        if value in seen:
            errors.append(fields.duplicate(at.index(index), value))
        seen.add(value)
    if sorted(values) != list(values):
        errors.append(fields.invalid(at, values, "must be ordered"))


def _success_policy(errors: Errors, spec: Object, path: Path) -> None:
    rules = spec["successPolicy"].get("rules") or ()
    if not rules:
        detail = "at least one rules must be specified when the successPolicy is specified"
        errors.append(fields.required(path, detail))
    if len(rules) > 20:
        errors.append(fields.too_many(path, len(rules), 20))
    for index, rule in enumerate(rules):
        _success_rule(errors, rule, spec.get("completions") or 0, path.index(index))


def _success_rule(errors: Errors, rule: Object, completions: int, path: Path) -> None:
    count, indexes, total = rule.get("succeededCount"), rule.get("succeededIndexes"), 0
    if count is None and indexes is None:
        detail = "at least one of succeededCount or succeededIndexes must be specified"
        errors.append(fields.required(path, detail))
    if indexes is not None:
        at = path.child("succeededIndexes")
        if formats.size(indexes) > 64 << 10:
            errors.append(fields.too_long(at, 64 << 10))
        total, problem = count_indexes(indexes, completions)
        if problem:
            errors.append(fields.invalid(at, indexes, f"error parsing succeededIndexes: {problem}"))
    if count is None:
        return
    at = path.child("succeededCount")
    non_negative(errors, rule, path, "succeededCount")
    if count > completions:
        detail = f"must be less than or equal to {completions} (the number of specified completions)"
        errors.append(fields.invalid(at, count, detail))
    if indexes is not None and count > total:
        where = "(the number of indexes in the specified succeededIndexes field)"
        errors.append(fields.invalid(at, count, f"must be less than or equal to {total} {where}"))
