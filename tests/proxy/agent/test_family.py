"""FamilyProxy: when it syncs, what it says and counts, and what a failure leaves."""

from __future__ import annotations

import threading
import time

import pytest

from cluster_shim.proxy.client import Event
from cluster_shim.proxy.metrics import Metrics
from proxy_core import ProxyState, node_info
from tests.proxy.agent.world import SECOND, START, Checks, added, bench, refusal, shop
from tests.proxy.objects import NODE, endpoint, node, service, slice_of

TRIGGER = "endpoints.kubernetes.io/last-change-trigger-time"


def test_nothing_is_written_before_the_first_complete_list() -> None:
    each = bench()
    each.family.deliver(added(*shop()))
    each.family.step()
    assert each.proxier.syncs == []
    each.family.deliver([], listed=True)
    each.family.step()
    assert [sync.full for sync in each.proxier.syncs] == [True]
    assert {name.name for name in each.proxier.state.wanted} == {"web"}


def test_changes_coalesce_until_the_least_interval_is_over() -> None:
    each = bench()
    each.family.deliver(added(*shop()), listed=True)
    each.family.step()
    for port in (81, 82):
        each.clock.pass_seconds(0.4)
        each.family.deliver([Event("MODIFIED", service(ports=[{"name": "http", "port": port}]))])
        each.family.step()
    assert len(each.proxier.syncs) == 1
    each.clock.pass_seconds(0.2)
    each.family.step()
    assert [sync.full for sync in each.proxier.syncs] == [True, False]
    assert [wanted.port.port for wanted in each.proxier.state.wanted.values()] == [82]


def test_changes_that_concern_no_rule_make_no_sync_and_leave_no_alarm() -> None:
    each = bench()
    each.family.deliver(added(*shop()), listed=True)
    each.family.step()
    each.clock.pass_seconds(5)
    each.family.deliver([Event("MODIFIED", service(labels={"new": "label"})), Event("MODIFIED", node("node-2"))])
    each.family.step()
    each.clock.pass_seconds(500)
    assert len(each.proxier.syncs) == 1 and each.health.is_healthy(START + each.clock.now)


def test_a_failed_sync_is_told_and_tried_again_in_full_and_health_says_so_in_time() -> None:
    each = bench()
    each.proxier.fails = [refusal("line 7 failed")]
    each.family.deliver(added(*shop()), listed=True)
    each.family.step()
    assert each.family.failure == "line 7 failed"
    assert each.said == [
        "IPv4: the rules could not be written, the ones before are in force; next try in 30 s: line 7 failed"
    ]
    each.clock.pass_seconds(29)
    each.family.step()
    assert len(each.proxier.syncs) == 1
    each.proxier.fails = [refusal()]
    each.clock.pass_seconds(1)
    each.family.step()
    assert len(each.proxier.syncs) == 2
    each.clock.pass_seconds(30)
    assert not each.health.is_healthy(START + each.clock.now)
    each.family.step()
    assert [sync.full for sync in each.proxier.syncs] == [True, True, True] and not each.family.failure
    assert each.health.is_healthy(START + each.clock.now)


def test_a_defect_in_the_rules_does_not_end_the_thread(capsys: pytest.CaptureFixture[str]) -> None:
    each = bench()
    each.proxier.fails = [ZeroDivisionError("by nothing")]
    each.family.deliver(added(*shop()), listed=True)
    each.family.step()
    assert each.family.failure == "ZeroDivisionError: by nothing" and "Traceback" in capsys.readouterr().err
    each.clock.pass_seconds(30)
    each.family.step()
    assert not each.family.failure


def test_a_change_that_comes_during_a_sync_is_for_the_next_one() -> None:
    def change() -> None:
        if len(each.proxier.syncs) == 1:
            each.family.deliver([Event("DELETED", service())])

    each = bench(on_write=change)
    each.family.deliver(added(*shop()), listed=True)
    each.family.step()
    each.clock.pass_seconds(1)
    assert not each.health.is_healthy(START + 61 * SECOND)  # it waits since the sync
    each.family.step()
    assert len(each.proxier.syncs) == 2 and not each.proxier.state.wanted
    assert each.health.is_healthy(START + 61 * SECOND)


def test_another_zone_makes_a_full_sync() -> None:
    each = bench()
    each.family.deliver(added(*shop()), listed=True)
    each.family.step()
    each.clock.pass_seconds(2)
    each.family.deliver([Event("MODIFIED", node(**{"topology.kubernetes.io/zone": "zone-b"}))])
    each.family.step()
    assert [sync.full for sync in each.proxier.syncs] == [True, True]
    assert each.proxier.state.node.zone == "zone-b"


def test_a_resync_is_full_and_comes_without_a_change() -> None:
    each = bench()
    each.family.deliver(added(*shop()), listed=True)
    each.family.step()
    each.clock.pass_seconds(2)
    each.family.resync()
    each.family.step()
    assert [sync.full for sync in each.proxier.syncs] == [True, True]


