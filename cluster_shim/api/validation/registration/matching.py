"""What webhooks and policies match: rules about resources and operations, and conditions in CEL."""

from __future__ import annotations

from collections.abc import Sequence

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.validation import formats, labels
from cluster_shim.api.validation.checks import Errors, Object, optional_one_of, refuse
from cluster_shim.api.validation.registration import expressions

FAILURE_POLICIES = ("Fail", "Ignore")
MATCH_POLICIES = ("Equivalent", "Exact")
OPERATIONS = ("*", "CONNECT", "CREATE", "DELETE", "UPDATE")
_SCOPES = ("*", "Cluster", "Namespaced")
_MOST_CONDITIONS = 64


def rule(errors: Errors, wanted: Object, path: Path) -> None:
    """Check one rule: operations on resources."""
    operations, at = wanted.get("operations") or (), path.child("operations")
    _wildcard_alone(errors, operations, at, "operations")
    for index, each in enumerate(operations):
        if each not in OPERATIONS:
            errors.append(fields.not_supported(at.index(index), each, OPERATIONS))
    _wildcard_alone(errors, wanted.get("apiGroups") or (), path.child("apiGroups"), "API groups")
    versions, at = wanted.get("apiVersions") or (), path.child("apiVersions")
    _wildcard_alone(errors, versions, at, "API versions")
    errors.extend(fields.required(at.index(index)) for index, each in enumerate(versions) if not each)
    _resources(errors, wanted.get("resources") or (), path.child("resources"))
    optional_one_of(errors, wanted, "scope", path, _SCOPES)


def _wildcard_alone(errors: Errors, items: Sequence[str], path: Path, what: str) -> None:
    if not items:
        errors.append(fields.required(path))
    if len(items) > 1 and "*" in items:
        errors.append(fields.invalid(path, items, f"if '*' is present, must not specify other {what}"))


def _resources(errors: Errors, resources: Sequence[str], path: Path) -> None:
    if not resources:
        errors.append(fields.required(path))
    all_of: set[str] = set()
    for_all: set[str] = set()
    has_plain = False
    for index, each in enumerate(resources):
        if not each:
            errors.append(fields.required(path.index(index)))
            continue
        resource, slash, subresource = each.partition("/")
        if not slash:
            has_plain = each != "*"  # the last one decides, upstream too
            continue
        if resource in all_of:
            detail = f"if '{resource}/*' is present, must not specify {each}"
            errors.append(fields.invalid(path.index(index), each, detail))
        if subresource in for_all:
            detail = f"if '*/{subresource}' is present, must not specify {each}"
            errors.append(fields.invalid(path.index(index), each, detail))
        if subresource == "*":
            all_of.add(resource)
        if resource == "*":
            for_all.add(subresource)
    if len(resources) > 1 and "*/*" in resources:
        errors.append(fields.invalid(path, resources, "if '*/*' is present, must not specify other resources"))
    if "*" in resources and has_plain:
        detail = "if '*' is present, must not specify other resources without subresources"
        errors.append(fields.invalid(path, resources, detail))


def resources(errors: Errors, wanted: Object | None, path: Path) -> None:
    """Check MatchResources, with which policies and bindings say what they are for."""
    if wanted is None:
        return
    if wanted.get("matchPolicy") is None:
        errors.append(fields.required(path.child("matchPolicy")))
    else:
        optional_one_of(errors, wanted, "matchPolicy", path, MATCH_POLICIES)
    for key in ("namespaceSelector", "objectSelector"):
        if wanted.get(key) is None:
            errors.append(fields.required(path.child(key)))
        else:
            labels.selector(errors, wanted[key], path.child(key))
    for key in ("resourceRules", "excludeResourceRules"):
        for index, each in enumerate(wanted.get(key) or ()):
            _named_rule(errors, each, path.child(key).index(index))


def _named_rule(errors: Errors, wanted: Object, path: Path) -> None:
    seen = set()
    for index, name in enumerate(wanted.get("resourceNames") or ()):
        at = path.child("resourceNames").index(index)
        refuse(errors, at, name, formats.path_segment(name))
        if name in seen:
            errors.append(fields.duplicate(at, name))
        seen.add(name)
    rule(errors, wanted, path)


def conditions(errors: Errors, listed: Sequence[Object] | None, path: Path, has_params: bool = False) -> None:
    """Check matchConditions."""
    if not listed:
        return
    if len(listed) > _MOST_CONDITIONS:
        errors.append(fields.too_many(path, len(listed), _MOST_CONDITIONS))
    seen = set()
    for index, each in enumerate(listed):
        at, name = path.index(index), each.get("name", "")
        expression = each.get("expression", "").strip()
        if not expression:
            errors.append(fields.required(at.child("expression")))
        else:
            expressions.condition(errors, expression, at.child("expression"), has_params)
        if not name:
            errors.append(fields.required(at.child("name")))
        else:
            labels.label_name(errors, name, at.child("name"))
            if name in seen:
                errors.append(fields.duplicate(at.child("name"), name))
            seen.add(name)
