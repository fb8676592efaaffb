"""Discovery: what a server says that it serves."""

from __future__ import annotations

from cluster_shim.api.discovery.documents import (
    aggregated,
    api_group,
    api_group_list,
    api_resource_list,
    api_versions,
    ordered_groups,
)
from cluster_shim.api.discovery.versions import kube_aware

__all__ = [
    "aggregated",
    "api_group",
    "api_group_list",
    "api_resource_list",
    "api_versions",
    "kube_aware",
    "ordered_groups",
]
