"""The types of objects as patches see them: what is merged by which key, what is owned and replaced as a whole.

A Node says which of scalar, map and list a value may be (of an untyped one: all three). Nodes of built-in types are
made of their Type, nodes of custom resources of their OpenAPI schema; lazily, since types refer to themselves.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cluster_shim.api.types import model, type_by_name
from cluster_shim.api.types.model import Type


class Map:
    """An object: a struct with fields, a map with elements of one type, or both."""

    __slots__ = ("_element", "atomic", "fields", "loose", "name", "struct")

    def __init__(
        self,
        fields: Mapping[str, Field],
        element: Callable[[], Node] | None,
        atomic: bool = False,
        struct: bool = False,
        name: str = "",
        loose: bool = False,
    ) -> None:
        self.fields = fields
        self._element = element
        self.atomic = atomic
        self.struct = struct
        self.name = name
        self.loose = loose
        """Somewhere in it a value may change its type: true is not 1 there."""

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

    __slots__ = ("_element", "atomic", "keys", "loose")

    def __init__(
        self, element: Callable[[], Node], atomic: bool = True, keys: tuple[str, ...] = (), loose: bool = False
    ) -> None:
        self._element = element
        self.atomic = atomic
        self.keys = tuple(sorted(keys))
        self.loose = loose

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

    @property
    def loose(self) -> bool:
        """Say whether a value, or what is in it, may change its type."""
        return bool((self.map and self.map.loose) or (self.list and self.list.loose))


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


def of_type(built_in: Type) -> Node:
    """Return the node of a built-in type; it is made once."""
    node: Node | None = built_in.compiled.get("patch")
    if node is None:
        node = built_in.compiled["patch"] = _of_type(built_in)
    return node


def _of_type(built_in: Type, of: model.Field | None = None) -> Node:
    """Return a new node; lists and maps are what the field that holds them says."""
    match built_in.kind:
        case model.STRUCT:
            fields = {each.name: _field(each) for each in built_in.fields.values()}
            atomic = built_in.atomic if of is None or not of.map_type else of.map_type == "atomic"
            return Node(map=Map(fields, None if fields else _deduced, atomic, True, built_in.base_name))
        case model.MAP:
            atomic = of is not None and of.map_type == "atomic"
            return Node(map=Map({}, _element(built_in), atomic, name=built_in.name))
        case model.LIST:
            return Node(list=_list(built_in, of))
        case model.STRING | model.BYTES:
            return Node("string")
        case model.BOOL:
            return Node("boolean")
        case model.INT32 | model.INT64 | model.FLOAT64:
            return Node("numeric")
        case model.TIME | model.MICRO_TIME | model.QUANTITY:
            return Node("untyped")
    if built_in.kind == model.RAW:  # a struct without fields, as far as Go and strategic merge patch know
        atomic = built_in.base_name == "RawExtension"
        below = _untyped if atomic else _deduced
        return Node("untyped", Map({}, below, atomic, True, built_in.base_name), List(_untyped))
    return DEDUCED


def _field(of: model.Field) -> Field:
    default = of.default
    if default is None and not of.pointer and not of.omit_empty:
        default = _ZEROES.get(of.type.kind)
    plain = of.type.kind not in (model.LIST, model.MAP) and not of.map_type
    make = (lambda: of_type(of.type)) if plain else (lambda: _of_type(of.type, of))
    return Field(make, default, of.patch_strategy, of.merge_key)


_ZEROES = {model.STRING: "", model.BOOL: False, model.INT32: 0, model.INT64: 0}


def _element(of: Type) -> Callable[[], Node]:
    element = of.element
    assert element is not None
    return lambda: of_type(element)


def _list(of: Type, field: model.Field | None) -> List:
    element = _element(of)
    if field is None:
        return List(element)
    if field.list_type:
        return List(element, field.list_type == "atomic", field.map_keys)
    merges = "merge" in field.patch_strategy
    return List(element, not merges, (field.merge_key,) if merges and field.merge_key else ())


def of_custom(schema: Mapping[str, Any] | None) -> Node:
    """Return the node of a custom resource; without a schema lists are owned as a whole, maps are merged."""
    if not schema:
        return DEDUCED
    return _of_openapi(schema, preserve=False, resource=True)


def _of_openapi(schema: Mapping[str, Any], preserve: bool, resource: bool = False) -> Node:
    """Return the node of a structural schema. `preserve`: unknown fields are kept here and below."""
    preserve = preserve or schema.get("x-kubernetes-preserve-unknown-fields") is True
    resource = resource or schema.get("x-kubernetes-embedded-resource") is True
    match schema.get("type", ""):
        case "":
            return Node("untyped", _openapi_map(schema, preserve, resource), _openapi_list(schema, preserve))
        case "object":
            return Node(map=_openapi_map(schema, preserve, resource))
        case "array":
            return Node(list=_openapi_list(schema, preserve))
        case "integer" | "number":
            return Node("numeric")
        case "boolean":
            return Node("boolean")
    return Node("string" if schema.get("format", "") in ("", "byte") else "untyped")


def _openapi_map(schema: Mapping[str, Any], preserve: bool, resource: bool) -> Map:
    properties = schema.get("properties") or {}
    fields = {key: Field(_made(_of_openapi(each, preserve)), each.get("default")) for key, each in properties.items()}
    if resource:
        fields["apiVersion"] = fields["kind"] = Field(_made(Node("string")))
        fields["metadata"] = Field(lambda: of_type(type_by_name("meta/v1.ObjectMeta")))
    additional = schema.get("additionalProperties")
    element: Callable[[], Node] | None = None
    if isinstance(additional, dict):
        element = _made(_of_openapi(additional, preserve))
    elif additional or (additional is None and (preserve or not fields)):
        element = _deduced
    atomic = schema.get("x-kubernetes-map-type") == "atomic"
    loose = element is _deduced or any(each.node.loose for key, each in fields.items() if key in properties)
    if element is not None and element is not _deduced:
        loose = loose or element().loose
    return Map(fields, element, atomic, struct=bool(fields), loose=loose)


def _openapi_list(schema: Mapping[str, Any], preserve: bool) -> List:
    items = schema.get("items")
    element = _made(_of_openapi(items, preserve)) if items else _untyped
    kind = schema.get("x-kubernetes-list-type", "atomic")
    keys = tuple(schema.get("x-kubernetes-list-map-keys", ())) if kind == "map" else ()
    return List(element, kind == "atomic", keys, loose=element is _untyped or element().loose)


def _made(node: Node) -> Callable[[], Node]:
    return lambda: node


def _untyped() -> Node:
    return UNTYPED


def _deduced() -> Node:
    return DEDUCED


UNTYPED = Node("untyped", Map({}, _untyped, atomic=True, loose=True), List(_untyped, loose=True))
"""What may be anything, and is owned as a whole."""

DEDUCED = Node("untyped", Map({}, _deduced, loose=True), List(_untyped, loose=True))
"""What has no schema: maps are merged, lists are owned as a whole."""
