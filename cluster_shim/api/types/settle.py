"""What an object loses when it is stored: upstream's store does not know an empty list from none.

Until then the difference is there, and shows in the texts of validation.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from cluster_shim.api.types import model
from cluster_shim.api.types.model import Field, Type

Settler = Callable[[Any], None]
_NOTHING_TO_DO: Any = object()


def settler(of: Type) -> Settler | None:
    """Return what puts null in the place of empty lists that Go writes, in place; None if a type has no such lists."""
    found = of.compiled.get("settle")
    if found is None:
        if of.kind == model.STRUCT:
            found = _struct(of) if _has_lists(of, set()) else _NOTHING_TO_DO
        elif of.kind in (model.LIST, model.MAP) and of.element is not None:
            found = _all_of(of.kind, settler(of.element))
        else:
            found = _NOTHING_TO_DO
        of.compiled["settle"] = found
    return None if found is _NOTHING_TO_DO else found


def _is_written(field: Field) -> bool:
    """Say whether Go writes a list even if it is none."""
    return field.type.kind == model.LIST and not field.omit_empty and not field.omit_zero


def _has_lists(of: Type, seen: set[Type]) -> bool:
    if of in seen:
        return False
    seen.add(of)
    if of.kind == model.STRUCT:
        return any(_is_written(field) or _has_lists(field.type, seen) for field in of.fields.values())
    return of.kind in (model.LIST, model.MAP) and of.element is not None and _has_lists(of.element, seen)


def _struct(of: Type) -> Settler:
    written = tuple(name for name, field in of.fields.items() if _is_written(field))
    children: list[tuple[str, Settler]] = []

    def settle(value: Any) -> None:
        for name in written:
            if not value.get(name):
                value[name] = None
        for name, child in children:
            item = value.get(name)
            if item:
                child(item)

    of.compiled["settle"] = settle  # before the fields, which may lead back here
    children += [(name, child) for name, field in of.fields.items() if (child := settler(field.type)) is not None]
    return settle


def _all_of(kind: str, child: Settler | None) -> Any:
    if child is None:
        return _NOTHING_TO_DO

    def in_list(value: Any) -> None:
        for item in value:
            child(item)

    def in_map(value: Any) -> None:
        for item in value.values():
            child(item)

    return in_list if kind == model.LIST else in_map
