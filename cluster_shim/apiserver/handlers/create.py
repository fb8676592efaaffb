"""Create: POST of an object."""

from __future__ import annotations

from cluster_shim.api.resources import Resource
from cluster_shim.apiserver import ownership
from cluster_shim.apiserver.handlers import body
from cluster_shim.apiserver.handlers.writing import write_of
from cluster_shim.apiserver.negotiation import negotiate
from cluster_shim.apiserver.options import write_options
from cluster_shim.apiserver.registry import rules
from cluster_shim.apiserver.registry.create import create, forget_system_fields
from cluster_shim.apiserver.registry.registry import Registry, drop_twin_owners
from cluster_shim.apiserver.rendering import entry_response
from cluster_shim.apiserver.request import Request, Response


async def post(registry: Registry, resource: Resource, request: Request) -> Response:
    """Make the object of a request's body."""
    output = negotiate(request.header("accept"), is_custom=resource.custom is not None)
    options = write_options(request, "CreateOptions")
    document = body.decoded(request, resource, resource.gvk, options)
    document.setdefault("metadata", {})
    name = document["metadata"].get("name", "")
    write = write_of(request, resource, options, name)
    write.verbatim = body.verbatim(request, registry.strategy(resource).verbatim)
    forget_system_fields(document)
    body.match_namespace(resource, request.info.namespace, document)
    drop_twin_owners(write, document)
    rules.default(resource, document)
    ownership.track(registry, write, None, document)
    entry = await create(registry, write, document)
    return entry_response(request, resource, entry, output, 201)
