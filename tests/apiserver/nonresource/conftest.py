"""A site with all built-in resources, and how the tests ask it: without a socket, by the table of paths."""

from __future__ import annotations

import asyncio
from collections.abc import Callable

import msgspec
import pytest

from cluster_shim.api.errors import APIError
from cluster_shim.api.resources import Catalogue, built_in
from cluster_shim.apiserver.nonresource import Metrics, Site, paths
from cluster_shim.apiserver.nonresource.site import page_not_found
from cluster_shim.apiserver.request import Request, Response

Ask = Callable[..., Response]


@pytest.fixture
def site() -> Site:
    """Return a site with all built-in resources."""
    catalogue, flags = Catalogue(built_in()), {"v": "2", "etcd": ""}
    return Site(catalogue, Metrics(catalogue), address="192.0.2.10:6443", start_time=0, flags=flags)


@pytest.fixture
def ask(site: Site) -> Ask:
    """Return a function that gives the answer to a request: ``ask("/healthz?verbose", accept="text/plain")``."""
    table = paths(site)

    def answer(url: str, method: str = "GET", **headers: str) -> Response:
        path, _, query = url.partition("?")
        pairs = [(key, value) for key, _, value in (part.partition("=") for part in query.split("&") if part)]
        request = Request(method, path, pairs, [(key.replace("_", "-"), value) for key, value in headers.items()])
        handler = table.get(path) or (table.get(path.rstrip("/")) if path.endswith("/") else None)
        below = path
        while handler is None and below.count("/") > 1:
            below = below[: below.rfind("/", 0, len(below) - 1) + 1]
            handler = table.get(below)
        if handler is None:
            return page_not_found()
        try:
            return asyncio.run(_await(handler(None, request)))
        except APIError as error:
            return Response(error.code, msgspec.json.encode(error.status))

    async def _await(answer: object) -> Response:
        response = await answer  # type: ignore[misc]
        assert isinstance(response, Response)
        return response

    return answer
