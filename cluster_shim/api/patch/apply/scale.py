"""Managed fields of an object as its subresource scale has them, and back: all that scale knows is spec.replicas."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from cluster_shim.api.patch.apply.fieldset import difference, has, of_path
from cluster_shim.api.patch.apply.managed import Entry, Managed, Owned, decode, encode

SCALE = "autoscaling/v1"
REPLICAS = ("f:spec", "f:replicas")

Paths = Mapping[str, Sequence[str] | None]
"""Where each version of the parent has its replicas, as path elements; None where it has no scale."""


def to_scale(entries: Sequence[Entry], paths: Paths) -> list[Entry]:
    """Return the entries that own the replicas of the parent, as entries of its scale."""
    scale: Managed = {}
    for manager, owned in decode(entries).items():
        path = paths.get(owned.api_version)
        if path is not None and has(owned.fields, path):
            scale[manager] = Owned(of_path(*REPLICAS), SCALE, owned.time)
    return encode(scale)


def to_parent(entries: Sequence[Entry], scale_entries: Sequence[Entry], api_version: str, paths: Paths) -> list[Entry]:
    """Return the parent's entries after those of its scale have become `scale_entries`."""
    scale = decode(scale_entries)
    parent = decode(entries)
    times = {manager: owned.time for manager, owned in parent.items()}
    found: Managed = {}
    for manager, owned in parent.items():
        if owned.api_version not in paths:
            continue
        path = paths[owned.api_version]
        if path is None or not has(owned.fields, path):
            found[manager] = owned
        elif manager in scale:
            found[manager] = owned
            del scale[manager]
        elif fields := difference(owned.fields, of_path(*path)):
            found[manager] = owned._replace(fields=fields)
    path = paths.get(api_version) or ()
    for manager, owned in scale.items():
        if has(owned.fields, REPLICAS):
            found[manager] = Owned(of_path(*path), api_version, times.get(manager))
    return encode(found)
