"""The entries of metadata.managedFields: who owns which fields, in which version, since when."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, NamedTuple

from cluster_shim.api.fields import quoted
from cluster_shim.api.patch.apply.fieldset import EMPTY, FieldSet, parse, union

APPLY = "Apply"
UPDATE = "Update"
MAX_UPDATE_MANAGERS = 10
ANCIENT_CHANGES = "ancient-changes"

Entry = dict[str, Any]


class Manager(NamedTuple):
    """Who manages fields. Updates in several versions are several managers, applies are one."""

    name: str
    operation: str
    api_version: str = ""
    """Empty for an applier."""
    subresource: str = ""

    def __str__(self) -> str:
        """Return what a conflict says of it."""
        text = quoted(self.name)
        if self.subresource:
            text += f" with subresource {quoted(self.subresource)}"
        return f"{text} using {self.api_version}" if self.operation == UPDATE else text


class Owned(NamedTuple):
    """What a manager owns. Fields are named as its version has them."""

    fields: FieldSet
    api_version: str
    time: str | None = None


Managed = dict[Manager, Owned]


class InvalidManagedFields(Exception):
    """Entries that mean nothing."""


def manager_of(name: str, operation: str, api_version: str, subresource: str) -> Manager:
    """Return the manager that a request acts as."""
    return Manager(name or "unknown", operation, "" if operation == APPLY else api_version, subresource)


def decode(entries: Sequence[Mapping[str, Any]], trusted: bool = True) -> Managed:
    """Return what entries say; `trusted`: this server wrote them. Raise InvalidManagedFields."""
    managed: Managed = {}
    for index, entry in enumerate(entries):
        operation = entry.get("operation", "")
        api_version = entry.get("apiVersion", "")
        if not trusted:
            _check(index, operation, api_version, entry.get("fieldsType", ""))
        fields = entry.get("fieldsV1") or EMPTY
        if not trusted:
            try:
                fields = parse(fields)
            except ValueError as error:
                raise InvalidManagedFields(f"error decoding set: {error}") from None
        version = "" if operation == APPLY else api_version
        manager = Manager(entry.get("manager", ""), operation, version, entry.get("subresource", ""))
        managed[manager] = Owned(fields, api_version, entry.get("time"))
    return managed


def _check(index: int, operation: str, api_version: str, fields_type: str) -> None:
    if operation not in (APPLY, UPDATE):
        raise InvalidManagedFields("operation must be `Apply` or `Update`")
    if not api_version:
        raise InvalidManagedFields("apiVersion must not be empty")
    if not fields_type:
        raise InvalidManagedFields(f"missing fieldsType in managed fields entry {index}")
    if fields_type != "FieldsV1":
        raise InvalidManagedFields(f"invalid fieldsType {quoted(fields_type)} in managed fields entry {index}")


def encode(managed: Managed) -> list[Entry]:
    """Return the entries, in upstream's order."""
    owned = sorted(managed.items(), key=_order) if len(managed) > 1 else managed.items()
    return [_entry(manager, each) for manager, each in owned]


def _order(pair: tuple[Manager, Owned]) -> tuple[str, ...]:
    manager, owned = pair
    return manager.operation, owned.time or "", manager.name, owned.api_version, manager.subresource


def _entry(manager: Manager, owned: Owned) -> Entry:
    entry = {"manager": manager.name, "operation": manager.operation, "apiVersion": owned.api_version}
    if owned.time:
        entry["time"] = owned.time
    full: Entry = {**entry, "fieldsType": "FieldsV1", "fieldsV1": owned.fields}
    if manager.subresource:
        full["subresource"] = manager.subresource
    return full


def cap_update_managers(managed: Managed) -> None:
    """Make one entry per version of the oldest updates where there are too many."""
    updaters = [manager for manager in managed if manager.operation == UPDATE]
    excess = len(updaters) - MAX_UPDATE_MANAGERS
    if excess <= 0:
        return
    updaters.sort(key=lambda each: (managed[each].time or "", *each))
    first: dict[str, Manager] = {}
    for manager in updaters:
        if excess <= 0:
            return
        owned = managed[manager]
        version = owned.api_version
        if version not in first:
            first[version] = manager
            continue
        bucket = Manager(ANCIENT_CHANGES, UPDATE, version)
        if bucket not in managed:
            managed[bucket] = managed.pop(first[version])
        if bucket != manager:
            del managed[manager]
        managed[bucket] = Owned(union(managed[bucket].fields, owned.fields), version, owned.time)
        excess -= 1


def is_reset(entries: Sequence[Any] | None) -> bool:
    """Say whether entries given by a client ask to forget all: an empty list, or one empty entry."""
    return entries is not None and (len(entries) == 0 or (len(entries) == 1 and not entries[0]))
