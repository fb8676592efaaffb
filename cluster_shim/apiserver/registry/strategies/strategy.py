"""Strategy: what the server does with an object of a kind before it is validated and written.

A row of ``tables/strategies.json`` says most of it; what no row can say is a pair of functions of a few lines (hooks).
Functions change `new` in place; it may afterwards share parts with `old`, which stays as it is. Nothing here reads the
store, validates or admits. Upstream: pkg/registry/*/*/strategy.go.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from functools import cache
from importlib.resources import files
from typing import Any, NamedTuple

import msgspec

from cluster_shim.apiserver.request import UserInfo

Object = dict[str, Any]
FieldPath = tuple[str, ...]

METADATA_OF_STATUS = ("deletionTimestamp", "generation", "labels", "annotations", "finalizers", "ownerReferences")
"""What the write of a status may not change where upstream resets metadata."""

_INCLUDED = {
    ("", "Pod", "ephemeralcontainers"): (("spec", "ephemeralContainers"),),
    ("", "Pod", "resize"): tuple(
        ("spec", containers, "*", member)
        for containers in ("containers", "initContainers")
        for member in ("resources", "resizePolicy")
    ),
}


def _no_create(obj: Object, user: UserInfo, now: str) -> None:
    """Change nothing."""


def _no_update(new: Object, old: Object, now: str) -> None:
    """Change nothing."""


def _no_subresource(subresource: str, new: Object, old: Object, now: str) -> bool:
    """Leave every subresource to the row."""
    return False


def _no_delete(obj: Object, now: str) -> bool:
    """Leave the deletion to what all kinds have."""
    return False


class Hooks(NamedTuple):
    """What a row cannot say. `now` is a time as metadata has it: ``2026-01-02T03:04:05Z``."""

    create: Callable[[Object, UserInfo, str], None] = _no_create
    """Runs after status was reset and generation was set."""
    update: Callable[[Object, Object, str], None] = _no_update
    """Runs after status was kept and before generations are compared."""
    subresource: Callable[[str, Object, Object, str], bool] = _no_subresource
    """Runs first; True: it did all there is to do."""
    delete: Callable[[Object, str], bool] = _no_delete
    """Runs when an object is deleted; True: it is marked now, and stays until its finalizers are gone."""


_PLAIN = Hooks()


@dataclass(frozen=True, slots=True)
class Strategy:
    """What holds for the objects of one kind."""

    group: str = ""
    kind: str = ""
    generation: tuple[str, ...] | None = None
    """The members whose change counts; ``metadata`` for everything but metadata; None: the kind has no generation."""
    first_generation: bool = True
    """Whether a new object has generation 1."""
    status: Mapping[str, Any] | None = None
    """The status of a new object; None for kinds without."""
    status_at_create: bool = False
    """Whether the status that is sent with a new object is kept."""
    status_keeps: tuple[str, ...] = ()
    """Members of metadata that the write of a status may not change; ``*`` for all but managedFields."""
    create_on_update: bool = False
    unconditional_update: bool = True
    """Whether an update needs no resourceVersion."""
    graceful: bool = False
    default_propagation: str = "Background"
    """What DELETE does with dependents if nobody says: Background, Orphan, Unsupported."""
    warns_of_orphans: bool = False
    """DELETE warns who says nothing of dependents that they stay."""
    returns_object_on_delete: bool = False
    """DELETE answers with the object, not with a Status."""
    verbatim: str = ""
    """A member that is stored as it was sent, byte for byte, because upstream takes another spelling for a change."""
    rewritten_once: bool = False
    """The first update writes even if nothing changes: what is stored at creation lacks a default of the status."""
    reset_fields: Mapping[str, tuple[FieldPath, ...]] = field(default_factory=dict)
    """By subresource (empty for the main resource): fields that a writer cannot own, because they are reset."""
    included_fields: Mapping[str, tuple[FieldPath, ...]] = field(default_factory=dict)
    """By subresource: the only fields that a writer can own; ``*`` stands for any element."""
    hooks: Hooks = _PLAIN

    def prepare_create(self, obj: Object, user: UserInfo, now: str) -> None:
        """Make a new object what it is before validation. Identity (name, uid, creationTimestamp) is there already."""
        if self.generation is not None and self.first_generation:
            obj["metadata"]["generation"] = 1
        if self.status is None:
            if self.generation == ("metadata",) and "status" in self.reset_fields:
                obj.pop("status", None)
        elif not self.status_at_create:
            obj["status"] = dict(self.status)
        self.hooks.create(obj, user, now)

    def prepare_update(self, new: Object, old: Object, now: str) -> None:
        """Make an updated object what it is before validation: status and generation are not the client's."""
        _copy_member(new["metadata"], old["metadata"], "generation")
        if ("status",) in self.reset_fields.get("", ()):
            _copy_member(new, old, "status")
        self.hooks.update(new, old, now)
        self._count(new, old)

    def prepare_subresource_update(self, subresource: str, new: Object, old: Object, now: str) -> None:
        """Keep of an object that was written through a subresource what the subresource is for.

        What is written through ``scale`` is an object with other replicas: an update.
        """
        if subresource == "scale":
            self.prepare_update(new, old, now)
            return
        _copy_member(new["metadata"], old["metadata"], "generation")
        if self.hooks.subresource(subresource, new, old, now):
            self._count(new, old)
            return
        if subresource != "status":
            return
        if self.generation == ("metadata",):
            _keep_all_but_status(new, old)
        else:
            _copy_member(new, old, "spec")
        self._keep_metadata(new, old)

    def _keep_metadata(self, new: Object, old: Object) -> None:
        names = self.status_keeps
        if names == ("*",):
            names = tuple({*new["metadata"], *old["metadata"]} - {"managedFields"})
        for name in names:
            _copy_member(new["metadata"], old["metadata"], name)

    def _count(self, new: Object, old: Object) -> None:
        if self.generation and _changed(self.generation, new, old):
            new["metadata"]["generation"] = old["metadata"].get("generation", 0) + 1


