"""ResourceQuotas and LimitRanges."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import amounts, formats, metadata, names
from cluster_shim.api.validation.checks import IS_IMMUTABLE, NOTHING, SPEC, STATUS, Errors, Object, refuse
from cluster_shim.api.validation.core import resource_names, resources
from cluster_shim.api.validation.structs import dump

_PODS = frozenset({"pods"})
_COMPUTE = _PODS | {"cpu", "memory", "limits.cpu", "limits.memory", "requests.cpu", "requests.memory"}
_OF_SCOPE: Mapping[str, frozenset[str]] = {
    "Terminating": _COMPUTE,
    "NotTerminating": _COMPUTE,
    "NotBestEffort": _COMPUTE,
    "PriorityClass": _COMPUTE,
    "CrossNamespacePodAffinity": _COMPUTE,
    "BestEffort": _PODS,
    "VolumeAttributesClass": frozenset({"persistentvolumeclaims", "requests.storage"}),
}
_PAIRS = (("BestEffort", "NotBestEffort"), ("Terminating", "NotTerminating"))
_ONLY_EXISTS = ("BestEffort", "NotBestEffort", "Terminating", "NotTerminating", "CrossNamespacePodAffinity")


def create_quota(errors: Errors, quota: Object) -> None:
    """Check a new ResourceQuota."""
    metadata.create(errors, quota, True, names.dns_subdomain)
    _quota_spec(errors, quota.get("spec") or NOTHING)
    _quota_status(errors, quota.get("status") or NOTHING)


def _amounts(errors: Errors, listed: Mapping[str, str], path: Path) -> None:
    for name, amount in listed.items():
        resources.quota_resource_name(errors, name, path.key(name))
        resources.quantity(errors, name, amount, path.key(name))


def _quota_status(errors: Errors, status: Object) -> None:
    for key in ("hard", "used"):
        _amounts(errors, status.get(key) or {}, STATUS.child(key))


def _quota_spec(errors: Errors, spec: Object) -> None:
    hard = spec.get("hard") or {}
    _amounts(errors, hard, SPEC.child("hard"))
    scopes, path = spec.get("scopes") or [], SPEC.child("scopes")
    for scope in scopes:
        if scope not in _OF_SCOPE:
            errors.append(fields.invalid(path, scopes, "unsupported scope"))
        for _ in _not_of_scope(scope, hard):
            errors.append(fields.invalid(path, scopes, "unsupported scope applied to resource"))
    _conflicting(errors, scopes, scopes, path)
    if "scopeSelector" in spec:
        _scope_selector(errors, spec, hard)


def _not_of_scope(scope: str, hard: Iterable[str]) -> list[str]:
    allowed = _OF_SCOPE.get(scope)
    if allowed is None:
        return []
    return [each for each in hard if resource_names.is_standard_for_quota(each) and each not in allowed]


def _conflicting(errors: Errors, scopes: Iterable[str], shown: list[str] | None, path: Path) -> None:
    found = set(scopes)
    for pair in _PAIRS:
        if found.issuperset(pair):
            errors.append(fields.invalid(path, shown, "conflicting scopes"))


def _scope_selector(errors: Errors, spec: Object, hard: Iterable[str]) -> None:
    chosen, path = spec["scopeSelector"], SPEC.child("scopeSelector", "matchExpressions")
    found = []
    for each in chosen.get("matchExpressions") or ():
        scope, operator, values = each.get("scopeName", ""), each.get("operator", ""), each.get("values") or []
        found.append(scope)
        if scope not in _OF_SCOPE:
            errors.append(fields.invalid(path.child("scopeName"), scope, "unsupported scope"))
        for _ in _not_of_scope(scope, hard):
            detail = "unsupported scope applied to resource"
            errors.append(fields.invalid(path, dump("ScopeSelector", chosen), detail))
        if scope in _ONLY_EXISTS and operator != "Exists":
            detail = (
                "must be 'Exists' when scope is any of ResourceQuotaScopeTerminating, "
                "ResourceQuotaScopeNotTerminating, ResourceQuotaScopeBestEffort, ResourceQuotaScopeNotBestEffort or "
                "ResourceQuotaScopeCrossNamespacePodAffinity"
            )
            errors.append(fields.invalid(path.child("operator"), operator, detail))
        if operator in ("In", "NotIn"):
            if not values:
                detail = "must be at least one value when `operator` is 'In' or 'NotIn' for scope selector"
                errors.append(fields.required(path.child("values"), detail))
        elif operator in ("Exists", "DoesNotExist"):
            if values:
                detail = "must be no value when `operator` is 'Exist' or 'DoesNotExist' for scope selector"
                errors.append(fields.invalid(path.child("values"), values, detail))
        else:
            errors.append(fields.invalid(path.child("operator"), operator, "not a valid selector operator"))
    _conflicting(errors, found, spec.get("scopes"), path)


def update_quota(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of a ResourceQuota."""
    metadata.update(errors, new, old)
    spec = new.get("spec") or NOTHING
    _quota_spec(errors, spec)
    if set(spec.get("scopes") or ()) != set((old.get("spec") or NOTHING).get("scopes") or ()):
        errors.append(fields.invalid(SPEC.child("scopes"), spec.get("scopes"), IS_IMMUTABLE))


