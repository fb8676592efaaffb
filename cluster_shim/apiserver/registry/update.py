"""Update: a changed object, from the change to the store; for PUT and every PATCH, of an object or a subresource.

A change is a function of the object that is there (None if there is none): it is called again if another server was
faster. Upstream: registry/generic/registry/store.go, Update; registry/rest/update.go.
"""

from __future__ import annotations

import inspect
from collections.abc import Callable, Mapping

from cluster_shim.api import conversion, errors, fields
from cluster_shim.api.fields import ROOT, FieldError
from cluster_shim.api.integers import IntegerError, parse_uint
from cluster_shim.api.patch.apply import keep_times
from cluster_shim.api.resources import Resource
from cluster_shim.apiserver.admission.plugin import CREATE, UPDATE
from cluster_shim.apiserver.registry import objects, rules
from cluster_shim.apiserver.registry.create import store_new
from cluster_shim.apiserver.registry.registry import (
    CONFLICT_ATTEMPTS,
    NOTHING,
    Document,
    Registry,
    Transaction,
    Write,
    check_name,
    check_namespace,
    drop_twin_owners,
    is_kept_by_spec,
)
from cluster_shim.storage.store import Changed, Entry

Change = Callable[[Document | None], Document]

_VERSION = ROOT.child("metadata", "resourceVersion")


async def update(registry: Registry, write: Write, change: Change, uid: str = "") -> tuple[Entry, bool]:
    """Change and store an object; return its entry, and whether it is new. Raises APIError.

    Of an object whose last finalizer went, the entry is that of the last state: it is gone from the store. `uid`, if
    there is one, must be the object's.
    """
    check_name(write.name)
    key = write.resource.key_of(write.namespace, write.name)
    async with registry.locked(key):
        for _ in range(CONFLICT_ATTEMPTS):
            entry = registry.store.get(key)
            try:
                if entry is None:
                    return await _create(registry, write, change, uid), True
                return await _update(registry, write, entry, change, uid), False
            except Changed:  # a change that names the version that it is of will see that it is another
                await registry.store.current()
    raise errors.conflict(write.resource.name, write.name, errors.MODIFIED, write.group)


async def _create(registry: Registry, write: Write, change: Change, uid: str) -> Entry:
    strategy = registry.strategy(write.resource)
    if write.subresource or not (strategy.create_on_update or write.force_create):
        raise errors.not_found(write.resource.name, write.name, write.group)
    if uid:
        raise _wrong_uid(write, uid, "")
    document = change(None)
    await registry.admission.admit(registry.attributes(write, CREATE, document, None))
    drop_twin_owners(write, document, after_admission=True)
    document["metadata"].pop("resourceVersion", None)
    write.may_create()
    return await store_new(registry, write, document)


async def _update(registry: Registry, write: Write, entry: Entry, change: Change, uid: str) -> Entry:
    resource = write.resource
    old = objects.load(entry, resource)
    if uid and uid != old["metadata"]["uid"]:
        raise _wrong_uid(write, uid, old["metadata"]["uid"])
    new = change(old)
    if new is old:
        return entry
    attributes = registry.attributes(write, UPDATE, new, old)
    await registry.admission.admit(attributes)
    if write.view is not None:
        new = write.view.taken(new, attributes.new)
    drop_twin_owners(write, new, after_admission=True)
    check_namespace(write, new)
    _check_version(registry, write, new, entry)
    return await _store(registry, write, entry, new, old)


def _check_version(registry: Registry, write: Write, new: Document, entry: Entry) -> None:
    text = new["metadata"].get("resourceVersion") or "0"
    try:
        version = parse_uint(text)
    except IntegerError as error:
        raise errors.unclassified(str(error)) from None
    if version == 0:
        if not registry.strategy(write.resource).unconditional_update:
            problem = fields.invalid(_VERSION, 0, "must be specified for an update")
            raise errors.invalid(write.resource.name, write.name, [problem], write.group)
        new["metadata"]["resourceVersion"] = str(entry.revision)
    elif version != entry.revision:
        raise errors.conflict(write.resource.name, write.name, errors.MODIFIED, write.group)


