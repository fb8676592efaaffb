"""Servers: answers over real sockets of the loopback interface."""

from __future__ import annotations

import json
import socket

import pytest

from cluster_shim.proxy.health_checks import HealthCheckServers
from cluster_shim.proxy.http import AT_ONCE, HttpServer
from cluster_shim.proxy.metrics import Metrics
from cluster_shim.proxy.servers import Servers, health_route, metrics_route
from proxy_core import KernelError
from proxy_core.health import Answer, ProxyHealth
from proxy_core.model.state import HealthCheck
from tests.proxy.agent.world import SECOND, START, get

HERE = "127.0.0.1"
WEB, API = ("shop", "web"), ("shop", "api")


def free_port(address: str = HERE) -> int:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    with socket.socket(family) as taken:
        taken.bind((address, 0))
        port: int = taken.getsockname()[1]
        return port


def test_health_over_http() -> None:
    health, metrics, now = ProxyHealth(60 * SECOND), Metrics("nftables"), [START]
    health.updated("IPv4", START)
    servers = Servers({"healthz": (f"{HERE}:{free_port()}", health_route(health, metrics, lambda: now[0]))}, print)
    servers.open(hard=True)
    url = f"http://{HERE}:{servers.ports['healthz']}"
    try:
        assert get(f"{url}/healthz").status == 503 and get(f"{url}/livez?verbose").status == 200
        health.eligible = True
        answer = get(f"{url}/healthz")
        assert answer.status == 200 and answer.headers["X-Content-Type-Options"] == "nosniff"
        assert json.loads(answer.body)["nodeEligible"]
        health.queued("IPv4", START)
        now[0] += 60 * SECOND
        assert get(f"{url}/livez").status == 503 and get(f"{url}/").status == 404
    finally:
        servers.close()
    text = metrics.answer().body
    assert 'kubeproxy_proxy_healthz_total{code="503"} 1.0' in text
    assert 'kubeproxy_proxy_livez_total{code="200"} 1.0' in text
    with pytest.raises(OSError):
        get(f"{url}/livez")


def test_the_metrics_server() -> None:
    server = HttpServer(HERE, 0, metrics_route("flat", Metrics("flat"), '{"kubeproxy.config.k8s.io":{}}'))
    url = f"http://{HERE}:{server.port}"
    try:
        mode = get(f"{url}/proxyMode")
        assert (mode.status, mode.body, mode.headers["Content-Type"]) == (200, "flat", "text/plain; charset=utf-8")
        assert get(f"{url}/healthz").body == "ok" and json.loads(get(f"{url}/configz").body)
        metrics = get(f"{url}/metrics")
        assert "version=0.0.4" in metrics.headers["Content-Type"] and "process_cpu_seconds_total" in metrics.body
        assert get(f"{url}/debug/pprof").status == 404
    finally:
        server.close()


@pytest.mark.parametrize("method", ["GET", "POST", "PUT", "DELETE", "OPTIONS", "HEAD", "PATCH"])
def test_a_health_check_answers_any_method_and_path(method: str) -> None:
    servers = HealthCheckServers((HERE,), lambda: True, print, "node-1")
    port = free_port()
    servers.sync({WEB: HealthCheck(port, 3)})
    try:
        answer = get(f"http://{HERE}:{port}/any/path", method, b"x" * 10 if method == "POST" else None)
        assert answer.status == 200 and answer.headers["X-Load-Balancing-Endpoint-Weight"] == "3"
        assert method == "HEAD" or json.loads(answer.body)["localEndpoints"] == 3
    finally:
        servers.close()


def test_health_checks_follow_the_services() -> None:
    said: list[str] = []
    healthy = [True]
    servers = HealthCheckServers((HERE,), lambda: healthy[0], said.append, "node-1")
    first, second = free_port(), free_port()
    servers.sync({WEB: HealthCheck(first, 1), API: HealthCheck(second, 0)})
    try:
        assert [get(f"http://{HERE}:{port}/").status for port in (first, second)] == [200, 503]
        healthy[0] = False
        assert get(f"http://{HERE}:{first}/").status == 503
        healthy[0] = True
        third = free_port()
        servers.sync({WEB: HealthCheck(third, 2)})
        assert get(f"http://{HERE}:{third}/").headers["X-Load-Balancing-Endpoint-Weight"] == "2"
        assert servers.open == {WEB: third}
        for port in (first, second):
            with pytest.raises(OSError):
                get(f"http://{HERE}:{port}/")
    finally:
        servers.close()
    assert said == [] and servers.open == {}


def test_a_port_that_is_taken_is_told_and_tried_again() -> None:
    said: list[str] = []
    servers = HealthCheckServers((HERE,), lambda: True, said.append, "node-1")
    with socket.socket() as taken:
        taken.bind((HERE, 0))
        taken.listen()
        port = taken.getsockname()[1]
        servers.sync({WEB: HealthCheck(port, 1)})
        assert said == [
            f'node node-1 failed to start healthcheck "shop/web" on port {port}: '
            f"cannot listen on {HERE}:{port}: Address already in use"
        ]
    servers.sync({WEB: HealthCheck(port, 1)})
    try:
        assert get(f"http://{HERE}:{port}/").status == 200
    finally:
        servers.close()


def test_an_address_that_cannot_be_had_ends_a_hard_start_and_is_tried_again_else() -> None:
    said: list[str] = []
    where = {"metrics": ("203.0.113.77:9", metrics_route("iptables", Metrics("iptables"), ""))}
    with pytest.raises(KernelError, match=r"metrics: cannot listen on 203\.0\.113\.77:9: Cannot assign"):
        Servers(where, said.append).open(hard=True)
    Servers(where, said.append).open()
    assert said == ["metrics: cannot listen on 203.0.113.77:9: Cannot assign requested address; next try in 5 s"]


def test_an_address_of_all_serves_both_families() -> None:
    server = HttpServer("0.0.0.0", 0, lambda _: Answer(200, {}, "here"), both_families=True)
    try:
        assert get(f"http://{HERE}:{server.port}/").body == "here"
        assert get(f"http://[::1]:{server.port}/").body == "here"
    finally:
        server.close()


def test_one_family_leaves_the_port_of_the_other_free() -> None:
    six = HttpServer("::", 0, lambda _: Answer(200, {}, "six"))
    four = HttpServer("0.0.0.0", six.port, lambda _: Answer(200, {}, "four"))
    try:
        assert get(f"http://[::1]:{six.port}/").body == "six" and get(f"http://{HERE}:{four.port}/").body == "four"
    finally:
        six.close()
        four.close()


def test_those_beyond_a_number_at_a_time_are_turned_away() -> None:
    server = HttpServer(HERE, 0, lambda _: Answer(200, {}, "here"))
    idle = []
    try:
        for _ in range(AT_ONCE):
            each = socket.create_connection((HERE, server.port))
            each.sendall(b"GET / HTTP/1.1\r\n")  # and never ends
            idle.append(each)
        with socket.create_connection((HERE, server.port), timeout=5) as last:
            assert last.recv(100) == b""
        idle.pop().close()
        for _ in range(100):
            try:
                assert get(f"http://{HERE}:{server.port}/").body == "here"
                break
            except OSError:
                continue
        else:
            pytest.fail("the place of one that left was not given to the next")
    finally:
        for each in idle:
            each.close()
        server.close()
