"""Resources: which there are, under which paths, of which kind, with which verbs. A new kind is a row of the table.

The built-in ones stand in ``tables/resources.json``, in the order of discovery; custom resource definitions add to a
catalogue while it is in use.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec


class GroupVersionKind(NamedTuple):
    """What a document says that it is."""

    group: str
    version: str
    kind: str

    @property
    def api_version(self) -> str:
        """Return ``apps/v1``, or ``v1`` for the core group."""
        return f"{self.group}/{self.version}" if self.group else self.version


def gvk_of(document: Mapping[str, Any]) -> GroupVersionKind:
    """Return group, version and kind of a document; empty texts where it says nothing."""
    api_version, kind = document.get("apiVersion"), document.get("kind")
    group, _, version = (api_version if isinstance(api_version, str) else "").rpartition("/")
    return GroupVersionKind(group, version, kind if isinstance(kind, str) else "")


@dataclass(frozen=True)
class Subresource:
    """A path below an object: ``status``, ``scale``, ``binding``."""

    name: str
    gvk: GroupVersionKind
    verbs: tuple[str, ...]


@dataclass(frozen=True)
class Resource:
    """One resource in one version: a row of the table."""

    group: str
    version: str
    name: str
    """The plural, as paths have it: ``pods``."""
    kind: str
    singular: str
    namespaced: bool
    verbs: tuple[str, ...]
    key: str
    """Where the store has its objects, below ``/registry/``: ``pods``, ``services/specs``, ``example.com/widgets``."""
    short_names: tuple[str, ...] = ()
    categories: tuple[str, ...] = ()
    subresources: Mapping[str, Subresource] = field(default_factory=dict)
    list_kind: str = ""
    custom: Any = None
    """For custom resources: what their definition says of this version (api/custom); None for built-in ones."""

    @cached_property
    def gvk(self) -> GroupVersionKind:
        """Return the kind of its objects."""
        return GroupVersionKind(self.group, self.version, self.kind)

    @cached_property
    def api_version(self) -> str:
        """Return the apiVersion of its objects."""
        return self.gvk.api_version

    @cached_property
    def qualified(self) -> str:
        """Return the name that messages use: ``deployments.apps``."""
        return f"{self.name}.{self.group}" if self.group else self.name

    @cached_property
    def prefix(self) -> str:
        """Return what the keys of all its objects begin with."""
        return f"/registry/{self.key}/"

    def key_of(self, namespace: str, name: str) -> str:
        """Return the key of an object in the store, as upstream lays them out."""
        return f"{self.prefix}{namespace}/{name}" if self.namespaced else f"{self.prefix}{name}"


class Group(NamedTuple):
    """A group of discovery: its versions, the preferred one first."""

    name: str
    versions: tuple[str, ...]


class Catalogue:
    """All resources that a server has, in the order of discovery. `changes` counts what was added and removed."""

    def __init__(self, resources: Iterable[Resource] = ()) -> None:
        self._by_path: dict[tuple[str, str, str], Resource] = {}
        self._first: dict[tuple[str, str], Resource] = {}
        self.changes = 0
        for each in resources:
            self.add(each)

    def add(self, resource: Resource) -> None:
        """Add a resource, or put it in place of the one with that path."""
        self._by_path[resource.group, resource.version, resource.name] = resource
        self._changed()

    def remove(self, resource: Resource) -> None:
        """Remove a resource; nothing happens if it is not there."""
        if self._by_path.pop((resource.group, resource.version, resource.name), None) is not None:
            self._changed()

    def _changed(self) -> None:
        self.changes += 1
        self._first = {(each.group, each.name): each for each in reversed(self._by_path.values())}

    def find(self, group: str, version: str, name: str) -> Resource | None:
        """Return the resource that a path names."""
        return self._by_path.get((group, version, name))

    def first(self, group: str, name: str) -> Resource | None:
        """Return a resource in the preferred version of its group."""
        return self._first.get((group, name))

    def of_kind(self, gvk: GroupVersionKind) -> Resource | None:
        """Return the resource whose objects are of a kind."""
        return next((each for each in self._by_path.values() if each.gvk == gvk), None)

    def in_group(self, group: str, version: str) -> Sequence[Resource]:
        """Return the resources of a group and version, in the order of the table."""
        return [each for each in self._by_path.values() if each.group == group and each.version == version]

    def __iter__(self) -> Any:
        return iter(list(self._by_path.values()))

    def groups(self) -> Sequence[Group]:
        """Return the groups with their versions, in the order of discovery."""
        versions: dict[str, dict[str, None]] = {}
        for each in self._by_path.values():
            versions.setdefault(each.group, {}).setdefault(each.version)
        return [Group(name, tuple(found)) for name, found in versions.items()]


def built_in() -> list[Resource]:
    """Return what a stock server serves, in the order of discovery."""
    rows = msgspec.json.decode((files(__package__) / "tables" / "resources.json").read_bytes())
    return [_resource(row) for row in rows]


def _resource(row: Mapping[str, Any]) -> Resource:
    group, version = row["group"], row["version"]
    subresources = {
        name: Subresource(
            name,
            GroupVersionKind(each.get("group", group), each.get("version", version), each["kind"]),
            tuple(each["verbs"]),
        )
        for name, each in row.get("subresources", {}).items()
    }
    return Resource(
        group=group,
        version=version,
        name=row["resource"],
        kind=row["kind"],
        singular=row["singular"],
        namespaced=row["namespaced"],
        verbs=tuple(row["verbs"]),
        key=row.get("key", row["resource"]),
        short_names=tuple(row.get("shortNames", ())),
        categories=tuple(row.get("categories", ())),
        subresources=subresources,
        list_kind=f"{row['kind']}List",
    )
