"""What the paths that are no resources need to know of the server, and how they answer."""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

import msgspec

from cluster_shim.api.errors import APIError
from cluster_shim.api.resources import Catalogue
from cluster_shim.apiserver.nonresource.metrics import Metrics
from cluster_shim.apiserver.request import Request, Response

Handler = Callable[[Any, Request], Awaitable[Response]]
"""A handler gets the server, too, which none here needs."""

TEXT = "text/plain; charset=utf-8"
JSON = "application/json"


def _always() -> bool:
    return True


@dataclass
class Site:
    """One server, as far as these paths show it."""

    catalogue: Catalogue
    metrics: Metrics
    address: str = "127.0.0.1:6443"
    """Where clients reach the server: host and port."""
    started: Callable[[], bool] = _always
    """Tells whether everything that exists from the start (roles, namespaces, priorities) is there."""
    store_works: Callable[[], bool] = _always
    shuts_down: Callable[[], bool] = field(default=lambda: False)
    object_counts: Callable[[], Mapping[str, int]] = field(default=dict)
    """How many objects there are, by qualified resource: for the metrics."""
    watches: Callable[[], Mapping[str, int]] = field(default=dict)
    """How many watches are open, by qualified resource."""
    in_flight: Callable[[], tuple[int, int]] = field(default=lambda: (0, 0))
    """How many requests that read and that write are being answered."""
    flags: Mapping[str, str] = field(default_factory=dict)
    """The flags that the server runs with, by name."""
    start_time: float = field(default_factory=time.time)
    more: Mapping[str, Handler] = field(default_factory=dict)
    """Further paths: those of the issuer of tokens."""


def text(body: str, status: int = 200) -> Response:
    """Return a text, as Go's net/http serves it."""
    return Response(status, body.encode(), TEXT, [("X-Content-Type-Options", "nosniff")])


def page_not_found() -> Response:
    """Return what is answered at a path that nobody knows."""
    return text("404 page not found\n", 404)


def wrong_method() -> APIError:
    """Return 405 for a method that a path does not have."""
    return APIError(405, "MethodNotAllowed", "the server does not allow this method on the requested resource", {})


def indented(document: Any) -> Response:
    """Return a document with line breaks, as the paths do whose answers are for people first."""
    return Response(200, msgspec.json.format(msgspec.json.encode(document), indent=2), JSON)
