"""Defaulting: put a schema's defaults where a value has nothing, or a null that it may not have.

Upstream: apiserver/schema/defaulting/algorithm.go.
"""

from __future__ import annotations

from copy import deepcopy
from typing import Any

from cluster_shim.api.custom.structural import Schema


def has_defaults(schema: Schema | None) -> bool:
    """Tell whether there is a default anywhere in a schema; without one, objects need not be walked."""
    if schema is None:
        return False
    if schema.default is not None or has_defaults(schema.items) or has_defaults(schema.additional):
        return True
    return any(has_defaults(each) for each in schema.properties.values())


def apply(value: Any, schema: Schema | None) -> None:
    """Set defaults in a value in place."""
    if schema is None:
        return
    if isinstance(value, dict):
        for name, below in schema.properties.items():
            if below.default is not None and (name not in value or (value[name] is None and not below.nullable)):
                value[name] = deepcopy(below.default)
        additional = schema.additional
        for name, each in value.items():
            known = schema.properties.get(name)
            if known is None and additional is not None and each is None and not additional.nullable:
                value[name] = deepcopy(additional.default)
            apply(value[name], known or additional)
    elif isinstance(value, list) and schema.items is not None:
        for index, each in enumerate(value):
            if each is None and not schema.items.nullable:
                value[index] = deepcopy(schema.items.default)
            apply(value[index], schema.items)
