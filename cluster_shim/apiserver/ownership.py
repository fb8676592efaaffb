"""Ownership: who owns which fields of an object that is written (managed fields), and server-side apply."""

from __future__ import annotations

from typing import Any

from cluster_shim.api.patch.apply import FieldManager, custom_manager_for, custom_versions, manager_for
from cluster_shim.api.resources import GroupVersionKind, Resource
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
    """Return the field manager of a resource; they are kept, for what they have seen, until its definition changes."""
    kept: dict[tuple[str, str, str, str], tuple[Resource, FieldManager]] = registry.memory.setdefault(_MANAGERS, {})
    key = (resource.group, resource.version, resource.name, subresource)
    found = kept.get(key)
    if found is None or found[0] is not resource:
        found = kept[key] = resource, _made(registry, resource, subresource)
    return found[1]


def _made(registry: Registry, resource: Resource, subresource: str) -> FieldManager:
    if subresource == "scale":
        return manager_for(resource, subresource, SCALE)
    if resource.custom is None:
        return manager_for(resource, subresource)
    versions = [each for each in registry.catalogue if (each.group, each.name) == (resource.group, resource.name)]
    others = custom_versions({each.api_version: each.custom.source for each in versions if each.custom is not None})
    return custom_manager_for(resource, resource.custom.source, subresource, others)
