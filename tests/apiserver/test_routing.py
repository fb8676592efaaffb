"""Request info: verb, resource and name by method, path and query."""

from __future__ import annotations

import pytest

from cluster_shim.apiserver.routing import request_info


@pytest.mark.parametrize(
    ("method", "path", "query", "expected"),
    [
        ("GET", "/api/v1/pods", (), ("list", "", "v1", "", "pods", "", "")),
        ("GET", "/api/v1/namespaces/a/pods", (("watch", "1"),), ("watch", "", "v1", "a", "pods", "", "")),
        ("GET", "/api/v1/namespaces/a/pods", (("watch", "false"),), ("list", "", "v1", "a", "pods", "", "")),
        ("GET", "/api/v1/namespaces/a/pods/p", (), ("get", "", "v1", "a", "pods", "p", "")),
        ("PUT", "/api/v1/namespaces/a/pods/p/status", (), ("update", "", "v1", "a", "pods", "p", "status")),
        ("GET", "/api/v1/namespaces/a", (), ("get", "", "v1", "a", "namespaces", "a", "")),
        ("PUT", "/api/v1/namespaces/a/finalize", (), ("update", "", "v1", "a", "namespaces", "a", "finalize")),
        ("GET", "/api/v1/namespaces", (), ("list", "", "v1", "", "namespaces", "", "")),
        ("POST", "/apis/apps/v1/namespaces/a/deployments", (), ("create", "apps", "v1", "a", "deployments", "", "")),
        ("PATCH", "/apis/apps/v1/namespaces/a/deployments/d", (), ("patch", "apps", "v1", "a", "deployments", "d", "")),
        ("DELETE", "/api/v1/nodes", (), ("deletecollection", "", "v1", "", "nodes", "", "")),
        ("GET", "/api/v1/watch/namespaces/a/pods/p", (), ("watch", "", "v1", "a", "pods", "p", "")),
    ],
)
def test_resource_requests(
    method: str, path: str, query: tuple[tuple[str, str], ...], expected: tuple[str, ...]
) -> None:
    info = request_info(method, path, query)
    assert info.is_resource
    assert (
        info.verb,
        info.group,
        info.version,
        info.namespace,
        info.resource,
        info.name,
        info.subresource,
    ) == expected


@pytest.mark.parametrize(
    "path", ["/", "/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1", "/healthz", "/version/"]
)
def test_other_requests_have_the_method_as_verb(path: str) -> None:
    info = request_info("GET", path)
    assert (info.is_resource, info.verb, info.path) == (False, "get", path)


def test_a_list_that_pins_a_name_is_authorized_with_it() -> None:
    info = request_info("GET", "/api/v1/pods", [("fieldSelector", "metadata.name=p"), ("labelSelector", "a=b")])
    assert (info.verb, info.name, info.field_selector, info.label_selector) == ("list", "p", "metadata.name=p", "a=b")


def test_what_follows_proxy_is_kept() -> None:
    info = request_info("GET", "/api/v1/namespaces/a/services/https:s:443/proxy/x/y")
    assert (info.name, info.subresource, info.rest) == ("https:s:443", "proxy", "x/y")
