"""Flows: which FlowSchema a request belongs to. Answers name it and its priority level by their UIDs.

It decides nothing here: how many requests are in flight is limited more simply (inflight.py). Upstream:
util/flowcontrol/rule.go, server/filters/priority-and-fairness.go.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from typing import Any

from cluster_shim.apiserver.admission.plugin import Reader
from cluster_shim.apiserver.request import RequestInfo, UserInfo
from cluster_shim.storage.store import Event, Source

GROUP, SCHEMAS, LEVELS = "flowcontrol.apiserver.k8s.io", "flowschemas", "prioritylevelconfigurations"
CATCH_ALL = "catch-all"
SCHEMA_UID, LEVEL_UID = "X-Kubernetes-PF-FlowSchema-UID", "X-Kubernetes-PF-PriorityLevel-UID"
_KNOWN_MAX = 4096
_SERVICE_ACCOUNT = "system:serviceaccount:"

Object = Mapping[str, Any]
Headers = tuple[tuple[str, str], ...]


class Flows:
    """The schemas of a server in their order, and what has been classified by them."""

    def __init__(self, source: Source, objects: Reader) -> None:
        self._objects = objects
        self._schemas: list[tuple[Object, Headers]] | None = None
        self._rest: Headers = ()
        self._known: dict[tuple[Any, ...], Headers] = {}
        for kind in (SCHEMAS, LEVELS):
            source.subscribe(f"/registry/{kind}/", self._forget)

    def _forget(self, events: Sequence[Event]) -> None:
        self._schemas = None
        self._known.clear()

    def headers(self, user: UserInfo, info: RequestInfo) -> Headers:
        """Return what an answer says of the flow of its request; nothing if no schema takes it."""
        what = info.path if not info.is_resource else (info.group, info.resource, info.subresource, info.namespace)
        key = (user.name, user.groups, info.verb, what)
        found = self._known.get(key)
        if found is None:
            if self._schemas is None:
                self._schemas = self._read()
            found = next((headers for schema, headers in self._schemas if _takes(schema, user, info)), self._rest)
            if len(self._known) >= _KNOWN_MAX:
                self._known.clear()
            if info.is_resource or len(info.path) < 256:
                self._known[key] = found
        return found

    def _read(self) -> list[tuple[Object, Headers]]:
        levels = {each["metadata"]["name"]: each["metadata"]["uid"] for each in self._objects.list(GROUP, LEVELS)}
        schemas = sorted(
            self._objects.list(GROUP, SCHEMAS),
            key=lambda each: (each["spec"].get("matchingPrecedence", 0), each["metadata"]["name"]),
        )
        found: list[tuple[Object, Headers]] = []
        self._rest = ()
        for each in schemas:
            level = levels.get(each["spec"]["priorityLevelConfiguration"]["name"])
            if level is not None:  # one that dangles is out of use
                headers = ((SCHEMA_UID, each["metadata"]["uid"]), (LEVEL_UID, level))
                found.append((each, headers))
                if each["metadata"]["name"] == CATCH_ALL:
                    self._rest = headers  # also of a user in no group, for whom no schema is made
        return found


def _takes(schema: Object, user: UserInfo, info: RequestInfo) -> bool:
    for rule in schema["spec"].get("rules") or ():
        if not any(_is(subject, user) for subject in rule.get("subjects") or ()):
            continue
        if info.is_resource:
            if any(_covers(each, info) for each in rule.get("resourceRules") or ()):
                return True
        elif any(_covers_path(each, info) for each in rule.get("nonResourceRules") or ()):
            return True
    return False


def _is(subject: Object, user: UserInfo) -> bool:
    kind = subject.get("kind")
    if kind == "User":
        return bool(subject["user"]["name"] in ("*", user.name))
    if kind == "Group":
        name = subject["group"]["name"]
        return name == "*" or name in user.groups
    account = subject["serviceAccount"]
    namespace, _, name = user.name.removeprefix(_SERVICE_ACCOUNT).partition(":")
    is_account = user.name.startswith(_SERVICE_ACCOUNT) and namespace == account["namespace"]
    return is_account and account["name"] in ("*", name)


def _covers(rule: Object, info: RequestInfo) -> bool:
    resource = f"{info.resource}/{info.subresource}" if info.subresource else info.resource
    if not (
        _has(rule["verbs"], info.verb) and _has(rule["apiGroups"], info.group) and _has(rule["resources"], resource)
    ):
        return False
    if not info.namespace:
        return bool(rule.get("clusterScope"))
    return _has(rule.get("namespaces") or (), info.namespace)


def _covers_path(rule: Object, info: RequestInfo) -> bool:
    return _has(rule["verbs"], info.verb) and any(_is_below(info.path, each) for each in rule["nonResourceURLs"])


def _is_below(path: str, wanted: str) -> bool:
    """Tell whether a path is the wanted one or lies below it; a star at the end changes nothing about that."""
    return wanted in ("*", path) or path.startswith(wanted.removesuffix("*").removesuffix("/") + "/")


def _has(wanted: Iterable[str], text: str) -> bool:
    return any(each in ("*", text) for each in wanted)
