"""Account: reads and writes of the server's own, on behalf of no request (registry/own.py has the contract)."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from cluster_shim.api.resources import Resource
from cluster_shim.apiserver import ownership
from cluster_shim.apiserver.options import DeleteOptions
from cluster_shim.apiserver.registry import objects, rules
from cluster_shim.apiserver.registry.create import create
from cluster_shim.apiserver.registry.delete import delete
from cluster_shim.apiserver.registry.identity import timestamp
from cluster_shim.apiserver.registry.registry import Document, Registry, Write
from cluster_shim.apiserver.registry.update import update
from cluster_shim.apiserver.request import UserInfo

LOOPBACK = UserInfo("system:apiserver", groups=("system:masters", "system:authenticated"))
MANAGER = "kube-apiserver"


class Account:
    """The server's own account of a registry."""

    def __init__(self, registry: Registry) -> None:
        self._registry = registry

    def get(self, group: str, resource: str, namespace: str, name: str) -> Document | None:
        """Return an object, or None. It must not be changed."""
        return self._registry.get(group, resource, namespace, name)

    def list(self, group: str, resource: str, namespace: str = "") -> Iterable[Document]:
        """Return the objects of a namespace, or all. They must not be changed."""
        return self._registry.list(group, resource, namespace)

    async def create(self, group: str, resource: str, obj: Document) -> Document:
        """Write a new object. Raises AlreadyExists."""
        row = self._row(group, resource)
        document, _ = rules.reread(row, obj)
        metadata = document["metadata"] = dict(document.get("metadata") or {})
        write = self._write(row, metadata.get("namespace", ""), metadata.get("name", ""))
        rules.default(row, document)
        ownership.track(self._registry, write, None, document)
        return objects.load(await create(self._registry, write, document), row)

    async def update(self, group: str, resource: str, obj: Document, subresource: str = "") -> Document:
        """Write an object at its resourceVersion. Raises Conflict and NotFound."""
        row = self._row(group, resource)
        metadata = obj["metadata"]
        write = self._write(row, metadata.get("namespace", ""), metadata["name"], subresource)

        def change(old: Document | None) -> Document:
            new, _ = rules.reread(row, obj)
            new["metadata"] = dict(new["metadata"])
            rules.default(row, new)
            ownership.track(self._registry, write, old, new)
            return new

        entry, _ = await update(self._registry, write, change, metadata.get("uid", ""))
        return objects.load(entry, row)

    async def delete(self, group: str, resource: str, namespace: str, name: str) -> None:
        """Delete an object. Raises NotFound."""
        write = self._write(self._row(group, resource), namespace, name)
        await delete(self._registry, write, DeleteOptions())

    def _row(self, group: str, resource: str) -> Resource:
        found = self._registry.catalogue.first(group, resource)
        if found is None:
            raise LookupError(f"there is no resource {resource!r} in group {group!r}")
        return found

    def _write(self, row: Resource, namespace: str, name: str, subresource: str = "") -> Write:
        options: dict[str, Any] = {"kind": "UpdateOptions", "apiVersion": "meta.k8s.io/v1"}
        return Write(row, namespace, name, LOOPBACK, timestamp(), subresource, options, manager=MANAGER)
