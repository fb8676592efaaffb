"""Metrics of the server: counted in plain dicts while requests run, turned into Prometheus' text when asked.

The names are upstream's where a number means the same. A finished request costs two dict updates.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter, defaultdict
from typing import NamedTuple

from cluster_shim.api.resources import Catalogue
from cluster_shim.apiserver.request import Request

DURATION_BOUNDS_SECONDS = (
    0.005, 0.025, 0.05, 0.1, 0.2, 0.4, 0.6, 0.8, 1, 1.25, 1.5, 2, 3, 4, 5, 6, 8, 10, 15, 20, 30, 45, 60,
)  # fmt: skip
MUTATING = frozenset(("create", "update", "patch", "delete", "deletecollection", "post", "put"))
PATHS = ("/healthz", "/livez", "/readyz", "/version", "/metrics")
METHODS = frozenset(("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"))
VERBS = {"deletecollection": "DELETECOLLECTION", "create": "POST", "update": "PUT", "proxy": "CONNECT"}


class Kind(NamedTuple):
    """What requests are told apart by: the labels of upstream's metrics, in its order."""

    dry_run: str
    group: str
    resource: str
    scope: str
    subresource: str
    verb: str
    version: str


class Histogram:
    """How many values lie below each bound, and their sum."""

    __slots__ = ("counts", "total")

    def __init__(self) -> None:
        self.counts = [0] * (len(DURATION_BOUNDS_SECONDS) + 1)
        self.total = 0.0

    def add(self, seconds: float) -> None:
        """Count a value."""
        self.counts[bisect_left(DURATION_BOUNDS_SECONDS, seconds)] += 1
        self.total += seconds


class Metrics:
    """The numbers of one server that it cannot read off itself."""

    def __init__(self, catalogue: Catalogue) -> None:
        self._catalogue = catalogue
        self.requests: Counter[tuple[Kind, int]] = Counter()
        """Requests that were answered, by what they are told apart by and by status."""
        self.durations: defaultdict[Kind, Histogram] = defaultdict(Histogram)
        """How long requests took; watches are not here."""
        self._kinds: dict[tuple[str | bool, ...], Kind] = {}

    def finished(self, request: Request, status: int, seconds: float) -> None:
        """Count a request that has been answered."""
        info = request.info
        named = (
            info.verb,
            info.group,
            info.version,
            info.resource,
            info.subresource,
            not info.name,
            not info.namespace,
        )
        kind = self._kinds.get(named) if info.is_resource and not request.query else None
        if kind is None:
            kind = kind_of(request, self._catalogue)
            if info.is_resource and not request.query and kind.resource:
                self._kinds[named] = kind  # as many as there are resources, and a few more for each
        self.requests[kind, status] += 1
        if kind.verb != "WATCH":
            self.durations[kind].add(seconds)

    def _kind(self, request: Request) -> Kind:
        """Return what a request is counted as, remembered for those that name a resource and nothing unusual."""
        info = request.info
        if not info.is_resource or request.query:
            return kind_of(request, self._catalogue)
        place = (bool(info.name), bool(info.namespace))
        named = (info.verb, info.group, info.version, info.resource, info.subresource, *place)
        kind = self._kinds.get(named)
        if kind is None:
            kind = kind_of(request, self._catalogue)
            if kind.resource:  # of others there is no end
                self._kinds[named] = kind
        return kind


def kind_of(request: Request, catalogue: Catalogue) -> Kind:
    """Return what a request is counted as; whatever it names that there is not is left out, or kinds had no end."""
    info = request.info
    if not info.is_resource:
        path = next((each for each in PATHS if info.path == each or info.path.startswith(f"{each}/")), "")
        return Kind("", "", "", "", path, request.method if request.method in METHODS else "", "")
    resource = catalogue.find(info.group, info.version, info.resource)
    if resource is None or (info.subresource and info.subresource not in resource.subresources):
        return Kind("", "", "", "", "", VERBS.get(info.verb) or info.verb.upper(), "")
    dry_run = "All" if info.verb in MUTATING and request.param("dryRun") == "All" else ""
    scope = "resource" if info.name else "namespace" if info.namespace else "cluster"
    verb = VERBS.get(info.verb) or info.verb.upper()
    return Kind(dry_run, info.group, info.resource, scope, info.subresource, verb, info.version)
