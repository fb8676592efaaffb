"""Server-side apply and managed fields: who owns which field of an object.

``manager_for`` gives the FieldManager of a resource; ``scale`` translates between an object and its scale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cluster_shim.api.codec import from_parsed
from cluster_shim.api.patch.apply.manager import FieldManager, keep_times, name_of, with_managed_fields
from cluster_shim.api.patch.apply.reset import reset_fields
from cluster_shim.api.patch.apply.updater import Version
from cluster_shim.api.patch.merge_patch import not_a_map
from cluster_shim.api.patch.schema import of_custom, of_type
from cluster_shim.api.resources import GroupVersionKind, Resource
from cluster_shim.api.types import normalise, type_of

__all__ = [
    "FieldManager",
    "Version",
    "custom_manager_for",
    "decoded",
    "keep_times",
    "manager_for",
    "name_of",
    "with_managed_fields",
]

Versions = Callable[[str], Version | None]


def _no_versions(api_version: str) -> Version | None:
    return None


def decoded(value: Any) -> dict[str, Any]:
    """Return the parsed body of an apply, or raise 400 if it is none."""
    if not isinstance(value, dict | None):
        raise not_a_map("error decoding YAML: error unmarshaling JSON: while decoding JSON: ", value)
    return value or {}


def manager_for(
    resource: Resource, subresource: str = "", gvk: GroupVersionKind | None = None, versions: Versions = _no_versions
) -> FieldManager:
    """Return a field manager of a built-in resource; keep it, it remembers what it has seen.

    `gvk` is the kind of what the subresource takes, if it is another one (Scale). `versions` says how an object
    becomes one of another version of the same kind, and one of this version again (HorizontalPodAutoscaler, Event).
    """
    gvk = gvk or resource.gvk
    found = type_of(gvk)
    if found is None:
        raise KeyError(gvk)
    kind = gvk

    def read(document: dict[str, Any]) -> dict[str, Any]:
        return from_parsed(document, kind).object

    reset = reset_fields(resource, subresource)
    return FieldManager(kind, of_type(found), normalise(kind, {}), subresource, reset, versions, read=read)


def custom_manager_for(
    resource: Resource, schema: Mapping[str, Any] | None, subresource: str = "", versions: Versions = _no_versions
) -> FieldManager:
    """Return a field manager of a custom resource with the OpenAPI schema of its version (None: there is none)."""
    reset = reset_fields(resource, subresource)
    return FieldManager(resource.gvk, of_custom(schema), {}, subresource, reset, versions, schema_may_change=True)
