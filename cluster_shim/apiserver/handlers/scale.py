"""Scale: GET, PUT and PATCH of the replicas of an object, of any kind that has them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cluster_shim.api import errors
from cluster_shim.api.resources import GroupVersionKind, Resource, gvk_of
from cluster_shim.apiserver import ownership
from cluster_shim.apiserver.handlers import body
from cluster_shim.apiserver.handlers.patch import APPLY_PATCH, applied_by, media_type_of, patched_by
from cluster_shim.apiserver.handlers.writing import as_update_options, write_of
from cluster_shim.apiserver.negotiation import negotiate
from cluster_shim.apiserver.options import write_options
from cluster_shim.apiserver.registry import objects, scale
from cluster_shim.apiserver.registry.registry import Document
from cluster_shim.apiserver.registry.update import update
from cluster_shim.apiserver.rendering import document_response
from cluster_shim.apiserver.request import Request, Response

if TYPE_CHECKING:
    from cluster_shim.apiserver.server import Server

GVK = GroupVersionKind("autoscaling", "v1", "Scale")
Change = Callable[[Document], Document]
"""Makes of the Scale that is there the one that is wanted."""


async def scaled(server: Server, resource: Resource, request: Request) -> Response:
    """Show or change how many replicas an object has."""
    registry, info = server.registry, request.info
    output = negotiate(request.header("accept"))
    if request.method == "GET":
        await registry.store.current()
        entry = registry.entry(resource, info.namespace, info.name)
        shown = scale_of(objects.load(entry, resource), resource)
        return document_response(request, resource, shown, output, subresource="scale")
    is_patch = request.method == "PATCH"
    media_type = media_type_of(resource, request) if is_patch else ""
    is_apply = media_type == APPLY_PATCH
    options = write_options(request, "PatchOptions" if is_patch else "UpdateOptions", is_apply)
    write = write_of(request, resource, options, info.name)
    write.options = as_update_options(options)
    if is_apply:
        applied, _ = applied_by(request)
    elif is_patch:
        make = patched_by(_as_scale(resource), request, options, media_type)
    else:
        make = _sent(resource, request, options)

    def change(old: Document | None) -> Document:
        if old is None:
            raise errors.not_found(resource.name, info.name, resource.group)
        if is_apply:
            return ownership.apply(registry, write, old, _as_applied(applied, old, resource), bool(options.force))
        wanted = make(scale_of(old, resource))
        _check(resource, old, wanted)
        new = with_replicas(old, wanted, resource)
        ownership.track(registry, write, old, new)
        return new

    entry, _ = await update(registry, write, change, retry=is_patch)
    shown = scale_of(objects.load(entry, resource), resource)
    return document_response(request, resource, shown, output, subresource="scale")


def _as_applied(applied: Any, old: Document, resource: Resource) -> Document:
    """Return an applied Scale as a configuration of the object itself. Raises APIError 400 and 422."""
    if not isinstance(applied, dict) or gvk_of(applied) != GVK:
        raise errors.bad_request("the applied configuration is no Scale of autoscaling/v1")
    _check(resource, old, {"metadata": {}, **applied})
    metadata = {name: old["metadata"][name] for name in ("name", "namespace") if name in old["metadata"]}
    document = {"apiVersion": resource.api_version, "kind": resource.kind, "metadata": metadata}
    return with_replicas({**document, "spec": {}}, applied, resource)


def _sent(resource: Resource, request: Request, options: Any) -> Change:
    sent = body.decoded(request, resource, GVK, options)
    body.match_namespace(resource, request.info.namespace, sent)
    body.match_name(request.info.name, request.info.namespace, sent)
    return lambda old: sent


def _as_scale(resource: Resource) -> Resource:
    """Return a resource whose objects are the Scales of another's."""
    return replace(resource, group=GVK.group, version=GVK.version, kind=GVK.kind, custom=None)


def _check(resource: Resource, old: Document, wanted: Document) -> None:
    name, uid = old["metadata"]["name"], wanted["metadata"].get("uid")
    found = scale.problems(wanted)
    if found:
        raise errors.invalid(GVK.kind, name, found, GVK.group)
    actual = old["metadata"]["uid"]
    if uid and uid != actual:
        message = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {actual}"
        raise errors.conflict(f"{resource.name}/scale", name, message, resource.group)


def scale_of(obj: Document, resource: Resource) -> Document:
    """Return the Scale of an object. Raises APIError 500 if a custom resource has no replicas where it should."""
    if resource.custom is None:
        return scale.scale_of(obj)
    from cluster_shim.api.custom.scale import WrongScale
    from cluster_shim.api.custom.scale import scale_of as of_custom

    try:
        return of_custom(obj, resource.custom.scale)
    except WrongScale as error:
        raise errors.internal(str(error)) from None


def with_replicas(obj: Document, wanted: Document, resource: Resource) -> Document:
    """Return an object with the replicas that a Scale asks for."""
    if resource.custom is None:
        return scale.with_replicas(obj, wanted)
    from cluster_shim.api.custom.scale import set_at

    metadata = scale.with_version(obj["metadata"], wanted)
    metadata.setdefault("resourceVersion", obj["metadata"].get("resourceVersion", ""))
    new: Document = {**copy.deepcopy(obj), "metadata": metadata}
    set_at(new, resource.custom.scale["specReplicasPath"], scale.wanted(wanted))
    return new
