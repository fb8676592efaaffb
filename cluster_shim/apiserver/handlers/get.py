"""Get: one object."""

from __future__ import annotations

from cluster_shim.api import errors, fields
from cluster_shim.api.fields import Path
from cluster_shim.api.integers import IntegerError, parse_uint
from cluster_shim.api.resources import Resource
from cluster_shim.apiserver.negotiation import negotiate
from cluster_shim.apiserver.registry.registry import Registry
from cluster_shim.apiserver.rendering import entry_response
from cluster_shim.apiserver.request import Request, Response

FRESH_SECONDS = 3.0


async def get(registry: Registry, resource: Resource, request: Request) -> Response:
    """Return an object, at least as new as the resourceVersion that is asked for."""
    info = request.info
    output = negotiate(request.header("accept"), is_custom=resource.custom is not None)
    version = request.param("resourceVersion") if request.query else ""
    if version == "":
        await registry.store.current()
    elif version != "0":
        await wait_for(registry, parse_version(version))
    entry = registry.entry(resource, info.namespace, info.name)
    return entry_response(request, resource, entry, output)


def parse_version(text: str) -> int:
    """Return a resourceVersion as a number; raises what upstream gives for one that is none."""
    try:
        return parse_uint(text)
    except IntegerError as error:
        raise errors.unclassified(fields.invalid(Path("resourceVersion"), text, str(error)).message()) from None


async def wait_for(registry: Registry, version: int) -> None:
    """Wait until the store has reached a version. Raises APIError 504 if it does not in time."""
    if registry.store.revision >= version:
        return
    current = await registry.store.current()
    if current < version:
        await registry.wait_for_revision(version, FRESH_SECONDS)
    if registry.store.revision < version:
        raise errors.too_large_resource_version(version, registry.store.revision)
