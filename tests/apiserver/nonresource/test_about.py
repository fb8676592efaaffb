"""Version, index, statusz and flagz."""

from __future__ import annotations

import json
import re
from collections.abc import Callable

import pytest

from cluster_shim.apiserver.request import Response

Ask = Callable[..., Response]
STATUSZ = "application/json;v=v1beta1;g=config.k8s.io;as=Statusz"


def test_the_version_is_one_that_clients_can_compare(ask: Ask) -> None:
    version = json.loads(ask("/version").body)
    assert (version["major"], version["minor"]) == ("1", "36")
    assert re.fullmatch(r"v1\.36\.0\+stowage[0-9A-Za-z.-]+", version["gitVersion"])
    assert ask("/version", accept="application/yaml").status == 406
    assert ask("/version", "POST").status == 405


def test_the_index_names_every_path(ask: Ask) -> None:
    paths = json.loads(ask("/").body)["paths"]
    assert paths == sorted(paths)
    assert {"/api/v1", "/apis/apps/v1", "/healthz/ping", "/openapi/v3/", "/version"} <= set(paths)
    assert not {"/", "/healthz/", "/index.html", "/api/"} & set(paths)


def test_statusz_is_a_page_for_people(ask: Ask) -> None:
    response = ask("/statusz")
    assert response.content_type == "text/plain; charset=utf-8"
    lines = response.body.decode().splitlines()
    assert lines[1] == "apiserver statusz"
    assert "Started: Thu Jan  1 00:00:00 UTC 1970" in lines
    assert "Binary version: 1.36" in lines


def test_statusz_is_a_document_for_who_asks_for_one(ask: Ask) -> None:
    response = ask("/statusz", accept=STATUSZ)
    assert response.content_type == "application/json;g=config.k8s.io;v=v1beta1;as=Statusz"
    document = json.loads(response.body)
    assert (document["kind"], document["startTime"]) == ("Statusz", "1970-01-01T00:00:00Z")


@pytest.mark.parametrize("accept", ["application/json", STATUSZ.replace("v1beta1", "v9"), "text/html"])
def test_statusz_in_another_form_is_refused(ask: Ask, accept: str) -> None:
    assert ask("/statusz", accept=accept).status == 406


def test_flagz_lists_the_flags(ask: Ask) -> None:
    assert ask("/flagz").body.decode().splitlines()[-2:] == ["etcd=", "v=2"]
    document = json.loads(ask("/flagz", accept=STATUSZ.replace("Statusz", "Flagz")).body)
    assert document["flags"] == {"etcd": "", "v": "2"}
