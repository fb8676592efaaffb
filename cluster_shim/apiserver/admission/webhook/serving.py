"""Serving: what webhooks need of the server: types and versions of objects, and expressions."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.apiserver.admission.plugin import Attributes

Object = dict[str, Any]


class Serving(Protocol):
    """What the server lends to webhooks."""

    def convert(self, obj: Object | None, kind: GroupVersionKind) -> Object | None:
        """Return an object as another version of its kind; the object itself if it is that."""

    def reread(self, document: Any, kind: GroupVersionKind) -> Object:
        """Return a document as an object of its kind, with defaults. Raises APIError 500."""

    def matches_conditions(self, hook: Mapping[str, Any], attributes: Attributes) -> bool:
        """Tell whether a write meets a webhook's matchConditions. Raises APIError 403 if that cannot be found out."""
