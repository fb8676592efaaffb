"""The field manager of a kind and subresource: tracks every write, and applies.

It takes and returns objects in the version of the request. Whether a request may name a manager, what becomes of
fields that a strategy resets, and whether a write changes anything at all is decided elsewhere.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import msgspec

from cluster_shim.api.errors import APIError, bad_request
from cluster_shim.api.patch.apply.check import check
from cluster_shim.api.patch.apply.compare import compare, same
from cluster_shim.api.patch.apply.conflict import Conflicts
from cluster_shim.api.patch.apply.fieldset import EMPTY, FieldSet, difference, ordered, union
from cluster_shim.api.patch.apply.last_applied import KUBECTL, allowed_conflicts, last_applied, with_last_applied
from cluster_shim.api.patch.apply.managed import (
    APPLY,
    UPDATE,
    Entry,
    InvalidManagedFields,
    Managed,
    Owned,
    cap_update_managers,
    decode,
    encode,
    is_reset,
    manager_of,
)
from cluster_shim.api.patch.apply.updater import Document, Updater, Version
from cluster_shim.api.patch.apply.walk import NotTyped
from cluster_shim.api.patch.schema import Node
from cluster_shim.api.resources import GroupVersionKind, gvk_of

BEFORE_FIRST_APPLY = "before-first-apply"
MAX_NAME_BYTES = 128

_CACHED_SHAPES = 4096
_CACHED_BYTES = 16 << 10
_IDENTITY = frozenset(
    (
        *("name", "namespace", "creationTimestamp", "selfLink", "uid", "clusterName"),
        *("generation", "managedFields", "resourceVersion"),
    )
)
"""Members of metadata that nobody owns."""
_NEVER_TRACKED: FieldSet = {
    "f:apiVersion": {},
    "f:kind": {},
    "f:metadata": {".": {}, **{f"f:{name}": {} for name in sorted(_IDENTITY)}},
}


def name_of(field_manager: str, user_agent: str) -> str:
    """Return the name of the manager that a request acts as: the parameter, or how its user agent begins."""
    if field_manager:
        return field_manager
    printable = "".join(filter(str.isprintable, user_agent.split("/", 1)[0]))
    return printable.encode()[:MAX_NAME_BYTES].decode(errors="ignore")


def _no_versions(api_version: str) -> Version | None:
    return None


def _as_it_is(document: Document) -> Document:
    return document


class FieldManager:
    """Manages the fields of one kind in one version, for requests to one subresource (or to none)."""

    def __init__(
        self,
        gvk: GroupVersionKind,
        node: Node,
        empty: Mapping[str, Any],
        subresource: str = "",
        reset: FieldSet = EMPTY,
        versions: Callable[[str], Version | None] = _no_versions,
        schema_may_change: bool = False,
        read: Callable[[Document], Document] = _as_it_is,
    ) -> None:
        """Make a manager.

        `empty` is an object of the kind without any field set, as Go would write it. `reset`: what requests here
        cannot set. `versions` returns what is needed of the other versions.
        """
        self._gvk = gvk
        self._node = node
        self._empty = {**empty, "apiVersion": gvk.api_version, "kind": gvk.kind}
        self._subresource = subresource
        self._updater = Updater(gvk.api_version, node, versions, reset, schema_may_change)
        self._read = read
        self._created: dict[tuple[str, bytes], FieldSet] = {}

    def track_create(self, new: Document, name: str, now: str) -> list[Entry]:
        """Return the managed fields of an object that is about to be created."""
        given = new.get("metadata", {}).get("managedFields")
        if given and not is_reset(given):
            return self.track_update(self._empty, new, name, now)
        fields = self._fields_of_new(new)
        if not fields:
            return []
        manager = manager_of(name, UPDATE, self._gvk.api_version, self._subresource)
        return encode({manager: Owned(fields, self._gvk.api_version, now)})

    def _fields_of_new(self, new: Document) -> FieldSet:
        """Return the fields that a create sets; parts of objects that were seen before are not walked again."""
        fields: FieldSet = {}
        for key in sorted(new):
            value = new[key]
            if key == "apiVersion" or key == "kind":
                continue
            if not isinstance(value, dict):
                fields.update(self._fields_of_part(key, value))
                continue
            owned = value if key != "metadata" else {each: value[each] for each in value if each not in _IDENTITY}
            shape = (key, msgspec.json.encode(owned))
            known = self._created.get(shape)
            if known is None:
                known = self._fields_of_part(key, value)
                if len(shape[1]) <= _CACHED_BYTES:
                    if len(self._created) >= _CACHED_SHAPES:
                        self._created.clear()
                    self._created[shape] = known
            fields.update(known)
        return fields

    def _fields_of_part(self, key: str, value: Any) -> FieldSet:
        old = {key: self._empty[key]} if key in self._empty else {}
        try:
            changes = compare(old, {key: value}, self._node)
        except NotTyped:
            return {}
        fields = self._updater.own(union(changes.modified, changes.added))
        return ordered(difference(fields, _NEVER_TRACKED))

    def track_update(self, live: Document, new: Document, name: str, now: str) -> list[Entry]:
        """Return the managed fields of an object after an update (or a patch that is no apply) by a manager."""
        entries = live.get("metadata", {}).get("managedFields") or []
        given = new.get("metadata", {}).get("managedFields")
        managed: Managed | None = None
        if not self._subresource and given != entries:
            if is_reset(given):
                managed = {}
            elif given:
                managed = _decoded(given)
        if managed is None:
            managed = decode(entries)
        created = not live.get("metadata", {}).get("uid")
        if not managed and not created:
            return []
        try:
            managed = self._updated(live, new, managed, name, now)
        except NotTyped:
            return []
        return encode(managed)

    def _updated(self, live: Document, new: Document, managed: Managed, name: str, now: str) -> Managed:
        managed, taken = self._updater.update(live, new, managed)
        taken = difference(taken, _NEVER_TRACKED)
        if taken:
            manager = manager_of(name, UPDATE, self._gvk.api_version, self._subresource)
            owned = managed.get(manager)
            fields = ordered(union(taken, owned.fields) if owned is not None else taken)
            managed[manager] = Owned(fields, self._gvk.api_version, now)
            cap_update_managers(managed)
        return managed

    def apply(self, live: Document | None, applied: Document, name: str, force: bool, now: str) -> Document:
        """Return the object with what is applied in it, and with its managed fields.

        What is applied is the parsed body of the request. The object has no defaults yet. `live` is None where there
        is no object.
        """
        gvk = gvk_of(applied)
        if gvk != self._gvk:
            raise bad_request(f"invalid object type: {_shown(gvk)}")
        try:
            return self._applied(live or self._empty, applied, name, force, now)
        except NotTyped as complaint:
            raise self._failed("create typed live object", live or {}, f": {complaint}") from None
        except Conflicts as conflicts:
            allowed = None
            if name == KUBECTL:
                allowed = allowed_conflicts(_bare(live or {}), self._gvk.api_version, self._node)
            if allowed is None or difference(conflicts.all_fields(), allowed):
                raise conflicts.answer(allowed) from None
            return self._applied(live or self._empty, applied, name, True, now)

    def _applied(self, live: Document, applied: Document, name: str, force: bool, now: str) -> Document:
        managed = decode(live.get("metadata", {}).get("managedFields") or [])
        live = _bare(live)
        if not managed:
            managed = self._updated(self._empty, live, {}, BEFORE_FIRST_APPLY, now)
        metadata = applied.get("metadata")
        if isinstance(metadata, dict) and metadata.get("managedFields") is not None:
            raise bad_request("metadata.managedFields must be nil")
        try:
            check(applied, self._node)
        except NotTyped as complaint:
            raise self._failed("create typed patch object", applied, f": {complaint}") from None
        manager = manager_of(name, APPLY, self._gvk.api_version, self._subresource)
        merged, managed = self._updater.apply(live, applied, managed, manager, force)
        owned = managed.get(manager)
        if owned is not None:
            fields = difference(owned.fields, _NEVER_TRACKED)
            if fields:
                changed = not same(merged, live)
                managed[manager] = Owned(ordered(fields), owned.api_version, now if changed else owned.time)
            else:
                del managed[manager]
        try:
            merged = self._read(merged)
        except ValueError as error:
            detail = f" to proper version: unable to convert unstructured object to {_shown(self._gvk)}: {error}"
            raise self._failed("convert new object", applied, detail) from None
        if name == KUBECTL and last_applied(merged):
            merged = with_last_applied(merged, applied)
        return with_managed_fields(merged, encode(managed))

    def _failed(self, what: str, document: Document, detail: str) -> APIError:
        """Return 500 for an apply that fails because of a document."""
        metadata = document.get("metadata")
        metadata = metadata if isinstance(metadata, dict) else {}
        namespace, its_name = (
            each if isinstance(each := metadata.get(key), str) else "" for key in ("namespace", "name")
        )
        name = f"{namespace}/{its_name}"
        return APIError(500, "", f"failed to {what} ({name}; {_shown(self._gvk)}){detail}")


def _shown(gvk: GroupVersionKind) -> str:
    return f"{gvk.group}/{gvk.version}, Kind={gvk.kind}"


def _decoded(entries: list[Entry]) -> Managed | None:
    """Return what entries of a client say; None if they say nothing that can be understood."""
    try:
        return decode(entries, trusted=False) or None
    except InvalidManagedFields:
        return None


def _bare(document: Document) -> Document:
    metadata = document.get("metadata")
    if not isinstance(metadata, dict) or "managedFields" not in metadata:
        return document
    return {**document, "metadata": {key: each for key, each in metadata.items() if key != "managedFields"}}


def with_managed_fields(document: Document, entries: list[Entry]) -> Document:
    """Return the document with managed fields in place of those that it has; the order of its members stays."""
    metadata = {**document.get("metadata", {}), "managedFields": entries}
    if not entries:
        del metadata["managedFields"]
    return {**document, "metadata": metadata}


def keep_times(live: Document, new: Document) -> Document:
    """Return the new document with the times of the live managed fields if times are all that differs between them.

    So that a write that changes nothing stays one.
    """
    old = live.get("metadata", {}).get("managedFields")
    entries = new.get("metadata", {}).get("managedFields")
    if not old or not entries or old is entries or len(old) != len(entries):
        return new
    for left, right in zip(old, entries, strict=True):
        if left is not right and {**left, "time": None} != {**right, "time": None}:
            return new
    return with_managed_fields(new, old) if _bare(live) == _bare(new) else new
