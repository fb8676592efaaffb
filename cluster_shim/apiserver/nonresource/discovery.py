"""Discovery over the wire: ``/api``, ``/apis`` and what lies below them and is no resource.

Documents are made anew only when the catalogue changes, and kept as bytes.
"""

from __future__ import annotations

from collections.abc import Callable
from hashlib import sha512
from typing import Any

from cluster_shim.api import discovery, errors
from cluster_shim.apiserver.nonresource import accept
from cluster_shim.apiserver.nonresource.encoding import encoded, is_pretty
from cluster_shim.apiserver.nonresource.site import Handler, Site, page_not_found, wrong_method
from cluster_shim.apiserver.request import Request, Response

AGGREGATED = ("apidiscovery.k8s.io", "v2", "APIGroupDiscoveryList")

Json = dict[str, Any]


class Discovery:
    """The documents of one server, encoded."""

    def __init__(self, site: Site) -> None:
        self.site = site
        self._changes = -1
        self._documents: dict[str, Json] = {}
        self._bodies: dict[tuple[str, str, bool], bytes] = {}
        self._etags: dict[str, str] = {}

    def document(self, name: str, make: Callable[[], Json]) -> Json:
        """Return a document by its name; it is made if the catalogue has changed since it was."""
        if self._changes != self.site.catalogue.changes:
            self._changes = self.site.catalogue.changes
            self._documents, self._bodies, self._etags = {}, {}, {}
        if name not in self._documents:
            self._documents[name] = make()
        return self._documents[name]

    def response(self, request: Request, name: str, make: Callable[[], Json], media_type: str) -> Response:
        """Return a document in a media type."""
        document = self.document(name, make)
        key = name, media_type, is_pretty(request)
        if key not in self._bodies:
            self._bodies[key] = encoded(document, *key[1:])
        return Response(200, self._bodies[key], media_type)

    def aggregated(self, request: Request, core: bool, form: accept.Form) -> Response:
        """Return the aggregated document, or 304 if the client has it."""
        name = f"aggregated/{core}"

        def make() -> Json:
            return discovery.aggregated(self.site.catalogue, core)

        self.document(name, make)  # forgets old tags first
        if name not in self._etags:
            body = self.response(Request("GET", request.path), name, make, accept.JSON).body
            self._etags[name] = f'"{sha512(body).hexdigest().upper()}"'
        headers = [("ETag", self._etags[name]), ("Vary", "Accept"), ("Cache-Control", "public")]
        if request.header("if-none-match") == self._etags[name]:
            return Response(304, b"", "", headers)
        response = self.response(request, name, make, form.media_type)
        response.content_type = form.content_type(*AGGREGATED[:2])
        response.headers = headers
        return response


def handlers(site: Site) -> dict[str, Handler]:
    """Return the handlers of discovery, by path."""
    documents = Discovery(site)
    return {
        "/api": _root(documents, core=True),
        "/api/": _below_api(documents),
        "/apis": _root(documents, core=False),
        "/apis/": _below_apis(documents),
    }


def _root(documents: Discovery, core: bool) -> Handler:
    site = documents.site

    async def handle(_server: object, request: Request) -> Response:
        wanted = request.header("accept")
        if core:
            if request.method != "GET":
                raise wrong_method()
            accept.check_router(wanted)
        form = accept.form(wanted, as_=AGGREGATED)
        if form.kind:
            return documents.aggregated(request, core, form)
        if core:
            return documents.response(request, "api", lambda: discovery.api_versions(site.address), form.media_type)
        return documents.response(request, "apis", lambda: discovery.api_group_list(site.catalogue), form.media_type)

    return handle


def _below_api(documents: Discovery) -> Handler:
    root = _root(documents, core=True)

    async def handle(server: object, request: Request) -> Response:
        version = request.path.removeprefix("/api").strip("/")
        return _version(documents, request, "", version) if version else await root(server, request)

    return handle


def _below_apis(documents: Discovery) -> Handler:
    root = _root(documents, core=False)
    catalogue = documents.site.catalogue

    async def handle(server: object, request: Request) -> Response:
        group, _, version = request.path.removeprefix("/apis").strip("/").partition("/")
        if not group:
            return await root(server, request)
        if version:
            return _version(documents, request, group, version)
        if discovery.api_group(catalogue, group) is None:
            return page_not_found()
        form = accept.form(request.header("accept"))

        def make() -> Json:
            return _known(discovery.api_group(catalogue, group))

        return documents.response(request, group, make, form.media_type)

    return handle


def _version(documents: Discovery, request: Request, group: str, version: str) -> Response:
    """Return the document of a group and version. Built-in groups go through upstream's router, the others do not."""
    catalogue = documents.site.catalogue
    built_in = any(each.group == group and each.custom is None for each in catalogue)
    if not catalogue.in_group(group, version):
        if built_in:
            raise errors.unknown_path()
        return page_not_found()
    if built_in:
        if request.method != "GET":
            raise wrong_method()
        accept.check_router(request.header("accept"))
    form = accept.form(request.header("accept"))
    return documents.response(
        request,
        f"{group}/{version}",
        lambda: _known(discovery.api_resource_list(catalogue, group, version)),
        form.media_type,
    )


def _known(document: Json | None) -> Json:
    assert document is not None, "looked up before"
    return document
