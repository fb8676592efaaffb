"""Scopes: which pods and claims a quota counts at all."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from cluster_shim.apiserver.registry.strategies.pods import qos_class

ScopeSelector = Mapping[str, Any]
"""scopeName, operator, values."""


def selectors_of(quota: Mapping[str, Any]) -> list[ScopeSelector]:
    """Return the scopes of a quota, those of both fields."""
    spec = quota["spec"]
    named = [{"scopeName": name, "operator": "Exists"} for name in spec.get("scopes") or ()]
    return [*named, *((spec.get("scopeSelector") or {}).get("matchExpressions") or ())]


def matches_pod(selector: ScopeSelector, pod: Mapping[str, Any]) -> bool:
    """Tell whether a pod is in a scope."""
    spec, name = pod["spec"], selector.get("scopeName")
    if name in ("Terminating", "NotTerminating"):
        terminating: bool = spec.get("activeDeadlineSeconds", -1) >= 0
        return terminating is (name == "Terminating")
    if name in ("BestEffort", "NotBestEffort"):
        best_effort: bool = qos_class(spec) == "BestEffort"
        return best_effort is (name == "BestEffort")
    if name == "PriorityClass":
        return _matches(selector, [spec["priorityClassName"]] if spec.get("priorityClassName") else [])
    if name == "CrossNamespacePodAffinity":
        return any(term.get("namespaces") or "namespaceSelector" in term for term in _terms(spec.get("affinity") or {}))
    return False


def matches_claim(selector: ScopeSelector, claim: Mapping[str, Any]) -> bool:
    """Tell whether a claim is in the scope of a volume attributes class."""
    if selector.get("scopeName") != "VolumeAttributesClass":
        return False
    status = claim.get("status") or {}
    names = (
        claim["spec"].get("volumeAttributesClassName"),
        status.get("currentVolumeAttributesClassName"),
        (status.get("modifyVolumeStatus") or {}).get("targetVolumeAttributesClassName"),
    )
    return _matches(selector, [name for name in names if name])


def _matches(selector: ScopeSelector, names: Sequence[str]) -> bool:
    operator, values = selector.get("operator"), selector.get("values") or ()
    if operator == "Exists":
        return bool(names)
    if operator == "DoesNotExist":
        return not names
    if operator == "In":
        return any(name in values for name in names)
    return not names or any(name not in values for name in names)


def _terms(affinity: Mapping[str, Any]) -> Iterator[Mapping[str, Any]]:
    for kind in ("podAffinity", "podAntiAffinity"):
        part = affinity.get(kind) or {}
        yield from part.get("requiredDuringSchedulingIgnoredDuringExecution") or ()
        preferred: Iterable[Mapping[str, Any]] = part.get("preferredDuringSchedulingIgnoredDuringExecution") or ()
        yield from (each.get("podAffinityTerm") or {} for each in preferred)
