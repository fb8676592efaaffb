"""Prune: remove what a structural schema does not know, and say where it was.

Upstream: apiserver/schema/pruning/algorithm.go and defaulting/prunenulls.go.
"""

from __future__ import annotations

from typing import Any

from cluster_shim.api.custom.structural import META_FIELDS, Schema


def prune(value: Any, schema: Schema | None, is_root: bool = True) -> list[str]:
    """Remove unknown fields from a value in place; return their paths, sorted.

    Of a root and of embedded resources, apiVersion, kind and metadata stay whatever the schema says.
    """
    if is_root:
        schema = (schema or Schema({})).as_resource()
    unknown: list[str] = []
    _prune(value, schema, "", unknown)
    return sorted(unknown)


def _child(path: str, name: str) -> str:
    return f"{path}.{name}" if path else name


def _prune(value: Any, schema: Schema | None, path: str, unknown: list[str]) -> None:
    if schema is not None and schema.preserve:
        _skip(value, schema, path, unknown)
    elif isinstance(value, dict):
        _prune_object(value, schema, path, unknown)
    elif isinstance(value, list):
        items = schema.items if schema is not None else None
        for index, each in enumerate(value):
            if isinstance(each, (dict, list)):
                _prune(each, items, f"{path}[{index}]", unknown)


def _prune_object(value: dict[str, Any], schema: Schema | None, path: str, unknown: list[str]) -> None:
    for name in list(value):
        if schema is not None and schema.embedded and name in META_FIELDS:
            continue
        known = schema is not None and (name in schema.properties or schema.has_additional)
        if not known:
            if path or name not in META_FIELDS:
                unknown.append(_child(path, name))
            del value[name]
        elif isinstance(value[name], (dict, list)):
            assert schema is not None
            _prune(value[name], schema.of(name), _child(path, name), unknown)


def _skip(value: Any, schema: Schema | None, path: str, unknown: list[str]) -> None:
    """Keep everything here, and prune only what the schema does specify further down."""
    if schema is None:
        return
    if isinstance(value, dict):
        for name, each in value.items():
            if schema.embedded and name in META_FIELDS:
                continue
            if name in schema.properties or schema.has_additional:
                _prune(each, schema.of(name), _child(path, name), unknown)
    elif isinstance(value, list):
        for index, each in enumerate(value):
            _skip(each, schema.items, f"{path}[{index}]", unknown)


def drop_nulls(value: Any, schema: Schema | None) -> None:
    """Remove nulls from objects where the schema allows none and has no default to put in their place."""
    if isinstance(value, dict):
        for name in list(value):
            each = value[name]
            below = schema.of(name) if schema is not None else None
            if each is None:
                if below is not None and not below.nullable and below.default is None:
                    del value[name]
            elif isinstance(each, (dict, list)):
                drop_nulls(each, below)
    elif isinstance(value, list):
        items = schema.items if schema is not None else None
        for each in value:
            if isinstance(each, (dict, list)):
                drop_nulls(each, items)
