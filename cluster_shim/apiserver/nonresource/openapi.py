"""OpenAPI over the wire: ``/openapi/v2``, ``/openapi/v3`` and its documents.

A document of v3 is addressed by its hash, so that clients may keep it for good; an old hash leads to the new one. All
documents are made when somebody asks, and again when the catalogue has changed.
"""

from __future__ import annotations

import gzip
import time
from email.utils import formatdate
from hashlib import sha512
from typing import NamedTuple
from urllib.parse import urlencode

import msgspec

from cluster_shim.api import openapi
from cluster_shim.apiserver.nonresource import accept
from cluster_shim.apiserver.nonresource.accept import JSON
from cluster_shim.apiserver.nonresource.site import TEXT, Handler, Site
from cluster_shim.apiserver.request import Request, Response

ROOT = "/openapi/v3/"
PROTOBUF_V2 = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
ASKED_V2 = "application/com.github.proto-openapi.spec.v2@v1.0+protobuf"
"""By this name clients ask, which may not stand in a Content-Type."""

YEAR_SECONDS = 365 * 24 * 3600
GZIP_LEVEL = 6


class Body(NamedTuple):
    """An encoded document."""

    data: bytes
    compressed: bytes
    etag: str

    @classmethod
    def of(cls, data: bytes) -> Body:
        """Return a document with what is derived from it."""
        return cls(data, gzip.compress(data, GZIP_LEVEL, mtime=0), sha512(data).hexdigest().upper())


class OpenAPI:
    """The documents of one server."""

    def __init__(self, site: Site) -> None:
        self.catalogue = site.catalogue
        self._changes = -1
        self._bodies: dict[str, Body] = {}

    def _check(self) -> None:
        if self._changes != self.catalogue.changes:
            self._changes = self.catalogue.changes
            self._bodies = {}

    def v3(self, path: str) -> Body:
        """Return a document of version 3. Raises KeyError if there is none."""
        self._check()
        if path not in self._bodies:
            self._bodies[path] = Body.of(msgspec.json.encode(openapi.v3_document(self.catalogue, path)))
        return self._bodies[path]

    def index(self) -> bytes:
        """Return the list of documents, each with its hash."""
        self._check()
        urls = {
            path: {"serverRelativeURL": f"{ROOT}{path}?{urlencode({'hash': self.v3(path).etag})}"}
            for path in openapi.v3_paths(self.catalogue)
        }
        return msgspec.json.encode({"paths": urls})

    def v2(self, media_type: str) -> Body:
        """Return the document of version 2 in a media type."""
        self._check()
        if media_type not in self._bodies:
            document = openapi.v2_document(self.catalogue)
            data = msgspec.json.encode(document) if media_type == JSON else openapi.v2_protobuf(document)
            self._bodies[media_type] = Body.of(data)
        return self._bodies[media_type]


def handlers(site: Site) -> dict[str, Handler]:
    """Return the handlers of the documents, by path."""
    documents = OpenAPI(site)

    async def v2(_server: object, request: Request) -> Response:
        media_type = _v2_type(request.header("accept"))
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
        if not _takes_json(request.header("accept")):
            return Response(406, b"", "", [("Vary", "Accept")])
        headers = [("Vary", "Accept")]
        if asked := request.param("hash"):
            if asked != body.etag:
                location = ("Location", f"{ROOT}{path}?{urlencode({'hash': body.etag})}")
                return Response(301, b"", JSON, [location, ("ETag", f'"{body.etag}"'), *headers])
            expires = formatdate(time.time() + YEAR_SECONDS, usegmt=True)
            headers += [("Cache-Control", "public, immutable"), ("Expires", expires)]
        return _served(request, body, JSON, headers)

    return {"/openapi/v2": v2, "/openapi/v3": index, ROOT: v3}


def _served(request: Request, body: Body, media_type: str, headers: list[tuple[str, str]]) -> Response:
    headers = [("ETag", f'"{body.etag}"'), *headers]
    if body.etag in request.header("if-none-match"):
        return Response(304, b"", "", headers)
    if "gzip" in request.header("accept-encoding"):
        return Response(200, body.compressed, media_type, [*headers, ("Content-Encoding", "gzip")])
    return Response(200, body.data, media_type, headers)


def _v2_type(header: str) -> str:
    """Return the media type in which a client takes version 2; empty if it takes none."""
    if not header:
        return JSON
    for clause in accept.clauses(header):
        if clause.media_type in (JSON, "application/*", "*/*"):
            return JSON
        if clause.media_type in (PROTOBUF_V2, ASKED_V2):
            return PROTOBUF_V2
    return ""


def _takes_json(header: str) -> bool:
    known = (JSON, "application/*", "*/*")
    return not header or any(clause.media_type in known for clause in accept.clauses(header))
