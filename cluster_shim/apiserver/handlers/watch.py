"""Watch: a stream of changes, from the state of now or from a version on, with bookmarks, until its time is over."""

from __future__ import annotations

import asyncio
import random
import time
from collections.abc import AsyncGenerator, Callable, Iterator, Mapping
from functools import cache
from itertools import islice
from typing import Any

import msgspec

from cluster_shim.api import errors
from cluster_shim.api.resources import GroupVersionKind, Resource
from cluster_shim.api.selectors import FieldTerm
from cluster_shim.api.types import normalise
from cluster_shim.apiserver.handlers.get import parse_version, wait_for
from cluster_shim.apiserver.negotiation import JSON, PROTOBUF, Output, negotiate
from cluster_shim.apiserver.options import ListOptions, list_options
from cluster_shim.apiserver.registry import objects, selectable
from cluster_shim.apiserver.registry.registry import Registry
from cluster_shim.apiserver.registry.selection import Selection, selection
from cluster_shim.apiserver.rendering import transformed
from cluster_shim.apiserver.request import Request, Response
from cluster_shim.apiserver.watching.hub import ADDED, BOOKMARK, ERROR, Change, Encode, Form, Hub, Watcher
from cluster_shim.storage.store import Compacted, Entry, Page

BOOKMARK_SECONDS = 60.0
BOOKMARK_BEFORE_END_SECONDS = 2.0
MIN_TIMEOUT_SECONDS = 1800
AT_ONCE = 500
"""How many events from before a watch began go out in one piece: others are served in between."""
GATHER_SECONDS = 0.002
GATHER_SECONDS_PER_WATCHER = 0.0001
"""How soon after a write to a client the next one may come, at least; longer the more watch: what takes time is the
number of writes, and a hundred watchers of a thousand changes a second would have a hundred thousand."""
GATHER_MAX_SECONDS = 0.05
_END = "k8s.io/initial-events-end"
_encode = msgspec.json.encode


async def watch(registry: Registry, hub: Hub, resource: Resource, request: Request) -> Response:
    """Return a stream of the changes that a request selects."""
    output = negotiate(request.header("accept"), is_custom=resource.custom is not None)
    options = list_options(request)
    selectable.check(resource, options.field_terms)
    if request.info.name:  # of the path, as watches were long ago, or of the field selector
        options.field_terms += (FieldTerm("metadata.name", True, request.info.name),)
    after = parse_version(options.resource_version) if options.resource_version else 0
    # What cannot be shown is refused before the stream begins.
    if output.transform == "Table":
        transformed(request, resource, [], output, {})
    elif output.transform == "PartialObjectMetadataList":
        transformed(request, resource, [], output, None)
    encode = _encoder(resource, request, output)
    key = object() if output.transform == "Table" else output  # columns stand in the first event of each table
    form = hub.form(resource, key, encode)
    stream = _Stream(registry, hub, resource, form, options, lambda error: _frame(ERROR, error.status, output))
    pieces = await stream.opened(_prefix(resource, request), after)
    content_type = JSON if output.media_type == JSON else f"{output.media_type};stream=watch"
    return Response(200, content_type=content_type, stream=pieces)


def _prefix(resource: Resource, request: Request) -> str:
    namespace = request.info.namespace
    return f"{resource.prefix}{namespace}/" if namespace and resource.namespaced else resource.prefix


