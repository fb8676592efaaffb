"""Brings a set of fields in line with a type that has changed since: what has become atomic is owned as a whole."""

from __future__ import annotations

from cluster_shim.api.patch.apply.fieldset import EMPTY, SELF, FieldSet
from cluster_shim.api.patch.schema import DEDUCED, Map, Node


def reconcile(fields: FieldSet, node: Node) -> FieldSet:
    """Return the set as the type has it now; the same object if nothing has changed."""
    return _below(fields, node)


def _below(fields: FieldSet, node: Node) -> FieldSet:
    """Return the children of a node of the set, each as its type has it."""
    changed: FieldSet | None = None
    for key, each in fields.items():
        child = _child(node, key) if key != SELF and each else None
        if child is None:
            continue
        new = _node(each, child)
        if new is not each:
            changed = changed if changed is not None else dict(fields)
            changed[key] = new
    return fields if changed is None else changed


def _child(node: Node, key: str) -> Node | None:
    if key.startswith("f:"):
        return node.map.child(key[2:]) if node.map is not None and not _free(node.map) else None
    return node.list.element if node.list is not None and not node.list.atomic else None


def _free(shape: Map) -> bool:
    """Say whether a map has no schema: its fields are owned as they were found."""
    return not shape.fields and shape.element is DEDUCED


def _node(fields: FieldSet, node: Node) -> FieldSet:
    if not any(key != SELF for key in fields):
        return fields
    if node.map is not None:
        atomic = node.map.atomic and not _free(node.map)
    else:
        atomic = not node.scalar and node.list is not None and node.list.atomic
    return EMPTY if atomic else _below(fields, node)
