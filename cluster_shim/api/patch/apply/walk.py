"""What all walks over typed values share: which shape a value takes, and how the elements of a list are named."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from cluster_shim.api.patch.apply.fieldset import key_element, value_element
from cluster_shim.api.patch.schema import List, Map, Node

Scalar = str
Shape = Map | List | Scalar


class Absent:
    """The type of ABSENT: nothing there, not even null."""

    def __bool__(self) -> bool:
        return False


ABSENT = Absent()


class NotTyped(Exception):
    """A value that its type does not allow."""


def shape_of(node: Node, value: Any) -> Shape:
    """Return which of the shapes that a type allows a value takes; null takes the first."""
    if isinstance(value, dict):
        if node.map is not None:
            return node.map
    elif isinstance(value, list):
        if node.list is not None:
            return node.list
    elif node.scalar and value is not None and value is not ABSENT:
        return node.scalar
    return node.map or node.scalar or node.list or "untyped"


def element_of(shape: List, element: Any) -> str:
    """Return the path element that names an element of a list that is not atomic."""
    if not shape.keys:
        return _set_element(element)
    if element is None:
        raise NotTyped("associative list with keys may not have a null element")
    if not isinstance(element, dict):
        raise NotTyped("associative list with keys may not have non-map elements")
    pairs = []
    for key in shape.keys:
        value = element.get(key, ABSENT)
        if value is ABSENT:
            value = shape.default(key)
            if value is None:
                continue
        pairs.append((key, value))
    if not pairs:
        names = " ".join(f'"{key}"' for key in shape.keys)
        raise NotTyped(
            f"associative list with keys has an element that omits all key fields [{names}]"
            " (and doesn't have default values for any key fields)"
        )
    return key_element(pairs)


def _set_element(element: Any) -> str:
    if isinstance(element, dict):
        raise NotTyped("associative list without keys has an element that's a map type")
    if isinstance(element, list):
        raise NotTyped("not supported: associative list with lists as elements")
    if element is None:
        raise NotTyped("associative list without keys has an element that's an explicit null")
    return value_element(element)


def by_element(shape: List, elements: Sequence[Any]) -> dict[str, list[Any]]:
    """Return the elements by their names, in order; more than one where a name repeats."""
    named: dict[str, list[Any]] = {}
    for each in elements:
        named.setdefault(element_of(shape, each), []).append(each)
    return named
