"""Resources of a definition: one for each version that is served, in the order of discovery."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api.custom import CustomVersion
from cluster_shim.api.custom.version import version_key
from cluster_shim.api.resources import GroupVersionKind, Resource, Subresource

VERBS = ("delete", "deletecollection", "get", "list", "patch", "create", "update", "watch")
SUBRESOURCE_VERBS = ("get", "patch", "update")
SCALE = GroupVersionKind("autoscaling", "v1", "Scale")


def resources_of(definition: Mapping[str, Any], revision: int = 0) -> list[Resource]:
    """Return the resources of a definition whose names are accepted; `revision` is that of the definition."""
    spec, names = definition["spec"], definition["status"]["acceptedNames"]
    served = [each for each in spec["versions"] if each.get("served")]
    served.sort(key=lambda each: version_key(each["name"]), reverse=True)
    return [_resource(definition, names, each, revision) for each in served]


def _resource(
    definition: Mapping[str, Any], names: Mapping[str, Any], version: Mapping[str, Any], revision: int
) -> Resource:
    spec = definition["spec"]
    group, kind = spec["group"], names["kind"]
    custom = CustomVersion(definition, version, revision)
    subresources = {}
    if custom.has_status:
        gvk = GroupVersionKind(group, version["name"], kind)
        subresources["status"] = Subresource("status", gvk, SUBRESOURCE_VERBS)
    if custom.scale is not None:
        subresources["scale"] = Subresource("scale", SCALE, SUBRESOURCE_VERBS)
    return Resource(
        group=group,
        version=version["name"],
        name=names["plural"],
        kind=kind,
        singular=names.get("singular", ""),
        namespaced=spec["scope"] == "Namespaced",
        verbs=VERBS,
        key=f"{group}/{names['plural']}",
        short_names=tuple(names.get("shortNames") or ()),
        categories=tuple(names.get("categories") or ()),
        subresources=subresources,
        list_kind=names.get("listKind", ""),
        custom=custom,
    )
