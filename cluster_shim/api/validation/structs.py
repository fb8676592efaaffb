"""Structs as upstream's messages show them: members in the order of the Go struct, internal ones under their Go names.

Errors are about upstream's internal types, whose members have no JSON names and are never left out:
``{"Key":"a","Value":"","Effect":"NoSchedule","TimeAdded":null}``. Types of meta/v1 are written as clients know them.
``tables/structs.json`` has a row for each member: name, JSON name, type. Types: ``string``, ``int``, ``bool``,
``quantity``, ``any`` (written as it is), ``map``, another struct; ``*`` in front is a pointer, ``[]`` a list, ``?``
behind left out if empty. A member without a name is embedded; a JSON name after ``../`` is one of the enclosing object.
"""

from __future__ import annotations

import difflib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import Any

import msgspec

from cluster_shim.api.fields import Shown, as_json

_ZEROS: dict[str, Any] = {"string": "", "int": 0, "bool": False, "quantity": "0", "any": None, "map": None}
_EMPTY: tuple[Any, ...] = (None, [], {}, "")

_Rows = dict[str, list[tuple[str, str, str]]]


@cache
def _structs() -> _Rows:
    table = (files(__package__) / "tables" / "structs.json").read_bytes()
    return msgspec.json.decode(table, type=_Rows)


def _as_go(kind: str, value: Any, outer: Any = None) -> Any:
    if kind.startswith("*"):
        return None if value is None else _as_go(kind[1:], value, outer)
    if kind.startswith("[]"):
        return None if value is None else [_as_go(kind[2:], each, outer) for each in value]
    if kind == "map":
        return dict(sorted(value.items())) if value else None
    if kind in _ZEROS:
        return _ZEROS[kind] if value is None else value
    have = value or {}
    members: dict[str, Any] = {}
    for name, key, of in _structs()[kind]:
        if not name:
            members.update(_as_go(of, have.get(key), have))
            continue
        own = (outer or {}).get(key[3:]) if key.startswith("../") else have.get(key)
        if not (of.endswith("?") and own in _EMPTY):
            members[name] = _as_go(of.rstrip("?"), own, have)
    return members


def dump(kind: str, obj: Any) -> Shown:
    """Return a struct of a kind as messages show it; ``[]`` in front of the kind makes it a list."""
    return as_json(_as_go(kind, obj), order=None)


def dump_list(kind: str, items: Sequence[Any] | None) -> Shown:
    """Return a list of structs as messages show it."""
    return dump(f"[]{kind}", items)


def difference(kind: str, old: Any, new: Any) -> str:
    """Return the lines that differ between two structs, as some messages about changes show them."""
    before, after = (
        [f"{line}\n" for line in msgspec.json.format(str(dump(kind, each)), indent=1).split("\n")]
        for each in (old, new)
    )
    return "".join(list(difflib.unified_diff(before, after))[2:])
