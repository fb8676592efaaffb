"""Health of the proxy and of Services: answers as upstream gives them."""

from __future__ import annotations

import json
from typing import Any

from proxy_core import ProxyState, node_info
from proxy_core.health import Answer, ProxyHealth, rfc3339, service_answer
from tests.proxy.objects import NODE, endpoint, node, service, slice_of

SECOND = 10**9
NOW = 1_772_000_000 * SECOND


def body(answer: Answer) -> dict[str, Any]:
    content: dict[str, Any] = json.loads(answer.body)
    return content


def health() -> ProxyHealth:
    each = ProxyHealth(60 * SECOND)
    each.eligible = True
    each.updated("IPv4", NOW)
    each.updated("IPv6", NOW)
    return each


def test_a_change_may_wait_for_less_than_the_timeout() -> None:
    each = health()
    each.queued("IPv4", NOW + SECOND)
    each.queued("IPv4", NOW + 40 * SECOND)  # the oldest one counts
    assert each.is_healthy(NOW + 61 * SECOND - 1) and not each.is_healthy(NOW + 61 * SECOND)
    each.updated("IPv4", NOW + 62 * SECOND)
    assert each.is_healthy(NOW + 1000 * SECOND)


def test_families_are_judged_apart() -> None:
    each = health()
    each.queued("IPv6", NOW)
    answer = each.livez(NOW + 60 * SECOND)
    assert answer.status == 503 and not body(answer)["healthy"]
    assert {name: state["healthy"] for name, state in body(answer)["status"].items()} == {"IPv4": True, "IPv6": False}


def test_what_did_not_concern_the_rules_is_no_update() -> None:
    each = health()
    each.queued("IPv4", NOW + SECOND)
    each.settled("IPv4")
    answer = each.livez(NOW + 500 * SECOND)
    assert answer.status == 200 and body(answer)["status"]["IPv4"]["lastUpdated"] == rfc3339(NOW)


def test_healthz_asks_for_the_node_too_and_livez_does_not() -> None:
    each = health()
    each.eligible = False
    answer = each.healthz(NOW)
    assert answer.status == 503 and body(answer)["healthy"] and not body(answer)["nodeEligible"]
    assert each.livez(NOW).status == 200 and "nodeEligible" not in body(each.livez(NOW))


def test_last_updated_is_now_while_all_is_well() -> None:
    each, later = health(), NOW + 300 * SECOND
    assert body(each.healthz(later))["lastUpdated"] == rfc3339(later)
    each.eligible = False
    assert body(each.healthz(later))["lastUpdated"] == rfc3339(NOW)


def test_the_body_is_compact_with_upstreams_order_of_keys() -> None:
    each = ProxyHealth(SECOND)
    each.eligible = True
    each.updated("IPv4", NOW + 120_000_000)
    time = "2026-02-25T06:13:20.12Z"
    assert each.healthz(NOW + 120_000_000) == Answer(
        200,
        {"Content-Type": "application/json", "X-Content-Type-Options": "nosniff"},
        f'{{"lastUpdated":"{time}","currentTime":"{time}","nodeEligible":true,"healthy":true,'
        f'"status":{{"IPv4":{{"lastUpdated":"{time}","healthy":true}}}}}}',
    )


def test_nothing_has_reported_yet() -> None:
    answer = ProxyHealth(SECOND).healthz(NOW)
    assert answer.status == 503 and body(answer)["lastUpdated"] == "0001-01-01T00:00:00Z"
    assert body(answer)["healthy"] and body(answer)["status"] == {}


def test_a_service_is_healthy_with_local_endpoints_and_a_healthy_proxy() -> None:
    assert [
        service_answer("shop", "web", count, well).status for count, well in ((2, True), (0, True), (2, False))
    ] == [
        200,
        503,
        503,
    ]
    answer = service_answer("shop", "web", 2, False)
    assert answer.headers == {
        "Content-Type": "application/json",
        "X-Content-Type-Options": "nosniff",
        "X-Load-Balancing-Endpoint-Weight": "2",
    }
    assert answer.body == (
        '{\n\t"service": {\n\t\t"namespace": "shop",\n\t\t"name": "web"\n\t},\n'
        '\t"localEndpoints": 2,\n\t"serviceProxyHealthy": false\n}'
    )


def test_local_endpoints_are_addresses_that_are_ready_of_whatever_port() -> None:
    state = ProxyState("IPv4", node_info(NODE, node()))
    state.update(service(type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=30500))
    state.update(service("other", clusterIP="172.30.0.2"))
    state.update(
        slice_of(endpoint("10.180.0.1"), endpoint("10.180.0.2", ready=False), endpoint("10.180.1.1", "node-2"))
    )
    metrics = [{"name": "metrics", "port": 9090, "protocol": "TCP"}]
    state.update(slice_of(endpoint("10.180.0.1"), endpoint("10.180.0.3"), name="web-b", ports=metrics))
    state.apply()
    assert state.health_checks() == {("shop", "web"): (30500, 2)}
    state.delete(slice_of(name="web-a"))
    state.delete(slice_of(name="web-b"))
    state.apply()
    assert state.health_checks() == {("shop", "web"): (30500, 0)}
