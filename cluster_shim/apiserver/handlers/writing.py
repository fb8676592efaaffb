"""Writing: what create, update and patch have in common: who writes what, under which name, and who owns the fields."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

from cluster_shim.api.remembered import remembered
from cluster_shim.api.resources import Resource
from cluster_shim.apiserver.options import FIELD_MANAGER_MAX_BYTES, WriteOptions
from cluster_shim.apiserver.registry.identity import timestamp
from cluster_shim.apiserver.registry.registry import Write
from cluster_shim.apiserver.request import Request


def write_of(request: Request, resource: Resource, options: WriteOptions, name: str) -> Write:
    """Return the write that a request is."""
    info = request.info
    namespace = info.namespace if resource.namespaced else ""
    return Write(
        resource=resource,
        namespace=namespace,
        name=name,
        user=request.user,
        now=timestamp(),
        subresource=info.subresource,
        options=options.document(),
        dry_run=bool(options.dry_run),
        manager=options.field_manager or manager_of(request.header("user-agent")),
        warnings=request.warnings,
        annotations=request.annotations,
    )


@remembered(1024)
def manager_of(user_agent: str) -> str:
    """Return the field manager that a program is: what its User-Agent begins with."""
    name = user_agent.split("/", 1)[0]
    kept = ""
    for character in name:
        if len((kept + character).encode()) > FIELD_MANAGER_MAX_BYTES:
            break
        if character.isprintable():
            kept += character
    return kept


def as_update_options(options: WriteOptions) -> dict[str, Any]:
    """Return the options of a patch as admission sees them: a patch is an update."""
    return replace(options, kind="UpdateOptions", force=None).document()
