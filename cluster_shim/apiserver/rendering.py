"""Rendering: from an object, a list or an error to the bytes of an answer, in the form that was negotiated.

JSON of stored objects is joined of stored bytes; everything else is decoded first.
"""

from __future__ import annotations

import time
from collections.abc import Iterable, Mapping, Sequence
from typing import Any

import msgspec

from cluster_shim.api.errors import APIError
from cluster_shim.api.resources import Resource
from cluster_shim.apiserver import negotiation
from cluster_shim.apiserver.negotiation import JSON, PROTOBUF, YAML, Output
from cluster_shim.apiserver.registry import objects
from cluster_shim.apiserver.request import Request, Response
from cluster_shim.storage.store import Entry

META_GROUP = "meta.k8s.io"
_encode = msgspec.json.encode
_BROWSERS = ("curl", "Wget", "Mozilla/5.0")


def encoded(document: dict[str, Any], output: Output) -> bytes:
    """Return a document in a media type."""
    if output.media_type == JSON:
        text = _encode(document)
        return (msgspec.json.format(text, indent=2) if output.pretty else text) + b"\n"
    from cluster_shim.api import codec

    return codec.encode_yaml(document) if output.media_type == YAML else codec.encode_protobuf(document)


def entry_response(
    request: Request, resource: Resource, entry: Entry, output: Output, status: int = 200, subresource: str = ""
) -> Response:
    """Return the answer that shows one stored object."""
    if output == negotiation.PLAIN:
        body = objects.wire(entry, resource) + b"\n"
        return Response(status, _pretty(request, body))
    return document_response(request, resource, objects.load(entry, resource), output, status, subresource)


def document_response(
    request: Request,
    resource: Resource,
    document: dict[str, Any],
    output: Output,
    status: int = 200,
    subresource: str = "",
) -> Response:
    """Return the answer that shows one object."""
    if output.transform and document.get("kind") != "Status":
        document = transformed(request, resource, [document], output, None, subresource)
    body = encoded(document, output)
    if output.media_type == JSON and not output.pretty:
        body = _pretty(request, body)
    return Response(status, body, output.media_type)


def transformed(
    request: Request,
    resource: Resource,
    documents: Iterable[dict[str, Any]],
    output: Output,
    metadata: dict[str, Any] | None,
    subresource: str = "",
    headers: bool = True,
) -> dict[str, Any]:
    """Return the Table or the metadata of objects; `metadata` is that of the list, None for a single object."""
    from cluster_shim.api import printers

    version = f"{META_GROUP}/{output.version}"
    if output.transform == "Table":
        include = request.param("includeObject")
        return printers.table(
            resource, documents, time.time(), include, metadata, version, subresource=subresource, headers=headers
        )
    if output.transform == "PartialObjectMetadataList":
        if metadata is None:
            raise _mismatch("PartialObjectMetadataList", "the requested object is not a list", resource, "")
        return printers.partial_list(documents, metadata, version)
    if metadata is not None:
        raise _mismatch("PartialObjectMetadata", "the requested object is a list", resource, "List")
    return printers.partial(next(iter(documents)), version)


def _mismatch(wanted: str, problem: str, resource: Resource, suffix: str) -> APIError:
    from cluster_shim.api.codec.document import internal_name

    name = "unstructured.Unstructured" if resource.custom is not None else internal_name(resource.gvk)
    return APIError(406, "NotAcceptable", f"you requested {wanted}, but {problem} (*{name}{suffix})")


def list_document(resource: Resource, metadata: Mapping[str, Any], items: Sequence[Mapping[str, Any]]) -> Any:
    """Return a list as a document."""
    if resource.custom is not None:
        metadata = {"continue": "", **metadata}  # which upstream leaves out of lists of built-in kinds only
    return {"kind": resource.list_kind, "apiVersion": resource.api_version, "metadata": metadata, "items": items}


def error_response(request: Request, error: APIError) -> Response:
    """Return the Status of an error, in a form that the client takes."""
    media_type = negotiation.for_errors(request.header("accept"))
    body = encoded(error.status, Output(media_type))
    if media_type == JSON:
        body = _pretty(request, body)
    return Response(error.code, body, media_type, headers=list(error.headers))


def is_pretty(request: Request) -> bool:
    """Tell whether JSON goes out with line breaks: if asked for, or if a person seems to read."""
    wish = request.param("pretty")
    if wish:
        return wish.lower() not in ("false", "0")
    return request.header("user-agent").startswith(_BROWSERS)


def _pretty(request: Request, body: bytes) -> bytes:
    if not is_pretty(request):
        return body
    return msgspec.json.format(body, indent=2) + b"\n"


__all__ = [
    "JSON",
    "PROTOBUF",
    "YAML",
    "document_response",
    "encoded",
    "entry_response",
    "error_response",
    "is_pretty",
    "list_document",
    "transformed",
]
