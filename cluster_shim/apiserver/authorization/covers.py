"""Whether rules that someone has cover rules that it wants to give, and which are missing.

Upstream: component-helpers/auth/rbac/validation and registry/rbac/validation/policy_compact.go. A rule is a document
here, not a compiled one: what is missing is shown to people.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from itertools import product
from typing import Any

from cluster_shim.api.fields import quoted

Document = dict[str, Any]

_SHOWN = (
    ("apiGroups", "APIGroups"),
    ("resources", "Resources"),
    ("nonResourceURLs", "NonResourceURLs"),
    ("resourceNames", "ResourceNames"),
    ("verbs", "Verbs"),
)
"""Fields in the order in which messages show them, and how they are called there."""


def missing(owned: Sequence[Mapping[str, Any]], wanted: Sequence[Mapping[str, Any]]) -> list[Document]:
    """Return the part of the wanted rules that the owned ones do not cover, in the smallest pieces."""
    pieces = (piece for rule in wanted for piece in _pieces(rule))
    return [piece for piece in pieces if not any(_covers(owner, piece) for owner in owned)]


def show(rules: Sequence[Document]) -> list[str]:
    """Return rules as messages list them: those that differ in their verbs only as one, sorted."""
    return sorted({_shown(rule) for rule in _compact(rules)})


def _pieces(rule: Mapping[str, Any]) -> Iterator[Document]:
    verbs = rule.get("verbs") or ()
    names = [{"resourceNames": [name]} for name in rule.get("resourceNames") or ()] or [{}]
    for group, resource, verb in product(rule.get("apiGroups") or (), rule.get("resources") or (), verbs):
        for name in names:
            yield {"apiGroups": [group], "resources": [resource], "verbs": [verb], **name}
    for url, verb in product(rule.get("nonResourceURLs") or (), verbs):
        yield {"nonResourceURLs": [url], "verbs": [verb]}


def _covers(owner: Mapping[str, Any], piece: Document) -> bool:
    return (
        _has(owner.get("verbs") or (), piece["verbs"])
        and _has(owner.get("apiGroups") or (), piece.get("apiGroups", ()))
        and all(_has_resource(owner.get("resources") or (), each) for each in piece.get("resources", ()))
        and all(_has_url(owner.get("nonResourceURLs") or (), each) for each in piece.get("nonResourceURLs", ()))
        and _has_names(owner.get("resourceNames") or (), piece.get("resourceNames", ()))
    )


def _has(owned: Sequence[str], wanted: Sequence[str]) -> bool:
    return "*" in owned or all(each in owned for each in wanted)


def _has_resource(owned: Sequence[str], wanted: str) -> bool:
    if "*" in owned or wanted in owned:
        return True
    _, slash, subresource = wanted.partition("/")
    return bool(slash) and f"*/{subresource}" in owned


def _has_url(owned: Sequence[str], wanted: str) -> bool:
    return any(each == wanted or (each.endswith("*") and wanted.startswith(each.rstrip("*"))) for each in owned)


def _has_names(owned: Sequence[str], wanted: Sequence[str]) -> bool:
    return not owned or (bool(wanted) and all(each in owned for each in wanted))


def _compact(rules: Sequence[Document]) -> list[Document]:
    simple: dict[tuple[Any, ...], Document] = {}
    others = []
    for rule in rules:
        if "nonResourceURLs" in rule:
            others.append(rule)
            continue
        key = (rule["apiGroups"][0], rule["resources"][0], tuple(rule.get("resourceNames", ())))
        if key in simple:
            simple[key]["verbs"] = [*simple[key]["verbs"], *rule["verbs"]]
        else:
            simple[key] = dict(rule)
    return [*others, *simple.values()]


def _shown(rule: Document) -> str:
    parts = (f"{name}:[{' '.join(quoted(each) for each in rule[key])}]" for key, name in _SHOWN if rule.get(key))
    return f"{{{', '.join(parts)}}}"