def update_quota_status(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of the status of a ResourceQuota."""
    metadata.update(errors, new, old)
    if not (new.get("metadata") or NOTHING).get("resourceVersion"):
        errors.append(fields.required(Path("resourceVersion")))
    _quota_status(errors, new.get("status") or NOTHING)


_LIMIT_TYPES = ("Pod", "Container", "PersistentVolumeClaim")


def create_limit_range(errors: Errors, limit_range: Object) -> None:
    """Check a new LimitRange."""
    metadata.create(errors, limit_range, True, names.dns_subdomain)
    seen: set[str] = set()
    for index, limit in enumerate((limit_range.get("spec") or NOTHING).get("limits") or ()):
        path, kind = SPEC.child("limits").index(index), limit.get("type", "")
        if messages := formats.label_key(kind):
            refuse(errors, path.child("type"), kind, messages)
        elif "/" not in kind and kind not in _LIMIT_TYPES:
            detail = "must be a standard limit type or fully qualified"
            errors.append(fields.invalid(path.child("type"), kind, detail))
        if kind in seen:
            errors.append(fields.duplicate(path.child("type"), kind))
        seen.add(kind)
        _limit(errors, limit, kind, path)


def _limit(errors: Errors, limit: Object, kind: str, path: Path) -> None:
    keys: dict[str, None] = {}
    for member in ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio"):
        if kind == "Pod" and member.startswith("default"):
            if limit.get(member):
                errors.append(fields.forbidden(path.child(member), "may not be specified when `type` is 'Pod'"))
            continue
        if member == "maxLimitRequestRatio" and kind == "PersistentVolumeClaim" and not _has_storage(limit):
            detail = "either minimum or maximum storage value is required, but neither was provided"
            errors.append(fields.required(path.child("limits"), detail))
        for name in limit.get(member) or ():
            _limit_resource(errors, kind, name, path.child(member).key(name))
            keys[name] = None
    for name in keys:
        _compare(errors, limit if kind != "Pod" else {**limit, "default": {}, "defaultRequest": {}}, name, path)


def _has_storage(limit: Object) -> bool:
    return any("storage" in (limit.get(each) or ()) for each in ("min", "max"))


def _limit_resource(errors: Errors, kind: str, name: str, path: Path) -> None:
    if kind in ("Pod", "Container"):
        resources.container_resource_name(errors, name, path)
    else:
        resources.resource_name(errors, name, path)


# Two members, the one that is too large first; the member that the error is at, the member that it shows; their words.
_ORDER = (
    ("min", "max", "min", "min", "min value", "max value"),
    ("min", "defaultRequest", "defaultRequest", "defaultRequest", "min value", "default request value"),
    ("defaultRequest", "max", "defaultRequest", "defaultRequest", "default request value", "max value"),
    ("defaultRequest", "default", "defaultRequest", "defaultRequest", "default request value", "default limit value"),
    ("min", "default", "default", "min", "min value", "default value"),
    ("default", "max", "default", "max", "default value", "max value"),
)


def _compare(errors: Errors, limit: Object, name: str, path: Path) -> None:
    given = {member: found[name] for member in _MEMBERS if name in (found := limit.get(member) or {})}
    for larger, smaller, where, shown, words, other_words in _ORDER:
        if larger in given and smaller in given and amounts.nano(given[larger]) > amounts.nano(given[smaller]):
            detail = f"{words} {given[larger]} is greater than {other_words} {given[smaller]}"
            errors.append(fields.invalid(path.child(where).key(name), given[shown], detail))
    ratio, at = given.get("maxLimitRequestRatio"), path.child("maxLimitRequestRatio").key(name)
    if ratio is not None and amounts.nano(ratio) < 10**9:
        errors.append(fields.invalid(at, ratio, f"ratio {ratio} is less than 1"))
    if ratio is not None and "min" in given and "max" in given:
        most = _quotient(given["max"], given["min"], ratio)
        if _ratio(ratio, given) > most:
            errors.append(fields.invalid(at, ratio, f"ratio {ratio} is greater than max/min = {_float(most)}"))
    both = "default" in given and "defaultRequest" in given
    if both and not resource_names.is_overcommit_allowed(name):
        limit_value, request = given["default"], given["defaultRequest"]
        if amounts.nano(limit_value) != amounts.nano(request):
            detail = f"default value {limit_value} must equal to defaultRequest value {request} in {name}"
            errors.append(fields.invalid(path.child("defaultRequest").key(name), request, detail))


_MEMBERS = ("max", "min", "default", "defaultRequest", "maxLimitRequestRatio")


def _is_small(*quantities: str) -> bool:
    return all(amounts.value(each) < amounts.MAX_MILLI_VALUE for each in quantities)


def _ratio(ratio: str, given: Mapping[str, str]) -> float:
    small = _is_small(ratio, given["min"], given["max"])
    return amounts.milli_value(ratio) / 1000 if small else float(amounts.value(ratio))


def _quotient(most: str, least: str, ratio: str) -> float:
    measure = amounts.milli_value if _is_small(ratio, most, least) else amounts.value
    divisor = measure(least)
    return measure(most) / divisor if divisor else float("inf")


def _float(number: float) -> str:
    return "+Inf" if number == float("inf") else f"{number:f}"


def update_limit_range(errors: Errors, new: Object, old: Object) -> None:
    """Check an update of a LimitRange."""
    create_limit_range(errors, new)
