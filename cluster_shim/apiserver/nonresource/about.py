"""What a server says about itself: ``/version``, the index of paths, ``/statusz``, ``/flagz``."""

from __future__ import annotations

import os
import sys
import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime
from functools import cache
from typing import Any

from cluster_shim.api.discovery import ordered_groups
from cluster_shim.api.errors import not_acceptable
from cluster_shim.api.resources import GroupVersionKind
from cluster_shim.apiserver.nonresource import accept
from cluster_shim.apiserver.nonresource.encoding import encoded
from cluster_shim.apiserver.nonresource.health import ENDPOINTS, checks_of
from cluster_shim.apiserver.nonresource.site import TEXT, Handler, Site, indented, wrong_method
from cluster_shim.apiserver.request import Request, Response

MAJOR, MINOR, COMPATIBLE_MINOR = "1", "36", "35"
RELEASE = f"{MAJOR}.{MINOR}"
STATUS_PATHS = ("/flagz", "/healthz", "/livez", "/metrics", "/readyz", "/statusz", "/version")
ARCHITECTURES = {"x86_64": "amd64", "aarch64": "arm64"}
ZPAGE_TYPES = (accept.JSON, accept.YAML, "text/plain")
ZPAGES_GROUP, ZPAGES_VERSION = "config.k8s.io", "v1beta1"
CAUTION = "Warning: This page is for debugging; its format may change at any time."


@cache
def version_info() -> dict[str, str]:
    """Return what ``/version`` says; the release of Kubernetes whose API is served, the rest as it is."""
    from importlib.metadata import PackageNotFoundError, version

    try:
        own = version("stowage")
    except PackageNotFoundError:  # run from a source tree
        own = "0"
    machine = os.uname().machine
    return {
        "major": MAJOR,
        "minor": MINOR,
        "emulationMajor": MAJOR,
        "emulationMinor": MINOR,
        "minCompatibilityMajor": MAJOR,
        "minCompatibilityMinor": COMPATIBLE_MINOR,
        "gitVersion": f"v{RELEASE}.0+stowage{own}",
        "gitCommit": "",
        "gitTreeState": "",
        "buildDate": "1970-01-01T00:00:00Z",
        "goVersion": f"none (Python {sys.version.split()[0]})",
        "compiler": sys.implementation.name,
        "platform": f"{sys.platform}/{ARCHITECTURES.get(machine, machine)}",
    }


async def version_page(_server: object, request: Request) -> Response:
    """Answer ``/version``."""
    if request.method != "GET":
        raise wrong_method()
    accept.check_router(request.header("accept"), (accept.JSON,))
    return indented(version_info())


def index(site: Site, paths: Callable[[], Iterable[str]]) -> Handler:
    """Return the handler of ``/``: the list of all paths."""

    async def handle(_server: object, _request: Request) -> Response:
        found = {
            path for path in paths() if path in ("/apis/", "/openapi/v3/") or not path.endswith(("/", "index.html"))
        }
        for group in ordered_groups(site.catalogue):
            root = f"/apis/{group.name}" if group.name else "/api"
            found |= {root, *(f"{root}/{version}" for version in group.versions)}
        found |= {f"/{endpoint}/{name}" for endpoint in ENDPOINTS for name in checks_of(endpoint)}
        return indented({"paths": sorted(found)})

    return handle


def statusz(site: Site) -> Handler:
    """Return the handler of ``/statusz``: since when the server runs, and in which version."""

    async def handle(_server: object, request: Request) -> Response:
        started = datetime.fromtimestamp(site.start_time, UTC)
        up = int(time.time() - site.start_time)
        minutes, seconds = divmod(up, 60)
        document = {
            "startTime": started.strftime("%Y-%m-%dT%H:%M:%SZ"),
            "uptimeSeconds": up,
            "goVersion": version_info()["goVersion"],
            "binaryVersion": RELEASE,
            "emulationVersion": RELEASE,
            "paths": list(STATUS_PATHS),
        }
        lines = [
            f"Started: {started:%a %b %e %H:%M:%S} UTC {started:%Y}",
            f"Up: {minutes // 60} hr {minutes % 60:02} min {seconds:02} sec",
            f"Go version: {document['goVersion']}",
            f"Binary version: {RELEASE}",
            f"Emulation version: {RELEASE}",
            f"Paths: {' '.join(STATUS_PATHS)}",
        ]
        return _zpage(request, "Statusz", document, lines)

    return handle


def flagz(site: Site) -> Handler:
    """Return the handler of ``/flagz``: the flags that the server runs with."""

    async def handle(_server: object, request: Request) -> Response:
        flags = dict(sorted(site.flags.items()))
        return _zpage(request, "Flagz", {"flags": flags}, [f"{name}={value}" for name, value in flags.items()])

    return handle


def _zpage(request: Request, kind: str, document: dict[str, Any], lines: list[str]) -> Response:
    wanted = (ZPAGES_GROUP, ZPAGES_VERSION, kind)
    form = _zpage_form(request.header("accept"), wanted)
    if not form.kind:
        page = "\n".join(["", f"apiserver {kind.lower()}", CAUTION, *([""] if kind == "Statusz" else []), *lines, ""])
        return Response(200, page.encode(), TEXT)
    gvk = GroupVersionKind(*wanted)
    whole = {"kind": kind, "apiVersion": gvk.api_version, "metadata": {"name": "apiserver"}, **document}
    body = encoded(whole, form.media_type, pretty=True).rstrip(b"\n")
    return Response(200, body, form.content_type(ZPAGES_GROUP, ZPAGES_VERSION))


def _zpage_form(header: str, wanted: tuple[str, str, str]) -> accept.Form:
    """Return the form of a page: as text without parameters, as a document only with all of them."""
    for clause in accept.clauses(header):
        plain = clause.media_type in ("text/plain", "text/*", "*/*")
        parameters = tuple(clause.parameters.get(name, "") for name in ("g", "v", "as"))
        if plain and parameters == ("", "", ""):
            return accept.Form("text/plain")
        if clause.media_type in ZPAGE_TYPES[:2] and parameters == wanted:
            return accept.Form(clause.media_type, wanted[2])
    if header:
        raise not_acceptable(ZPAGE_TYPES)
    return accept.Form("text/plain")
