"""Update: PUT of an object, or of a subresource that has the object's own kind (status, resize and the like)."""

from __future__ import annotations

import msgspec

from cluster_shim.api.resources import Resource
from cluster_shim.apiserver import ownership
from cluster_shim.apiserver.handlers import body
from cluster_shim.apiserver.handlers.writing import write_of
from cluster_shim.apiserver.negotiation import negotiate
from cluster_shim.apiserver.options import write_options
from cluster_shim.apiserver.registry import rules
from cluster_shim.apiserver.registry.registry import Document, Registry, drop_twin_owners
from cluster_shim.apiserver.registry.update import update
from cluster_shim.apiserver.rendering import entry_response
from cluster_shim.apiserver.request import Request, Response


async def put(registry: Registry, resource: Resource, request: Request) -> Response:
    """Put the object of a request's body in place of the one that is there."""
    output = negotiate(request.header("accept"), is_custom=resource.custom is not None)
    options = write_options(request, "UpdateOptions")
    sent = body.decoded(request, resource, resource.gvk, options)
    info = request.info
    body.match_namespace(resource, info.namespace, sent)
    body.match_name(info.name, info.namespace, sent)
    write = write_of(request, resource, options, info.name)
    write.verbatim = body.verbatim(request, registry.strategy(resource).verbatim)
    write.may_create = lambda: registry.check_may_create(request)
    drop_twin_owners(write, sent)
    rules.default(resource, sent)
    uid = sent["metadata"].get("uid", "")

    pristine = msgspec.json.encode(sent) if registry.may_be_overtaken() else b""  # admission changes what it sees

    def change(old: Document | None) -> Document:
        new: Document = msgspec.json.decode(pristine) if pristine else {**sent, "metadata": {**sent["metadata"]}}
        ownership.track(registry, write, old, new)
        return new

    entry, is_new = await update(registry, write, change, uid)
    return entry_response(request, resource, entry, output, 201 if is_new else 200)
