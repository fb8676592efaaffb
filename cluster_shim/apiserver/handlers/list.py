"""List: objects of a resource, by selectors, in pages, at a version. Big lists go out in pieces."""

from __future__ import annotations

import asyncio
import base64
import binascii
import posixpath
from collections.abc import AsyncGenerator, Sequence
from typing import Any, NamedTuple

import msgspec

from cluster_shim.api import errors, fields
from cluster_shim.api.resources import Resource
from cluster_shim.apiserver.handlers.get import parse_version, wait_for
from cluster_shim.apiserver.negotiation import JSON, Output, negotiate
from cluster_shim.apiserver.options import EXACT, ListOptions, list_options
from cluster_shim.apiserver.registry import objects, selectable
from cluster_shim.apiserver.registry.registry import Registry
from cluster_shim.apiserver.registry.selection import Selection, selection
from cluster_shim.apiserver.rendering import encoded, is_pretty, list_document, transformed
from cluster_shim.apiserver.request import Request, Response
from cluster_shim.storage.store import Compacted, Entry, FutureRevision

STREAM_ABOVE = 500
"""Items; a longer list is sent in pieces, so that others are served in between."""


class Listing(NamedTuple):
    """A part of a list."""

    entries: list[Entry]
    metadata: dict[str, Any]


async def list_(registry: Registry, resource: Resource, request: Request) -> Response:
    """Return the objects that a request selects."""
    output = negotiate(request.header("accept"), is_custom=resource.custom is not None)
    options = list_options(request)
    selectable.check(resource, options.field_terms)
    listing = await listed(registry, resource, request.info.namespace, options)
    return rendered(request, resource, listing, output)


async def listed(registry: Registry, resource: Resource, namespace: str, options: ListOptions) -> Listing:
    """Return a page of a list. Raises APIError 400, 410, 504."""
    prefix = f"{resource.prefix}{namespace}/" if namespace else resource.prefix
    revision, start = await _where(registry, resource, options)
    wanted = selection(resource, options)
    limit = 0 if options.resource_version == "0" else max(options.limit, 0)
    name = next((each.value for each in options.field_terms if each.field == "metadata.name" and each.equal), None)
    try:
        if wanted is None:
            page = registry.store.range(prefix, start, limit, revision)
            return _listing(resource, page.entries, page.revision, page.remaining, True)
        if name is not None and revision == 0 and (namespace or not resource.namespaced):
            found = registry.store.get(prefix + name)
            chosen = [found] if found is not None and wanted.matches(found) else []
            return _listing(resource, chosen, registry.store.revision, 0, False)
        page = registry.store.range(prefix, start, 0, revision)
        return _selected(resource, page.entries, page.revision, wanted, limit)
    except Compacted:
        raise _expired(options) from None
    except FutureRevision as error:
        raise errors.too_large_resource_version(revision, error.current) from None


def _selected(resource: Resource, entries: Sequence[Entry], revision: int, wanted: Selection, limit: int) -> Listing:
    chosen: list[Entry] = []
    for position, each in enumerate(entries):
        if wanted.matches(each):
            chosen.append(each)
            if len(chosen) == limit:
                return _listing(resource, chosen, revision, len(entries) - position - 1, False)
    return _listing(resource, chosen, revision, 0, False)


def _listing(resource: Resource, entries: list[Entry], revision: int, remaining: int, counted: bool) -> Listing:
    metadata: dict[str, Any] = {"resourceVersion": str(revision)}
    if remaining:
        metadata["continue"] = _token(entries[-1].key.removeprefix(resource.prefix) + "\0", revision)
        if counted:
            metadata["remainingItemCount"] = remaining
    return Listing(entries, metadata)


async def _where(registry: Registry, resource: Resource, options: ListOptions) -> tuple[int, str]:
    """Return at which revision to read (0: now), and from which key on."""
    if options.continue_token:
        start, revision = _parse_token(options.continue_token)
        if options.resource_version not in ("", "0"):
            raise errors.bad_request("specifying resource version is not allowed when using continue")
        if revision < 0:
            await registry.store.current()
        return max(revision, 0), resource.prefix + start
    if not options.resource_version:
        await registry.store.current()
        return 0, ""
    try:
        version = parse_version(options.resource_version)
    except errors.APIError as error:
        raise errors.bad_request(f"invalid resource version: {error.message}") from None
    await wait_for(registry, version)
    if options.match == EXACT or (not options.match and options.limit > 0 and version > 0):
        return version, ""
    return 0, ""


