"""Aggregated ClusterRoles: the rules of all roles that selectors choose.

In a cluster with a controller manager the stored role has them; a server without one works them out when it needs them.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api.validation.labels import matches


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
        if other not in above and any(matches(each, labels) for each in selectors):
            rules += [rule for rule in _collect(other, roles, above) if rule not in rules]
    return rules
