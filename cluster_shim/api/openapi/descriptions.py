"""Descriptions of types and fields in a few words of our own, for those that people ask ``kubectl explain`` about most.

A field's text is looked up by ``Type.field``, then by the name of the field alone; most have none.
"""

from __future__ import annotations

from functools import cache
from importlib.resources import files

import msgspec


@cache
def _texts() -> dict[str, str]:
    found: dict[str, str] = msgspec.json.decode((files(__package__) / "tables" / "descriptions.json").read_bytes())
    return found


def describe(type_name: str, field: str) -> str:
    """Return the description of a type, or of one of its fields; empty where there is none."""
    texts = _texts()
    if field:
        return texts.get(f"{type_name}.{field}") or texts.get(f".{field}", "")
    if text := texts.get(type_name):
        return text
    singular = type_name.removesuffix("List")
    return f"A list of {singular} objects." if singular != type_name else ""
