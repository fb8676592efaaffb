"""Parts of definitions as messages show them: upstream's internal structs, with Go's names of their members.

``tables/structs.json`` has a row for each member: Go name, JSON name, type. ``*`` in front is a pointer, ``[]`` a list,
``{}`` a map.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from cluster_shim.api.fields import Shown, as_json

_ZEROS: dict[str, Any] = {"string": "", "bool": False, "int": 0, "any": None}


@cache
def _rows() -> dict[str, list[tuple[str, str, str]]]:
    data = (files(__package__) / "tables" / "structs.json").read_bytes()
    return msgspec.json.decode(data, type=dict[str, list[tuple[str, str, str]]])


def dump(kind: str, value: Any) -> Shown:
    """Return a value of a kind as messages show it."""
    return as_json(_as_go(kind, value), order=None)


def _as_go(kind: str, value: Any) -> Any:
    if kind in _ZEROS:
        return _ZEROS[kind] if value is None else value
    if kind.startswith("*"):
        return None if value is None else _as_go(kind[1:], value)
    if kind.startswith("[]"):
        return None if value is None else [_as_go(kind[2:], each) for each in value]
    if kind.startswith("{}"):
        return None if value is None else {name: _as_go(kind[2:], each) for name, each in sorted(value.items())}
    if kind == "schema_or_array":
        return None if value is None else _schema_or_array(value)
    if kind == "schema_or_bool":
        if value is None:
            return None
        is_schema = isinstance(value, dict)
        return {"Allows": is_schema or value, "Schema": _as_go("JSONSchemaProps", value) if is_schema else None}
    return {name: _as_go(of, (value or {}).get(key)) for name, key, of in _rows()[kind]}


def _schema_or_array(value: Any) -> dict[str, Any]:
    if isinstance(value, dict):
        return {"Schema": _as_go("JSONSchemaProps", value), "JSONSchemas": None}
    return {"Schema": None, "JSONSchemas": [_as_go("JSONSchemaProps", each) for each in value]}
