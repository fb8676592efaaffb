"""The audit policy: which requests are logged, and how much of each (``--audit-policy-file``).

The first rule that matches counts. Upstream: apiserver/pkg/audit/policy.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from cluster_shim.apiserver.request import RequestInfo, UserInfo

NONE, METADATA, REQUEST, REQUEST_RESPONSE = LEVELS = ("None", "Metadata", "Request", "RequestResponse")
STAGES = ("RequestReceived", "ResponseStarted", "ResponseComplete", "Panic")

_CONFIDENTIAL = {
    ("", "secrets", ""),
    ("", "serviceaccounts", "token"),
    ("authentication.k8s.io", "tokenreviews", ""),
}
"""What these objects say never goes into a log: no policy gives them more than Metadata."""


class PolicyError(Exception):
    """A policy that cannot be used; says which file, and why."""


@dataclass(frozen=True)
class Scope:
    """How much of a request is logged."""

    level: str
    omit_stages: frozenset[str] = frozenset()
    omit_managed_fields: bool = False


class Policy:
    """Decides for each request."""

    def __init__(self, document: Mapping[str, Any]) -> None:
        """Take a policy as its document has it. Raises ValueError."""
        stages = frozenset(document.get("omitStages") or ())
        managed = bool(document.get("omitManagedFields"))
        self._rules = [(rule, _scope(rule, stages, managed)) for rule in document.get("rules") or ()]
        self._default = Scope(NONE, stages, managed)

    def scope(self, user: UserInfo, info: RequestInfo) -> Scope:
        """Return how much of a request is logged."""
        scope = next((scope for rule, scope in self._rules if _matches(rule, user, info)), self._default)
        if (
            scope.level in (REQUEST, REQUEST_RESPONSE)
            and (info.group, info.resource, info.subresource) in _CONFIDENTIAL
        ):
            return Scope(METADATA, scope.omit_stages)
        return scope


def default() -> Policy:
    """Return the policy of a log without one: metadata of every request that has been answered."""
    return Policy({"rules": [{"level": METADATA}], "omitStages": ["RequestReceived"]})


def read(path: Path) -> Policy:
    """Read a policy file. Raises PolicyError."""
    import yaml

    try:
        document = yaml.load(path.read_bytes(), Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
        if not isinstance(document, dict) or document.get("kind") != "Policy":
            raise ValueError("is not of kind Policy")
        if not document.get("rules"):
            raise ValueError("has no rules")
        return Policy(document)
    except (OSError, yaml.YAMLError, ValueError, AttributeError) as error:
        raise PolicyError(f"audit policy {path}: {error}") from error


def _scope(rule: Mapping[str, Any], stages: frozenset[str], managed: bool) -> Scope:
    level = rule.get("level", "")
    if level not in LEVELS:
        raise ValueError(f"level {level!r} is none of {', '.join(LEVELS)}")
    omitted = stages | frozenset(rule.get("omitStages") or ())
    if unknown := omitted - set(STAGES):
        raise ValueError(f"stage {min(unknown)!r} is none of {', '.join(STAGES)}")
    own = rule.get("omitManagedFields")
    return Scope(level, omitted, managed if own is None else bool(own))


def _matches(rule: Mapping[str, Any], user: UserInfo, info: RequestInfo) -> bool:
    if rule.get("users") and user.name not in rule["users"]:
        return False
    if rule.get("userGroups") and not set(rule["userGroups"]) & set(user.groups):
        return False
    if rule.get("verbs") and info.verb not in rule["verbs"]:
        return False
    if rule.get("namespaces") or rule.get("resources"):
        return _matches_resource(rule, info)
    urls: Sequence[str] = rule.get("nonResourceURLs") or ()
    return not urls or (not info.is_resource and any(_matches_path(url, info.path) for url in urls))


def _matches_resource(rule: Mapping[str, Any], info: RequestInfo) -> bool:
    if not info.is_resource or (rule.get("namespaces") and info.namespace not in rule["namespaces"]):
        return False
    groups: Sequence[Mapping[str, Any]] = rule.get("resources") or ()
    return not groups or any(_matches_group(each, info) for each in groups)


def _matches_group(group: Mapping[str, Any], info: RequestInfo) -> bool:
    if group.get("group", "") not in (info.group, "*"):
        return False
    resources: Sequence[str] = group.get("resources") or ()
    if not resources:
        return True
    if group.get("resourceNames") and info.name not in group["resourceNames"]:
        return False
    combined = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    wanted = {combined, "*", f"{info.resource}/*"} | ({f"*/{info.subresource}"} if info.subresource else set())
    return not wanted.isdisjoint(resources)


def _matches_path(pattern: str, path: str) -> bool:
    return pattern in ("*", path) or (pattern.endswith("*") and path.startswith(pattern.rstrip("*")))
