"""Matching: whether a policy or a binding is about a write. Upstream: admission/plugin/policy/matching."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from cluster_shim.api.resources import Catalogue, Resource
from cluster_shim.api.validation.labels import matches as matches_selector
from cluster_shim.apiserver.admission.plugin import CREATE, UPDATE, Attributes

Namespace = Callable[[str], Mapping[str, Any] | None]
"""Looks a namespace up by its name."""


class Match(NamedTuple):
    """As what a write matched: in this or in an equivalent version."""

    resource: Resource


def matches(
    criteria: Mapping[str, Any] | None, attributes: Attributes, catalogue: Catalogue, namespace: Namespace
) -> Match | None:
    """Return as what a write is matched by the criteria of a policy or binding; None if it is not."""
    if criteria is None:
        return Match(attributes.resource)
    if not _namespace_matches(criteria.get("namespaceSelector"), attributes, namespace):
        return None
    if not _object_matches(criteria.get("objectSelector"), attributes):
        return None
    policy = criteria.get("matchPolicy", "Equivalent")
    if _by_rules(criteria.get("excludeResourceRules"), policy, attributes, catalogue) is not None:
        return None
    if not criteria.get("resourceRules"):
        return Match(attributes.resource)
    return _by_rules(criteria["resourceRules"], policy, attributes, catalogue)


def _by_rules(
    rules: list[Mapping[str, Any]] | None, policy: str, attributes: Attributes, catalogue: Catalogue
) -> Match | None:
    if not rules:
        return None
    if any(_rule_matches(each, attributes, attributes.resource) for each in rules):
        return Match(attributes.resource)
    if policy == "Exact":
        return None
    for rule in rules:
        for equivalent in equivalents(attributes.resource, catalogue):
            if _rule_matches(rule, attributes, equivalent):
                return Match(equivalent)
    return None


def equivalents(resource: Resource, catalogue: Catalogue) -> list[Resource]:
    """Return the other resources that show the same objects."""
    return [each for each in catalogue if each.key == resource.key and each != resource]


def _rule_matches(rule: Mapping[str, Any], attributes: Attributes, resource: Resource) -> bool:
    operations = rule.get("operations") or ()
    if "*" not in operations and attributes.operation not in operations:
        return False
    if not _listed(rule.get("apiGroups"), resource.group) or not _listed(rule.get("apiVersions"), resource.version):
        return False
    if not _scope_matches(rule.get("scope", "*"), attributes):
        return False
    names = rule.get("resourceNames")
    if names and attributes.name not in names:
        return False
    return any(_resource_matches(each, resource.name, attributes.subresource) for each in rule.get("resources") or ())


def _listed(values: list[str] | None, value: str) -> bool:
    return values is not None and ("*" in values or value in values)


def _scope_matches(scope: str, attributes: Attributes) -> bool:
    is_namespace = attributes.resource.group == "" and attributes.resource.name == "namespaces"
    if scope == "Namespaced":
        return bool(attributes.namespace) and not is_namespace
    if scope == "Cluster":
        return not attributes.namespace or is_namespace
    return True


def _resource_matches(pattern: str, name: str, subresource: str) -> bool:
    wanted, slash, below = pattern.partition("/")
    if wanted not in ("*", name):
        return False
    return below in ("*", subresource) if slash else not subresource


def _namespace_matches(selector: Mapping[str, Any] | None, attributes: Attributes, namespace: Namespace) -> bool:
    if not selector:
        return True
    if attributes.resource.group == "" and attributes.resource.name == "namespaces":
        if not attributes.subresource and attributes.operation in (CREATE, UPDATE):
            found: Mapping[str, Any] | None = attributes.object
        else:
            found = namespace(attributes.name) or attributes.old_object
    elif not attributes.namespace:
        return True
    else:
        found = namespace(attributes.namespace)
    return matches_selector(selector, ((found or {}).get("metadata") or {}).get("labels") or {})


def _object_matches(selector: Mapping[str, Any] | None, attributes: Attributes) -> bool:
    if not selector:
        return True
    for each in (attributes.object, attributes.old_object):
        if each is not None and matches_selector(selector, each.get("metadata", {}).get("labels") or {}):
            return True
    return False
