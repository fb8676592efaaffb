"""Writes what every cluster has: namespaces first, then everything else, all at once (one group commit takes many)."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable

from cluster_shim.api import errors
from cluster_shim.api.resources import Catalogue
from cluster_shim.apiserver.bootstrap import wanted
from cluster_shim.apiserver.bootstrap.reconcile import must_be_made_anew, reconcile
from cluster_shim.apiserver.bootstrap.wanted import Wanted
from cluster_shim.apiserver.registry.own import Objects

ATTEMPTS = 3
"""How often a write is tried that another server comes before."""


async def start(objects: Objects, catalogue: Catalogue, now: str, rbac: bool = True) -> None:
    """Write what is missing and bring up to date what is there; `now` is a time of the API."""
    basics = list(wanted.basics())
    await ensure_all(objects, [each for each in basics if each.resource == "namespaces"])
    others = [each for each in basics if each.resource != "namespaces"]
    roles = wanted.rbac() if rbac else ()
    await ensure_all(objects, [*others, *roles, *wanted.flow_control(), *wanted.api_services(catalogue, now)])


async def ensure_all(objects: Objects, found: Iterable[Wanted]) -> None:
    """Ensure many objects at once."""
    await asyncio.gather(*(ensure(objects, each) for each in found))


async def ensure(objects: Objects, each: Wanted) -> None:
    """Write one object if it is missing or not as it should be."""
    for attempt in range(1, ATTEMPTS + 1):
        try:
            return await _ensure(objects, each)
        except errors.APIError as error:
            if error.code not in (404, 409) or attempt == ATTEMPTS:
                raise


async def _ensure(objects: Objects, each: Wanted) -> None:
    metadata = each.object["metadata"]
    namespace, name = metadata.get("namespace", ""), metadata["name"]
    existing = objects.get(each.group, each.resource, namespace, name)
    if existing is not None and must_be_made_anew(existing, each):
        await objects.delete(each.group, each.resource, namespace, name)
        existing = None
    if existing is None:
        await objects.create(each.group, each.resource, {**each.object, "metadata": dict(metadata)})
    elif (result := reconcile(existing, each)) is not None:
        await objects.update(each.group, each.resource, result)
