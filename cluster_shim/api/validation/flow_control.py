"""Flow schemas and priority levels (flowcontrol.apiserver.k8s.io)."""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats, metadata, names
from cluster_shim.api.validation.checks import (
    METADATA,
    NOTHING,
    SPEC,
    STATUS,
    Errors,
    Object,
    need,
    need_formatted,
    refuse,
    unique,
)
from cluster_shim.api.validation.rules import Rules
from cluster_shim.api.validation.structs import dump

_HIGHEST_PRECEDENCE = 10_000
_MOST_QUEUES = 10_000_000
_HASH_BITS = 60
_METHODS = ("ByNamespace", "ByUser")
_VERBS = ("create", "delete", "deletecollection", "get", "list", "patch", "proxy", "update", "watch")
_SUBJECTS = {"Group": "group", "ServiceAccount": "serviceAccount", "User": "user"}
_FORBIDDEN_ORDER = ("serviceAccount", "user", "group")
_LEVELS = ("Exempt", "Limited")
_RESPONSES = ("Queue", "Reject")
_NAMESPACE_INTRODUCTION = "each member of this list must be '*' or a DNS-1123 label; "
_PRESERVE_ZERO = "flowcontrol.k8s.io/preserve-zero-concurrency-shares"


def _all_requests(*groups: str) -> list[Object]:
    return [
        {
            "subjects": [{"kind": "Group", "group": {"name": each}} for each in groups],
            "resourceRules": [
                {"verbs": ["*"], "apiGroups": ["*"], "resources": ["*"], "namespaces": ["*"], "clusterScope": True}
            ],
            "nonResourceRules": [{"verbs": ["*"], "nonResourceURLs": ["*"]}],
        }
    ]


_FIXED_SCHEMAS: dict[str, Object] = {
    "exempt": {
        "priorityLevelConfiguration": {"name": "exempt"},
        "matchingPrecedence": 1,
        "rules": _all_requests("system:masters"),
    },
    "catch-all": {
        "priorityLevelConfiguration": {"name": "catch-all"},
        "matchingPrecedence": _HIGHEST_PRECEDENCE,
        "distinguisherMethod": {"type": "ByUser"},
        "rules": _all_requests("system:unauthenticated", "system:authenticated"),
    },
}
_FIXED_CATCH_ALL: Object = {
    "type": "Limited",
    "limited": {"nominalConcurrencyShares": 5, "lendablePercent": 0, "limitResponse": {"type": "Reject"}},
}


def _create_schema(errors: Errors, schema: Object) -> None:
    metadata.create(errors, schema, False, names.dns_subdomain)
    spec: Object = schema.get("spec") or NOTHING
    name = (schema.get("metadata") or NOTHING).get("name", "")
    _schema_spec(errors, spec, name)
    fixed = _FIXED_SCHEMAS.get(name)
    if fixed is not None and _trimmed(spec) != fixed:
        detail = f"spec of '{name}' must equal the fixed value"
        errors.append(fields.invalid(SPEC, dump("FlowSchemaSpec", spec), detail))
    _check_conditions(errors, schema)


def _trimmed(value: Any) -> Any:
    """Return a value without empty lists and maps, which are the same as absent ones."""
    if isinstance(value, dict):
        return {key: _trimmed(each) for key, each in value.items() if each not in (None, [], {})}
    return [_trimmed(each) for each in value] if isinstance(value, list) else value


def _schema_spec(errors: Errors, spec: Object, name: str) -> None:
    precedence, at = spec.get("matchingPrecedence") or 0, SPEC.child("matchingPrecedence")
    if precedence <= 0:
        errors.append(fields.invalid(at, precedence, "must be a positive value"))
    if precedence > _HIGHEST_PRECEDENCE:
        errors.append(fields.invalid(at, precedence, f"must not be greater than {_HIGHEST_PRECEDENCE}"))
    if precedence == 1 and name != "exempt":
        detail = "only the schema named 'exempt' may have matchingPrecedence 1"
        errors.append(fields.invalid(at, precedence, detail))
    method = spec.get("distinguisherMethod")
    if method is not None and method.get("type") not in _METHODS:
        shown = dump("FlowDistinguisherMethod", method)
        errors.append(fields.not_supported(SPEC.child("distinguisherMethod", "type"), shown, _METHODS))
    level, at = spec.get("priorityLevelConfiguration") or NOTHING, SPEC.child("priorityLevelConfiguration")
    need_formatted(errors, level, "name", at, formats.dns_subdomain, "must reference a priority level")
    for index, each in enumerate(spec.get("rules") or ()):
        _rule(errors, each, SPEC.child("rules").index(index))


