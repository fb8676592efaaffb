"""Who owns what after an update or an apply, and what an apply makes of the live object (structured-merge-diff)."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any, NamedTuple

from cluster_shim.api.patch.apply.compare import Comparison, compare
from cluster_shim.api.patch.apply.conflict import Conflicts
from cluster_shim.api.patch.apply.extract import field_set, with_named_fields
from cluster_shim.api.patch.apply.fieldset import FieldSet, difference, intersection, union
from cluster_shim.api.patch.apply.managed import Managed, Manager, Owned
from cluster_shim.api.patch.apply.merge import merge, remove
from cluster_shim.api.patch.apply.reconcile import reconcile
from cluster_shim.api.patch.schema import Node

Document = dict[str, Any]


class Version(NamedTuple):
    """One version of a kind: its type, and how an object of another version becomes one of it."""

    node: Node
    convert: Callable[[Document], Document]


class Updater:
    """Moves fields between managers for one version of a kind."""

    def __init__(
        self,
        api_version: str,
        node: Node,
        versions: Callable[[str], Version | None],
        reset: FieldSet,
        reconciles: bool,
    ) -> None:
        self.api_version = api_version
        self.node = node
        self._versions = versions
        self._reset = reset
        self._reconciles = reconciles

    def own(self, fields: FieldSet) -> FieldSet:
        """Return the fields without those that a request to this subresource cannot set."""
        return difference(fields, self._reset, recursive=True)

    def update(self, live: Document, new: Document, managed: Managed) -> tuple[Managed, FieldSet]:
        """Return what managers own after an update, and the fields that the update takes."""
        managed = self._reconciled(managed)
        managed, changes = self._moved(live, new, managed, None, force=True)
        return managed, self.own(union(changes.modified, changes.added))

    def apply(
        self, live: Document, applied: Document, managed: Managed, manager: Manager, force: bool
    ) -> tuple[Document, Managed]:
        """Return the object that an apply makes, and what managers own then; raise Conflicts."""
        managed = self._reconciled(managed)
        merged = merge(live, applied, self.node)
        last = managed.get(manager)
        managed[manager] = Owned(
            self.own(field_set(applied, self.node)), self.api_version, last.time if last is not None else None
        )
        merged = self._pruned(merged, managed, last)
        managed, _ = self._moved(live, merged, managed, manager, force)
        return merged, managed

    def _version(self, api_version: str) -> Version | None:
        if api_version == self.api_version:
            return Version(self.node, _same)
        return self._versions(api_version)

    def _reconciled(self, managed: Managed) -> Managed:
        """Return what managers own now that types may have changed; versions that are no more are forgotten."""
        found: Managed = {}
        for manager, owned in managed.items():
            version = self._version(owned.api_version)
            if version is not None:
                fields = reconcile(owned.fields, version.node) if self._reconciles else owned.fields
                found[manager] = owned if fields is owned.fields else owned._replace(fields=fields)
        return found

    def _moved(
        self, live: Document, new: Document, managed: Managed, acting: Manager | None, force: bool
    ) -> tuple[Managed, Comparison]:
        """Take what changed from all managers but the one that acts; raise Conflicts unless forced."""
        own = compare(live, new, self.node).without(self._reset)
        changes = {self.api_version: own}
        for owned in managed.values():
            if owned.api_version not in changes:
                changes[owned.api_version] = self._changes(live, new, owned.api_version)
        taken = {version: union(each.modified, each.added) for version, each in changes.items()}
        if not force:
            conflicts = {
                manager: fields
                for manager, owned in managed.items()
                if manager != acting and (fields := intersection(owned.fields, taken[owned.api_version]))
            }
            if conflicts:
                raise Conflicts(conflicts)
        left: Managed = {}
        for manager, owned in managed.items():
            fields = owned.fields
            if manager != acting:
                fields = difference(fields, taken[owned.api_version])
                fields = difference(fields, changes[owned.api_version].removed)
            if fields:
                left[manager] = owned if fields is owned.fields else owned._replace(fields=fields)
        return left, own

    def _changes(self, live: Document, new: Document, api_version: str) -> Comparison:
        version = self._version(api_version)
        if version is None:
            return Comparison({}, {}, {})
        changes = compare(version.convert(live), version.convert(new), version.node)
        return changes.without(self._reset)

    def _pruned(self, merged: Document, managed: Managed, last: Owned | None) -> Document:
        """Remove what the manager applied last time and does not now, unless somebody else owns it."""
        if last is None or not last.fields:
            return merged
        version = self._version(last.api_version)
        if version is None:
            return merged
        node = version.node
        base = version.convert(merged)
        pruned = remove(base, with_named_fields(last.fields, node), node) or {}
        pruned = self._with_owned(base, pruned, last.api_version, managed)
        pruned = _with_dangling(base, pruned, last.fields, node)
        return pruned if last.api_version == self.api_version else self._back(pruned)

    def _back(self, document: Document) -> Document:
        home = self._versions(self.api_version)
        return home.convert(document) if home is not None else document

    def _with_owned(self, merged: Document, pruned: Document, version: str, managed: Managed) -> Document:
        """Put back what managers own: first in the version of what is pruned, then in the others."""
        owned: dict[str, FieldSet] = {version: {}}
        for each in managed.values():
            owned[each.api_version] = union(owned.get(each.api_version, {}), each.fields)
        current = version
        for name, fields in owned.items():
            target = self._version(name)
            if target is None:
                continue
            if name != current:
                convert = target.convert if name != self.api_version else self._back
                merged, pruned, current = convert(merged), convert(pruned), name
            node = target.node
            every = with_named_fields(field_set(merged, node), node)
            kept = union(with_named_fields(field_set(pruned, node), node), with_named_fields(fields, node))
            pruned = remove(merged, difference(every, kept), node) or {}
        if current != version and (home := self._version(version)) is not None:
            pruned = home.convert(pruned) if version != self.api_version else self._back(pruned)
        return pruned


def _same(document: Document) -> Document:
    return document


def _with_dangling(merged: Document, pruned: Document, last: FieldSet, node: Node) -> Document:
    """Put back what was pruned although the manager never owned it: below its fields, but by nobody's hand."""
    gone = difference(
        with_named_fields(field_set(merged, node), node), with_named_fields(field_set(pruned, node), node)
    )
    return remove(merged, intersection(gone, with_named_fields(last, node)), node) or {}
