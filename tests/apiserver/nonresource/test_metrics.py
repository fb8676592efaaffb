"""Metrics: what is counted for which request, and how it is written."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cluster_shim.api.resources import Catalogue, built_in
from cluster_shim.apiserver.nonresource import Site
from cluster_shim.apiserver.nonresource.metrics import Kind, kind_of
from cluster_shim.apiserver.request import Request, RequestInfo, Response

Ask = Callable[..., Response]


def info(verb: str, name: str = "", namespace: str = "n", resource: str = "pods", subresource: str = "") -> RequestInfo:
    return RequestInfo(verb, "/x", True, "api", "", "v1", resource, subresource, namespace, name)


def request(verb: str, name: str = "", namespace: str = "n", dry_run: str = "") -> Request:
    query = [("dryRun", dry_run)] if dry_run else []
    return Request("GET", "/x", query, info=info(verb, name, namespace))


@pytest.mark.parametrize(
    ("asked", "kind"),
    [
        (request("list"), Kind("", "", "pods", "namespace", "", "LIST", "v1")),
        (request("list", namespace=""), Kind("", "", "pods", "cluster", "", "LIST", "v1")),
        (request("get", "p"), Kind("", "", "pods", "resource", "", "GET", "v1")),
        (request("create", dry_run="All"), Kind("All", "", "pods", "namespace", "", "POST", "v1")),
        (request("update", "p"), Kind("", "", "pods", "resource", "", "PUT", "v1")),
        (Request("GET", "/livez", info=RequestInfo("get", "/livez")), Kind("", "", "", "", "/livez", "GET", "")),
        (request("create", dry_run="any"), Kind("", "", "pods", "namespace", "", "POST", "v1")),
        (Request("GET", "/livez", info=RequestInfo("get", "/livez/ping")), Kind("", "", "", "", "/livez", "GET", "")),
        (Request("GET", "/any", info=RequestInfo("get", "/any")), Kind("", "", "", "", "", "GET", "")),
        (Request("ANY", "/any", info=RequestInfo("any", "/any")), Kind("", "", "", "", "", "", "")),
        (Request("GET", "/x", info=info("get", resource="any")), Kind("", "", "", "", "", "GET", "")),
        (Request("GET", "/x", info=info("get", subresource="any")), Kind("", "", "", "", "", "GET", "")),
    ],
)
def test_as_what_a_request_is_counted(asked: Request, kind: Kind) -> None:
    assert kind_of(asked, Catalogue(built_in())) == kind


def test_the_numbers_are_written(site: Site, ask: Ask) -> None:
    metrics = site.metrics
    site.object_counts = lambda: {"pods": 3}
    for seconds in (0.001, 0.03):
        metrics.finished(request("get", "p"), 200, seconds)
    metrics.finished(request("watch"), 200, 60)
    site.watches = lambda: {"pods": 2, "deployments.apps": 1}
    site.in_flight = lambda: (4, 5)
    response = ask("/metrics")
    lines = response.body.decode().splitlines()
    labels = 'component="apiserver",dry_run="",group="",resource="pods",scope="resource",subresource="",verb="GET"'
    assert f'apiserver_request_total{{code="200",{labels},version="v1"}} 2.0' in lines
    duration = "apiserver_request_duration_seconds"
    bucket = labels.replace(',resource="', ',le="0.005",resource="')
    assert f'{duration}_bucket{{{bucket},version="v1"}} 1.0' in by_sorted_labels(lines)
    assert f'{duration}_count{{{labels},version="v1"}} 2.0' in lines
    assert 'apiserver_storage_objects{resource="pods"} 3.0' in lines
    assert 'apiserver_current_inflight_requests{request_kind="mutating"} 5.0' in lines
    watches = (
        'apiserver_longrunning_requests{component="apiserver",group="apps",resource="deployments",verb="WATCH"} 1.0'
    )
    assert watches in lines
    assert not any(line.startswith(f"{duration}_count") and "WATCH" in line for line in lines)
    assert any(line.startswith("process_resident_memory_bytes ") for line in lines)


def by_sorted_labels(lines: list[str]) -> list[str]:
    """Return samples with their labels in alphabetical order, whatever order they were written in."""
    found = []
    for line in lines:
        name, brace, rest = line.partition("{")
        labels, _, value = rest.partition("}")
        found.append(f"{name}{{{','.join(sorted(labels.split(',')))}}}{value}" if brace else line)
    return found


def test_the_health_checks_are_numbers_too(site: Site, ask: Ask) -> None:
    site.store_works = lambda: False
    lines = ask("/metrics/slis").body.decode().splitlines()
    assert 'kubernetes_healthcheck{name="ping",type="livez"} 1.0' in lines
    assert 'kubernetes_healthcheck{name="etcd",type="livez"} 0.0' in lines
