"""``/metrics`` and ``/metrics/slis``: the numbers of metrics.py in Prometheus' text format."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable, Iterator
from itertools import accumulate
from typing import TYPE_CHECKING

from cluster_shim.apiserver.nonresource.about import version_info
from cluster_shim.apiserver.nonresource.health import ENDPOINTS, checks_of, passes
from cluster_shim.apiserver.nonresource.metrics import DURATION_BOUNDS_SECONDS, Histogram, Kind
from cluster_shim.apiserver.nonresource.site import Handler, Site
from cluster_shim.apiserver.request import Request, Response

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry
    from prometheus_client.core import Metric

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8; escaping=underscores"
COMPONENT = "apiserver"
LABELS = ("component", *Kind._fields)


def metrics_page(site: Site) -> Handler:
    """Return the handler of ``/metrics``."""
    found: list[CollectorRegistry] = []

    async def handle(_server: object, _request: Request) -> Response:
        if not found:
            found.append(_registry(site))
        return await _exposed(found[0])

    return handle


def slis_page(site: Site) -> Handler:
    """Return the handler of ``/metrics/slis``: the health checks as numbers."""

    async def handle(_server: object, _request: Request) -> Response:
        from prometheus_client import CollectorRegistry, Gauge

        registry = CollectorRegistry(auto_describe=False)
        gauge = Gauge("kubernetes_healthcheck", "Whether a health check passes.", ("name", "type"), registry=registry)
        for endpoint in ENDPOINTS:
            for name in checks_of(endpoint):
                gauge.labels(name, endpoint).set(passes(site, name))
        return await _exposed(registry)

    return handle


class _Collected:
    """Numbers that do not change any more."""

    def __init__(self, metrics: list[Metric]) -> None:
        self._metrics = metrics

    def collect(self) -> Iterable[Metric]:
        """Return every metric once."""
        return self._metrics


async def _exposed(registry: CollectorRegistry) -> Response:
    """Collect here, where nothing changes meanwhile, and write in a thread: that takes up to a second."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.exposition import generate_latest

    collected = CollectorRegistry(auto_describe=False)
    collected.register(_Collected(list(registry.collect())))
    return Response(200, await asyncio.to_thread(generate_latest, collected), CONTENT_TYPE)


def _registry(site: Site) -> CollectorRegistry:
    """Return the numbers of a site as Prometheus' library wants them; it costs 30 ms, so only who asks pays."""
    from prometheus_client import CollectorRegistry
    from prometheus_client.gc_collector import GCCollector
    from prometheus_client.platform_collector import PlatformCollector
    from prometheus_client.process_collector import ProcessCollector

    registry = CollectorRegistry(auto_describe=False)
    ProcessCollector(registry=registry)
    PlatformCollector(registry=registry)
    GCCollector(registry=registry)
    registry.register(_Collector(site))
    return registry


class _Collector:
    """Reads the numbers of a site."""

    def __init__(self, site: Site) -> None:
        self.site = site

    def collect(self) -> Iterator[Metric]:
        """Yield every metric once."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily

        site, metrics = self.site, self.site.metrics
        requests = CounterMetricFamily("apiserver_request", "Requests that were answered.", labels=("code", *LABELS))
        for (kind, status), count in list(metrics.requests.items()):
            requests.add_metric((str(status), COMPONENT, *kind), count)
        yield requests
        yield _durations(list(metrics.durations.items()))
        read_only, mutating = site.in_flight()
        gauges: tuple[tuple[str, str, tuple[str, ...], list[tuple[tuple[str, ...], int]]], ...] = (
            (
                "apiserver_current_inflight_requests",
                "Requests that are being answered.",
                ("request_kind",),
                [(("readOnly",), read_only), (("mutating",), mutating)],
            ),
            (
                "apiserver_longrunning_requests",
                "Watches that are open.",
                ("component", "group", "resource", "verb"),
                [((COMPONENT, *_named(resource), "WATCH"), count) for resource, count in site.watches().items()],
            ),
            (
                "apiserver_storage_objects",
                "Objects in the store, by resource.",
                ("resource",),
                [((resource,), count) for resource, count in site.object_counts().items()],
            ),
            ("kubernetes_build_info", "The version of the server; always 1.", tuple(_BUILD), [(_build(), 1)]),
        )
        for name, about, labels, samples in gauges:
            gauge = GaugeMetricFamily(name, about, labels=labels)
            for values, number in samples:
                gauge.add_metric(values, number)
            yield gauge


def _named(resource: str) -> tuple[str, str]:
    """Return group and name of a qualified resource."""
    name, _, group = resource.partition(".")
    return group, name


def _durations(found: list[tuple[Kind, Histogram]]) -> Metric:
    from prometheus_client.core import HistogramMetricFamily

    about = "How long requests took, watches left out."
    family = HistogramMetricFamily("apiserver_request_duration_seconds", about, labels=LABELS)
    bounds = [*(f"{bound:g}" for bound in DURATION_BOUNDS_SECONDS), "+Inf"]
    for kind, histogram in found:
        buckets = list(zip(bounds, accumulate(histogram.counts), strict=True))
        family.add_metric((COMPONENT, *kind), buckets, histogram.total)
    return family


_BUILD = {
    "major": "major",
    "minor": "minor",
    "git_version": "gitVersion",
    "git_commit": "gitCommit",
    "build_date": "buildDate",
    "go_version": "goVersion",
    "compiler": "compiler",
    "platform": "platform",
}
"""The labels of kubernetes_build_info, and where their values come from."""


def _build() -> tuple[str, ...]:
    return tuple(version_info()[key] for key in _BUILD.values())
