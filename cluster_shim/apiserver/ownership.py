"""Ownership: who owns which fields of an object that is written (managed fields), and server-side apply."""

from __future__ import annotations

from typing import Any

from cluster_shim.api.patch.apply import FieldManager, Version, custom_manager_for, manager_for
from cluster_shim.api.patch.schema import of_type
from cluster_shim.api.resources import GroupVersionKind, Resource
from cluster_shim.api.types import type_of
from cluster_shim.apiserver.registry import objects
from cluster_shim.apiserver.registry.registry import Document, Registry, Write

SCALE = GroupVersionKind("autoscaling", "v1", "Scale")
_MANAGERS = "field managers"


def track(registry: Registry, write: Write, old: Document | None, new: Document) -> None:
    """Write down in an object's managedFields what a create, an update or a patch has changed."""
    manager = _manager(registry, write.resource, write.subresource)
    metadata = new["metadata"]
    if old is None:
        entries = manager.track_create(new, write.manager, write.now)
    else:
        entries = manager.track_update(old, new, write.manager, write.now)
    if entries:
        metadata["managedFields"] = entries
    else:
        metadata.pop("managedFields", None)


def apply(registry: Registry, write: Write, old: Document | None, applied: Any, force: bool) -> Document:
    """Return the object that an applied configuration makes of the live one. Raises APIError 400, 409, 422."""
    manager = _manager(registry, write.resource, write.subresource)
    return manager.apply(old, applied, write.manager, force, write.now)


def _manager(registry: Registry, resource: Resource, subresource: str) -> FieldManager:
    """Return the field manager of a resource; they are kept, for what they have seen."""
    kept: dict[tuple[int, str], FieldManager] = registry.memory.setdefault(_MANAGERS, {})
    key = (id(resource), subresource)
    found = kept.get(key)
    if found is None:
        found = kept[key] = _made(registry, resource, subresource)
    return found


def _made(registry: Registry, resource: Resource, subresource: str) -> FieldManager:
    def version(api_version: str) -> Version | None:
        group, _, name = api_version.rpartition("/")
        other = registry.catalogue.find(group, name, resource.name)
        if other is None or other is resource:
            return None
        found = type_of(other.gvk)
        if found is None:
            return None
        return Version(of_type(found), lambda document: objects.converted(document, other.gvk, other))

    if subresource == "scale":
        return manager_for(resource, subresource, SCALE)
    if resource.custom is not None:
        return custom_manager_for(resource, resource.custom.source, subresource)
    return manager_for(resource, subresource, versions=version)
