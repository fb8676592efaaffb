"""Create: a new object, from admission to the store. Upstream: registry/generic/registry/store.go, Create."""

from __future__ import annotations

import inspect

from cluster_shim.api import conversion, errors
from cluster_shim.apiserver.admission.plugin import CREATE
from cluster_shim.apiserver.registry import objects, rules
from cluster_shim.apiserver.registry.identity import generated_name, new_uid
from cluster_shim.apiserver.registry.registry import (
    NOTHING,
    Document,
    Registry,
    Transaction,
    Write,
    check_namespace,
    drop_twin_owners,
)
from cluster_shim.storage.store import Entry, KeyExists

NAME_ATTEMPTS = 8
NAME_LABEL = "kubernetes.io/metadata.name"
_SYSTEM_FIELDS = ("uid", "creationTimestamp", "deletionTimestamp", "deletionGracePeriodSeconds", "selfLink")


def forget_system_fields(document: Document) -> None:
    """Take out of a new object's metadata what only the server may say."""
    metadata = document["metadata"]
    for name in _SYSTEM_FIELDS:
        metadata.pop(name, None)


async def create(registry: Registry, write: Write, document: Document) -> Entry:
    """Admit, check and store a new object. Raises APIError.

    A generated name that is taken is tried again. The entry of a dry run has revision 0.
    """
    await registry.admission.admit(registry.attributes(write, CREATE, document, None))
    drop_twin_owners(write, document, after_admission=True)
    check_namespace(write, document)
    metadata = document["metadata"]
    base = metadata.get("generateName", "") if not metadata.get("name") else ""
    for attempt in range(NAME_ATTEMPTS if base else 1):
        if base:
            metadata["name"] = generated_name(base)
        try:
            return await store_new(registry, write, document)
        except errors.APIError as error:
            if error.reason != "AlreadyExists" or not base:
                raise
            if attempt == NAME_ATTEMPTS - 1:
                error.details = {**(error.details or {}), "retryAfterSeconds": 1}
                raise
    raise AssertionError("unreachable")


async def store_new(registry: Registry, write: Write, document: Document) -> Entry:
    """Check and store an object that has been admitted."""
    resource = write.resource
    metadata = document["metadata"]
    metadata["uid"] = new_uid()
    metadata["creationTimestamp"] = write.now
    transaction: Transaction = NOTHING
    reserve = registry.reserve(resource)
    if reserve is not None:
        transaction = await reserve.begin_create(document, write.dry_run)
    success = False
    try:
        registry.strategy(resource).prepare_create(document, write.user, write.now)
        if resource.kind == "Namespace" and not resource.group:
            metadata["labels"] = {**(metadata.get("labels") or {}), NAME_LABEL: metadata.get("name", "")}
        problems = rules.validate_create(resource, document)
        name = metadata.get("name", "")
        if problems:
            kind = resource.kind if resource.custom is None else document["kind"]  # what it says it is
            raise errors.invalid(kind, name, problems, conversion.hub(resource.gvk).group)
        write.warnings.extend(rules.warnings(resource, document, None))
        await registry.admission.validate(registry.attributes(write, CREATE, document, None))
        if metadata.get("resourceVersion") and not write.dry_run:
            raise errors.unclassified("resourceVersion should not be set on objects to be created")
        entry = await _put(registry, write, name, document)
        success = True
        return entry
    finally:
        finished = transaction.finish(success)
        if inspect.isawaitable(finished):
            await finished


async def _put(registry: Registry, write: Write, name: str, document: Document) -> Entry:
    resource = write.resource
    key = resource.key_of(write.namespace, name)
    value = objects.stored(document, resource, write.verbatim)
    if write.dry_run:
        existing = registry.store.get(key)
        if existing is not None:
            raise _already_exists(write, name, existing)
        return Entry(key, value, 0, 0)
    try:
        return await registry.store.create(key, value, registry.ttl_seconds(resource))
    except KeyExists:
        raise _already_exists(write, name, registry.store.get(key)) from None


def _already_exists(write: Write, name: str, existing: Entry | None) -> errors.APIError:
    error = errors.already_exists(write.resource.name, name, write.group)
    if existing is not None and "deletionTimestamp" in objects.shared(existing)["metadata"]:
        error.message = f"object is being deleted: {error.message}"
    return error
