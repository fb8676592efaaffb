"""OpenAPI over the wire: hashes, tags, compression, media types."""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable

from cluster_shim.api.resources import Resource
from cluster_shim.apiserver.nonresource import Site
from cluster_shim.apiserver.request import Response

Ask = Callable[..., Response]


def url(ask: Ask, name: str) -> str:
    found: str = json.loads(ask("/openapi/v3").body)["paths"][name]["serverRelativeURL"]
    return found


def test_a_document_by_its_hash_may_be_kept_for_good(ask: Ask) -> None:
    address = url(ask, "apis/apps/v1")
    assert address.startswith("/openapi/v3/apis/apps/v1?hash=")
    response = ask(address)
    headers = dict(response.headers)
    assert headers["Cache-Control"] == "public, immutable"
    assert headers["Expires"].endswith(" GMT")
    assert headers["ETag"] == f'"{address.partition("=")[2]}"'
    assert ask(address, if_none_match=headers["ETag"]).status == 304


def test_an_old_hash_leads_to_the_new_one(ask: Ask) -> None:
    response = ask("/openapi/v3/apis/apps/v1?hash=0")
    assert response.status == 301
    assert dict(response.headers)["Location"] == url(ask, "apis/apps/v1")


def test_the_hash_changes_with_the_resources(site: Site, ask: Ask) -> None:
    before = url(ask, "apis/apps/v1"), url(ask, "apis/batch/v1")
    removed = site.catalogue.find("apps", "v1", "daemonsets")
    assert isinstance(removed, Resource)
    site.catalogue.remove(removed)
    assert url(ask, "apis/apps/v1") != before[0]
    assert url(ask, "apis/batch/v1") == before[1]


def test_documents_are_compressed_for_who_wants_it(ask: Ask) -> None:
    plain, packed = ask("/openapi/v2"), ask("/openapi/v2", accept_encoding="gzip")
    assert dict(packed.headers)["Content-Encoding"] == "gzip"
    assert gzip.decompress(packed.body) == plain.body
    assert len(packed.body) * 8 < len(plain.body)


def test_media_types(ask: Ask) -> None:
    types = [
        ask(path, accept=accept).content_type
        for path, accept in (
            ("/openapi/v2", "*/*"),
            ("/openapi/v2", "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"),
            ("/openapi/v2", "text/plain"),
            ("/openapi/v3/api/v1", "application/*"),
            ("/openapi/v3/api/v1", "text/xml"),
        )
    ]
    protobuf = "application/com.github.proto-openapi.spec.v2.v1.0+protobuf"
    assert types == ["application/json", protobuf, "", "application/json", ""]
    third = ask("/openapi/v3/api/v1", accept="application/com.github.proto-openapi.spec.v3@v1.0+protobuf")
    assert third.content_type == protobuf.replace("v2", "v3")
    assert third.body.startswith(b"\x0a\x053.0.0")
    assert dict(third.headers)["ETag"] == dict(ask("/openapi/v3/api/v1").headers)["ETag"]
    assert ask("/openapi/v3/api/v1", accept="text/xml").status == 406


def test_a_document_goes_with_its_resources(site: Site, ask: Ask) -> None:
    removed = site.catalogue.find("node.k8s.io", "v1", "runtimeclasses")
    assert isinstance(removed, Resource)
    assert ask("/openapi/v3/apis/node.k8s.io/v1").status == 200
    site.catalogue.remove(removed)
    assert ask("/openapi/v3/apis/node.k8s.io/v1").status == 404
