"""Scale: GET, PUT and PATCH of the replicas of an object, of any kind that has them."""

from __future__ import annotations

import copy
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cluster_shim.api import errors
from cluster_shim.api.patch.apply.scale import Paths, to_parent, to_scale
from cluster_shim.api.resources import Resource
from cluster_shim.apiserver import ownership
from cluster_shim.apiserver.handlers import body
from cluster_shim.apiserver.handlers.patch import APPLY_PATCH, applied_by, media_type_of, patched_by
from cluster_shim.apiserver.handlers.writing import as_update_options, write_of
from cluster_shim.apiserver.negotiation import negotiate
from cluster_shim.apiserver.options import write_options
from cluster_shim.apiserver.ownership import SCALE
from cluster_shim.apiserver.registry import objects, scale
from cluster_shim.apiserver.registry.registry import Document, Registry, View, Write
from cluster_shim.apiserver.registry.update import update
from cluster_shim.apiserver.rendering import document_response
from cluster_shim.apiserver.request import Request, Response
from cluster_shim.storage.store import Entry

if TYPE_CHECKING:
    from cluster_shim.apiserver.server import Server

Change = Callable[[Document], Document]
"""Makes of the Scale that is there the one that is wanted."""


async def scaled(server: Server, resource: Resource, request: Request) -> Response:
    """Show or change how many replicas an object has."""
    registry, info = server.registry, request.info
    output = negotiate(request.header("accept"), is_custom=resource.custom is not None)
    if request.method == "GET":
        await registry.store.current()
        entry = registry.entry(resource, info.namespace, info.name)
    else:
        entry = await _changed(registry, resource, request)
    shown = scale_of(objects.load(entry, resource), resource)
    return document_response(request, resource, shown, output, subresource="scale")


async def _changed(registry: Registry, resource: Resource, request: Request) -> Entry:
    is_patch = request.method == "PATCH"
    media_type = media_type_of(resource, request) if is_patch else ""
    is_apply = media_type == APPLY_PATCH
    options = write_options(request, "PatchOptions" if is_patch else "UpdateOptions", is_apply)
    write = write_of(request, resource, options, request.info.name)
    write.options = as_update_options(options)
    made: dict[str, Document] = {}

    def shown(obj: Document) -> Document:
        return made["scale"] if obj is made.get("object") else scale_of(obj, resource)

    write.view = View(shown, lambda obj, scale: _with_scale(obj, scale, resource))
    uid = ""
    if is_apply:
        applied, _ = applied_by(request)
        make = _applied(registry, write, applied, bool(options.force))
    elif is_patch:
        make = _tracked(registry, write, patched_by(_as_scale(resource), request, options, media_type))
    else:
        sent = _sent(resource, request, options)
        uid = sent["metadata"].get("uid", "")
        make = _tracked(registry, write, lambda before: sent)

    def change(old: Document | None) -> Document:
        if old is None:
            raise errors.not_found(resource.name, request.info.name, resource.group)
        made["object"], made["scale"] = _with_owners(registry, resource, old, make)
        return made["object"]

    entry, _ = await update(registry, write, change, uid)
    return entry


def _applied(registry: Registry, write: Write, applied: Any, force: bool) -> Change:
    return lambda before: ownership.apply(registry, write, before, applied, force)


def _tracked(registry: Registry, write: Write, make: Change) -> Change:
    def change(before: Document) -> Document:
        after = make(before)
        ownership.track(registry, write, before, after)
        return after

    return change


def _with_owners(registry: Registry, resource: Resource, old: Document, make: Change) -> tuple[Document, Document]:
    """Return an object with the replicas that a change of its Scale wants, and who owns them; and that Scale."""
    paths = _paths(registry, resource)
    owners = old["metadata"].get("managedFields") or []
    before = scale_of(old, resource)
    if of_scale := to_scale(owners, paths):
        before["metadata"]["managedFields"] = of_scale
    wanted = make(before)
    new = _with_scale(old, wanted, resource)
    owners = to_parent(owners, wanted["metadata"].get("managedFields") or [], resource.api_version, paths)
    new["metadata"] = {**new["metadata"], "managedFields": owners}
    if not owners:
        del new["metadata"]["managedFields"]
    return new, wanted


def _paths(registry: Registry, resource: Resource) -> Paths:
    """Return where each version of a resource has its replicas."""
    found: dict[str, list[str] | None] = {}
    for each in registry.catalogue:
        if (each.group, each.name) == (resource.group, resource.name):
            scale_of_it = {"specReplicasPath": ".spec.replicas"} if each.custom is None else each.custom.scale
            path = scale_of_it["specReplicasPath"] if scale_of_it else None
            found[each.api_version] = [f"f:{name}" for name in path.removeprefix(".").split(".")] if path else None
    return found


def _sent(resource: Resource, request: Request, options: Any) -> Document:
    sent = body.decoded(request, resource, SCALE, options)
    body.match_namespace(resource, request.info.namespace, sent)
    body.match_name(request.info.name, request.info.namespace, sent)
    return sent


def _as_scale(resource: Resource) -> Resource:
    """Return a resource whose objects are the Scales of another's."""
    return replace(resource, group=SCALE.group, version=SCALE.version, kind=SCALE.kind, custom=None)


def _with_scale(old: Document, wanted: Document, resource: Resource) -> Document:
    """Return an object with the replicas that a Scale asks for. Raises APIError 409 and 422."""
    name, uid = old["metadata"]["name"], wanted["metadata"].get("uid")
    found = scale.problems(wanted)
    if found:
        raise errors.invalid(SCALE.kind, name, found, SCALE.group)
    actual = old["metadata"]["uid"]
    if uid and uid != actual:
        message = f"Precondition failed: UID in precondition: {uid}, UID in object meta: {actual}"
        raise errors.conflict(f"{resource.name}/scale", name, message, resource.group)
    return with_replicas(old, wanted, resource)


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
