"""Create: POST of an object."""

from __future__ import annotations

from cluster_shim.api.resources import Resource
from cluster_shim.apiserver import ownership
from cluster_shim.apiserver.handlers import body
from cluster_shim.apiserver.handlers.writing import manager_of, write_of
from cluster_shim.apiserver.negotiation import negotiate
from cluster_shim.apiserver.options import write_options
from cluster_shim.apiserver.registry import rules
from cluster_shim.apiserver.registry.create import create, forget_system_fields
from cluster_shim.apiserver.registry.identity import timestamp
from cluster_shim.apiserver.registry.registry import Registry, drop_twin_owners
from cluster_shim.apiserver.rendering import entry_response
from cluster_shim.apiserver.request import Request, Response


async def post(registry: Registry, resource: Resource, request: Request) -> Response:
    """Make the object of a request's body."""
    output = negotiate(request.header("accept"), is_custom=resource.custom is not None)
    options = write_options(request, "CreateOptions")
    asked = registry.moulds.asked(request, resource, manager_of(request.header("user-agent")))
    if asked is not None and (cast := await registry.moulds.cast(asked, request, resource, timestamp())) is not None:
        return entry_response(request, resource, cast, output, 201)
    document = body.decoded(request, resource, resource.gvk, options)
    document.setdefault("metadata", {})
    name = document["metadata"].get("name", "")
    write = write_of(request, resource, options, name)
    told = set(request.annotations)
    write.verbatim = body.verbatim(request, registry.strategy(resource).verbatim)
    forget_system_fields(document)
    body.match_namespace(resource, request.info.namespace, document)
    drop_twin_owners(write, document)
    rules.default(resource, document)
    ownership.track(registry, write, None, document)
    entry = await create(registry, write, document)
    if asked is not None:
        annotations = {key: text for key, text in request.annotations.items() if key not in told}
        registry.moulds.learn(asked, write, entry, annotations)
    return entry_response(request, resource, entry, output, 201)
