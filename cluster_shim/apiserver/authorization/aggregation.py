"""Aggregated ClusterRoles: the rules of all roles that selectors choose.

In a cluster with a controller manager the stored role has them; a server without one works them out when it needs them.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

Labels = Mapping[str, str]

_OPERATORS: dict[str, Callable[[str | None, Sequence[str]], bool]] = {
    "In": lambda value, values: value is not None and value in values,
    "NotIn": lambda value, values: value is None or value not in values,
    "Exists": lambda value, _: value is not None,
    "DoesNotExist": lambda value, _: value is None,
}


def matches(selector: Mapping[str, Any], labels: Labels) -> bool:
    """Tell whether a LabelSelector chooses labels; an empty one chooses all."""
    if any(labels.get(key) != value for key, value in (selector.get("matchLabels") or {}).items()):
        return False
    return all(
        _OPERATORS[each["operator"]](labels.get(each["key"]), each.get("values") or ())
        for each in selector.get("matchExpressions") or ()
    )


def aggregated(name: str, roles: Mapping[str, Mapping[str, Any]]) -> list[dict[str, Any]]:
    """Return the rules of a ClusterRole: its own, or those of all that it aggregates, directly or not, each once."""
    return _collect(name, roles, frozenset())


def _collect(name: str, roles: Mapping[str, Mapping[str, Any]], above: frozenset[str]) -> list[dict[str, Any]]:
    role = roles[name]
    selectors = (role.get("aggregationRule") or {}).get("clusterRoleSelectors")
    if not selectors:
        return list(role.get("rules") or ())
    rules: list[dict[str, Any]] = []
    above |= {name}
    for other in sorted(roles):
        labels = roles[other].get("metadata", {}).get("labels") or {}
        if other not in above and any(matches(selector, labels) for selector in selectors):
            rules += [rule for rule in _collect(other, roles, above) if rule not in rules]
    return rules
