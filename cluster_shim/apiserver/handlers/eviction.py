"""Eviction: POST of an Eviction deletes a pod, if its disruption budget allows it."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any

from cluster_shim.api import errors
from cluster_shim.api.errors import APIError
from cluster_shim.api.fields import ROOT, invalid
from cluster_shim.api.resources import Resource
from cluster_shim.apiserver.account import Account
from cluster_shim.apiserver.admission.plugin import CREATE
from cluster_shim.apiserver.handlers import body
from cluster_shim.apiserver.handlers.binding import SUCCESS
from cluster_shim.apiserver.handlers.delete import check_options
from cluster_shim.apiserver.handlers.writing import write_of
from cluster_shim.apiserver.negotiation import negotiate
from cluster_shim.apiserver.options import DeleteOptions, write_options
from cluster_shim.apiserver.registry import eviction, objects
from cluster_shim.apiserver.registry.conditions import pod_condition, with_condition
from cluster_shim.apiserver.registry.delete import delete
from cluster_shim.apiserver.registry.registry import Registry, Write
from cluster_shim.apiserver.rendering import document_response
from cluster_shim.apiserver.request import Request, Response
from cluster_shim.storage.store import Changed

if TYPE_CHECKING:
    from cluster_shim.apiserver.server import Server

_DANGEROUS = "ignoreStoreReadErrorWithClusterBreakingPotential"


async def evict(server: Server, resource: Resource, request: Request) -> Response:
    """Delete a pod that may go."""
    registry, info = server.registry, request.info
    output = negotiate(request.header("accept"), has_table=False)
    options = write_options(request, "CreateOptions")
    gvk = resource.subresources["eviction"].gvk
    sent = body.decoded(request, resource, gvk, options)
    body.match_namespace(resource, info.namespace, sent)
    write = write_of(request, resource, options, info.name)
    await registry.admission.admit(registry.attributes(write, CREATE, sent, None))
    if info.name != sent["metadata"].get("name", ""):
        raise errors.bad_request("name in URL does not match name in Eviction object")
    wanted = sent.get("deleteOptions") or {}
    if wanted.get(_DANGEROUS):
        detail = "can not be set for pod eviction, try after removing the option"
        problem = invalid(ROOT.child("deleteOptions", _DANGEROUS), True, detail)
        raise errors.invalid("Eviction", info.name, [problem], gvk.group)
    dry_run = tuple(wanted.get("dryRun") or options.dry_run)
    if options.dry_run and dry_run != options.dry_run:
        raise errors.unclassified(
            "Non-matching dry-run options in request and content: "
            f"[{' '.join(options.dry_run)}] and [{' '.join(dry_run)}]"
        )
    write.dry_run = bool(dry_run)
    await registry.admission.validate(registry.attributes(write, CREATE, sent, None))
    await _evict(registry, replace_subresource(write), delete_options(wanted, dry_run))
    return document_response(request, resource, SUCCESS, output, 201)


def replace_subresource(write: Write) -> Write:
    """Return the deletion of the pod itself that an eviction is."""
    return replace(write, subresource="")


def delete_options(wanted: dict[str, Any], dry_run: tuple[str, ...]) -> DeleteOptions:
    """Return the options that stand in an Eviction."""
    preconditions = wanted.get("preconditions") or {}
    return DeleteOptions(
        grace_period_seconds=wanted.get("gracePeriodSeconds"),
        propagation_policy=wanted.get("propagationPolicy"),
        orphan_dependents=wanted.get("orphanDependents"),
        uid=preconditions.get("uid"),
        resource_version=preconditions.get("resourceVersion"),
        dry_run=dry_run,
        document=wanted,
    )


async def _evict(registry: Registry, write: Write, options: DeleteOptions) -> None:
    pod = _pod(registry, write)
    for attempt in range(eviction.ATTEMPTS):
        if not eviction.needs_no_budget(pod):
            break
        seen = pod["metadata"]["resourceVersion"] if eviction.keeps_version(pod) else None
        try:
            await _delete(registry, write, replace(options, resource_version=options.resource_version or seen))
            return
        except APIError as error:
            last = attempt == eviction.ATTEMPTS - 1
            if error.reason != "Conflict" or options.resource_version is not None or last:
                raise
        pod = _pod(registry, write)
    budget = await eviction.charge(Account(registry), pod, write.now, write.dry_run)
    if budget is None:
        await _delete(registry, write, options)
        return
    try:
        await _delete(registry, write, replace(options, resource_version=pod["metadata"]["resourceVersion"]))
    except APIError as error:
        if error.reason != "Conflict" or options.resource_version is not None:
            raise
        raise eviction.still_processed(budget) from None


def _pod(registry: Registry, write: Write) -> dict[str, Any]:
    return objects.load(registry.entry(write.resource, write.namespace, write.name), write.resource)


async def _delete(registry: Registry, write: Write, options: DeleteOptions) -> None:
    """Say on the pod why it goes, and delete it."""
    if not write.dry_run:
        version = await _mark(registry, write, options)
        if options.resource_version is not None:
            options = replace(options, resource_version=version)
    check_options(options)
    await delete(registry, write, options)


async def _mark(registry: Registry, write: Write, options: DeleteOptions) -> str:
    key = write.resource.key_of(write.namespace, write.name)
    condition = pod_condition("DisruptionTarget", "EvictionByEvictionAPI", "Eviction API: evicting")
    async with registry.locked(key):
        while True:
            entry = registry.entry(write.resource, write.namespace, write.name)
            pod = objects.load(entry, write.resource)
            check_preconditions(pod["metadata"], options)
            status = pod.setdefault("status", {})
            status["conditions"] = with_condition(status.get("conditions"), condition, write.now)
            value = objects.stored(pod, write.resource)
            if objects.decode(value) == objects.decode(entry.value):
                return str(entry.revision)
            try:
                return str((await registry.store.update(key, value, entry.revision)).revision)
            except Changed:  # another server was faster
                await registry.store.current()


def check_preconditions(metadata: dict[str, Any], options: DeleteOptions) -> None:
    """Refuse a pod that is not the one that is to go. Raises APIError 409."""
    if options.uid and options.uid != metadata["uid"]:
        message = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({metadata['uid']}). "
            "The object might have been deleted and then recreated"
        )
        raise errors.conflict("Pod", metadata["name"], message)
    version = metadata["resourceVersion"]
    if options.resource_version and options.resource_version != version:
        message = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion "
            f"in record ({version}). The object might have been modified"
        )
        raise errors.conflict("Pod", metadata["name"], message)
