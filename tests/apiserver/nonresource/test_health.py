"""Health checks: whole, one at a time, with some left out, and when something is wrong."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from cluster_shim.apiserver.nonresource import Site
from cluster_shim.apiserver.request import Response

Ask = Callable[..., Response]


@pytest.mark.parametrize("endpoint", ["healthz", "livez", "readyz"])
def test_a_healthy_server_lists_its_checks_when_asked(ask: Ask, endpoint: str) -> None:
    lines = ask(f"/{endpoint}?verbose").body.decode().splitlines()
    assert lines[0] == "[+]ping ok"
    assert lines[-1] == f"{endpoint} check passed"
    assert ("[+]etcd ok" in lines) == (endpoint != "readyz")
    assert ("[+]shutdown ok" in lines) == (endpoint == "readyz")


def test_checks_can_be_left_out(ask: Ask) -> None:
    lines = ask("/readyz?verbose&exclude=ping&exclude=zzz").body.decode().splitlines()
    assert lines[0] == "[+]ping excluded: ok"
    assert lines[-2] == 'warn: some health checks cannot be excluded: no matches for "zzz"'


def test_a_server_that_starts_is_alive_and_not_ready(site: Site, ask: Ask) -> None:
    site.started = lambda: False
    response = ask("/readyz")
    assert response.status == 500
    assert "[-]poststarthook/rbac/bootstrap-roles failed: reason withheld\n" in response.body.decode()
    assert response.body.endswith(b"readyz check failed\n")
    assert ask("/readyz/poststarthook/rbac/bootstrap-roles").status == 500
    assert ask("/livez/ping").body == b"ok"


def test_a_failed_check_that_is_left_out_does_not_count(site: Site, ask: Ask) -> None:
    site.store_works = lambda: False
    assert ask("/livez").status == 500
    assert ask("/livez/etcd").status == 500
    assert ask("/livez?exclude=etcd").body == b"ok"
    assert ask("/readyz").status == 200


def test_a_server_that_shuts_down_is_not_ready(site: Site, ask: Ask) -> None:
    site.shuts_down = lambda: True
    assert (ask("/readyz").status, ask("/livez").status) == (500, 200)


@pytest.mark.parametrize("path", ["/healthz/", "/healthz/nope", "/livez/ping/", "/readyz/etcd", "/livez/shutdown"])
def test_there_is_no_such_check(ask: Ask, path: str) -> None:
    response = ask(path)
    assert (response.status, response.body) == (404, b"404 page not found\n")