def strategy_of(group: str, kind: str) -> Strategy:
    """Return the strategy of a built-in kind; a plain one for a kind that no row names."""
    return _table().get((group, kind)) or Strategy(group, kind)


@cache
def custom_strategy(has_status: bool) -> Strategy:
    """Return the strategy of custom resources, with or without the status subresource."""
    resets = {"": (("status",),), "status": (("metadata",), ("spec",))} if has_status else {}
    return Strategy(
        generation=("metadata",),
        status_keeps=("*",) if has_status else (),
        unconditional_update=False,
        reset_fields=resets,
    )


def _changed(members: tuple[str, ...], new: Object, old: Object) -> bool:
    if members == ("metadata",):
        names = {*new, *old} - {"metadata", "apiVersion", "kind"}
        return any(new.get(name) != old.get(name) for name in names)
    return any(_value(new, member) != _value(old, member) for member in members)


def _value(obj: Object, member: str) -> Any:
    parent, _, name = member.rpartition(".")
    return (obj.get(parent) or {}).get(name) if parent else obj.get(name)


def _copy_member(new: Object, old: Object, name: str) -> None:
    if name in old:
        new[name] = old[name]
    else:
        new.pop(name, None)


def _keep_all_but_status(new: Object, old: Object) -> None:
    for name in {*new, *old} - {"metadata", "status"}:
        _copy_member(new, old, name)


@cache
def _table() -> Mapping[tuple[str, str], Strategy]:
    from cluster_shim.apiserver.registry.strategies.hooks import HOOKS

    rows = msgspec.json.decode((files(__package__) / "tables" / "strategies.json").read_bytes())
    return {(row["group"], row["kind"]): _strategy(row, HOOKS) for row in rows}


def _strategy(row: Mapping[str, Any], hooks: Mapping[str, Hooks]) -> Strategy:
    generation = row.get("generation")
    keeps = tuple(row.get("statusKeeps", ()))
    resets = {name: tuple(tuple(path.split(".")) for path in paths) for name, paths in row.get("resets", {}).items()}
    if "status" in row and not resets:
        whole = keeps in (METADATA_OF_STATUS, ("*",)) or len(keeps) > 1
        metadata = (("metadata",),) if whole else tuple(("metadata", name) for name in keeps)
        resets = {"": (("status",),), "status": (("spec",), *metadata)}
    included = {name: paths for (group, kind, name), paths in _INCLUDED.items() if (group, kind) == _id(row)}
    return Strategy(
        group=row["group"],
        kind=row["kind"],
        generation=None if generation is None else tuple(generation),
        first_generation=row.get("firstGeneration", 1) == 1,
        status=row.get("status"),
        status_at_create=row.get("statusAtCreate") == "kept",
        status_keeps=keeps,
        create_on_update=row.get("createOnUpdate", False),
        unconditional_update=row.get("unconditionalUpdate", True),
        graceful=row.get("graceful", False),
        default_propagation=row.get("propagation", "Background"),
        warns_of_orphans=row.get("warnsOfOrphans", False),
        returns_object_on_delete=row.get("returnsDeleted", False),
        verbatim=row.get("verbatim", ""),
        rewritten_once=row.get("rewrittenOnce", False),
        reset_fields=resets,
        included_fields=included,
        hooks=hooks.get(row.get("hooks", ""), _PLAIN),
    )


def _id(row: Mapping[str, Any]) -> tuple[str, str]:
    return row["group"], row["kind"]
