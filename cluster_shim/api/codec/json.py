"""JSON bodies into objects, and objects into JSON.

Nearly every body takes the fast way: msgspec parses it, the compiled normaliser finds nothing unusual, and counting the
keys shows that none is repeated. Everything else is scanned and unmarshalled again as Go does it.
"""

from __future__ import annotations

import re
from functools import cache
from typing import Any

import msgspec

from cluster_shim.api.codec import document
from cluster_shim.api.codec.document import Decoded, Unreadable
from cluster_shim.api.codec.scanner import Malformed, scan
from cluster_shim.api.codec.unmarshal import Unmarshalable, unmarshal, unmarshal_any
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.api.types import Type, Unusual, normaliser, type_of
from cluster_shim.api.types.normalise import Normaliser

_parse = msgspec.json.Decoder().decode
_write = msgspec.json.Encoder().encode
COLON = b'":'
_QUOTED_COLON = b'\\":'
_ESCAPED_COLON = b'\\\\":'
_SPACED_COLON = re.compile(rb'"[ \t\r\n]+:')


def decode(data: bytes, expected: GroupVersionKind, strict: bool = True) -> Decoded:
    """Return the object of a body that the path demands to be of a kind. Raise APIError (400)."""
    kind, api_version, normalise = _expected(expected)
    try:
        parsed = _parse(data)
        if parsed["kind"] == kind and parsed["apiVersion"] == api_version:
            obj = normalise(parsed)
            if not strict or not repeats_keys(data, parsed):
                return Decoded(obj, expected, [])
    except (ValueError, KeyError, TypeError, Unusual, RecursionError):
        pass  # the exact way knows what is wrong, if anything is
    return typed_from(_scan(data, expected), data, expected, [])


def decode_any(data: bytes, expected: GroupVersionKind) -> Decoded:
    """Return the object of a body of a kind that has no type here (a custom resource). Raise APIError (400).

    Whole numbers stay integers; the only complaints are of repeated keys.
    """
    return any_from(_scan(data, expected), data, expected, [])


def _scan(data: bytes, expected: GroupVersionKind) -> Any:
    try:
        return scan(data)
    except Malformed as error:
        raise document.unrecognized(expected, str(document.malformed(str(error))), data) from None


def decode_into(data: bytes, gvk: GroupVersionKind) -> Decoded:
    """Return an object of a kind; what the body says of its kind does not matter. Raise Unreadable, Unmarshalable."""
    try:
        scanned = scan(data)
    except Malformed as error:
        raise document.malformed(str(error)) from None
    return into_from(scanned, gvk)


def into_from(scanned: Any, gvk: GroupVersionKind) -> Decoded:
    """Return an object of a kind from a document. Raise Unreadable, Unmarshalable."""
    found = _type(gvk)
    named = document.with_defaults(document.interpret(scanned), gvk)
    obj, strict_errors = unmarshal(scanned, found)
    return Decoded(_finish(obj, gvk, found), named, strict_errors)


def from_parsed(parsed: Any, gvk: GroupVersionKind) -> Decoded:
    """Return the object of a document that is parsed already (the result of a patch). Raise Unmarshalable."""
    found = _type(gvk)
    try:
        return Decoded(_named(normaliser(found)(parsed), gvk), gvk, [])
    except (Unusual, RecursionError):
        obj, strict_errors = unmarshal(parsed, found)
        return Decoded(_finish(obj, gvk, found), gvk, strict_errors)


def encode(obj: Any, pretty: bool = False) -> bytes:
    """Return an object as JSON, with the line break at the end that upstream writes."""
    data = _write(obj)
    return (msgspec.json.format(data, indent=2) if pretty else data) + b"\n"


def repeats_keys(data: bytes, parsed: Any) -> bool:
    """Say whether an object in a document may have a key twice: when in doubt, it may.

    A key ends with a quotation mark and a colon, and so does nothing else but an escaped quotation mark within a text.
    What was parsed, written again without spaces, has as many of them as there are different keys.
    """
    again = _write(parsed)
    if data.count(COLON) != again.count(COLON):
        return True
    if b"\\" in data and (data.count(_QUOTED_COLON) != again.count(_QUOTED_COLON) or _ESCAPED_COLON in data):
        return True
    return has_spaced_colons(data) and _SPACED_COLON.search(data) is not None


def has_spaced_colons(data: bytes) -> bool:
    """Say whether there may be a space between a key and its colon."""
    return b" :" in data or b"\t:" in data or b"\n:" in data or b"\r:" in data


@cache
def _expected(gvk: GroupVersionKind) -> tuple[str, str, Normaliser]:
    return gvk.kind, gvk.api_version, normaliser(_type(gvk))


def _type(gvk: GroupVersionKind) -> Type:
    found = type_of(gvk)
    if found is None:
        raise KeyError(gvk)
    return found


def typed_from(scanned: Any, data: bytes, expected: GroupVersionKind, complaints: list[str]) -> Decoded:
    """Return the object of a document that the path demands to be of a kind. Raise APIError (400)."""
    gvk = _interpret(scanned, data, expected)
    document.check_registered(gvk, expected, data)
    found = type_of(gvk)
    if found is None:
        raise document.other_kind(gvk, expected)
    try:
        obj, strict_errors = unmarshal(scanned, found)
        document.check_kind(gvk, expected)
        return Decoded(_finish(obj, gvk, found), gvk, complaints + strict_errors)
    except Unmarshalable as error:
        raise document.unhandled(gvk, expected, str(error)) from None


def any_from(scanned: Any, data: bytes, expected: GroupVersionKind, complaints: list[str]) -> Decoded:
    """Return the object of a document of a kind that has no type here. Raise APIError (400)."""
    gvk = _interpret(scanned, data, expected)
    try:
        obj, strict_errors = unmarshal_any(scanned)
    except Unmarshalable as error:
        raise document.unhandled(gvk, expected, str(error)) from None
    return Decoded(obj or {}, gvk, complaints + strict_errors)


def _interpret(scanned: Any, data: bytes, expected: GroupVersionKind) -> GroupVersionKind:
    try:
        return document.with_defaults(document.interpret(scanned), expected)
    except Unreadable as error:
        raise document.unrecognized(expected, str(error), data) from None


def _finish(obj: dict[str, Any], gvk: GroupVersionKind, found: Type) -> dict[str, Any]:
    try:
        return _named(normaliser(found)(obj), gvk)
    except RecursionError:
        raise Unmarshalable("exceeded max depth") from None


def _named(obj: dict[str, Any], gvk: GroupVersionKind) -> dict[str, Any]:
    obj["kind"], obj["apiVersion"] = gvk.kind, gvk.api_version
    return obj
