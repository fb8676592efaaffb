"""Objects in protobuf bodies: the prefix, the envelope that says what is in it, the frames of a watch.

Upstream: runtime/serializer/protobuf. The messages themselves are protobuf_reader's and protobuf_writer's.
"""

from __future__ import annotations

from typing import Any

from cluster_shim.api.codec import document, protobuf_reader, protobuf_writer
from cluster_shim.api.codec.document import Decoded, Unreadable
from cluster_shim.api.codec.unmarshal import Unmarshalable
from cluster_shim.api.codec.wire import WireError, delimited, fields
from cluster_shim.api.resources import GroupVersionKind, gvk_of
from cluster_shim.api.types import Type, Unusual, normaliser, type_of

PREFIX = b"k8s\x00"
_NO_PREFIX = "provided data does not appear to be a protobuf message, expected prefix [107 56 115 0]"
_END_OF_ENVELOPE = delimited(3, b"") + delimited(4, b"")


def decode(data: bytes, expected: GroupVersionKind) -> Decoded:
    """Return the object of a body that the path demands to be of a kind. Raise APIError (400)."""
    try:
        gvk, raw = open_envelope(data, expected)
    except Unreadable as error:
        raise document.unrecognized(expected, str(error), data) from None
    document.check_registered(gvk, expected, data)
    if type_of(gvk) is None:
        raise document.other_kind(gvk, expected)
    try:
        obj = _read(raw, gvk)
    except Unmarshalable as error:
        raise document.unhandled(gvk, expected, str(error)) from None
    document.check_kind(gvk, expected)
    return Decoded(obj, gvk, [])


def decode_into(data: bytes, gvk: GroupVersionKind) -> Decoded:
    """Return an object of a kind; what the body says of its kind does not matter. Raise Unreadable, Unmarshalable."""
    named, raw = open_envelope(data, gvk)
    return Decoded(_read(raw, gvk), named, [])


def encode(obj: dict[str, Any]) -> bytes:
    """Return an object (or list, or Status) in its envelope. Raise KeyError for a kind that has no type here."""
    gvk = gvk_of(obj)
    return envelope(gvk, encode_message(gvk, obj))


def encode_message(gvk: GroupVersionKind, obj: dict[str, Any]) -> bytes:
    """Return the message of an object, without an envelope."""
    return protobuf_writer.message(_type(gvk))(obj)


def envelope(gvk: GroupVersionKind, raw: bytes) -> bytes:
    """Return a message with what says of which kind it is."""
    type_meta = delimited(1, gvk.api_version.encode()) + delimited(2, gvk.kind.encode())
    return PREFIX + delimited(1, type_meta) + delimited(2, raw) + _END_OF_ENVELOPE


def watch_frame(event_type: str, body: bytes) -> bytes:
    """Return an event of a watch; `body` is the object in its envelope."""
    event = delimited(1, event_type.encode()) + delimited(2, delimited(1, body))
    return len(event).to_bytes(4, "big") + event


def open_envelope(data: bytes, expected: GroupVersionKind) -> tuple[GroupVersionKind, bytes]:
    """Return the kind that a body says it is, what is not said filled in, and its message. Raise Unreadable."""
    if not data:
        raise Unreadable("empty data")
    if not data.startswith(PREFIX):
        raise Unreadable(_NO_PREFIX)
    if data == PREFIX:
        raise Unreadable("empty body")
    type_meta = raw = b""
    found = {1: b"", 2: b""}
    try:
        for number, _, value in fields(data, len(PREFIX)):
            if isinstance(value, bytes):
                type_meta, raw = (value, raw) if number == 1 else (type_meta, value if number == 2 else raw)
        found |= {number: value for number, _, value in fields(type_meta) if isinstance(value, bytes)}
    except WireError as error:
        raise Unreadable(str(error)) from None
    group, version = document.parse_group_version(found[1].decode("utf-8", "replace"))
    gvk = GroupVersionKind(group, version, found[2].decode("utf-8", "replace"))
    return document.with_defaults(gvk, expected), raw


def _read(raw: bytes, gvk: GroupVersionKind) -> dict[str, Any]:
    found = _type(gvk)
    try:
        obj: dict[str, Any] = normaliser(found)(protobuf_reader.message(found)(raw))
    except Unusual:
        raise Unmarshalable("a value is out of its range") from None
    except (WireError, RecursionError) as error:
        raise Unmarshalable(str(error)) from None
    obj["kind"], obj["apiVersion"] = gvk.kind, gvk.api_version
    return obj


def _type(gvk: GroupVersionKind) -> Type:
    found = type_of(gvk)
    if found is None:
        raise KeyError(gvk)
    return found
