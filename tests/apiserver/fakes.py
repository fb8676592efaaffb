"""Stand-ins for the store and the registry: objects in a dict, with revisions and conflicts."""

from __future__ import annotations

import copy
from collections.abc import Iterable
from typing import Any

from cluster_shim.api import errors
from cluster_shim.storage.store import Changed, Entry, KeyExists

Object = dict[str, Any]


class FakeObjects:
    """What registry/own.py promises, in memory."""

    def __init__(self, *objects: tuple[str, str, Object]) -> None:
        self.rows: dict[tuple[str, str, str, str], Object] = {}
        self.revision = 1
        for group, resource, obj in objects:
            self.add(group, resource, obj)

    def add(self, group: str, resource: str, obj: Object) -> Object:
        self.revision += 1
        stored = copy.deepcopy(obj)
        stored["metadata"]["resourceVersion"] = str(self.revision)
        self.rows[self.key(group, resource, obj)] = stored
        return stored

    @staticmethod
    def key(group: str, resource: str, obj: Object) -> tuple[str, str, str, str]:
        return group, resource, obj["metadata"].get("namespace", ""), obj["metadata"]["name"]

    def get(self, group: str, resource: str, namespace: str, name: str) -> Object | None:
        return self.rows.get((group, resource, namespace, name))

    def list(self, group: str, resource: str, namespace: str = "") -> Iterable[Object]:
        return [
            obj
            for (its_group, its_resource, its_namespace, _), obj in self.rows.items()
            if (its_group, its_resource) == (group, resource) and namespace in ("", its_namespace)
        ]

    async def create(self, group: str, resource: str, obj: Object) -> Object:
        if self.key(group, resource, obj) in self.rows:
            raise errors.already_exists(resource, obj["metadata"]["name"], group)
        return self.add(group, resource, obj)

    async def update(self, group: str, resource: str, obj: Object, subresource: str = "") -> Object:
        name = obj["metadata"]["name"]
        stored = self.rows.get(self.key(group, resource, obj))
        if stored is None:
            raise errors.not_found(resource, name, group)
        if obj["metadata"].get("resourceVersion") != stored["metadata"]["resourceVersion"]:
            raise errors.conflict(resource, name, errors.MODIFIED, group)
        return self.add(group, resource, obj)

    async def delete(self, group: str, resource: str, namespace: str, name: str) -> None:
        if self.rows.pop((group, resource, namespace, name), None) is None:
            raise errors.not_found(resource, name, group)


class FakeStore:
    """The part of a store that counters need."""

    def __init__(self) -> None:
        self.entries: dict[str, Entry] = {}
        self.revision = 1

    def get(self, key: str) -> Entry | None:
        return self.entries.get(key)

    async def create(self, key: str, value: bytes, ttl_seconds: int = 0) -> Entry:
        if key in self.entries:
            raise KeyExists
        return self._put(key, value)

    async def update(self, key: str, value: bytes, expected: int, ttl_seconds: int = 0) -> Entry:
        entry = self.entries.get(key)
        if entry is None or entry.revision != expected:
            raise Changed(entry)
        return self._put(key, value)

    def _put(self, key: str, value: bytes) -> Entry:
        self.revision += 1
        self.entries[key] = Entry(key, value, self.revision, self.revision)
        return self.entries[key]
