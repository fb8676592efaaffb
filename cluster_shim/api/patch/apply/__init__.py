"""Server-side apply and managed fields: who owns which field of an object.

``manager_for`` gives the FieldManager of a resource; ``scale`` translates between an object and its scale.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cluster_shim.api import conversion
from cluster_shim.api.codec import from_parsed, from_unstructured
from cluster_shim.api.patch.apply.manager import FieldManager, keep_times, name_of, with_managed_fields
from cluster_shim.api.patch.apply.reset import reset_fields
from cluster_shim.api.patch.apply.updater import Version
from cluster_shim.api.patch.merge_patch import not_a_map
from cluster_shim.api.patch.schema import of_custom, of_type
from cluster_shim.api.resources import GroupVersionKind, Resource, gvk_of
from cluster_shim.api.types import normalise, type_of

__all__ = [
    "FieldManager",
    "Version",
    "custom_manager_for",
    "custom_versions",
    "decoded",
    "keep_times",
    "manager_for",
    "name_of",
    "with_managed_fields",
]

Versions = Callable[[str], Version | None]


def custom_versions(schemas: Mapping[str, Mapping[str, Any] | None]) -> Versions:
    """Return what field managers need of the versions of a custom resource: its schemas by apiVersion.

    Its versions differ in nothing but their name, and in what a schema keeps of an object.
    """

    def version(api_version: str) -> Version | None:
        if api_version not in schemas:
            return None
        return Version(of_custom(schemas[api_version]), lambda document: {**document, "apiVersion": api_version})

    return version


def _built_in_versions(gvk: GroupVersionKind) -> Versions:
    others = {each.api_version: each for each in conversion.versions(gvk)}

    def version(api_version: str) -> Version | None:
        other = others.get(api_version)
        found = type_of(other) if other is not None else None
        if other is None or found is None:
            return None
        return Version(of_type(found), lambda document: _converted(document, other))

    return version


def _converted(document: dict[str, Any], other: GroupVersionKind) -> dict[str, Any]:
    gvk = gvk_of(document)
    return document if gvk == other else conversion.convert(from_parsed(document, gvk).object, other)


def decoded(value: Any) -> dict[str, Any]:
    """Return the parsed body of an apply, or raise 400 if it is none."""
    if not isinstance(value, dict | None):
        raise not_a_map("error decoding YAML: error unmarshaling JSON: while decoding JSON: ", value)
    return value or {}


def manager_for(
    resource: Resource, subresource: str = "", gvk: GroupVersionKind | None = None, versions: Versions | None = None
) -> FieldManager:
    """Return a field manager of a built-in resource; keep it, it remembers what it has seen.

    `gvk` is the kind of what the subresource takes, if it is another one (Scale). `versions` says how an object
    becomes one of another version of the same kind, and one of this version again (by default: as conversion does).
    """
    gvk = gvk or resource.gvk
    found = type_of(gvk)
    if found is None:
        raise KeyError(gvk)
    kind = gvk

    def read(document: dict[str, Any]) -> dict[str, Any]:
        return from_unstructured(document, kind).object

    reset = reset_fields(resource, subresource)
    versions = versions or _built_in_versions(kind)
    return FieldManager(kind, of_type(found), normalise(kind, {}), subresource, reset, versions, read=read)


def custom_manager_for(
    resource: Resource, schema: Mapping[str, Any] | None, subresource: str = "", versions: Versions | None = None
) -> FieldManager:
    """Return a field manager of a custom resource with the OpenAPI schema of its version (None: there is none).

    `versions` (of ``custom_versions``) is needed where it has more than one.
    """
    reset = reset_fields(resource, subresource)
    versions = versions or custom_versions({})
    return FieldManager(resource.gvk, of_custom(schema), {}, subresource, reset, versions, schema_may_change=True)
