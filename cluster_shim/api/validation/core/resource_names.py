"""Names of resources: which are standard, which count whole things, which may be overcommitted."""

from __future__ import annotations

from cluster_shim.api.remembered import remembered
from cluster_shim.api.validation.formats import label_key

HUGE_PAGES = "hugepages-"
CONTAINER = frozenset({"cpu", "memory", "ephemeral-storage"})
_COUNTED = frozenset(
    {
        "pods",
        "resourcequotas",
        "services",
        "replicationcontrollers",
        "secrets",
        "configmaps",
        "persistentvolumeclaims",
        "services.nodeports",
        "services.loadbalancers",
    }
)
_QUOTA = _COUNTED | {
    "cpu",
    "memory",
    "ephemeral-storage",
    "requests.cpu",
    "requests.memory",
    "requests.storage",
    "requests.ephemeral-storage",
    "limits.cpu",
    "limits.memory",
    "limits.ephemeral-storage",
}
_STANDARD = _QUOTA | {"storage"}


def is_huge_pages(name: str) -> bool:
    """Return whether a resource is huge pages of some size."""
    return name.startswith(HUGE_PAGES)


def _is_quota_huge_pages(name: str) -> bool:
    return name.startswith((HUGE_PAGES, "requests.hugepages-"))


def is_native(name: str) -> bool:
    """Return whether a resource belongs to Kubernetes itself."""
    return "/" not in name or "kubernetes.io/" in name


@remembered(1024)
def is_extended(name: str) -> bool:
    """Return whether a resource is an extended one: ``example.com/gpu``."""
    return not is_native(name) and not name.startswith("requests.") and not label_key(f"requests.{name}")


def is_integer(name: str) -> bool:
    """Return whether a resource comes in whole pieces."""
    return name in _COUNTED or is_extended(name)


def is_overcommit_allowed(name: str) -> bool:
    """Return whether requests may be below limits."""
    return is_native(name) and not is_huge_pages(name)


def is_standard(name: str) -> bool:
    """Return whether a name without a domain is known."""
    return name in _STANDARD or _is_quota_huge_pages(name)


def is_standard_for_quota(name: str) -> bool:
    """Return whether a quota can limit a name without a domain."""
    return name in _QUOTA or _is_quota_huge_pages(name)


def is_standard_for_container(name: str) -> bool:
    """Return whether a container can ask for a name without a domain."""
    return name in CONTAINER or is_huge_pages(name)
