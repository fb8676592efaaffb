"""Delete: one object, or all that selectors choose."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

from cluster_shim.api import errors, fields
from cluster_shim.api.fields import Path
from cluster_shim.api.resources import GroupVersionKind, Resource
from cluster_shim.apiserver.handlers.body import media_type
from cluster_shim.apiserver.handlers.list import listed, rendered
from cluster_shim.apiserver.negotiation import negotiate
from cluster_shim.apiserver.options import (
    META_GROUP,
    DeleteOptions,
    WriteOptions,
    dry_run_problems,
    list_options,
    parse_bool,
    parse_int,
)
from cluster_shim.apiserver.registry import objects, selectable
from cluster_shim.apiserver.registry.delete import delete
from cluster_shim.apiserver.registry.registry import Registry, Write
from cluster_shim.apiserver.rendering import document_response, entry_response
from cluster_shim.apiserver.request import Request, Response

GVK = GroupVersionKind("", "v1", "DeleteOptions")
POLICIES = ("Foreground", "Background", "Orphan")
AT_ONCE = 16
"""How many objects of a collection are deleted at the same time."""


async def delete_one(registry: Registry, resource: Resource, request: Request) -> Response:
    """Delete the object of a path; answer with the object if it is still there or its kind wants it so."""
    output = negotiate(request.header("accept"), is_custom=resource.custom is not None)
    options = delete_options(request)
    _warn_of_orphans(registry, resource, request, options)
    deletion = await delete(registry, _write(request, resource, options, request.info.name), options)
    status = 202 if not deletion.is_gone and options.orphan_dependents is False else 200
    if deletion.shows_object:
        return entry_response(request, resource, deletion.entry, output, status)
    metadata = objects.shared(deletion.entry)["metadata"]
    details = {"name": metadata["name"], "group": resource.group, "kind": resource.name, "uid": metadata["uid"]}
    document = {
        "kind": "Status",
        "apiVersion": "v1",
        "metadata": {},
        "status": "Success",
        "details": {name: value for name, value in details.items() if value},
    }
    return document_response(request, resource, document, output, status)


async def delete_collection(registry: Registry, resource: Resource, request: Request) -> Response:
    """Delete what a request selects; answer with the list of what there was."""
    output = negotiate(request.header("accept"), is_custom=resource.custom is not None)
    chosen = list_options(request)
    selectable.check(resource, chosen.field_terms)
    options = delete_options(request)
    _warn_of_orphans(registry, resource, request, options)
    listing = await listed(registry, resource, request.info.namespace, chosen)
    waiting = iter(listing.entries)

    async def work() -> None:
        for entry in waiting:
            metadata = objects.decode(entry.value)["metadata"]
            write = _write(request, resource, options, metadata["name"])
            write.namespace = metadata.get("namespace", "")
            write.of_collection = True
            try:
                await delete(registry, write, options)
            except errors.APIError as error:
                if error.reason != "NotFound":
                    raise

    ended = await asyncio.gather(*(work() for _ in range(AT_ONCE)), return_exceptions=True)
    for failure in filter(None, ended):
        raise failure
    return rendered(request, resource, listing, output)


def _warn_of_orphans(registry: Registry, resource: Resource, request: Request, options: DeleteOptions) -> None:
    """Warn whoever deletes Jobs without a word about their pods: by default they stay."""
    says_nothing = options.propagation_policy is None and options.orphan_dependents is None
    if says_nothing and registry.strategy(resource).warns_of_orphans:
        request.warnings.append(
            "child pods are preserved by default when jobs are deleted; set propagationPolicy=Background to remove "
            "them or set propagationPolicy=Orphan to suppress this warning"
        )


def _write(request: Request, resource: Resource, options: DeleteOptions, name: str) -> Write:
    from cluster_shim.apiserver.handlers.writing import write_of

    write = write_of(request, resource, WriteOptions("DeleteOptions", options.dry_run), name)
    write.options = options.document
    return write


def delete_options(request: Request) -> DeleteOptions:
    """Return what a delete is asked for, by its body, or by its query if it has none. Raises APIError 400 and 422."""
    document = _decoded(request) if request.body else _from_query(request)
    preconditions = document.get("preconditions") or {}
    options = DeleteOptions(
        grace_period_seconds=document.get("gracePeriodSeconds"),
        propagation_policy=document.get("propagationPolicy"),
        orphan_dependents=document.get("orphanDependents"),
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        dry_run=tuple(document.get("dryRun") or ()),
        document={**document, "kind": "DeleteOptions", "apiVersion": f"{META_GROUP}/v1"},
    )
    check_options(options)
    return options


def _decoded(request: Request) -> Mapping[str, Any]:
    from cluster_shim.api import codec

    try:
        found = codec.decode_into(request.body, media_type(request), GVK)
    except (codec.Unreadable, codec.Unmarshalable) as error:
        raise errors.bad_request(str(error)) from None
    if found.gvk.kind != GVK.kind:
        raise errors.bad_request(
            f'no kind "{found.gvk.kind}" is registered for version "{found.gvk.api_version}" in scheme '
            '"k8s.io/apimachinery/pkg/apis/meta/internalversion/scheme/register.go:27"'
        )
    return found.object


def _from_query(request: Request) -> Mapping[str, Any]:
    found: dict[str, Any] = {}
    for key, value in request.query:
        match key:
            case "gracePeriodSeconds":
                found.setdefault(key, parse_int(value))
            case "orphanDependents":
                found.setdefault(key, parse_bool(value))
            case "propagationPolicy":
                found.setdefault(key, value)
            case "dryRun":
                found.setdefault(key, []).append(value)
    return found


def check_options(options: DeleteOptions) -> None:
    """Refuse options that contradict each other. Raises APIError 422."""
    path = Path("propagationPolicy")
    policy = options.propagation_policy
    found = []
    if options.orphan_dependents is not None and policy is not None:
        found.append(fields.invalid(path, policy, "orphanDependents and deletionPropagation cannot be both set"))
    if policy is not None and policy not in POLICIES:
        found.append(fields.not_supported(path, policy, (*POLICIES, "nil")))
    found += dry_run_problems(options.dry_run)
    if found:
        raise errors.invalid("DeleteOptions", "", found, META_GROUP)