def _invalid(resource: Resource, new: Document, problems: list[FieldError]) -> errors.APIError:
    """Return the refusal; a custom resource is named by what it says it is, which a patch may have changed."""
    kind, group = resource.kind, conversion.hub(resource.gvk).group
    if resource.custom is not None:
        kind, group = new["kind"], new["apiVersion"].rpartition("/")[0]
    return errors.invalid(kind, new["metadata"].get("name", ""), problems, group)


async def _store(registry: Registry, write: Write, entry: Entry, new: Document, old: Document) -> Entry:
    resource = write.resource
    transaction: Transaction = NOTHING
    reserve = registry.reserve(resource)
    if reserve is not None and not write.subresource:
        transaction = await reserve.begin_update(new, old, write.dry_run)
    success = False
    try:
        _prepare(registry, write, new, old)
        problems = rules.validate_update(resource, new, old, write.subresource, write.warnings)
        if problems:
            raise _invalid(resource, new, problems)
        write.warnings.extend(rules.warnings(resource, new, old, write.subresource))
        new = keep_times(old, new)
        await registry.admission.validate(registry.attributes(write, UPDATE, new, old))
        value = objects.stored(new, resource, write.verbatim)
        if _has_lost_last_finalizer(resource, new, old):
            changed = await _delete(registry, write, entry, value)
        else:
            changed = await _put(registry, write, entry, value, new == old)
        success = True
        return changed
    finally:
        finished = transaction.finish(success)
        if inspect.isawaitable(finished):
            await finished


def _prepare(registry: Registry, write: Write, new: Document, old: Document) -> None:
    """Make of what a client sent what may be stored: parts of metadata are the server's, the rest is the strategy's."""
    metadata, before = new["metadata"], old["metadata"]
    _copy(metadata, before, "generation")
    strategy = registry.strategy(write.resource)
    if write.subresource:
        strategy.prepare_subresource_update(write.subresource, new, old, write.now)
    else:
        strategy.prepare_update(new, old, write.now)
    if not metadata.get("uid"):
        metadata["uid"] = before["uid"]
    if before.get("creationTimestamp"):
        metadata["creationTimestamp"] = before["creationTimestamp"]
    if before.get("deletionTimestamp"):
        metadata["deletionTimestamp"] = before["deletionTimestamp"]
    if "deletionGracePeriodSeconds" in before and "deletionGracePeriodSeconds" not in metadata:
        metadata["deletionGracePeriodSeconds"] = before["deletionGracePeriodSeconds"]


def _copy(metadata: Document, before: Mapping[str, object], name: str) -> None:
    if name in before:
        metadata[name] = before[name]
    else:
        metadata.pop(name, None)


def _has_lost_last_finalizer(resource: Resource, new: Document, old: Document) -> bool:
    """Tell whether nothing keeps an object any more that is to be deleted."""
    metadata = new["metadata"]
    if metadata.get("finalizers") or is_kept_by_spec(resource, new):
        return False
    if not old["metadata"].get("deletionTimestamp"):
        return False
    return bool(old["metadata"].get("deletionGracePeriodSeconds", 0) == 0)


async def _put(registry: Registry, write: Write, entry: Entry, value: bytes, is_same: bool) -> Entry:
    if is_same and not (entry.revision == entry.created and registry.strategy(write.resource).rewritten_once):
        return entry  # nothing changes: no revision, no event
    if write.dry_run:
        return Entry(entry.key, value, entry.revision, entry.created)
    return await registry.store.update(entry.key, value, entry.revision, registry.ttl_seconds(write.resource))


async def _delete(registry: Registry, write: Write, entry: Entry, value: bytes) -> Entry:
    """Delete an object in place of its last update; the answer is the object as it would have been written."""
    if not write.dry_run:
        gone = await registry.store.delete(entry.key, entry.revision)
        reserve = registry.reserve(write.resource)
        if reserve is not None:
            await reserve.after_delete(objects.load(gone, write.resource))
    return Entry(entry.key, value, entry.revision, entry.created)


def _wrong_uid(write: Write, expected: str, actual: str) -> errors.APIError:
    message = (
        f"StorageError: invalid object, Code: 4, Key: {write.resource.key_of(write.namespace, write.name)}, "
        f"ResourceVersion: 0, AdditionalErrorMsg: Precondition failed: UID in precondition: {expected}, "
        f"UID in object meta: {actual}"
    )
    return errors.conflict(write.resource.name, write.name, message, write.group)
