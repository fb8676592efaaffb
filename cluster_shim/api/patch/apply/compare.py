"""Compares two typed values: which fields were added, modified, removed from one to the other."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

from cluster_shim.api.patch.apply.fieldset import EMPTY, FieldSet, difference, put
from cluster_shim.api.patch.apply.walk import ABSENT, Shape, by_element, shape_of
from cluster_shim.api.patch.schema import List, Map, Node


class Comparison(NamedTuple):
    """Three sets without a field in common."""

    added: FieldSet
    modified: FieldSet
    removed: FieldSet

    def without(self, fields: FieldSet) -> Comparison:
        """Return what is left when fields, and all below them, do not count."""
        return Comparison(*(difference(each, fields, recursive=True) for each in self)) if fields else self


class _Changes:
    """The changes at and below one path: three sets below, and whether the path itself belongs to each."""

    __slots__ = ("added", "added_self", "modified", "modified_self", "removed", "removed_self")

    def __init__(self) -> None:
        self.added: FieldSet = {}
        self.modified: FieldSet = {}
        self.removed: FieldSet = {}
        self.added_self = self.modified_self = self.removed_self = False

    def take(self, key: str, below: _Changes) -> None:
        if below.added or below.added_self:
            put(self.added, key, below.added_self, below.added)
        if below.modified or below.modified_self:
            put(self.modified, key, below.modified_self, below.modified)
        if below.removed or below.removed_self:
            put(self.removed, key, below.removed_self, below.removed)


def compare(old: Any, new: Any, node: Node) -> Comparison:
    """Return how a value differs from an older one of the same type."""
    changes = _Changes()
    _compare(old, new, node, changes)
    return Comparison(changes.added, changes.modified, changes.removed)


def everything(value: Any, node: Node) -> FieldSet:
    """Return the fields that come, or go, with a value that was not there before, or is no more."""
    if not value or (node.scalar and node.map is None):
        return {}
    shape = shape_of(node, value)
    if isinstance(shape, str) or shape.atomic:
        return {}
    fields: FieldSet = {}
    if isinstance(shape, Map):
        if not isinstance(value, dict):
            return {}
        for key, each in value.items():
            child = _child(shape, key)
            below = EMPTY if child.scalar and child.map is None else everything(each, child)
            put(fields, f"f:{key}", True, below)
    elif isinstance(value, list):
        element = shape.element
        for name, each in by_element(shape, value).items():
            put(fields, name, True, everything(each[0], element) if len(each) == 1 else {})
    return fields


def same(left: Any, right: Any) -> bool:
    """Say whether two values are equal where types are not known beforehand: true is not 1, but 1 is 1.0."""
    if isinstance(left, dict):
        return isinstance(right, dict) and left.keys() == right.keys() and all(same(left[k], right[k]) for k in left)
    if isinstance(left, list):
        return isinstance(right, list) and len(left) == len(right) and all(map(same, left, right))
    return bool(left == right) and isinstance(left, bool) == isinstance(right, bool)


def _child(shape: Map, key: str) -> Node:
    node = shape.child(key)
    return node if node is not None else _UNKNOWN


_UNKNOWN = Node("untyped")


def _compare(old: Any, new: Any, node: Node, into: _Changes) -> None:
    if old is ABSENT:
        into.added, into.added_self = everything(new, node), True
        return
    if new is ABSENT:
        into.removed, into.removed_self = everything(old, node), True
        return
    if old == new and type(old) is type(new) and (not node.loose or same(old, new)):
        return
    before, after = shape_of(node, old), shape_of(node, new)
    if before is not after and not (isinstance(before, str) and isinstance(after, str)):
        _compare_as(before, old, new, into)
    _compare_as(after, old, new, into)


def _compare_as(shape: Shape, old: Any, new: Any, into: _Changes) -> None:
    """Compare two values as one shape; a value of another shape counts as null."""
    if isinstance(shape, Map):
        left = old if isinstance(old, dict) else EMPTY
        right = new if isinstance(new, dict) else EMPTY
        if shape.atomic or not (left or right):
            into.modified_self = True
            return
        _compare_maps(shape, left, right, into)
    elif isinstance(shape, List):
        before = old if isinstance(old, list) else ()
        after = new if isinstance(new, list) else ()
        if shape.atomic or not (before or after):
            into.modified_self = True
            return
        _compare_lists(shape, before, after, into)
    else:
        into.modified_self = True


def _compare_maps(shape: Map, old: FieldSet, new: FieldSet, into: _Changes) -> None:
    for key, value in new.items():
        before = old.get(key, ABSENT)
        if before is value:
            continue
        if before is ABSENT:
            put(into.added, f"f:{key}", True, everything(value, _child(shape, key)))
            continue
        if before == value and type(before) is type(value) and (not shape.loose or same(before, value)):
            continue
        child = _child(shape, key)
        if child.scalar and child.map is None:
            into.modified[f"f:{key}"] = EMPTY
            continue
        below = _Changes()
        _compare(before, value, child, below)
        into.take(f"f:{key}", below)
    for key, value in old.items():
        if key not in new:
            put(into.removed, f"f:{key}", True, everything(value, _child(shape, key)))


def _compare_lists(shape: List, old: Sequence[Any], new: Sequence[Any], into: _Changes) -> None:
    before, after = by_element(shape, old), by_element(shape, new)
    for name in _names(before, after):
        left, right = before.get(name, ()), after.get(name, ())
        if not left and len(right) == 1:
            put(into.added, name, True, everything(right[0], shape.element))
            continue
        below = _Changes()
        if len(left) <= 1 and len(right) <= 1:
            _compare(left[0] if left else ABSENT, right[0] if right else ABSENT, shape.element, below)
        elif len(left) > 1 and len(right) > 1:
            below.modified_self = not same(left, right)
        elif len(left) > 1:
            if right:
                _compare(ABSENT, right[0], shape.element, below)
            below.removed_self = True
        else:
            if left:
                _compare(left[0], ABSENT, shape.element, below)
            below.added_self = True
        into.take(name, below)


def _names(before: dict[str, list[Any]], after: dict[str, list[Any]]) -> Iterable[str]:
    return (*before, *(name for name in after if name not in before))