def _rule(errors: Errors, rule: Object, path: Path) -> None:
    if need(errors, rule, "subjects", path, "subjects must contain at least one value"):
        for index, subject in enumerate(rule["subjects"]):
            _subject(errors, subject, path.child("subjects").index(index))
    if not rule.get("resourceRules") and not rule.get("nonResourceRules"):
        detail = "at least one of resourceRules and nonResourceRules has to be non-empty"
        errors.append(fields.required(path, detail))
    for index, each in enumerate(rule.get("resourceRules") or ()):
        _resource_rule(errors, each, path.child("resourceRules").index(index))
    for index, each in enumerate(rule.get("nonResourceRules") or ()):
        _url_rule(errors, each, path.child("nonResourceRules").index(index))


def _subject(errors: Errors, subject: Object, path: Path) -> None:
    kind = subject.get("kind", "")
    if kind not in _SUBJECTS:
        errors.append(fields.not_supported(path.child("kind"), kind, tuple(_SUBJECTS)))
        return
    key = _SUBJECTS[kind]
    named, at = subject.get(key), path.child(key)
    if named is None:
        errors.append(fields.required(at, f"{key} is required when subject kind is '{kind}'"))
    else:
        if need(errors, named, "name", at) and key == "serviceAccount" and named["name"] != "*":
            refuse(errors, at.child("name"), named["name"], formats.dns_subdomain(named["name"]))
        if key == "serviceAccount":
            detail = "must specify namespace for service account"
            need_formatted(errors, named, "namespace", at, formats.dns_label, detail)
    for other in _FORBIDDEN_ORDER:
        if other != key and subject.get(other) is not None:
            owner = next(each for each, member in _SUBJECTS.items() if member == other)
            detail = f"{other} is forbidden when subject kind is not '{owner}'"
            errors.append(fields.forbidden(path.child(other), detail))


def _verbs(errors: Errors, rule: Object, path: Path) -> None:
    if not need(errors, rule, "verbs", path, "verbs must contain at least one value"):
        return
    verbs, at = rule["verbs"], path.child("verbs")
    if "*" in verbs:
        _alone(errors, verbs, at, "verbs")
    elif not set(verbs) <= set(_VERBS):
        errors.append(fields.not_supported(at, fields.as_json(verbs), _VERBS))


def _alone(errors: Errors, items: Sequence[str], path: Path, what: str) -> None:
    if len(items) > 1 and "*" in items:
        errors.append(fields.invalid(path, items, f"if '*' is present, must not specify other {what}"))


def _resource_rule(errors: Errors, rule: Object, path: Path) -> None:
    _verbs(errors, rule, path)
    for key, one, many in (("apiGroups", "api group", "api groups"), ("resources", "resource", "resources")):
        if need(errors, rule, key, path, f"resource rules must supply at least one {one}"):
            _alone(errors, rule[key], path.child(key), many)
    namespaces, at = rule.get("namespaces") or (), path.child("namespaces")
    if not namespaces and not rule.get("clusterScope"):
        detail = "resource rules that are not cluster scoped must supply at least one namespace"
        errors.append(fields.required(at, detail))
    elif "*" in namespaces:
        _alone(errors, namespaces, at, "namespaces")
    else:
        for index, each in enumerate(namespaces):
            problems = formats.dns_label(each)
            refuse(errors, at.index(index), each, (f"{_NAMESPACE_INTRODUCTION}{message}" for message in problems))


def _url_rule(errors: Errors, rule: Object, path: Path) -> None:
    _verbs(errors, rule, path)
    if not need(errors, rule, "nonResourceURLs", path, "nonResourceURLs must contain at least one value"):
        return
    urls, at = rule["nonResourceURLs"], path.child("nonResourceURLs")
    if "*" in urls:
        _alone(errors, urls, at, "non-resource URLs")
        return
    for index, each in enumerate(urls):
        if problem := _url_problem(each):
            errors.append(fields.invalid(at.index(index), each, problem))


def _url_problem(url: str) -> str:
    if not url:
        return "must not be empty"
    if url == "/":
        return ""
    if not url.startswith("/"):
        return "must start with slash"
    if " " in url:
        return "must not contain white-space"
    if "//" in url:
        return "must not contain double slash"
    wildcards = url.count("*")
    if wildcards > 1 or (wildcards == 1 and not url.endswith("/*")):
        return "wildcard can only do suffix matching"
    return ""


def _check_conditions(errors: Errors, obj: Object) -> None:
    seen: set[str] = set()
    for index, each in enumerate((obj.get("status") or NOTHING).get("conditions") or ()):
        path, kind = STATUS.child("conditions").index(index), each.get("type", "")
        unique(errors, kind, seen, path.child("type"))
        if not kind:
            errors.append(fields.required(path.child("type")))


