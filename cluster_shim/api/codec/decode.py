"""Decode a body by its media type: JSON, YAML, and protobuf for what has a type here."""

from __future__ import annotations

from typing import Any

from cluster_shim.api import errors
from cluster_shim.api.codec import document, json, protobuf, yaml_reader
from cluster_shim.api.codec.document import Decoded, Unreadable
from cluster_shim.api.resources import GroupVersionKind

JSON, YAML = "application/json", "application/yaml"
PROTOBUF = "application/vnd.kubernetes.protobuf"
MEDIA_TYPES = (JSON, YAML, PROTOBUF)
"""What a server reads and writes, in the order in which it lists them."""


def decode(data: bytes, media_type: str, expected: GroupVersionKind, strict: bool = True) -> Decoded:
    """Return the object of a body that the path demands to be of a kind. Raise APIError (400, 415).

    `strict`: look for repeated keys even where nothing else is out of the ordinary.
    """
    if media_type == JSON:
        return json.decode(data, expected, strict)
    if media_type == YAML:
        parsed, complaints = _read(data, expected)
        return json.typed_from(parsed, data, expected, complaints)
    if media_type == PROTOBUF:
        return protobuf.decode(data, expected)
    raise errors.unsupported_media_type(MEDIA_TYPES)


def decode_any(data: bytes, media_type: str, expected: GroupVersionKind) -> Decoded:
    """Return the object of a body of a kind that has no type here (a custom resource). Raise APIError (400, 415)."""
    if media_type == JSON:
        return json.decode_any(data, expected)
    if media_type == YAML:
        parsed, complaints = _read(data, expected)
        return json.any_from(parsed, data, expected, complaints)
    raise errors.unsupported_media_type(MEDIA_TYPES[:2])


def decode_into(data: bytes, media_type: str, gvk: GroupVersionKind) -> Decoded:
    """Return an object of a kind (options); what the body says of its kind does not matter.

    Raise Unreadable, Unmarshalable, APIError (415).
    """
    if media_type == JSON:
        return json.decode_into(data, gvk)
    if media_type == YAML:
        try:
            parsed, _ = yaml_reader.read(data)
        except yaml_reader.YAMLError as error:
            raise Unreadable(str(error)) from None
        return json.into_from(parsed, gvk)
    if media_type == PROTOBUF:
        return protobuf.decode_into(data, gvk)
    raise errors.unsupported_media_type(MEDIA_TYPES)


def _read(data: bytes, expected: GroupVersionKind) -> tuple[Any, list[str]]:
    try:
        parsed, complaint = yaml_reader.read(data)
    except yaml_reader.YAMLError as error:
        raise document.unrecognized(expected, str(error), data) from None
    return parsed, [complaint] if complaint else []
