"""Type and Field: what the API knows of a Go type. Whoever makes them (the table, a custom resource) fills them in."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

STRING, BOOL, INT32, INT64, FLOAT64, BYTES = "string", "bool", "int32", "int64", "float64", "bytes"
STRUCT, LIST, MAP, ANY = "struct", "list", "map", "any"
TIME, MICRO_TIME, QUANTITY, INT_OR_STRING = "time", "micro_time", "quantity", "int_or_string"
RAW = "raw"
"""Any JSON, kept as it came: RawExtension, FieldsV1, JSON of apiextensions."""
SCHEMA_OR_ARRAY, SCHEMA_OR_BOOL, SCHEMA_OR_STRINGS = "schema_or_array", "schema_or_bool", "schema_or_strings"
"""The three unions of JSONSchemaProps; the element of such a type is JSONSchemaProps."""

SCALARS = frozenset((STRING, BOOL, INT32, INT64, FLOAT64))


@dataclass(eq=False)
class Type:
    """A Go type, as JSON, protobuf and patches see it."""

    name: str
    """As messages write it: ``v1.RestartPolicy``, ``[]v1.ServicePort``, ``map[string]string``, ``int32``."""
    kind: str
    """One of the words above: what its values are."""
    model: str = ""
    """The name in OpenAPI documents: ``io.k8s.api.core.v1.PodSpec``; empty for types without a name."""
    qualified: str = ""
    """The name in the tables: ``core/v1.PodSpec``; empty for types without a name."""
    fields: dict[str, Field] = field(default_factory=dict)
    """Of a struct, by their JSON names; those of embedded structs stand among them."""
    element: Type | None = None
    """Of a list or a map: the type of what is in it."""
    element_pointer: bool = False
    """Of a list or a map: what is in it may be null."""
    wrapped: bool = False
    """Of a list: protobuf has it as a message with the list in field 1 (ExtraValue, Verbs)."""
    atomic: bool = False
    """Server-side apply takes the value as a whole (``+structType=atomic``)."""
    messages: dict[int, Embedded] = field(default_factory=dict)
    """Of a struct: by protobuf number, the embedded structs that are messages of their own on that wire."""
    compiled: dict[str, Any] = field(default_factory=dict, repr=False)
    """What other modules derive from the type and keep with it, by their name."""

    @property
    def base_name(self) -> str:
        """Return the name without its package: ``PodSpec``."""
        return self.name.rpartition(".")[2]


@dataclass(eq=False)
class Field:
    """A field of a struct."""

    name: str
    type: Type
    pointer: bool = False
    omit_empty: bool = False
    omit_zero: bool = False
    number: int = 0
    """Its number in protobuf; 0 if it has none."""
    embedded: tuple[str, ...] = ()
    """Names (without package) of the embedded structs that it comes from, outermost first."""
    required: bool = False
    default: Any = None
    """Of the marker ``+default``."""
    list_type: str = ""
    """``atomic``, ``set``, ``map`` or nothing (which is atomic)."""
    map_keys: tuple[str, ...] = ()
    """Of a list that is a map: the fields that identify an element."""
    map_type: str = ""
    """``atomic`` or nothing (granular), for maps and structs."""
    patch_strategy: tuple[str, ...] = ()
    """``merge``, ``replace``, ``retainKeys``, in the order of the tag."""
    merge_key: str = ""


@dataclass(frozen=True)
class Embedded:
    """An embedded struct: ``VolumeSource`` in ``Volume``."""

    name: str
    type: Type
