"""ComponentStatuses: how the parts of a control plane are; there are no such objects in the store."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from cluster_shim.api import errors
from cluster_shim.api.resources import Resource
from cluster_shim.apiserver.negotiation import negotiate
from cluster_shim.apiserver.rendering import document_response, encoded, list_document, transformed
from cluster_shim.apiserver.request import Request, Response

if TYPE_CHECKING:
    from cluster_shim.apiserver.server import Server

STORE = "etcd-0"


async def component_statuses(server: Server, resource: Resource, request: Request) -> Response:
    """Return the state of the store, the only part that this server knows of."""
    document: dict[str, Any] = {
        "kind": resource.kind,
        "apiVersion": resource.api_version,
        "metadata": {"name": STORE},
        "conditions": [{"type": "Healthy", "status": "True", "message": "ok"}],
    }
    if request.info.name and request.info.verb == "get":
        if request.info.name != STORE:
            raise errors.not_found(resource.name, request.info.name)
        return document_response(request, resource, document, negotiate(request.header("accept")))
    output = negotiate(request.header("accept"))
    if output.transform:
        return Response(200, encoded(transformed(request, resource, [document], output, {}), output))
    item = {name: value for name, value in document.items() if name not in ("kind", "apiVersion")}
    return Response(200, encoded(list_document(resource, {}, [item]), output), output.media_type)
