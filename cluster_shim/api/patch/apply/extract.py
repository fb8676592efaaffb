"""Which fields a typed value sets: what an applier owns by having written it."""

from __future__ import annotations

from typing import Any

from cluster_shim.api.patch.apply.fieldset import EMPTY, SELF, FieldSet, is_member, put
from cluster_shim.api.patch.apply.walk import by_element, shape_of
from cluster_shim.api.patch.schema import List, Map, Node


def field_set(value: Any, node: Node) -> FieldSet:
    """Return the fields that a value sets: its leaves, and the elements of lists and maps."""
    return _fields(value, node)[1]


def _fields(value: Any, node: Node) -> tuple[bool, FieldSet]:
    """Return whether a value is a leaf, and the fields below it."""
    shape = shape_of(node, value)
    if isinstance(shape, str) or shape.atomic:
        return True, {}
    fields: FieldSet = {}
    if isinstance(shape, Map) and isinstance(value, dict):
        for key, each in value.items():
            child = shape.child(key)
            leaf, below = _fields(each, child) if child is not None else (True, {})
            put(fields, f"f:{key}", leaf or each is None or each == {} or key not in shape.fields, below)
    elif isinstance(shape, List) and isinstance(value, list):
        for name, elements in by_element(shape, value).items():
            below = _fields(elements[0], shape.element)[1] if len(elements) == 1 else {}
            put(fields, name, True, below)
    return False, fields


def with_named_fields(fields: FieldSet, node: Node | None) -> FieldSet:
    """Return the set with every field of a struct in it through which one of its paths leads."""
    if not fields:
        return fields
    shape = node.map if node is not None else None
    elements = node.list if node is not None else None
    found: FieldSet = {}
    for key, below in fields.items():
        if key == SELF:
            found[SELF] = EMPTY
            continue
        child: Node | None = None
        member = is_member(below)
        if key.startswith("f:") and shape is not None:
            child = shape.child(key[2:])
            member = member or key[2:] in shape.fields
        elif key.startswith("k:") and elements is not None:
            child = elements.element
        inner = with_named_fields(below, child)
        found[key] = inner if not inner or not member or SELF in inner else {SELF: EMPTY, **inner}
    return found
