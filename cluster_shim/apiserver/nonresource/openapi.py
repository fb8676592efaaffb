"""OpenAPI over the wire: ``/openapi/v2``, ``/openapi/v3`` and its documents.

A document of v3 is addressed by its hash, so that clients may keep it for good; an old hash leads to the new one. All
documents are made when somebody asks, and again when the resources that they tell of have changed.
"""

from __future__ import annotations

import gzip
import time
from collections.abc import Sequence
from email.utils import formatdate
from functools import cached_property
from hashlib import sha512
from urllib.parse import urlencode

import msgspec

from cluster_shim.api import openapi
from cluster_shim.api.resources import Resource
from cluster_shim.apiserver.nonresource import accept
from cluster_shim.apiserver.nonresource.accept import JSON
from cluster_shim.apiserver.nonresource.site import TEXT, Handler, Site
from cluster_shim.apiserver.request import Request, Response

ROOT = "/openapi/v3/"
PROTOBUF = "application/com.github.proto-openapi.spec.{}.v1.0+protobuf"
ASKED = "application/com.github.proto-openapi.spec.{}@v1.0+protobuf"
"""By this name clients ask, which may not stand in a Content-Type."""

YEAR_SECONDS = 365 * 24 * 3600
GZIP_LEVEL = 6


class Body:
    """An encoded document, with what is derived from it."""

    def __init__(self, data: bytes, etag: str = "") -> None:
        self.data = data
        self.etag = etag or sha512(data).hexdigest().upper()

    @cached_property
    def compressed(self) -> bytes:
        """Return the document as gzip."""
        return gzip.compress(self.data, GZIP_LEVEL, mtime=0)


class OpenAPI:
    """The documents of one server."""

    def __init__(self, site: Site) -> None:
        self.catalogue = site.catalogue
        self._changes = -1
        self._v3: dict[str, tuple[Sequence[Resource], Body]] = {}
        self._v3_protobuf: dict[str, Body] = {}
        self._v2: dict[str, Body] = {}
        self._index = b""

    def _check(self) -> None:
        """Forget what the catalogue has overtaken; documents of v3 are looked at one by one."""
        if self._changes != self.catalogue.changes:
            self._changes = self.catalogue.changes
            self._v2, self._index = {}, b""

    def v3(self, path: str) -> Body:
        """Return a document of version 3. Raises KeyError if there is none."""
        resources = self._resources(path)
        kept, body = self._v3.get(path, ((), None))
        if body is None or len(kept) != len(resources) or any(a is not b for a, b in zip(kept, resources, strict=True)):
            body = Body(msgspec.json.encode(openapi.v3_document(self.catalogue, path)))
            self._v3[path] = resources, body
        return body

    def v3_protobuf(self, path: str) -> Body:
        """Return a document of version 3 as protobuf; its tag is that of the JSON. Raises KeyError if there is none."""
        body = self.v3(path)
        kept = self._v3_protobuf.get(path)
        if kept is None or kept.etag != body.etag:
            kept = Body(openapi.v3_protobuf(openapi.v3_document(self.catalogue, path)), body.etag)
            self._v3_protobuf[path] = kept
        return kept

    def _resources(self, path: str) -> Sequence[Resource]:
        """Return the resources that a document is made of."""
        prefix, _, rest = path.partition("/")
        group, _, version = rest.rpartition("/") if prefix == "apis" else ("", "", rest)
        return self.catalogue.in_group(group, version)

    def index(self) -> bytes:
        """Return the list of documents, each with its hash."""
        self._check()
        if not self._index:
            paths = openapi.v3_paths(self.catalogue)
            urls = {path: {"serverRelativeURL": address(path, self.v3(path))} for path in paths}
            self._index = msgspec.json.encode({"paths": urls})
        return self._index

    def v2(self, media_type: str) -> Body:
        """Return the document of version 2 in a media type."""
        self._check()
        if media_type not in self._v2:
            document = openapi.v2_document(self.catalogue)
            self._v2[media_type] = Body(
                msgspec.json.encode(document) if media_type == JSON else openapi.v2_protobuf(document)
            )
        return self._v2[media_type]


def address(path: str, body: Body) -> str:
    """Return the URL of a document: its name and its hash."""
    return f"{ROOT}{path}?{urlencode({'hash': body.etag})}"


def handlers(site: Site) -> dict[str, Handler]:
    """Return the handlers of the documents, by path."""
    documents = OpenAPI(site)

    async def v2(_server: object, request: Request) -> Response:
        media_type = _media_type(request.header("accept"), "v2")
        if not media_type:
            return Response(406, b"", "", [("Vary", "Accept")])
        body = documents.v2(media_type)
        return _served(request, body, media_type, [("Vary", "Accept-Encoding"), ("Vary", "Accept")])

    async def index(_server: object, _request: Request) -> Response:
        return Response(200, documents.index(), TEXT)

    async def v3(_server: object, request: Request) -> Response:
        path = request.path.removeprefix(ROOT)
        try:
            body = documents.v3(path)
        except KeyError:
            return Response(404, b"", "")
        headers = [("Vary", "Accept")]
        media_type = _media_type(request.header("accept"), "v3")
        if not media_type:
            return Response(406, b"", "", headers)
        if asked := request.param("hash"):
            if asked != body.etag:
                location = ("Location", address(path, body))
                return Response(301, b"", JSON, [location, ("ETag", f'"{body.etag}"'), *headers])
            expires = formatdate(time.time() + YEAR_SECONDS, usegmt=True)
            headers += [("Cache-Control", "public, immutable"), ("Expires", expires)]
        return _served(request, body if media_type == JSON else documents.v3_protobuf(path), media_type, headers)

    return {"/openapi/v2": v2, "/openapi/v3": index, ROOT: v3}


def _served(request: Request, body: Body, media_type: str, headers: list[tuple[str, str]]) -> Response:
    headers = [("ETag", f'"{body.etag}"'), *headers]
    if body.etag in request.header("if-none-match"):
        return Response(304, b"", "", headers)
    if "gzip" in request.header("accept-encoding"):
        return Response(200, body.compressed, media_type, [*headers, ("Content-Encoding", "gzip")])
    return Response(200, body.data, media_type, headers)


def _media_type(header: str, version: str) -> str:
    """Return the media type in which a client takes a version of OpenAPI; empty if it takes none."""
    if not header:
        return JSON
    for clause in accept.clauses(header):
        if clause.media_type in (JSON, "application/*", "*/*"):
            return JSON
        if clause.media_type in (PROTOBUF.format(version), ASKED.format(version)):
            return PROTOBUF.format(version)
    return ""
