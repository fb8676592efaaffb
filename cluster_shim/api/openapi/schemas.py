"""Schemas: the types of the API as OpenAPI v3 describes them, with the markers that kubectl needs for its patches.

A schema refers to others by name; `Schemas` collects what a document needs. Descriptions are our own and short
(descriptions.py); upstream's are not ours to copy.
"""

from __future__ import annotations

from collections.abc import Iterable
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from cluster_shim.api.openapi.descriptions import describe
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.api.types import Field, Type, kinds, type_by_name, type_of
from cluster_shim.api.types import model as kind_of

Json = dict[str, Any]

REFERENCE = "#/components/schemas/"

SCALARS: dict[str, Json] = {
    kind_of.STRING: {"type": "string"},
    kind_of.BOOL: {"type": "boolean"},
    kind_of.INT32: {"type": "integer", "format": "int32"},
    kind_of.INT64: {"type": "integer", "format": "int64"},
    kind_of.FLOAT64: {"type": "number", "format": "double"},
    kind_of.BYTES: {"type": "string", "format": "byte"},
    kind_of.ANY: {"type": "object"},
}
ZERO: dict[str, Any] = {
    kind_of.STRING: "",
    kind_of.BOOL: False,
    kind_of.INT32: 0,
    kind_of.INT64: 0,
    kind_of.FLOAT64: 0,
}
SPECIAL: dict[str, Json] = {
    kind_of.TIME: {"type": "string", "format": "date-time"},
    kind_of.MICRO_TIME: {"type": "string", "format": "date-time"},
    kind_of.QUANTITY: {"oneOf": [{"type": "string"}, {"type": "number"}]},
    kind_of.INT_OR_STRING: {"format": "int-or-string", "oneOf": [{"type": "integer"}, {"type": "string"}]},
    kind_of.RAW: {"type": "object"},
    kind_of.SCHEMA_OR_ARRAY: {},
    kind_of.SCHEMA_OR_BOOL: {},
    kind_of.SCHEMA_OR_STRINGS: {},
}
"""Types that have a schema of their own, but are no structs."""

ANY_JSON = "io.k8s.apiextensions-apiserver.pkg.apis.apiextensions.v1.JSON"
PATCH, PATCH_MODEL = "meta/v1.Patch", "io.k8s.apimachinery.pkg.apis.meta.v1.Patch"
META, MACHINERY = "meta.k8s.io", "io.k8s.apimachinery."
EVERYWHERE = ("DeleteOptions", "WatchEvent")
"""Kinds that there are in every group and version."""


