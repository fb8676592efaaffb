"""Review: a question that is asked by a POST and answered in the status; nothing is stored."""

from __future__ import annotations

from typing import TYPE_CHECKING

from cluster_shim.api.resources import Resource
from cluster_shim.apiserver.admission.plugin import CREATE
from cluster_shim.apiserver.handlers import body
from cluster_shim.apiserver.handlers.writing import write_of
from cluster_shim.apiserver.negotiation import negotiate
from cluster_shim.apiserver.options import write_options
from cluster_shim.apiserver.rendering import document_response
from cluster_shim.apiserver.request import Request, Response
from cluster_shim.apiserver.reviews.table import REVIEWS
from cluster_shim.apiserver.reviews.token_request import asked, granted

if TYPE_CHECKING:
    from cluster_shim.apiserver.server import Server


async def review(server: Server, resource: Resource, request: Request) -> Response:
    """Answer the question of a request's body."""
    info = request.info
    output = negotiate(request.header("accept"), has_table=False)
    options = write_options(request, "CreateOptions")
    found = resource.subresources.get(info.subresource)
    gvk = found.gvk if found is not None else resource.gvk
    document = body.decoded(request, resource, gvk, options)
    document.setdefault("metadata", {})
    if not info.subresource:
        body.match_namespace(resource, info.namespace, document)
    is_token = info.subresource == "token"
    if is_token:
        document = asked(request, document)
    write = write_of(request, resource, options, info.name)
    attributes = server.registry.attributes(write, CREATE, document, None)
    await server.registry.admission.admit(attributes)
    if is_token:
        document = granted(request, document, server.facilities)
        attributes = server.registry.attributes(write, CREATE, document, None)
    await server.registry.admission.validate(attributes)
    answer = REVIEWS[resource.group, resource.name, info.subresource](request, document, server.facilities)
    return document_response(request, resource, answer, output, 201, info.subresource)
