"""Lists of type set and map: no element, and no combination of keys, is there twice.

Upstream: apiserver/schema/listtype/validation.go.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from cluster_shim.api.custom.structural import Schema
from cluster_shim.api.fields import FieldError, Path, duplicate, invalid

_encode = msgspec.json.Encoder(order="sorted").encode


def has_unique_lists(schema: Schema | None) -> bool:
    """Tell whether a schema has a list of type set or map anywhere."""
    if schema is None:
        return False
    if schema.list_type in ("set", "map") or has_unique_lists(schema.items) or has_unique_lists(schema.additional):
        return True
    return any(has_unique_lists(each) for each in schema.properties.values())


def validate(path: Path, value: Any, schema: Schema | None) -> list[FieldError]:
    """Return an error for the second appearance of whatever must be unique."""
    errors: list[FieldError] = []
    if schema is not None:
        _walk(path, value, schema, errors)
    return errors


def _walk(path: Path, value: Any, schema: Schema, errors: list[FieldError]) -> None:
    if isinstance(value, dict):
        for name, each in value.items():
            below = schema.properties.get(name)
            if isinstance(each, (dict, list)):
                if below is not None:
                    _walk(path.child(name), each, below, errors)
                elif schema.additional is not None:
                    _walk(path.key(name), each, schema.additional, errors)
    elif isinstance(value, list):
        if schema.list_type == "set":
            errors += [duplicate(path.index(index), value[index]) for index in _repeated(value)]
        elif schema.list_type == "map":
            errors += _check_map(path, value, schema)
        if schema.items is not None:
            for index, each in enumerate(value):
                if isinstance(each, (dict, list)):
                    _walk(path.index(index), each, schema.items, errors)


def _repeated(values: Iterable[Any]) -> list[int]:
    """Return the indices where something appears for the second time."""
    seen: dict[bytes, int] = {}
    found = []
    for index, each in enumerate(values):
        text = _encode(each)
        seen[text] = seen.get(text, 0) + 1
        if seen[text] == 2:
            found.append(index)
    return found


def _check_map(path: Path, value: list[Any], schema: Schema) -> list[FieldError]:
    for index, each in enumerate(value):
        if each is not None and not isinstance(each, dict):
            return [invalid(path.index(index), each, "must be an object for an array of list-type map")]
    keys = [{name: each[name] for name in schema.map_keys if name in each} if each else {} for each in value]
    return [duplicate(path.index(index), keys[index]) for index in _repeated(keys)]
