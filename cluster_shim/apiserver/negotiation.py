"""Negotiation: in which form an answer goes out, by the Accept header; errors of Accept in upstream's words.

There are two gates, as upstream has them: the router wants one known media type (`*/*` counts, `application/*` does
not), then the serializer wants one whose `as`, `g` and `v` it can serve.
"""

from __future__ import annotations

from typing import NamedTuple

from cluster_shim.api.errors import APIError, not_acceptable
from cluster_shim.api.remembered import remembered

JSON, YAML, PROTOBUF = "application/json", "application/yaml", "application/vnd.kubernetes.protobuf"
MEDIA_TYPES = (JSON, YAML, PROTOBUF)
_TRANSFORMS = ("Table", "PartialObjectMetadata", "PartialObjectMetadataList")
_META_VERSIONS = ("v1", "v1beta1")


class Output(NamedTuple):
    """The form of an answer."""

    media_type: str = JSON
    transform: str = ""
    """Table, PartialObjectMetadata, PartialObjectMetadataList, or nothing: the object itself."""
    version: str = ""
    """Of the transform's group: v1 or v1beta1."""
    pretty: bool = False


class _Clause(NamedTuple):
    type: str
    subtype: str
    quality: float
    params: tuple[tuple[str, str], ...]


PLAIN = Output()


def negotiate(accept: str, is_custom: bool = False, has_table: bool = True) -> Output:
    """Return the form that an Accept header asks for. Raises APIError 406.

    There is no protobuf of custom resources, but of their metadata there is. What is an answer and no object has no
    table.
    """
    if not accept or accept in ("*/*", JSON):
        return PLAIN
    return _negotiated(accept, is_custom, has_table)


@remembered(1024)
def _negotiated(accept: str, is_custom: bool, has_table: bool) -> Output:
    _check_router(accept)
    clauses = _clauses(accept)
    for clause in clauses:
        media_type = _media_type(clause)
        if not media_type:
            continue
        found = _output(media_type, dict(clause.params))
        if found is None or (found.transform == "Table" and not has_table):
            continue
        if found.media_type != PROTOBUF or not _is_without_protobuf(found, is_custom):
            return found
    if not clauses:
        return PLAIN
    raise not_acceptable(MEDIA_TYPES)


def _check_router(accept: str) -> None:
    for part in accept.split(","):
        media_type = part.split(";", 1)[0].strip()
        if media_type == "*/*" or media_type in MEDIA_TYPES:
            return
    listed = ", ".join(MEDIA_TYPES)
    message = f"406: Not Acceptable\n\nAvailable representations: {listed}"
    raise APIError(406, "NotAcceptable", message, {})


def _clauses(accept: str) -> list[_Clause]:
    """Return what a client takes, best first: by quality, then by how specific it is, then in its order."""
    found = []
    for part in accept.split(","):
        media_type, *params = (piece.strip() for piece in part.split(";"))
        main, slash, sub = media_type.partition("/")
        if not slash and media_type != "*":
            continue
        quality = 1.0
        pairs = []
        for param in params:
            key, _, value = param.partition("=")
            if key == "q":
                try:
                    quality = float(value)
                except ValueError:
                    quality = 1.0
            else:
                pairs.append((key, value))
        found.append(_Clause(main, sub if slash else "*", quality, tuple(pairs)))
    return sorted(found, key=lambda each: (-each.quality, each.type == "*", each.subtype == "*"))


def _media_type(clause: _Clause) -> str:
    if clause.type == "*" and clause.subtype == "*":
        return MEDIA_TYPES[0]
    for each in MEDIA_TYPES:
        main, _, sub = each.partition("/")
        if clause.type == main and clause.subtype in (sub, "*"):
            return each
    return ""


def _output(media_type: str, params: dict[str, str]) -> Output | None:
    transform, group, version = params.get("as", ""), params.get("g", ""), params.get("v", "")
    if transform:
        if transform not in _TRANSFORMS or group != "meta.k8s.io" or version not in _META_VERSIONS:
            return None
    elif group or version:
        return None
    return Output(media_type, transform, version, params.get("pretty") == "1")


def _is_without_protobuf(output: Output, is_custom: bool) -> bool:
    return output.transform == "Table" or (is_custom and not output.transform)


@remembered(1024)
def for_errors(accept: str) -> str:
    """Return the media type of an error: what Accept asks for without `as`, which no error has; JSON if nothing is."""
    for clause in _clauses(accept):
        media_type = _media_type(clause)
        if media_type and not {"as", "g", "v"} & dict(clause.params).keys():
            return media_type
    return JSON