def test_health_checks_and_conntrack_follow_a_good_sync_alone() -> None:
    checks, cleaned = Checks(), list[int]()

    def clean(state: ProxyState) -> int:
        cleaned.append(len(state.wanted))
        return 4

    each = bench(checks=checks, clean_conntrack=clean)
    each.proxier.fails = [refusal()]
    udp = [{"name": "http", "port": 53, "protocol": "UDP"}]
    balanced = service(type="LoadBalancer", externalTrafficPolicy="Local", healthCheckNodePort=32000, ports=udp)
    each.family.deliver(added(node(), balanced, slice_of(endpoint("10.180.0.1"), ports=udp)), listed=True)
    each.family.step()
    assert not checks.seen and not cleaned
    each.clock.pass_seconds(30)
    each.family.step()
    assert checks.seen == [{("shop", "web"): (32000, 1)}] and cleaned == [1]  # what the failed one has left
    each.clock.pass_seconds(30)
    each.family.deliver([Event("MODIFIED", slice_of(endpoint("10.180.0.2"), ports=udp))])
    each.family.step()
    assert cleaned == [1, 1]
    text = each.metrics.answer().body
    assert 'kubeproxy_conntrack_reconciler_deleted_entries_total{ip_family="IPv4"} 8.0' in text


def test_what_was_left_out_is_said_once() -> None:
    each = bench(verbose=True)
    each.proxier.left_out = ("ports[0]: is taken", "ports[1]: is taken")
    for _ in range(2):
        each.family.deliver(added(*shop()), listed=True)
        each.family.resync()
        each.family.step()
        each.clock.pass_seconds(2)
    assert [line for line in each.said if "left out" in line] == ["IPv4: left out: ports[0]: is taken and 1 more"]
    assert each.said[0].startswith("IPv4: full sync of 1 service port in 0.0 ms")


def test_between_syncs_the_backend_looks_after_what_ends() -> None:
    each = bench()
    each.family.deliver(added(*shop()), listed=True)
    each.family.step()
    assert each.proxier.tended == []
    each.clock.pass_seconds(5)
    each.family.step()
    assert each.proxier.tended == [START + 5 * SECOND]


def test_metrics_of_syncs() -> None:
    each = bench()
    each.proxier.fails = [refusal()]
    web = slice_of(endpoint("10.180.1.1", "node-2"), annotations={TRIGGER: "2026-02-25T06:13:20Z"})
    each.family.deliver(added(node(), service(internalTrafficPolicy="Local"), web), listed=True)
    each.family.step()
    each.clock.pass_seconds(40)
    each.family.deliver([Event("MODIFIED", slice_of(endpoint("10.180.1.2", "node-2"), annotations={
        TRIGGER: "2026-02-25T06:13:38.5Z"}))])  # fmt: skip
    each.family.step()
    text = each.metrics.answer().body
    for line in (
        'kubeproxy_sync_proxy_rules_duration_seconds_count{ip_family="IPv4"} 2.0',
        'kubeproxy_sync_full_proxy_rules_duration_seconds_count{ip_family="IPv4"} 2.0',
        'kubeproxy_network_programming_duration_seconds_sum{ip_family="IPv4"} 21.5',
        'kubeproxy_network_programming_duration_seconds_bucket{ip_family="IPv4",le="21.0"} 0.0',
        'kubeproxy_network_programming_duration_seconds_bucket{ip_family="IPv4",le="22.0"} 1.0',
        'kubeproxy_sync_proxy_rules_last_timestamp_seconds{ip_family="IPv4"} 1.77200004e+09',
        'kubeproxy_sync_proxy_rules_last_queued_timestamp_seconds{ip_family="IPv4"} 1.77200004e+09',
        "kubeproxy_sync_proxy_rules_endpoint_changes_total 2.0",
        "kubeproxy_sync_proxy_rules_endpoint_changes_pending 0.0",
        "kubeproxy_sync_proxy_rules_service_changes_total 1.0",
        'kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="internal"} 1.0',
        'kubeproxy_sync_proxy_rules_no_local_endpoints_total{ip_family="IPv4",traffic_policy="external"} 0.0',
        'kubeproxy_sync_proxy_rules_nftables_sync_failures_total{ip_family="IPv4"} 1.0',
    ):
        assert line in text.splitlines()


@pytest.mark.parametrize(("mode", "count"), [("iptables", 2), ("ipvs", 1)])
def test_ports_without_local_endpoints_are_counted_or_their_services(mode: str, count: int) -> None:
    ports = [{"name": name, "port": port, "protocol": "TCP"} for name, port in (("http", 80), ("https", 443))]
    state = ProxyState("IPv4", node_info(NODE, node()))
    state.update(service(internalTrafficPolicy="Local", ports=ports))
    state.update(slice_of(endpoint("10.180.1.1", "node-2"), ports=ports))
    state.apply()
    metrics = Metrics(mode)
    metrics.no_local_endpoints("IPv4", state.wanted)
    text = metrics.answer().body
    name = "kubeproxy_sync_proxy_rules_no_local_endpoints_total"
    assert f'{name}{{ip_family="IPv4",traffic_policy="internal"}} {count}.0' in text
    assert f'{name}{{ip_family="IPv4",traffic_policy="external"}} 0.0' in text


def test_the_thread_syncs_by_itself_and_stops() -> None:
    checks = Checks()
    each = bench(checks=checks)
    thread = threading.Thread(target=each.family.run)
    thread.start()
    each.family.deliver(added(*shop()), listed=True)
    for _ in range(500):
        if each.proxier.syncs:
            break
        time.sleep(0.01)
    each.family.stop()
    thread.join(5)
    assert not thread.is_alive() and len(each.proxier.syncs) == 1 and checks.closed


def test_chains_that_could_not_be_deleted_are_counted() -> None:
    def fail() -> None:
        each.proxier.cleanup_failures += 1

    each = bench(on_write=fail)
    each.family.deliver(added(*shop()), listed=True)
    each.family.step()
    name = 'kubeproxy_sync_proxy_rules_nftables_cleanup_failures_total{ip_family="IPv4"} 1.0'
    assert name in each.metrics.answer().body