class _Stream:
    """One watch: where it begins, and what it sends."""

    def __init__(
        self,
        registry: Registry,
        hub: Hub,
        resource: Resource,
        form: Form,
        options: ListOptions,
        error_frame: Callable[[errors.APIError], bytes],
    ) -> None:
        self._registry = registry
        self._hub = hub
        self._resource = resource
        self._form = form
        self._options = options
        self._error_frame = error_frame
        self._seconds = options.timeout_seconds or MIN_TIMEOUT_SECONDS * (1 + random.random())

    async def opened(self, prefix: str, after: int) -> AsyncGenerator[bytes, None]:
        """Find out where to begin: from that revision on nothing is missed."""
        options, store = self._options, self._registry.store
        chosen = selection(self._resource, options)
        page = None
        try:
            if options.send_initial_events:
                await (wait_for(self._registry, after) if after else store.current())
                page = store.range(prefix)
                after = page.revision
            elif after == 0:
                after = await store.current()
            elif self._resource.custom is not None and after < self._resource.custom.revision:
                raise Compacted(self._resource.custom.revision)  # there was no such resource yet
            elif after < store.oldest:
                raise Compacted(store.oldest)
        except errors.APIError as error:
            return _once(self._error_frame(error))
        except Compacted as error:
            return _once(self._too_old(after, error))
        watcher = Watcher(prefix, chosen, self._form, after)
        return self._pieces(watcher, self._initial(page, chosen) if page is not None else iter(()))

    def _too_old(self, after: int, error: Compacted) -> bytes:
        return self._error_frame(errors.expired(f"too old resource version: {after} ({error.oldest})"))

    def _initial(self, page: Page, chosen: Selection | None) -> Iterator[bytes]:
        """Yield the state of now as events, with the bookmark that says so."""
        for each in page.entries:
            if chosen is None or chosen.matches(each):
                yield self._form.frame(ADDED, each)
        if self._options.bookmarks:
            yield self._form.frame(BOOKMARK, self._bookmark(page.revision, {"annotations": {_END: "true"}}))

    def _missed(self, watcher: Watcher) -> Iterator[bytes]:
        """Return what has happened since a watcher was last told something. Raises Compacted."""
        events = self._registry.store.events(watcher.prefix, watcher.after)
        watcher.after = self._registry.store.revision
        return (frame for event in events if (frame := watcher.frame_of(event)) is not None)

    def _bookmark(self, revision: int, metadata: Mapping[str, Any]) -> Entry:
        empty = {} if self._resource.custom is not None else _empty(self._resource.gvk)
        first = {"kind": self._resource.kind, "apiVersion": self._resource.api_version, "metadata": metadata}
        return Entry(
            "", _encode({**first, **{name: each for name, each in empty.items() if name not in first}}), revision, 0
        )

    async def _pieces(self, watcher: Watcher, frames: Iterator[bytes]) -> AsyncGenerator[bytes, None]:
        """Yield what was before now, a part at a time, until there is no more of it; then what comes."""
        deadline = time.monotonic() + self._seconds
        while True:
            while part := list(islice(frames, AT_ONCE)):
                yield b"".join(part)
                await asyncio.sleep(0)
            if watcher.after >= self._registry.store.revision:
                break
            try:
                frames = self._missed(watcher)
            except Compacted as error:
                yield self._too_old(watcher.after, error)
                return
        self._hub.add(self._resource, watcher)
        try:
            sent = time.monotonic()
            bookmark_at = self._next_bookmark(sent, deadline)
            while not watcher.is_ended:  # what waits goes out gathered, with bookmarks in between
                now = time.monotonic()
                if now >= deadline:
                    break
                if now >= bookmark_at:
                    revision = max(watcher.after, self._registry.store.revision)
                    watcher.put(self._form.frame(BOOKMARK, self._bookmark(revision, {})))
                    bookmark_at = self._next_bookmark(now, deadline)
                await watcher.wait(min(deadline, bookmark_at) - now)
                gather = GATHER_SECONDS + GATHER_SECONDS_PER_WATCHER * self._hub.watching
                if (pause := sent + min(gather, GATHER_MAX_SECONDS) - time.monotonic()) > 0:
                    await asyncio.sleep(pause)
                if waiting := watcher.take():
                    yield b"".join(waiting)
                    sent = time.monotonic()
        finally:
            self._hub.remove(self._resource, watcher)

    def _next_bookmark(self, now: float, deadline: float) -> float:
        if not self._options.bookmarks:
            return float("inf")
        before_end = deadline - BOOKMARK_BEFORE_END_SECONDS
        return min(now + BOOKMARK_SECONDS, before_end) if before_end > now else float("inf")


@cache
def _empty(gvk: GroupVersionKind) -> dict[str, Any]:
    """Return an object of a kind without anything in it, as Go writes it: a bookmark is one."""
    return normalise(gvk, {})


async def _once(frame: bytes) -> AsyncGenerator[bytes, None]:
    yield frame


def _frame(kind: str, document: Any, output: Output) -> bytes:
    """Return an event in the media type that was negotiated; a client reads errors in no other either."""
    if output.media_type == JSON:
        return _encode({"type": kind, "object": document}) + b"\n"
    from cluster_shim.api import codec
    from cluster_shim.api.codec.protobuf import watch_frame

    if output.media_type == PROTOBUF:
        return watch_frame(kind, codec.encode_protobuf(document))
    return b"---\n" + codec.encode_yaml({"type": kind, "object": document})


def _encoder(resource: Resource, request: Request, output: Output) -> Encode:
    """Return what makes a frame of a change in the form that was negotiated."""
    if output.media_type == JSON and not output.transform:
        return lambda change: (
            b'{"type":"%b","object":%b}\n'
            % (
                change.type.encode(),
                objects.wire(change.entry, resource),
            )
        )
    is_first = True

    def document_of(change: Change) -> Any:
        nonlocal is_first
        document = objects.load(change.entry, resource)
        if output.transform:
            document = transformed(request, resource, [document], output, None, headers=is_first)
            is_first = False
        return document

    return lambda change: _frame(change.type, document_of(change), output)
