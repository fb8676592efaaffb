"""The types of objects as patches see them: what is merged by which key, what is owned and replaced as a whole.

A Node says which of scalar, map and list a value may be (of an untyped one: all three). Nodes are made lazily, since
types refer to themselves. Made from OpenAPI definitions: of built-in types and of custom resources.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

QUANTITY = "io.k8s.apimachinery.pkg.api.resource.Quantity"
RAW_EXTENSION = "io.k8s.apimachinery.pkg.runtime.RawExtension"

_REF = "#/definitions/"


class Map:
    """An object: a struct with fields, a map with elements of one type, or both."""

    __slots__ = ("_element", "atomic", "element_ref", "fields", "name", "struct")

    def __init__(
        self,
        fields: Mapping[str, Field],
        element: Callable[[], Node] | None,
        atomic: bool = False,
        struct: bool = False,
        name: str = "",
    ) -> None:
        self.fields = fields
        self._element = element
        self.atomic = atomic
        self.struct = struct
        self.name = name

    @property
    def element(self) -> Node | None:
        """Return the type of members that are no fields; None where there may be none."""
        return self._element() if self._element is not None else None

    def child(self, key: str) -> Node | None:
        """Return the type of a member; None if there may be no such member."""
        field = self.fields.get(key)
        return field.node if field is not None else self.element


class List:
    """A list: owned as a whole (atomic), a set of scalars (no keys), or a map by some members of its elements."""

    __slots__ = ("_element", "atomic", "keys")

    def __init__(self, element: Callable[[], Node], atomic: bool = True, keys: tuple[str, ...] = ()) -> None:
        self._element = element
        self.atomic = atomic
        self.keys = tuple(sorted(keys))

    @property
    def element(self) -> Node:
        """Return the type of the elements."""
        return self._element()

    def default(self, key: str) -> Any:
        """Return the value of a key that an element leaves out; None if there is none."""
        shape = self.element.map
        field = shape.fields.get(key) if shape is not None else None
        return field.default if field is not None else None


class Node:
    """What a value may be."""

    __slots__ = ("list", "map", "scalar")

    def __init__(self, scalar: str = "", map: Map | None = None, list: List | None = None) -> None:
        self.scalar = scalar
        """numeric, string, boolean, untyped, or nothing where no scalar may be."""
        self.map = map
        self.list = list


class Field:
    """A member of a struct: its type (made when asked for), its default, and how a strategic merge treats it."""

    __slots__ = ("_make", "_node", "default", "merge_key", "strategies")

    def __init__(
        self, make: Callable[[], Node], default: Any = None, strategies: tuple[str, ...] = (), merge_key: str = ""
    ) -> None:
        self._make = make
        self._node: Node | None = None
        self.default = default
        self.strategies = strategies
        self.merge_key = merge_key

    @property
    def node(self) -> Node:
        """Return the type of the member."""
        if self._node is None:
            self._node = self._make()
        return self._node


class Schema:
    """The nodes of a set of OpenAPI definitions, made when they are asked for."""

    def __init__(self, definitions: Mapping[str, Mapping[str, Any]]) -> None:
        self._definitions = definitions
        self._made: dict[str, Node] = {}

    def node(self, name: str) -> Node:
        """Return the node of a definition."""
        node = self._made.get(name)
        if node is None:
            node = self._made[name] = self._named(name)
        return node

    def _named(self, name: str) -> Node:
        if name == QUANTITY:
            return Node("untyped")
        if name == RAW_EXTENSION:
            return UNTYPED
        return self.parse(self._definitions[name], name=name.rpartition(".")[2])

    def parse(self, schema: Mapping[str, Any], preserve: bool = False, name: str = "") -> Node:
        """Return the node of a schema that has no name. `preserve`: unknown fields are kept below it."""
        preserve = preserve or schema.get("x-kubernetes-preserve-unknown-fields") is True
        match schema.get("type", ""):
            case "":
                return Node("untyped", self._map(schema, preserve, name), self._list(schema, preserve))
            case "object":
                return Node(map=self._map(schema, preserve, name))
            case "array":
                return Node(list=self._list(schema, preserve))
            case kind:
                return _scalar(kind, schema.get("format", ""))

    def _maker(self, schema: Mapping[str, Any], preserve: bool) -> Callable[[], Node]:
        reference = schema.get("$ref", "")
        if not reference:
            made = self.parse(schema, preserve)
            return lambda: made
        name = reference.removeprefix(_REF)
        relationship = schema.get("x-kubernetes-map-type")
        if relationship is None:
            return lambda: self.node(name)
        return lambda: _with_map_type(self.node(name), relationship == "atomic")

    def _map(self, schema: Mapping[str, Any], preserve: bool, name: str) -> Map:
        properties = schema.get("properties") or {}
        fields = {
            key: Field(
                self._maker(each, preserve),
                each.get("default"),
                tuple(each.get("x-kubernetes-patch-strategy", "").split(",")),
                each.get("x-kubernetes-patch-merge-key", ""),
            )
            for key, each in properties.items()
        }
        element: Callable[[], Node] | None = None
        additional = schema.get("additionalProperties")
        if isinstance(additional, dict):
            element = self._maker(additional, preserve)
        elif additional or (additional is None and (preserve or not properties)):
            element = _deduced
        return Map(fields, element, schema.get("x-kubernetes-map-type") == "atomic", bool(properties), name)

    def _list(self, schema: Mapping[str, Any], preserve: bool) -> List:
        items = schema.get("items")
        element = self._maker(items, preserve) if items is not None else _untyped
        match schema.get("x-kubernetes-list-type"):
            case "set":
                return List(element, atomic=False)
            case "map":
                return List(element, atomic=False, keys=tuple(schema.get("x-kubernetes-list-map-keys", ())))
            case "atomic":
                return List(element)
        if "merge" not in schema.get("x-kubernetes-patch-strategy", "").split(","):
            return List(element)
        key = schema.get("x-kubernetes-patch-merge-key", "")
        return List(element, atomic=False, keys=(key,) if key else ())


def _scalar(kind: str, form: str) -> Node:
    if kind in ("integer", "number"):
        return Node("numeric")
    if kind == "boolean":
        return Node("boolean")
    return Node("string" if kind == "string" and form in ("", "byte") else "untyped")


def _with_map_type(node: Node, atomic: bool) -> Node:
    if node.map is None:
        return node
    shape = node.map
    return Node(node.scalar, Map(shape.fields, shape._element, atomic, shape.struct, shape.name), node.list)


def _untyped() -> Node:
    return UNTYPED


def _deduced() -> Node:
    return DEDUCED


UNTYPED = Node("untyped", Map({}, _untyped, atomic=True), List(_untyped))
"""What may be anything, and is owned as a whole."""

DEDUCED = Node("untyped", Map({}, _deduced), List(_untyped))
"""What has no schema: maps are merged, lists are owned as a whole."""
