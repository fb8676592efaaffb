"""x-kubernetes-list-type, x-kubernetes-list-map-keys and x-kubernetes-map-type of a schema."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import FieldError, Path

Source = Mapping[str, Any]

LIST_TYPE, MAP_TYPE, KEYS = "x-kubernetes-list-type", "x-kubernetes-map-type", "x-kubernetes-list-map-keys"
_ATOMIC_ITEM = "must be atomic as item of a list with x-kubernetes-list-type=set"


def validate(path: Path, schema: Source) -> list[FieldError]:
    """Return what is wrong with the kinds of list and map that a schema names."""
    errors: list[FieldError] = []
    of, list_type, map_type = schema.get("type", ""), schema.get(LIST_TYPE), schema.get(MAP_TYPE)
    if map_type is not None:
        if of != "object":
            errors.append(_wrong_type(path, of, f"must be object if {MAP_TYPE} is specified"))
        if map_type not in ("atomic", "granular"):
            errors.append(fields.not_supported(path.child(MAP_TYPE), map_type, ("atomic", "granular")))
    if list_type is not None and of != "array":
        errors.append(_wrong_type(path, of, f"must be array if {LIST_TYPE} is specified"))
    elif list_type == "set" and isinstance(schema.get("items"), Mapping):
        errors += _set_items(path.child("items"), schema["items"])
    if list_type is not None and list_type not in ("atomic", "set", "map"):
        errors.append(fields.not_supported(path.child(LIST_TYPE), list_type, ("atomic", "set", "map")))
    if schema.get(KEYS):
        text = f"must be map if {KEYS} is non-empty"
        if list_type is None:
            errors.append(fields.required(path.child(LIST_TYPE), text))
        elif list_type != "map":
            errors.append(fields.invalid(path.child(LIST_TYPE), list_type, text))
    if list_type == "map":
        errors += _map(path, schema)
    if list_type in ("set", "map") and isinstance(schema.get("items"), Mapping):
        errors += _elements(path.child("items"), schema, schema["items"])
    return errors


def _wrong_type(path: Path, of: str, text: str) -> FieldError:
    return fields.invalid(path.child("type"), of, text) if of else fields.required(path.child("type"), text)


def _set_items(path: Path, items: Source) -> list[FieldError]:
    of = items.get("type")
    if of == "array" and items.get(LIST_TYPE) not in (None, "atomic"):
        return [fields.invalid(path.child(LIST_TYPE), items.get(LIST_TYPE), _ATOMIC_ITEM)]
    if of == "object" and items.get(MAP_TYPE) != "atomic":
        return [fields.invalid(path.child(MAP_TYPE), items.get(LIST_TYPE), _ATOMIC_ITEM)]
    return []


def _map(path: Path, schema: Source) -> list[FieldError]:
    errors: list[FieldError] = []
    keys, items = schema.get(KEYS) or [], schema.get("items")
    if not keys:
        errors.append(fields.required(path.child(KEYS), f"must not be empty if {LIST_TYPE} is map"))
    if items is None:
        errors.append(fields.required(path.child("items"), f"must have a schema if {LIST_TYPE} is map"))
    if not isinstance(items, Mapping):
        return errors
    if items.get("type") != "object":
        text = f"must be object if parent array's {LIST_TYPE} is map"
        return [*errors, fields.invalid(path.child("items", "type"), items.get("type", ""), text)]
    properties: Mapping[str, Source] = items.get("properties") or {}
    for index, key in enumerate(keys):
        if key not in properties:
            errors.append(fields.invalid(path.child(KEYS), keys, "entries must all be names of item properties"))
        elif properties[key].get("type") in ("array", "object"):
            at = path.child("items", "properties").key(key).child("type")
            text = f"must be a scalar type if parent array's {LIST_TYPE} is map"
            errors.append(fields.invalid(at, items["type"], text))
        if key in keys[:index]:
            errors.append(fields.invalid(path.child(KEYS), keys, "must not contain duplicate entries"))
    return errors


def _elements(path: Path, schema: Source, items: Source) -> list[FieldError]:
    """Check that elements can be told apart: neither they nor their keys may be null or missing."""
    errors: list[FieldError] = []
    if items.get("nullable"):
        text = f"cannot be nullable when {LIST_TYPE} is {schema[LIST_TYPE]}"
        errors.append(fields.forbidden(path.child("nullable"), text))
    if schema[LIST_TYPE] != "map":
        return errors
    required = items.get("required") or ()
    for key in schema.get(KEYS) or ():
        found = (items.get("properties") or {}).get(key)
        if found is None:
            continue
        at = path.child("properties").key(key)
        about = f"this property is in {KEYS}, so it"
        if key not in required and found.get("default") is None:
            text = f"{about} must have a default or be a required property"
            errors.append(fields.required(at.child("default"), text))
        if found.get("nullable"):
            errors.append(fields.forbidden(at.child("nullable"), f"{about} cannot be nullable"))
    return errors
