"""Subresources, printer columns and selectable fields of a version."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.custom import fieldpath
from cluster_shim.api.custom.structural import Schema
from cluster_shim.api.fields import FieldError, Path

MAX_SELECTABLE_FIELDS = 8
COLUMN_TYPES = ("boolean", "date", "integer", "number", "string")
COLUMN_FORMATS = ("byte", "date", "date-time", "double", "float", "int32", "int64", "password")


def subresources(path: Path, found: Mapping[str, Any] | None) -> list[FieldError]:
    """Return what is wrong with the paths of scale."""
    scale = (found or {}).get("scale")
    if scale is None:
        return []
    errors: list[FieldError] = []
    for name, part in (("specReplicasPath", ".spec"), ("statusReplicasPath", ".status")):
        at, text = path.child("scale", name), scale.get(name, "")
        if not text:
            errors.append(fields.required(at))
            continue
        wrong = _simple_path(at, text)
        if not wrong and not text.startswith(f"{part}."):
            wrong = [fields.invalid(at, text, f"should be a json path under {part}")]
        errors += wrong
    at, text = path.child("scale", "labelSelectorPath"), scale.get("labelSelectorPath") or ""
    if text:
        wrong = _simple_path(at, text)
        if not wrong and not text.startswith((".spec.", ".status.")):
            wrong = [fields.invalid(at, text, "should be a json path under either .spec or .status")]
        errors += wrong
    return errors


def _simple_path(at: Path, text: str) -> list[FieldError]:
    return [] if text.startswith(".") else [fields.invalid(at, text, "must be a simple json path starting with .")]


def columns(path: Path, listed: Sequence[Mapping[str, Any]] | None) -> list[FieldError]:
    """Return what is wrong with printer columns."""
    errors: list[FieldError] = []
    for index, column in enumerate(listed or ()):
        errors += _column(path.index(index), column)
    return errors


def _column(at: Path, column: Mapping[str, Any]) -> list[FieldError]:
    errors: list[FieldError] = []
    if not column.get("name"):
        errors.append(fields.required(at.child("name")))
    of, one_of = column.get("type", ""), f"must be one of {','.join(COLUMN_TYPES)}"
    if not of:
        errors.append(fields.required(at.child("type"), one_of))
    elif of not in COLUMN_TYPES:
        errors.append(fields.invalid(at.child("type"), of, one_of))
    text = column.get("format", "")
    if text and text not in COLUMN_FORMATS:
        errors.append(fields.invalid(at.child("format"), text, f"must be one of {','.join(COLUMN_FORMATS)}"))
    path = column.get("jsonPath", "")
    errors += _simple_path(at.child("JSONPath"), path) if path else [fields.required(at.child("JSONPath"))]
    return errors


def selectable_fields(
    path: Path, listed: Sequence[Mapping[str, Any]], source: Mapping[str, Any], may_be_many: bool
) -> list[FieldError]:
    """Return what is wrong with selectable fields."""
    errors: list[FieldError] = []
    schema = Schema(source)
    seen: set[str] = set()
    for index, each in enumerate(listed):
        at, text = path.index(index).child("jsonPath"), each.get("jsonPath", "")
        if not text:
            errors.append(fields.required(at))
            continue
        try:
            resolved, found = fieldpath.resolve(text, schema, allow_brackets=False)
        except fieldpath.InvalidPath as error:
            errors.append(fields.invalid(at, text, f"is an invalid path: {error}"))
            continue
        if text.startswith(".metadata") and text.split(".")[1] == "metadata":
            errors.append(fields.invalid(at, text, "must not point to fields in metadata"))
        if found.type not in ("string", "boolean", "integer"):
            detail = "must point to a field of type string, boolean or integer. "
            detail += "Enum string fields and strings with formats are allowed."
            errors.append(fields.invalid(at, text, detail))
        if str(resolved) in seen:
            errors.append(fields.duplicate(at, text))
        seen.add(str(resolved))
    if len(seen) > MAX_SELECTABLE_FIELDS and not may_be_many:
        errors.append(fields.too_many(path, len(seen), MAX_SELECTABLE_FIELDS))
    return errors
