"""Schemas of custom resources, as definitions have them, with what every object has besides.

Upstream: apiextensions-apiserver/pkg/controller/openapi/builder.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING, Any

from cluster_shim.api.openapi.descriptions import describe
from cluster_shim.api.openapi.schemas import REFERENCE, Schemas
from cluster_shim.api.resources import GroupVersionKind, Resource

if TYPE_CHECKING:
    from cluster_shim.api.custom.version import CustomVersion

Json = dict[str, Any]

NESTED = ("items", "not")
NESTED_LISTS = ("allOf", "anyOf", "oneOf")
NESTED_MAPS = ("properties", "patternProperties", "definitions")


def model_name(gvk: GroupVersionKind) -> str:
    """Return the name of a custom kind's schema: ``com.example.v1.Widget``."""
    return ".".join([*reversed(gvk.group.split(".")), gvk.version, gvk.kind])


def custom_schemas(schemas: Schemas, resource: Resource, version_2: bool = False) -> None:
    """Add the schemas of a custom kind and of its list; for OpenAPI v2 without what kubectl does not bear there."""
    gvk = resource.gvk
    list_gvk = gvk._replace(kind=resource.list_kind or f"{gvk.kind}List")
    schemas.found[model_name(gvk)] = _object(schemas, resource.custom, gvk, version_2)
    schemas.found[model_name(list_gvk)] = {
        "description": f"A list of {gvk.kind} objects.",
        "type": "object",
        "required": ["items"],
        "properties": {
            "apiVersion": _text("apiVersion"),
            "items": {"type": "array", "items": {"$ref": REFERENCE + model_name(gvk)}},
            "kind": _text("kind"),
            "metadata": _metadata(schemas, "meta/v1.ListMeta"),
        },
        "x-kubernetes-group-version-kind": [_marker(list_gvk)],
    }
    schemas.custom[gvk], schemas.custom[list_gvk] = model_name(gvk), model_name(list_gvk)


def _object(schemas: Schemas, custom: CustomVersion, gvk: GroupVersionKind, version_2: bool) -> Json:
    source = custom.source
    if version_2 and source.get("x-kubernetes-preserve-unknown-fields"):
        return {"type": "object", "x-kubernetes-group-version-kind": [_marker(gvk)]}
    schema = _published(schemas, pruned(source) if version_2 else source, version_2)
    schema.setdefault("type", "object")
    own = {"apiVersion": _text("apiVersion"), "kind": _text("kind")}
    own["metadata"] = _metadata(schemas, "meta/v1.ObjectMeta")
    schema["properties"] = dict(sorted({**schema.get("properties", {}), **own}.items()))
    schema["x-kubernetes-group-version-kind"] = [_marker(gvk)]
    if custom.selectable_fields:
        schema["x-kubernetes-selectable-fields"] = [{"fieldPath": path} for path in custom.selectable_fields]
    return schema


def pruned(source: Mapping[str, Any]) -> Json:
    """Return a structural schema as far as OpenAPI v2 and the kubectl that reads it can express it.

    What may be null or have unknown fields loses its type, since kubectl would check it too strictly.
    """
    schema = {key: value for key, value in source.items() if key not in (*NESTED_LISTS, "not")}
    nullable, preserves = schema.pop("nullable", False), schema.get("x-kubernetes-preserve-unknown-fields", False)
    if nullable or preserves:
        schema.pop("items", None)
        schema.pop("properties", None)
    if nullable or (preserves and schema.get("type") == "object"):
        schema.pop("type", None)
    if schema.get("type") == "array" and "items" not in schema:
        del schema["type"]
    if isinstance(schema.get("items"), Mapping):
        schema["items"] = pruned(schema["items"])
    more = schema.get("additionalProperties")
    if isinstance(more, Mapping):
        schema["additionalProperties"] = pruned(more)
        if more.get("nullable"):
            schema.pop("required", None)
    properties = schema.get("properties", {})
    if properties:
        schema["properties"] = {name: pruned(each) for name, each in properties.items()}
    if "required" in schema:
        required = [name for name in schema.pop("required") if not properties.get(name, {}).get("nullable")]
        schema |= {"required": required} if required else {}
    return schema


def _published(schemas: Schemas, source: Mapping[str, Any], version_2: bool) -> Json:
    """Return a schema with what embedded resources have, and what takes integers and texts, spelled out."""
    schema = dict(source)
    for key in NESTED:
        if isinstance(schema.get(key), Mapping):
            schema[key] = _published(schemas, schema[key], version_2)
    for key in NESTED_LISTS:
        if key in schema:
            schema[key] = [_published(schemas, each, version_2) for each in schema[key]]
    for key in NESTED_MAPS:
        if key in schema:
            schema[key] = {name: _published(schemas, each, version_2) for name, each in schema[key].items()}
    if isinstance(schema.get("additionalProperties"), Mapping):
        schema["additionalProperties"] = _published(schemas, schema["additionalProperties"], version_2)
    preserves = version_2 and schema.get("x-kubernetes-preserve-unknown-fields")
    if schema.get("x-kubernetes-embedded-resource") and not preserves:
        schema["properties"] = {
            "apiVersion": _text("apiVersion"),
            "kind": _text("kind"),
            "metadata": _metadata(schemas, "meta/v1.ObjectMeta"),
            **schema.get("properties", {}),
        }
        schema["required"] = list(dict.fromkeys([*schema.get("required", ()), "kind", "apiVersion"]))
    if schema.get("x-kubernetes-int-or-string") and not version_2 and "anyOf" not in schema and "allOf" not in schema:
        schema["anyOf"] = [{"type": "integer"}, {"type": "string"}]
    return schema


def _text(field: str) -> Json:
    return {"type": "string", "description": describe("", field)}


def _metadata(schemas: Schemas, name: str) -> Json:
    return {"description": describe("", "metadata"), "allOf": [schemas.named(name)]}


def _marker(gvk: GroupVersionKind) -> Json:
    return {"group": gvk.group, "kind": gvk.kind, "version": gvk.version}
