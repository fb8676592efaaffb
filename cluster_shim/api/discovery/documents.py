"""Discovery documents: which groups, versions and resources there are, in the old form (one document a version) and
the aggregated one. They follow from the catalogue; what is empty in them is absent, as upstream writes it.
"""

from __future__ import annotations

from base64 import b64encode
from collections.abc import Sequence
from hashlib import sha256
from typing import Any

from cluster_shim.api.discovery.versions import kube_aware
from cluster_shim.api.resources import Catalogue, Group, GroupVersionKind, Resource, Subresource

Json = dict[str, Any]

OLDER_STORAGE_VERSIONS = {
    ("apiextensions.k8s.io", "CustomResourceDefinition"): "v1beta1",
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicy"): "v1beta1",
    ("admissionregistration.k8s.io", "MutatingAdmissionPolicyBinding"): "v1beta1",
}
"""Kinds of which upstream still keeps an older version than it serves; their hashes tell."""


def api_versions(server_address: str) -> Json:
    """Return the document of ``/api``: the versions of the core group, and where the server is."""
    addresses = [{"clientCIDR": "0.0.0.0/0", "serverAddress": server_address}]
    return {"kind": "APIVersions", "versions": ["v1"], "serverAddressByClientCIDRs": addresses}


def api_group_list(catalogue: Catalogue) -> Json:
    """Return the document of ``/apis``: all groups but the core one."""
    groups = [_group(group) for group in ordered_groups(catalogue) if group.name]
    return {"kind": "APIGroupList", "apiVersion": "v1", "groups": groups}


def api_group(catalogue: Catalogue, name: str) -> Json | None:
    """Return the document of a group; None if there is no such group."""
    found = next((group for group in ordered_groups(catalogue) if group.name == name), None)
    return None if found is None or not name else {"kind": "APIGroup", "apiVersion": "v1", **_group(found)}


def api_resource_list(catalogue: Catalogue, group: str, version: str) -> Json | None:
    """Return the document of one version of a group; None if there is no such version."""
    resources = catalogue.in_group(group, version)
    if not resources:
        return None
    document: Json = {"kind": "APIResourceList"}
    if group:  # upstream writes the core group's document without
        document["apiVersion"] = "v1"
    document["groupVersion"] = resources[0].api_version
    document["resources"] = [entry for each in resources for entry in _api_resources(catalogue, each)]
    return document


def aggregated(catalogue: Catalogue, core: bool) -> Json:
    """Return the document that has all resources: of the core group (``/api``), or of all others (``/apis``)."""
    items = [_discovered_group(catalogue, group) for group in ordered_groups(catalogue) if core != bool(group.name)]
    return {"kind": "APIGroupDiscoveryList", "apiVersion": "apidiscovery.k8s.io/v2", "metadata": {}, "items": items}


def ordered_groups(catalogue: Catalogue) -> Sequence[Group]:
    """Return the groups in the order of discovery: built-in ones as the table has them, then the others by name.

    The versions of a group that only custom resources have stand with the most mature and newest first.
    """
    built_in = {each.group for each in catalogue if each.custom is None}
    groups = catalogue.groups()
    custom = sorted(group for group in groups if group.name not in built_in)
    return [
        *(group for group in groups if group.name in built_in),
        *(Group(name, tuple(sorted(versions, key=kube_aware))) for name, versions in custom),
    ]


def _group(group: Group) -> Json:
    versions = [{"groupVersion": f"{group.name}/{version}", "version": version} for version in group.versions]
    return {"name": group.name, "versions": versions, "preferredVersion": versions[0]}


def _api_resources(catalogue: Catalogue, resource: Resource) -> list[Json]:
    entry: Json = {
        "name": resource.name,
        "singularName": resource.singular,
        "namespaced": resource.namespaced,
        "kind": resource.kind,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if storage := storage_gvk(catalogue, resource):
        entry["storageVersionHash"] = version_hash(storage)
    return [entry, *(_api_subresource(resource, each) for each in resource.subresources.values())]


def _api_subresource(resource: Resource, subresource: Subresource) -> Json:
    entry: Json = {
        "name": f"{resource.name}/{subresource.name}",
        "singularName": "",
        "namespaced": resource.namespaced,
    }
    if subresource.gvk[:2] != resource.gvk[:2]:
        if subresource.gvk.group:
            entry["group"] = subresource.gvk.group
        entry["version"] = subresource.gvk.version
    return entry | {"kind": subresource.gvk.kind, "verbs": list(subresource.verbs)}


def storage_gvk(catalogue: Catalogue, resource: Resource) -> GroupVersionKind | None:
    """Return the kind in which objects of a resource are kept; None if there is nothing to keep.

    Resources that share a place in the store share the kind: that of the first in the catalogue.
    """
    if "watch" not in resource.verbs:
        return None
    if resource.custom is not None:
        return GroupVersionKind(resource.group, resource.custom.storage_version, resource.kind)
    first: GroupVersionKind = next(each.gvk for each in catalogue if each.key == resource.key)
    return first._replace(version=OLDER_STORAGE_VERSIONS.get((first.group, first.kind), first.version))


def version_hash(gvk: GroupVersionKind) -> str:
    """Return the hash by which clients see that objects are kept in another version than before."""
    return b64encode(sha256("/".join(gvk).encode()).digest()[:8]).decode()


def _discovered_group(catalogue: Catalogue, group: Group) -> Json:
    versions = [
        {
            "version": version,
            "resources": [_discovered(each) for each in _by_name(catalogue.in_group(group.name, version))],
            "freshness": "Current",
        }
        for version in group.versions
    ]
    return {"metadata": {"name": group.name} if group.name else {}, "versions": versions}


def _by_name(resources: Sequence[Resource]) -> Sequence[Resource]:
    return sorted(resources, key=lambda each: each.name)


def _discovered(resource: Resource) -> Json:
    entry: Json = {
        "resource": resource.name,
        "responseKind": _response_kind(resource, resource.gvk),
        "scope": "Namespaced" if resource.namespaced else "Cluster",
        "singularResource": resource.singular,
        "verbs": list(resource.verbs),
    }
    if resource.short_names:
        entry["shortNames"] = list(resource.short_names)
    if resource.categories:
        entry["categories"] = list(resource.categories)
    if resource.subresources:
        entry["subresources"] = [
            {
                "subresource": each.name,
                "responseKind": _response_kind(resource, each.gvk),
                "verbs": list(each.verbs),
            }
            for each in resource.subresources.values()
        ]
    return entry


def _response_kind(resource: Resource, gvk: GroupVersionKind) -> Json:
    """Return a kind; its group and version are left empty where they are those of a built-in resource."""
    same = resource.custom is None and gvk[:2] == resource.gvk[:2]
    return {"group": "" if same else gvk.group, "version": "" if same else gvk.version, "kind": gvk.kind}
