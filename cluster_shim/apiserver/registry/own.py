"""Objects: what parts of the server read and write on their own account, not on behalf of a request.

The registry implements it over the store. Writes are durable when they return; refusals are APIErrors.
"""

from __future__ import annotations

from typing import Any, Protocol

from cluster_shim.apiserver.admission.plugin import Reader

Object = dict[str, Any]


class Objects(Reader, Protocol):
    """The newest durable state, and writes to it."""

    async def create(self, group: str, resource: str, obj: Object) -> Object:
        """Write a new object. Raises AlreadyExists."""

    async def update(self, group: str, resource: str, obj: Object, subresource: str = "") -> Object:
        """Write an object at its resourceVersion. Raises Conflict and NotFound."""

    async def delete(self, group: str, resource: str, namespace: str, name: str) -> None:
        """Delete an object. Raises NotFound."""
