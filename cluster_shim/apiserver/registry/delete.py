"""Delete: grace, finalizers, propagation; of one object or of many. Upstream: registry/rest/delete.go and store.go."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from cluster_shim.api import errors
from cluster_shim.api.times import LONGEST_SECONDS
from cluster_shim.apiserver.admission.plugin import DELETE
from cluster_shim.apiserver.options import DeleteOptions
from cluster_shim.apiserver.registry import objects
from cluster_shim.apiserver.registry.identity import timestamp
from cluster_shim.apiserver.registry.registry import (
    CONFLICT_ATTEMPTS,
    Document,
    Registry,
    Write,
    is_kept_by_spec,
    is_namespace,
)
from cluster_shim.storage.store import Changed, Entry

ORPHAN, FOREGROUND, BACKGROUND = "Orphan", "Foreground", "Background"
_FINALIZER = {ORPHAN: "orphan", FOREGROUND: "foregroundDeletion"}


class Deletion(NamedTuple):
    """What a delete came to."""

    entry: Entry
    """The object as it is now, or as it was."""
    is_gone: bool
    shows_object: bool
    """Whether the answer is the object, and not a Status: it is still there, or the kind wants it so."""


async def delete(registry: Registry, write: Write, options: DeleteOptions) -> Deletion:
    """Delete an object, or mark it to be deleted. Raises APIError."""
    key = write.resource.key_of(write.namespace, write.name)
    async with registry.locked(key):
        for _ in range(CONFLICT_ATTEMPTS):
            entry = registry.entry(write.resource, write.namespace, write.name)
            try:
                return await _delete(registry, write, options, entry)
            except Changed:
                await registry.store.current()
    raise errors.conflict(write.resource.name, write.name, errors.MODIFIED, write.group)


async def _delete(registry: Registry, write: Write, options: DeleteOptions, entry: Entry) -> Deletion:
    document = objects.load(entry, write.resource)
    strategy = registry.strategy(write.resource)
    _check_preconditions(write, document, options)
    grace = options.grace_period_seconds
    plan = _plan(registry, write, document, 1 if grace is not None and grace < 0 else grace)
    if plan == "pending":
        return Deletion(entry, False, strategy.returns_object_on_delete)
    if is_namespace(write.resource):
        wanted = {"uid": document["metadata"]["uid"], **(write.options.get("preconditions") or {})}
        write.options = {**write.options, "preconditions": wanted}
    attributes = registry.attributes(write, DELETE, None, document)
    await registry.admission.admit(attributes)
    await registry.admission.validate(attributes)
    if strategy.hooks.delete(document, write.now):
        return Deletion(await _rewritten(registry, write, entry, document), False, True)
    changed = plan == "graceful"
    finalizers = _finalizers(strategy.default_propagation, document["metadata"].get("finalizers", []), options)
    if finalizers != document["metadata"].get("finalizers", []):
        document["metadata"]["finalizers"] = finalizers
        if not finalizers:
            del document["metadata"]["finalizers"]
    if is_kept_by_spec(write.resource, document):
        return await _terminate_namespace(registry, write, entry, document)
    if finalizers and plan != "graceful":
        _mark(document, write.now)
        changed = True
    if changed:
        marked = await _rewritten(registry, write, entry, document)
        waits = bool(finalizers) or document["metadata"].get("deletionGracePeriodSeconds", 0) > 0
        if waits:
            return Deletion(marked, False, True)
        entry = marked
    return Deletion(await _remove(registry, write, entry), True, strategy.returns_object_on_delete)


async def _rewritten(registry: Registry, write: Write, entry: Entry, document: Document) -> Entry:
    """Return the entry of an object after a change of it has been written."""
    value = objects.stored(document, write.resource)
    if write.dry_run:
        return Entry(entry.key, value, entry.revision, entry.created)
    if value == entry.value:
        return entry
    return await registry.store.update(entry.key, value, entry.revision)


async def _remove(registry: Registry, write: Write, entry: Entry) -> Entry:
    if write.dry_run:
        return entry
    gone = await registry.store.delete(entry.key, entry.revision)
    reserve = registry.reserve(write.resource)
    if reserve is not None:
        await reserve.after_delete(objects.load(gone, write.resource))
    return gone


def _check_preconditions(write: Write, document: Document, options: DeleteOptions) -> None:
    metadata = document["metadata"]
    kind, group = write.resource.kind, write.resource.group
    if options.uid is not None and options.uid != metadata.get("uid"):
        message = (
            f"the UID in the precondition ({options.uid}) does not match the UID in record ({metadata.get('uid')}). "
            "The object might have been deleted and then recreated"
        )
        raise errors.conflict(kind, write.name, message, group)
    if options.resource_version is not None and options.resource_version != metadata.get("resourceVersion"):
        message = (
            f"the ResourceVersion in the precondition ({options.resource_version}) does not match the ResourceVersion "
            f"in record ({metadata.get('resourceVersion')}). The object might have been modified"
        )
        raise errors.conflict(kind, write.name, message, group)


def _plan(registry: Registry, write: Write, document: Document, grace: int | None) -> str:
    """Tell how an object goes: ``graceful`` (it has been marked), ``pending`` (it was before), or ``now``."""
    metadata = document["metadata"]
    if not registry.strategy(write.resource).graceful:
        return "now"
    if metadata.get("deletionTimestamp"):
        period = metadata.get("deletionGracePeriodSeconds") or 0
        period = 1 if period < 0 else period
        if period == 0:
            return "now"
        if grace is None or grace >= period:
            return "pending"
        _shorten(metadata, period, grace, write.now)
        return "graceful"
    period = _grace_of_pod(document, grace)
    metadata["deletionTimestamp"] = _later(write.now, min(period, LONGEST_SECONDS))
    metadata["deletionGracePeriodSeconds"] = period
    if metadata.get("generation"):
        metadata["generation"] += 1
    return "graceful"


def _grace_of_pod(document: Document, grace: int | None) -> int:
    """Return the grace period of a pod; one that does not run, or runs nowhere, needs none."""
    spec, status = document.get("spec", {}), document.get("status", {})
    period = grace if grace is not None else spec.get("terminationGracePeriodSeconds", 0)
    if not spec.get("nodeName") or status.get("phase") in ("Succeeded", "Failed"):
        return 0
    return 1 if period < 0 else int(period)


def _shorten(metadata: Document, period: int, grace: int, now: str) -> None:
    """Bring a deletion forward, never before now; one that was to be graceful stays so."""
    moment = _later(metadata["deletionTimestamp"], min(grace, LONGEST_SECONDS) - min(period, LONGEST_SECONDS))
    if moment < now:
        moment, grace = now, 1 if grace else 0
    metadata["deletionTimestamp"] = moment
    metadata["deletionGracePeriodSeconds"] = grace


def _later(moment: str, seconds: int) -> str:
    parsed = datetime.strptime(moment, "%Y-%m-%dT%H:%M:%SZ").replace(tzinfo=UTC)
    return timestamp(parsed + timedelta(seconds=seconds))


def _mark(document: Document, now: str) -> None:
    """Mark an object that finalizers keep: it goes as soon as they do."""
    metadata = document["metadata"]
    if not metadata.get("deletionTimestamp") and metadata.get("generation"):
        metadata["generation"] += 1
    if not metadata.get("deletionTimestamp") or metadata["deletionTimestamp"] > now:
        metadata["deletionTimestamp"] = now
    metadata["deletionGracePeriodSeconds"] = 0


def _finalizers(default: str, finalizers: list[str], options: DeleteOptions) -> list[str]:
    """Return the finalizers that an object has once its way of propagation is in them."""
    policy = _propagation(default, finalizers, options)
    kept = [each for each in finalizers if each not in _FINALIZER.values()]
    wanted = [*kept, _FINALIZER[policy]] if policy in _FINALIZER else kept
    return finalizers if set(wanted) == set(finalizers) else wanted


def _propagation(default: str, finalizers: list[str], options: DeleteOptions) -> str:
    if default == "Unsupported":
        return BACKGROUND
    if options.orphan_dependents is not None:
        return ORPHAN if options.orphan_dependents else BACKGROUND
    if options.propagation_policy is not None:
        return options.propagation_policy
    for each in finalizers:
        for policy, finalizer in _FINALIZER.items():
            if each == finalizer:
                return policy
    return default


async def _terminate_namespace(registry: Registry, write: Write, entry: Entry, document: Document) -> Deletion:
    """Mark a namespace; whoever empties it takes the finalizer out of its spec."""
    metadata = document["metadata"]
    if not metadata.get("deletionTimestamp"):
        metadata["deletionTimestamp"] = write.now
    document.setdefault("status", {})["phase"] = "Terminating"
    return Deletion(await _rewritten(registry, write, entry, document), False, True)
