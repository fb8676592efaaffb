"""RBAC as its documentation describes it, in one loop: the slow twin of the authorizer."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cluster_shim.apiserver.request import RequestInfo, UserInfo

Object = dict[str, Any]


def allows(objects: Iterable[Object], user: UserInfo, info: RequestInfo) -> bool:
    everything = list(objects)
    roles = {
        (each["kind"], each["metadata"].get("namespace", ""), each["metadata"]["name"]): each for each in everything
    }
    for binding in everything:
        namespace = binding["metadata"].get("namespace", "")
        if "roleRef" not in binding or namespace not in ("", info.namespace):
            continue
        if not any(is_subject(each, user, namespace) for each in binding["subjects"]):
            continue
        kind = binding["roleRef"]["kind"]
        role = roles.get((kind, namespace if kind == "Role" else "", binding["roleRef"]["name"]))
        if role is not None and any(matches(rule, info) for rule in role["rules"]):
            return True
    return False


def is_subject(subject: Object, user: UserInfo, namespace: str) -> bool:
    if subject["kind"] == "User":
        return bool(subject["name"] == user.name)
    if subject["kind"] == "Group":
        return subject["name"] in user.groups
    own = subject.get("namespace") or namespace
    return own != "" and user.name == f"system:serviceaccount:{own}:{subject['name']}"


def matches(rule: Object, info: RequestInfo) -> bool:
    if not has(rule["verbs"], info.verb):
        return False
    if not info.is_resource:
        return any(
            url == info.path or (url.endswith("*") and info.path.startswith(url.rstrip("*")))
            for url in rule.get("nonResourceURLs", [])
        )
    wanted = info.resource + (f"/{info.subresource}" if info.subresource else "")
    resources = rule.get("resources", [])
    names = rule.get("resourceNames", [])
    return (
        has(rule.get("apiGroups", []), info.group)
        and (has(resources, wanted) or (info.subresource != "" and f"*/{info.subresource}" in resources))
        and (not names or info.name in names)
    )


def has(values: list[str], value: str) -> bool:
    return "*" in values or value in values