def _token(start: str, revision: int) -> str:
    token = msgspec.json.encode({"v": "meta.k8s.io/v1", "rv": revision, "start": start})
    return base64.urlsafe_b64encode(token).rstrip(b"=").decode()


def _parse_token(text: str) -> tuple[str, int]:
    """Return key and revision of a continue token. Raises APIError 400."""
    try:
        return _checked_token(text)
    except ValueError as error:
        raise errors.bad_request(f"invalid continue token: continue key is not valid: {error}") from None


def _checked_token(text: str) -> tuple[str, int]:
    token = _decoded_token(text)
    if token.get("v") != "meta.k8s.io/v1":
        raise errors.bad_request(
            "invalid continue token: continue key is not valid: server does not recognize this encoded version "
            f"{token.get('v', '')}"
        )
    start, revision = token.get("start", ""), token.get("rv", 0)
    if not isinstance(start, str) or not isinstance(revision, int):
        raise ValueError("json: cannot unmarshal into Go value of type storage.continueToken")
    if not revision:
        raise ValueError("incorrect encoded start resourceVersion (version meta.k8s.io/v1)")
    if not start:
        raise ValueError("encoded start key empty (version meta.k8s.io/v1)")
    key = start if start.startswith("/") else f"/{start}"
    if posixpath.normpath(key) != key:
        raise ValueError(start)
    return key[1:], revision


def _decoded_token(text: str) -> dict[str, Any]:
    for position, character in enumerate(text):
        if not (character.isascii() and (character.isalnum() or character in "-_")):
            raise ValueError(f"illegal base64 data at input byte {position}")
    if len(text) % 4 == 1:
        raise ValueError(f"illegal base64 data at input byte {len(text) - 1}")
    try:
        raw = base64.urlsafe_b64decode(text + "=" * (-len(text) % 4))
    except binascii.Error:
        raise ValueError("illegal base64 data at input byte 0") from None
    try:
        token = msgspec.json.decode(raw)
    except (msgspec.DecodeError, UnicodeDecodeError):
        first = raw.lstrip(b" \t\r\n")[:1]
        shown = fields.quoted(first.decode("latin-1")).replace('"', "'").replace("\\x", "\\u00") if first else ""
        raise ValueError(f"invalid character {shown} looking for beginning of value") from None
    if not isinstance(token, dict):
        raise ValueError("json: cannot unmarshal into Go value of type storage.continueToken")
    return token


def _expired(options: ListOptions) -> errors.APIError:
    if not options.continue_token:
        return errors.expired("The resourceVersion for the provided list is too old.")
    token = _token(_parse_token(options.continue_token)[0], -1)
    message = (
        "The provided continue parameter is too old to display a consistent list result. You can start a new list "
        "without the continue parameter, or use the continue token in this response to retrieve the remainder of the "
        "results. Continuing with the provided token results in an inconsistent list - objects that were created, "
        "modified, or deleted between the time the first chunk was returned and now may show up in the list."
    )
    return errors.expired(message, token)


def rendered(request: Request, resource: Resource, listing: Listing, output: Output) -> Response:
    """Return the answer that shows a list; a long one is sent in pieces."""
    entries, metadata = listing
    if output.media_type == JSON and not output.transform and not is_pretty(request) and not output.pretty:
        head = msgspec.json.encode(list_document(resource, metadata, []))[:-2]  # without ]}
        if len(entries) <= STREAM_ABOVE:
            return Response(200, b"%b%b]}\n" % (head, b",".join([objects.item(each, resource) for each in entries])))
        return Response(200, stream=_pieces(head, entries, resource))
    documents = [objects.load(each, resource) for each in entries]
    if output.transform:
        document = transformed(request, resource, documents, output, metadata)
    else:
        if resource.custom is None:
            for each in documents:
                del each["kind"], each["apiVersion"]
        document = list_document(resource, metadata, documents)
    if is_pretty(request):
        output = output._replace(pretty=True)
    return Response(200, encoded(document, output), output.media_type)


async def _pieces(head: bytes, entries: Sequence[Entry], resource: Resource) -> AsyncGenerator[bytes, None]:
    lead = head
    for start in range(0, len(entries), STREAM_ABOVE):
        part = b",".join([objects.item(each, resource) for each in entries[start : start + STREAM_ABOVE]])
        yield lead + part
        lead = b","
        await asyncio.sleep(0)
    yield b"]}\n"
