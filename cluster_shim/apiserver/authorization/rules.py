"""One rule of a role, compiled so that a request is matched with a few look-ups (upstream: rbac/v1 helpers)."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cluster_shim.apiserver.request import RequestInfo

Everything = frozenset[str] | None
"""A set of names; None is all there are (``*``)."""


def _names(values: Sequence[str] | None) -> Everything:
    found = frozenset(values or ())
    return None if "*" in found else found


class Rule:
    """A rule of a role; `document` is how it is written there."""

    __slots__ = ("_groups", "_names", "_resources", "_url_prefixes", "_urls", "_verbs", "document")

    def __init__(self, document: Mapping[str, Any]) -> None:
        self.document = dict(document)
        urls = document.get("nonResourceURLs") or ()
        self._verbs = _names(document.get("verbs"))
        self._groups = _names(document.get("apiGroups"))
        self._resources = _names(document.get("resources"))
        self._names = frozenset(document.get("resourceNames") or ())
        self._urls = frozenset(urls)
        self._url_prefixes = tuple(url.rstrip("*") for url in urls if url.endswith("*"))

    def allows(self, info: RequestInfo) -> bool:
        """Tell whether the rule allows a request."""
        if self._verbs is not None and info.verb not in self._verbs:
            return False
        if not info.is_resource:
            return info.path in self._urls or info.path.startswith(self._url_prefixes)
        if self._groups is not None and info.group not in self._groups:
            return False
        if self._names and info.name not in self._names:
            return False
        resources = self._resources
        if resources is None:
            return True
        if not info.subresource:
            return info.resource in resources
        return f"{info.resource}/{info.subresource}" in resources or f"*/{info.subresource}" in resources
