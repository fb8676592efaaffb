"""Apply defaults along the graph of types: what the tables say of a field, what a rule says of a type.

Compiled once per type; branches of the graph in which nothing has a default are not walked. A type comes before what it
contains, as upstream does it (generated SetObjectDefaults functions); where a rule must see the defaults of what the
object contains, it is one of the rules that come last.
"""

from __future__ import annotations

from collections.abc import Callable
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from cluster_shim.api import types
from cluster_shim.api.defaults import rules
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.api.types import Type, model, type_of

Defaulter = Callable[[Any], None]

_NOT_DEFAULTED = object()
_DEFAULTED_AGAIN = frozenset((GroupVersionKind("batch", "v1", "Job"),))
"""Where what happens on creation is the ground for a default: a job takes the labels that its template was given."""
_RESOURCE_LIST = "core/v1.ResourceList"


def apply(gvk: GroupVersionKind, obj: dict[str, Any]) -> None:
    """Add the defaults of a kind to a normalised object, in place."""
    found = _of_kind(gvk)
    if found is not None:
        found(obj)


def settle(gvk: GroupVersionKind, obj: dict[str, Any]) -> None:
    """Change an object, in place, to what upstream's store gives back: no empty lists, and defaults once more."""
    types.settle(gvk, obj)
    if gvk in _DEFAULTED_AGAIN:
        apply(gvk, obj)


@cache
def _of_kind(gvk: GroupVersionKind) -> Defaulter | None:
    found = type_of(gvk)
    return _defaulter(found) if found else None


@cache
def _rows() -> dict[str, dict[str, Any]]:
    rows: dict[str, dict[str, Any]] = msgspec.json.decode((files(__package__) / "tables" / "fields.json").read_bytes())
    return rows


def _defaulter(of: Type) -> Defaulter | None:
    """Return what applies the defaults to a value of a type; None if there are none."""
    found = of.compiled.get("defaults")
    if found is None:
        if of.qualified == _RESOURCE_LIST:
            found = rules.resource_list
        elif of.kind == model.STRUCT and _reaches_defaults(of, set()):
            found = _struct(of)
        elif of.kind in (model.LIST, model.MAP) and of.element is not None:
            found = _all_of(of.kind, _defaulter(of.element))
        of.compiled["defaults"] = found or _NOT_DEFAULTED
    return None if found is _NOT_DEFAULTED else found


def _reaches_defaults(of: Type, seen: set[Type]) -> bool:
    """Say whether a type, or a type that it contains, has defaults."""
    if of.qualified in _rows() or of.qualified in rules.BEFORE or of.qualified in rules.AFTER:
        return True
    if of in seen:
        return False
    seen.add(of)
    if of.kind == model.STRUCT:
        return any(field.default is not None or _reaches_defaults(field.type, seen) for field in of.fields.values())
    return of.qualified == _RESOURCE_LIST or (of.element is not None and _reaches_defaults(of.element, seen))


def _struct(of: Type) -> Defaulter:
    before, after = rules.BEFORE.get(of.qualified), rules.AFTER.get(of.qualified)
    unset: list[tuple[str, Any]] = []  # pointers: zero is a value
    empty: list[tuple[str, Any]] = []
    for name, value in (_marked(of) | _rows().get(of.qualified, {})).items():
        (unset if of.fields[name].pointer else empty).append((name, value))
    children: list[tuple[str, Defaulter]] = []

    def apply_to(obj: Any) -> None:
        if before is not None:
            before(obj)
        for name, value in unset:
            if obj.get(name) is None:
                obj[name] = value.copy() if value.__class__ is dict else value
        for name, value in empty:
            if not obj.get(name):
                obj[name] = value.copy() if value.__class__ is list else value
        for name, child in children:
            item = obj.get(name)
            if item is not None:
                child(item)
        if after is not None:
            after(obj)

    of.compiled["defaults"] = apply_to  # before the fields, which may lead back here
    children += [(name, child) for name, field in of.fields.items() if (child := _defaulter(field.type)) is not None]
    return apply_to


def _marked(of: Type) -> dict[str, Any]:
    """Return what the markers in the types say; for what is no pointer, zero is what Go has anyway."""
    return {
        name: field.default
        for name, field in of.fields.items()
        if field.default is not None and (field.pointer or field.default)
    }


def _all_of(kind: str, child: Defaulter | None) -> Defaulter | None:
    if child is None:
        return None

    def in_list(value: Any) -> None:
        for item in value:
            child(item)

    def in_map(value: Any) -> None:
        for item in value.values():
            child(item)

    return in_list if kind == model.LIST else in_map
