"""Members in the order in which Go writes them: where a text with JSON in it must be the same as upstream's."""

from __future__ import annotations

from typing import Any

from cluster_shim.api.types import model
from cluster_shim.api.types.model import Type


def ordered(of: Type, value: Any) -> Any:
    """Return a normalised value with the fields of structs in their order and the keys of maps sorted."""
    if of.kind == model.STRUCT and isinstance(value, dict):
        return {name: ordered(field.type, value[name]) for name, field in of.fields.items() if name in value}
    if of.element is not None and isinstance(value, list):
        return [ordered(of.element, each) for each in value]
    if of.kind == model.MAP and of.element is not None and isinstance(value, dict):
        return {key: ordered(of.element, value[key]) for key in sorted(value)}
    return value
