"""Conversion of JSON values into those that a declared type promises: doubles, times and bytes are not JSON's.

It happens where a field is read, so that what an expression does not look at costs nothing.
"""

from __future__ import annotations

import base64
import binascii
from collections.abc import Callable
from typing import Any

from cluster_shim.api.cel import times
from cluster_shim.api.cel.errors import EvaluationError
from cluster_shim.api.cel.types import Type

Converter = Callable[[Any], Any]


def converter(of: Type) -> Converter | None:
    """Return what turns a JSON value into one of a type; None where nothing is to be done."""
    simple = _SIMPLE.get(of.kind)
    if simple is not None:
        return simple
    if of.kind == "list":
        element = converter(of.params[0])
        return None if element is None else lambda value: _list(value, element)
    if of.kind == "map":
        below = converter(of.params[1])
        return None if below is None else lambda value: _map(value, below)
    return None


def _list(value: Any, element: Converter) -> Any:
    return [element(each) for each in value] if isinstance(value, list) else value


def _map(value: Any, below: Converter) -> Any:
    return {key: below(each) for key, each in value.items()} if isinstance(value, dict) else value


def _double(value: Any) -> Any:
    return float(value) if type(value) is int else value


def _timestamp(value: Any) -> Any:
    return times.parse_timestamp(value) if isinstance(value, str) else value


def _duration(value: Any) -> Any:
    return times.parse_duration(value) if isinstance(value, str) else value


def _bytes(value: Any) -> Any:
    if not isinstance(value, str):
        return value
    try:
        return base64.b64decode(value, validate=True)
    except binascii.Error as error:
        raise EvaluationError(f"illegal base64 data: {error}") from None


_SIMPLE: dict[str, Converter] = {
    "double": _double,
    "timestamp": _timestamp,
    "duration": _duration,
    "bytes": _bytes,
}
