"""Paths of fields as definitions write them: ``.spec.size``, ``.data['a.b']``. Upstream: ValidFieldPath."""

from __future__ import annotations

import re

from cluster_shim.api.custom.structural import Schema
from cluster_shim.api.fields import ROOT, Path

_ESCAPES = {"a": "\a", "b": "\b", "f": "\f", "n": "\n", "r": "\r", "t": "\t", "v": "\v", "'": "'", "\\": "\\"}
_TOKEN = re.compile(r"'(?:\\.|[^'\\])*'|[.\[\]]|[^.\[\]]+", re.S)
_NO_FIELD = "does not refer to a valid field"


class InvalidPath(ValueError):
    """A path that leads nowhere."""


def resolve(text: str, schema: Schema, allow_brackets: bool = True) -> tuple[Path, Schema]:
    """Return the path and the schema of the field that it leads to. Raises InvalidPath."""
    tokens = _TOKEN.findall(text)
    path = ROOT
    position = 0
    while position < len(tokens):
        token = tokens[position]
        if token == "[" and not allow_brackets:
            raise InvalidPath("array notation is not allowed")
        if token not in (".", "["):
            raise InvalidPath(f"expected [ or . but got: {token}")
        if position + 1 >= len(tokens):
            raise InvalidPath("unexpected end of JSON path")
        name = tokens[position + 1]
        position += 2
        if token == "[":
            name = _unquoted(name)
            if position >= len(tokens):
                raise InvalidPath("unexpected end of JSON path")
            if tokens[position] != "]":
                raise InvalidPath(f"expected ] but got {tokens[position]}")
            position += 1
        path, schema = _step(path, schema, name)
    return path, schema


def _step(path: Path, schema: Schema, name: str) -> tuple[Path, Schema]:
    if schema.properties:
        below = schema.properties.get(name)
        if below is None:
            raise InvalidPath(_NO_FIELD)
        return path.child(name), below
    if schema.additional is None:
        raise InvalidPath(_NO_FIELD)
    return path.key(name), schema.additional


def _unquoted(token: str) -> str:
    if len(token) < 2 or token[0] != "'" or token[-1] != "'":
        raise InvalidPath(f"expected single quoted string but got {token}")

    def plain(match: re.Match[str]) -> str:
        found = _ESCAPES.get(match.group()[1])
        if found is None:
            raise InvalidPath(f"invalid string literal: invalid escape char {match.group()}")
        return found

    return re.sub(r"\\.", plain, token[1:-1])
