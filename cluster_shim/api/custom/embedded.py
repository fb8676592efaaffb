"""Metadata of objects and of resources within them: brought into form like that of built-in kinds, and validated.

Upstream: apiserver/schema/objectmeta.
"""

from __future__ import annotations

from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.codec.unmarshal import Unmarshalable, unmarshal
from cluster_shim.api.custom.structural import Schema
from cluster_shim.api.fields import FieldError, Path
from cluster_shim.api.types import Unusual, normaliser, type_by_name

_OBJECT_META = "meta/v1.ObjectMeta"


def normalise_metadata(metadata: Any, path: str) -> tuple[dict[str, Any], list[str]]:
    """Return metadata in its canonical form, and the unknown fields in it. Raises Unmarshalable."""
    of = type_by_name(_OBJECT_META)
    try:
        return normaliser(of)(metadata), []
    except (Unusual, RecursionError):
        found, complaints = unmarshal(metadata, of)
        return normaliser(of)(found), [each.replace('"', f'"{path}.', 1) for each in complaints]


def has_embedded(schema: Schema | None) -> bool:
    """Tell whether there is an embedded resource anywhere in a schema."""
    if schema is None:
        return False
    if schema.embedded or has_embedded(schema.items) or has_embedded(schema.additional):
        return True
    return any(has_embedded(each) for each in schema.properties.values())


def coerce(value: Any, schema: Schema | None, path: Path) -> tuple[FieldError | None, list[str]]:
    """Bring the metadata of embedded resources into form in place; return what cannot be, and complaints."""
    complaints: list[str] = []
    return (None if schema is None else _coerce(value, schema, path, complaints)), sorted(complaints)


def _coerce(value: Any, schema: Schema, path: Path, complaints: list[str]) -> FieldError | None:
    if isinstance(value, dict):
        if schema.embedded:
            error = _coerce_resource(value, path, complaints)
            if error is not None:
                return error
        for name, each in value.items():
            below = schema.of(name)
            if below is not None and isinstance(each, (dict, list)):
                at = path.child(name) if name in schema.properties else path.key(name)
                error = _coerce(each, below, at, complaints)
                if error is not None:
                    return error
    elif isinstance(value, list) and schema.items is not None:
        for index, each in enumerate(value):
            error = _coerce(each, schema.items, path.index(index), complaints)
            if error is not None:
                return error
    return None


def _coerce_resource(value: dict[str, Any], path: Path, complaints: list[str]) -> FieldError | None:
    for name in ("apiVersion", "kind"):
        if name in value and not isinstance(value[name], str):
            return fields.invalid(path.child(name), value[name], "must be a string")
    if "metadata" in value:
        at = path.child("metadata")
        try:
            value["metadata"], more = normalise_metadata(value["metadata"], str(at))
        except Unmarshalable as error:
            return fields.invalid(at, value["metadata"], str(error))
        complaints += more
    return None


def validate(value: Any, schema: Schema | None, path: Path) -> list[FieldError]:
    """Return what is wrong with apiVersion, kind and metadata of embedded resources."""
    errors: list[FieldError] = []
    if schema is not None:
        _validate(value, schema, path, errors)
    return errors


def _validate(value: Any, schema: Schema, path: Path, errors: list[FieldError]) -> None:
    if isinstance(value, dict):
        if schema.embedded:
            _validate_resource(value, path, errors)
        for name, each in value.items():
            below = schema.of(name)
            if below is not None and isinstance(each, (dict, list)):
                _validate(each, below, path.child(name) if name in schema.properties else path.key(name), errors)
    elif isinstance(value, list) and schema.items is not None:
        for index, each in enumerate(value):
            _validate(each, schema.items, path.index(index), errors)


def _validate_resource(value: dict[str, Any], path: Path, errors: list[FieldError]) -> None:
    from cluster_shim.api.validation import formats, metadata, names

    errors += [fields.required(path.child(name)) for name in ("apiVersion", "kind") if name not in value]
    api_version, kind = value.get("apiVersion"), value.get("kind")
    if api_version == "":
        errors.append(fields.invalid(path.child("apiVersion"), api_version, "must not be empty"))
    elif isinstance(api_version, str) and api_version.count("/") > 1:
        text = f"unexpected GroupVersion string: {api_version}"
        errors.append(fields.invalid(path.child("apiVersion"), api_version, text))
    if kind == "":
        errors.append(fields.invalid(path.child("kind"), kind, "must not be empty"))
    elif isinstance(kind, str):
        wrong = ",".join(formats.dns_1035_label(kind.lower()))
        if wrong:
            text = f"may have mixed case, but should otherwise match: {wrong}"
            errors.append(fields.invalid(path.child("kind"), kind, text))
    if isinstance(value.get("metadata"), dict):
        given = value["metadata"]
        shown = {**value, "metadata": given if given.get("name") else {**given, "name": "fakename"}}
        namespaced = bool(given.get("namespace"))
        metadata.create(errors, shown, namespaced, names.path_segment, path.child("metadata"))
