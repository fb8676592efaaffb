"""Writes as admission sees them, for tests."""

from __future__ import annotations

from typing import Any

from cluster_shim.api.resources import Resource, built_in
from cluster_shim.apiserver.admission.plugin import CREATE, UPDATE, Attributes
from cluster_shim.apiserver.request import UserInfo

RESOURCES = {(each.group, each.name): each for each in built_in()}
ALICE = UserInfo("alice", "u-alice", ("system:authenticated",))


def write(
    resource: str,
    obj: dict[str, Any],
    old: dict[str, Any] | None = None,
    *,
    group: str = "",
    subresource: str = "",
    namespace: str = "n",
    user: UserInfo = ALICE,
    dry_run: bool = False,
) -> Attributes:
    """Return the creation of an object, or its update if there is an old one."""
    row: Resource = RESOURCES[group, resource]
    return Attributes(
        operation=CREATE if old is None else UPDATE,
        resource=row,
        subresource=subresource,
        kind=row.gvk,
        namespace=namespace if row.namespaced else "",
        name=obj["metadata"].get("name", ""),
        object=obj,
        old_object=old,
        options={},
        user=user,
        dry_run=dry_run,
    )


def pod(name: str = "p", **spec: Any) -> dict[str, Any]:
    """Return a pod of one container."""
    container = {"name": "c", "image": "i"}
    return {"metadata": {"name": name, "namespace": "n"}, "spec": {"containers": [container], **spec}}


def named(name: str, namespace: str = "", **members: Any) -> dict[str, Any]:
    """Return an object with a name."""
    metadata = {"name": name, **({"namespace": namespace} if namespace else {})}
    return {"metadata": metadata, **members}
