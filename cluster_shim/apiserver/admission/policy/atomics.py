"""Atomic parts: what an apply configuration may not touch, because it could only replace the whole of it."""

from __future__ import annotations

from typing import Any

from cluster_shim.api.patch.apply.walk import shape_of
from cluster_shim.api.patch.schema import List, Map, Node


def atomic_parts(value: Any, node: Node) -> list[str]:
    """Return the paths of atomic lists, maps and structs in a value."""
    found: list[str] = []
    _collect(value, node, "", found)
    return found


def _collect(value: Any, node: Node, path: str, found: list[str]) -> None:
    shape = shape_of(node, value)
    if isinstance(value, dict) and isinstance(shape, Map):
        if shape.atomic:
            found.append(path)
        for name, each in value.items():
            below = shape.child(name)
            if below is not None:
                _collect(each, below, f"{path}.{name}", found)
    elif isinstance(value, list) and isinstance(shape, List):
        if shape.atomic:
            found.append(path)
        for index, each in enumerate(value):
            _collect(each, shape.element, f"{path}[{index}]", found)
