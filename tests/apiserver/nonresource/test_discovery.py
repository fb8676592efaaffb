"""Discovery over the wire: forms, tags, and what changes with the catalogue."""

from __future__ import annotations

import json
from collections.abc import Callable
from types import SimpleNamespace

import pytest

from cluster_shim.api.resources import Resource
from cluster_shim.apiserver.nonresource import Site
from cluster_shim.apiserver.request import Response

Ask = Callable[..., Response]
AGGREGATED = "application/json;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList"
CUSTOM = SimpleNamespace(storage_version="v1")
FOO = Resource("g.example", "v1", "foos", "Foo", "foo", True, ("get",), "g.example/foos", custom=CUSTOM)


def tag(response: Response) -> str:
    return dict(response.headers)["ETag"]


def test_a_new_resource_shows_at_once_and_changes_the_tag(site: Site, ask: Ask) -> None:
    before = ask("/apis", accept=AGGREGATED)
    assert ask("/apis", accept=AGGREGATED, if_none_match=tag(before)).status == 304
    assert ask("/apis/g.example").status == ask("/apis/g.example/v1").status == 404
    site.catalogue.add(FOO)
    after = ask("/apis", accept=AGGREGATED, if_none_match=tag(before))
    assert after.status == 200
    assert tag(after) != tag(before)
    assert json.loads(after.body)["items"][-1]["metadata"]["name"] == "g.example"
    assert ask("/apis/g.example/v1").status == 200
    site.catalogue.remove(FOO)
    assert tag(ask("/apis", accept=AGGREGATED)) == tag(before)


@pytest.mark.parametrize(
    ("accept", "content_type"),
    [
        (AGGREGATED, AGGREGATED),
        (f"{AGGREGATED};profile=nopeer", AGGREGATED),
        (AGGREGATED.replace("json", "yaml"), AGGREGATED.replace("json", "yaml")),
        ("*/*;g=apidiscovery.k8s.io;v=v2;as=APIGroupDiscoveryList", AGGREGATED),
        ("application/json;q=0.9,application/yaml", "application/yaml"),
        ("", "application/json"),
        ("*/*", "application/json"),
        ("application/vnd.kubernetes.protobuf,application/json", "application/vnd.kubernetes.protobuf"),
    ],
)
def test_the_form_follows_what_the_client_takes(ask: Ask, accept: str, content_type: str) -> None:
    response = ask("/apis", accept=accept)
    assert (response.status, response.content_type) == (200, content_type)


@pytest.mark.parametrize(
    ("path", "accept", "message"),
    [
        ("/api", "text/plain", "406: Not Acceptable\n\nAvailable representations: application/json, "),
        ("/api/v1", "text/plain", "406: Not Acceptable"),
        ("/apis/apps/v1", "garbage", "406: Not Acceptable"),
        ("/apis", "text/plain", "only the following media types are accepted: application/json, application/yaml, "),
        ("/apis/apps", "text/plain", "only the following media types are accepted"),
        ("/api/v1", "application/json;as=Table;g=meta.k8s.io;v=v1", "only the following media types are accepted"),
    ],
)
def test_what_cannot_be_written_is_refused_in_the_words_of_who_refuses_it(
    ask: Ask, path: str, accept: str, message: str
) -> None:
    response = ask(path, accept=accept)
    assert response.status == 406
    assert json.loads(response.body)["message"].startswith(message)


def test_methods_are_looked_at_only_where_upstream_routes_by_them(ask: Ask) -> None:
    statuses = [ask(path, "POST").status for path in ("/api", "/api/v1", "/apis/apps/v1", "/apis", "/apis/apps")]
    assert statuses == [405, 405, 405, 200, 200]


def test_people_get_line_breaks(ask: Ask) -> None:
    assert ask("/api", user_agent="curl/8.0").body.startswith(b'{\n  "kind"')
    assert ask("/api?pretty=true").body.startswith(b'{\n  "kind"')
    assert ask("/api?pretty=false", user_agent="curl/8.0").body.startswith(b'{"kind"')


def test_yaml(ask: Ask) -> None:
    assert ask("/apis/apps", accept="application/yaml").body.startswith(b"apiVersion: v1\nkind: APIGroup\nname: apps\n")


@pytest.mark.parametrize("path", ["/api", "/api/v1", "/apis", "/apis/apps", "/apis/apps/v1"])
def test_protobuf(ask: Ask, path: str) -> None:
    response = ask(path, accept="application/vnd.kubernetes.protobuf")
    assert response.content_type == "application/vnd.kubernetes.protobuf"
    assert response.body.startswith(b"k8s\x00")