def _create_level(errors: Errors, level: Object) -> None:
    metadata.create(errors, level, False, names.dns_subdomain)
    meta: Object = level.get("metadata") or NOTHING
    if _PRESERVE_ZERO in (meta.get("annotations") or ()):
        detail = f"annotation '{_PRESERVE_ZERO}' is forbidden"
        errors.append(fields.forbidden(METADATA.child("annotations"), detail))
    spec, name = level.get("spec") or NOTHING, meta.get("name", "")
    _level_spec(errors, spec, name)
    if name == "exempt" and (spec.get("type") != "Exempt" or spec.get("limited") is not None):
        detail = "spec of 'exempt' except the 'spec.exempt' field must equal the fixed value"
        errors.append(fields.invalid(SPEC, dump("PriorityLevelConfigurationSpec", spec), detail))
    if name == "catch-all" and _trimmed(spec) != _FIXED_CATCH_ALL:
        detail = "spec of 'catch-all' must equal the fixed value"
        errors.append(fields.invalid(SPEC, dump("PriorityLevelConfigurationSpec", spec), detail))
    _check_conditions(errors, level)


def _level_spec(errors: Errors, spec: Object, name: str) -> None:
    kind, exempt, limited = spec.get("type", ""), spec.get("exempt"), spec.get("limited")
    if (name == "exempt") != (kind == "Exempt"):
        detail = "must be 'Exempt' if and only if `name` is 'exempt'"
        errors.append(fields.invalid(SPEC.child("type"), kind, detail))
    if kind == "Exempt":
        if limited is not None:
            errors.append(fields.forbidden(SPEC.child("limited"), "must be nil if the type is not Limited"))
        if exempt is not None:
            _shares(errors, exempt, SPEC.child("exempt"))
            _lendable(errors, exempt, SPEC.child("exempt"))
    elif kind == "Limited":
        if exempt is not None:
            errors.append(fields.forbidden(SPEC.child("exempt"), "must be nil if the type is Limited"))
        if limited is None:
            errors.append(fields.required(SPEC.child("limited"), "must not be empty when type is Limited"))
        else:
            _limited(errors, limited, SPEC.child("limited"))
    else:
        errors.append(fields.not_supported(SPEC.child("type"), kind, _LEVELS))


def _shares(errors: Errors, level: Object, path: Path) -> None:
    shares = level.get("nominalConcurrencyShares") or 0
    if shares < 0:
        detail = "must be a non-negative integer"
        errors.append(fields.invalid(path.child("nominalConcurrencyShares"), shares, detail))


def _lendable(errors: Errors, level: Object, path: Path) -> None:
    percent = level.get("lendablePercent")
    if percent is not None and not 0 <= percent <= 100:
        errors.append(fields.invalid(path.child("lendablePercent"), percent, formats.in_range(0, 100)))


def _limited(errors: Errors, level: Object, path: Path) -> None:
    _shares(errors, level, path)
    response, at = level.get("limitResponse") or NOTHING, path.child("limitResponse")
    kind, queuing = response.get("type", ""), response.get("queuing")
    if kind == "Reject":
        if queuing is not None:
            detail = "must be nil if limited.limitResponse.type is not Limited"
            errors.append(fields.forbidden(at.child("queuing"), detail))
    elif kind == "Queue":
        if queuing is None:
            detail = "must not be empty if limited.limitResponse.type is Limited"
            errors.append(fields.required(at.child("queuing"), detail))
        else:
            _queuing(errors, queuing, at.child("queuing"))
    else:
        errors.append(fields.not_supported(at.child("type"), kind, _RESPONSES))
    _lendable(errors, level, path)
    borrowing = level.get("borrowingLimitPercent") or 0
    if borrowing < 0:
        detail = "if specified, must be a non-negative integer"
        errors.append(fields.invalid(path.child("borrowingLimitPercent"), borrowing, detail))


def _queuing(errors: Errors, queuing: Object, path: Path) -> None:
    length, queues, hand = (queuing.get(key) or 0 for key in ("queueLengthLimit", "queues", "handSize"))
    if length <= 0:
        errors.append(fields.invalid(path.child("queueLengthLimit"), length, "must be positive"))
    if queues <= 0:
        errors.append(fields.invalid(path.child("queues"), queues, "must be positive"))
    elif queues > _MOST_QUEUES:
        errors.append(fields.invalid(path.child("queues"), queues, f"must not be greater than {_MOST_QUEUES}"))
    at = path.child("handSize")
    if hand <= 0:
        errors.append(fields.invalid(at, hand, "must be positive"))
    elif hand > queues:
        errors.append(fields.invalid(at, hand, f"should not be greater than queues ({queues})"))
    elif _entropy(queues, hand) > _HASH_BITS:
        detail = (
            f"required entropy bits of deckSize {queues} and handSize {hand} should not be greater than {_HASH_BITS}"
        )
        errors.append(fields.invalid(at, hand, detail))


def _entropy(deck: int, hand: int) -> int:
    """Return how many random bits it takes to deal a hand of different cards."""
    return math.ceil(math.log2(deck) * hand)


def _update_conditions(errors: Errors, new: Object, old: Object) -> None:
    _check_conditions(errors, new)


FLOW_SCHEMA = Rules(
    _create_schema, lambda errors, new, old: _create_schema(errors, new), {"status": _update_conditions}
)
PRIORITY_LEVEL = Rules(
    _create_level, lambda errors, new, old: _create_level(errors, new), {"status": _update_conditions}
)
