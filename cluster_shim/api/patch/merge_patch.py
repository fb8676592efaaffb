"""JSON merge patch (RFC 7386) with the corners of upstream's server: null elements of lists stay, null members go."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from cluster_shim.api.errors import APIError, bad_request
from cluster_shim.api.patch.go import json_kind


def decoded(value: Any) -> Any:
    """Return the parsed body of a merge patch, or raise 400 if it is none."""
    if not isinstance(value, dict | None):
        raise not_a_map("error decoding patch: ", value)
    return value


def not_a_map(prefix: str, value: Any) -> APIError:
    """Return 400 for a parsed body that is not an object."""
    return bad_request(
        f"{prefix}json: cannot unmarshal {json_kind(value)} into Go value of type map[string]interface {{}}"
    )


def apply(document: Mapping[str, Any], patch: Any) -> Any:
    """Return the document with the patch merged into it; a patch that is no object takes its place."""
    if patch is None:
        raise bad_request("Invalid JSON Patch")
    if not isinstance(patch, dict):
        return _without_nulls(patch)
    return _merge(document, patch)


def _merge(document: Mapping[str, Any], patch: Mapping[str, Any]) -> dict[str, Any]:
    merged = dict(document)
    for key, value in patch.items():
        if value is None:
            merged.pop(key, None)
            continue
        own = merged.get(key)
        if not isinstance(own, dict):
            merged[key] = _without_nulls(value)
        elif isinstance(value, dict):
            merged[key] = _merge(own, value)
        else:
            merged[key] = value
    return merged


def _without_nulls(value: Any) -> Any:
    if isinstance(value, dict):
        return {key: _without_nulls(each) for key, each in value.items() if each is not None}
    if isinstance(value, list):
        return [_without_nulls(each) for each in value]
    return value
