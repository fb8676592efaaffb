"""The syntax tree of an expression. Every node knows where it stands in the text, and, once checked, its type."""

from __future__ import annotations

from typing import Any

from cluster_shim.api.cel.types import DYN, Type


class Node:
    """An expression."""

    __slots__ = ("offset", "type")

    def __init__(self, offset: int) -> None:
        self.offset = offset
        self.type: Type = DYN


class Literal(Node):
    """A value that stands in the text."""

    __slots__ = ("value",)

    def __init__(self, offset: int, value: Any, of: Type) -> None:
        super().__init__(offset)
        self.value = value
        self.type = of


class Ident(Node):
    """A name."""

    __slots__ = ("name",)

    def __init__(self, offset: int, name: str) -> None:
        super().__init__(offset)
        self.name = name


class Select(Node):
    """A field of something; `is_test` asks whether it is there (has), `is_optional` takes it if it is (``.?``)."""

    __slots__ = ("field", "is_optional", "is_test", "operand")

    def __init__(
        self, offset: int, operand: Node, field: str, is_test: bool = False, is_optional: bool = False
    ) -> None:
        super().__init__(offset)
        self.operand = operand
        self.field = field
        self.is_test = is_test
        self.is_optional = is_optional


class Call(Node):
    """A function or operator; `target` is what a method is called on."""

    __slots__ = ("args", "name", "target")

    def __init__(self, offset: int, name: str, args: list[Node], target: Node | None = None) -> None:
        super().__init__(offset)
        self.name = name
        self.args = args
        self.target = target


class ListNode(Node):
    """A list; elements whose index is in `optional` are left out if they have no value."""

    __slots__ = ("elements", "optional")

    def __init__(self, offset: int, elements: list[Node], optional: set[int]) -> None:
        super().__init__(offset)
        self.elements = elements
        self.optional = optional


class MapNode(Node):
    """A map, or with a `type_name` an object of that type."""

    __slots__ = ("entries", "optional", "type_name")

    def __init__(self, offset: int, entries: list[tuple[Node, Node]], optional: set[int], type_name: str = "") -> None:
        super().__init__(offset)
        self.entries = entries
        self.optional = optional
        self.type_name = type_name


class Macro(Node):
    """A macro over the elements of a range (all, map, …) or over one value (optMap)."""

    __slots__ = ("args", "name", "range", "variables")

    def __init__(self, offset: int, name: str, over: Node, variables: list[str], args: list[Node]) -> None:
        super().__init__(offset)
        self.name = name
        self.range = over
        self.variables = variables
        self.args = args


def qualified_name(node: Node) -> str:
    """Return ``a.b.c`` if a node is nothing but names, else an empty text."""
    if isinstance(node, Ident):
        return node.name
    if isinstance(node, Select) and not node.is_test and not node.is_optional:
        prefix = qualified_name(node.operand)
        return f"{prefix}.{node.field}" if prefix else ""
    return ""