class Schemas:
    """The schemas that one document needs, by name."""

    def __init__(self, group_versions: Iterable[tuple[str, str]] = ()) -> None:
        self.group_versions = sorted({("", "v1"), *group_versions})
        """What the document is about."""
        self.found: dict[str, Json] = {}
        self.custom: dict[GroupVersionKind, str] = {}
        """The names of custom kinds, which custom.py adds."""

    def of_kind(self, gvk: GroupVersionKind) -> Json:
        """Return a reference to the schema of a kind. Raises KeyError if the kind is unknown."""
        if gvk in self.custom:
            return {"$ref": REFERENCE + self.custom[gvk]}
        made = type_of(gvk)
        if made is None:
            raise KeyError(gvk)
        return self.of_type(made)

    def named(self, qualified: str) -> Json:
        """Return a reference to the schema of a type: ``meta/v1.Status``."""
        if qualified == PATCH:  # no type: the body of a patch may be anything
            self.found[PATCH_MODEL] = {"type": "object"}
            return {"$ref": REFERENCE + PATCH_MODEL}
        return self.of_type(type_by_name(qualified))

    def of_type(self, made: Type) -> Json:
        """Return the schema of a type, or a reference to it; it and all that it refers to are collected."""
        if made.kind == kind_of.LIST and made.element is not None:
            return {"type": "array", "items": self.of_type(made.element)}
        if made.kind == kind_of.MAP and made.element is not None:
            return {"type": "object", "additionalProperties": self.of_type(made.element)}
        if made.kind != kind_of.STRUCT and made.kind not in SPECIAL:
            return dict(SCALARS[made.kind])
        if made.model not in self.found:
            self.found[made.model] = {}  # types may contain themselves
            self.found[made.model] = self._component(made)
        return {"$ref": REFERENCE + made.model}

    def _component(self, made: Type) -> Json:
        text = describe(made.base_name, "")
        schema: Json = {"description": text} if text else {}
        if made.kind == kind_of.STRUCT:
            schema["type"] = "object"
            if required := [each.name for each in made.fields.values() if each.required]:
                schema["required"] = required
            properties = {name: self._property(made, each) for name, each in sorted(made.fields.items())}
            if properties:
                schema["properties"] = properties
            if made.atomic:
                schema["x-kubernetes-map-type"] = "atomic"
        elif made.model != ANY_JSON:
            schema |= SPECIAL[made.kind]
        schema |= _unions().get(made.model, {})
        if gvks := self._gvks(made):
            schema["x-kubernetes-group-version-kind"] = gvks
        return schema

    def _gvks(self, made: Type) -> list[Json]:
        """Return what kinds a type is; those that are in every group, only as far as the document is about them."""
        if made.base_name in EVERYWHERE and made.model.startswith(MACHINERY):
            return [_marker(group, made.base_name, version) for group, version in self.group_versions]
        return _gvks_by_model().get(made.model, [])

    def _property(self, owner: Type, field: Field) -> Json:
        schema = self.of_type(field.type)
        if "$ref" in schema:  # nothing may stand beside a reference
            schema = {"allOf": [schema]}
        if text := describe(owner.base_name, field.name):
            schema["description"] = text
        if (default := _default(field)) is not None:
            schema["default"] = default
        if values := _enums().get(f"{owner.model}.{field.name}"):
            (schema.get("items") or schema.get("additionalProperties") or schema)["enum"] = values
        return schema | _markers(field)


def _default(field: Field) -> Any:
    if field.default is not None:
        return field.default
    if field.pointer or (field.omit_empty and field.type.kind != kind_of.STRUCT):
        return None
    return {} if field.type.kind == kind_of.STRUCT else ZERO.get(field.type.kind)


def _markers(field: Field) -> Json:
    """Return what tells a client how a field is patched."""
    found: Json = {}
    if field.map_keys:
        found["x-kubernetes-list-map-keys"] = list(field.map_keys)
    if field.list_type:
        found["x-kubernetes-list-type"] = field.list_type
    if field.map_type:
        found["x-kubernetes-map-type"] = field.map_type
    if field.merge_key:
        found["x-kubernetes-patch-merge-key"] = field.merge_key
    if field.patch_strategy:
        found["x-kubernetes-patch-strategy"] = ",".join(field.patch_strategy)
    return found


@cache
def _gvks_by_model() -> dict[str, list[Json]]:
    """Return the kinds by the names of their schemas; those of the machinery belong to the core group."""
    found: dict[str, list[Json]] = {}
    for gvk in sorted(kinds()):
        made = type_of(gvk)
        if made is not None and made.model.split(".")[-2:] == [gvk.version, made.base_name]:
            marker = _marker("" if gvk.group == META else gvk.group, gvk.kind, gvk.version)
            if marker not in found.setdefault(made.model, []):
                found[made.model].append(marker)
    return found


def _marker(group: str, kind: str, version: str) -> Json:
    return {"group": group, "kind": kind, "version": version}


@cache
def _table(name: str) -> Json:
    found: Json = msgspec.json.decode((files(__package__) / "tables" / f"{name}.json").read_bytes())
    return found


def _enums() -> Json:
    """Return the values that a field may have, by ``model.field``."""
    return _table("enums")


def _unions() -> Json:
    """Return which fields of a type exclude each other, by its model."""
    return _table("unions")
