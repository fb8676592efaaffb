"""Merges what is applied into the live value, and takes fields out of a value. Neither changes what it is given."""

from __future__ import annotations

from collections import deque
from typing import Any

from cluster_shim.api.patch.apply.fieldset import SELF, FieldSet, is_member
from cluster_shim.api.patch.apply.walk import ABSENT, NotTyped, by_element, element_of, shape_of
from cluster_shim.api.patch.schema import List, Map, Node


def merge(live: Any, applied: Any, node: Node) -> Any:
    """Return the live value with all that is applied in it; nothing is removed by it."""
    if live is ABSENT:
        return applied
    if applied is ABSENT:
        return live
    shape = shape_of(node, applied)
    if isinstance(shape, Map):
        old = live if isinstance(live, dict) else {}
        new = applied if isinstance(applied, dict) else {}
        if shape.atomic or not (old or new):
            return applied
        merged = dict(old)
        for key, value in new.items():
            child = shape.child(key)
            own = old.get(key, ABSENT)
            merged[key] = value if child is None else merge(own, value, child)
        return merged
    if isinstance(shape, List):
        before = live if isinstance(live, list) else []
        after = applied if isinstance(applied, list) else []
        if shape.atomic or not (before or after):
            return applied
        return _merge_lists(shape, before, after)
    return applied


def _merge_lists(shape: List, live: list[Any], applied: list[Any]) -> list[Any]:
    """Merge two lists by their elements: in the order applied, what only the live list has where it was."""
    new = {name: each[-1] for name, each in by_element(shape, applied).items()}
    old_names = [element_of(shape, each) for each in live]
    counts: dict[str, int] = {}
    for name in old_names:
        counts[name] = counts.get(name, 0) + 1
    old = {name: each for name, each in zip(old_names, live, strict=True) if counts[name] == 1}
    new_names = list(new)
    shared = deque(name for name in new_names if name in counts)
    next_shared = shared.popleft() if shared else None
    merged: list[Any] = []
    done: set[str] = set()
    left = right = 0
    while left < len(old_names) or right < len(new_names):
        if left < len(old_names):
            name = old_names[left]
            if right < len(new_names):
                if name == new_names[right]:
                    done.add(name)
                    merged.append(merge(old.get(name, ABSENT), new[name], shape.element))
                    left, right = left + 1, right + 1
                    next_shared = shared.popleft() if shared else None
                    continue
                if name in new and next_shared is not None and next_shared != name:
                    left += 1
                    continue
            if name not in new:
                merged.append(live[left])
                left += 1
                continue
            if name in done:
                left += 1
        if right < len(new_names):
            name = new_names[right]
            done.add(name)
            merged.append(merge(old.get(name, ABSENT), new[name], shape.element))
            right += 1
            if next_shared == name:
                next_shared = shared.popleft() if shared else None
    return merged


def remove(value: Any, fields: FieldSet, node: Node) -> Any:
    """Return a value without fields; null where nothing is left that could be kept."""
    shape = shape_of(node, value)
    if isinstance(shape, str):
        return value
    if isinstance(shape, Map):
        return _remove_from_map(shape, value, fields) if isinstance(value, dict) else None
    return _remove_from_list(shape, value, fields) if isinstance(value, list) else None


def _remove_from_map(shape: Map, value: dict[str, Any], fields: FieldSet) -> Any:
    if not value or shape.atomic:
        return None
    kept: dict[str, Any] = {}
    matched = False
    for key, each in value.items():
        node = fields.get(f"f:{key}")
        if node is None:
            kept[key] = each
        elif not is_member(node):
            matched = True
            kept[key] = _remove_inside(each, node, shape.child(key))
    return kept if kept or matched else None


def _remove_from_list(shape: List, value: list[Any], fields: FieldSet) -> Any:
    if not value or shape.atomic:
        return None
    kept: list[Any] = []
    matched = False
    for each in value:
        try:
            node = fields.get(element_of(shape, each))
        except NotTyped:
            node = None
        if node is None:
            kept.append(each)
        elif not is_member(node):
            matched = True
            kept.append(_remove_inside(each, node, shape.element))
    return kept if kept or matched else None


def _remove_inside(value: Any, fields: FieldSet, node: Node | None) -> Any:
    """Remove fields below a value that itself stays: an empty container stays empty."""
    if node is None or not any(key != SELF for key in fields):
        return value
    left = remove(value, fields, node)
    if left is None:
        return {} if isinstance(value, dict) else [] if isinstance(value, list) else None
    return left
