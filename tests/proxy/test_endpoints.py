"""Slices to endpoints, and which of them take traffic."""

from __future__ import annotations

from random import Random
from typing import Any

from proxy_core import EndpointSlice
from proxy_core.model.categories import Categories, categorize
from proxy_core.model.endpoint import Endpoints
from proxy_core.model.endpoints_tracker import EndpointsChangeTracker
from proxy_core.model.service_port import ServicePort, ServicePortName
from tests.proxy.objects import NODE, endpoint, slice_of

HTTP = ServicePortName("shop", "web", "http", "TCP")
FAR = "node-2"


def tracked(*slices: Any) -> EndpointsChangeTracker:
    tracker = EndpointsChangeTracker("IPv4", NODE)
    for each in slices:
        tracker.update(each)
    tracker.apply()
    return tracker


def endpoints(*given: dict[str, Any]) -> Endpoints:
    return tracked(slice_of(*given)).endpoints.get(HTTP, ())


def categories(*given: dict[str, Any], zone: str = "zone-a", **port: Any) -> dict[str, list[str]]:
    found = categorize(endpoints(*given), ServicePort("172.30.0.1", 80, "TCP", **port), NODE, zone)
    assert isinstance(found, Categories)
    lists = {name: [each.ip for each in getattr(found, name)] for name in ("cluster", "local", "reachable")}
    return lists | ({"any": []} if found.has_any else {})


def test_slices_that_are_nobodys() -> None:
    tracker = EndpointsChangeTracker("IPv4", NODE)
    assert not tracker.update(slice_of(endpoint("10.180.0.1"), labels={"service.kubernetes.io/headless": ""}))
    assert not tracker.update(slice_of(endpoint("10.180.0.1"), labels={"kubernetes.io/service-name": ""}))
    assert not tracker.update(slice_of(endpoint("fd00::1"), address_type="IPv6"))
    assert not tracker.update(slice_of(endpoint("x"), address_type="FQDN"))
    assert not tracker.delete(slice_of())
    assert not tracker.apply().services


def test_a_slice_that_becomes_headless_is_gone() -> None:
    tracker = tracked(slice_of(endpoint("10.180.0.1")))
    assert tracker.update(slice_of(endpoint("10.180.0.1"), labels={"service.kubernetes.io/headless": ""}))
    assert tracker.apply().services == {("shop", "web")} and not tracker.endpoints


def test_endpoints_are_sorted_as_text() -> None:
    texts = [each.text for each in endpoints(endpoint("10.180.0.2"), endpoint("10.180.0.10"))]
    assert texts == ["10.180.0.10:8080", "10.180.0.2:8080"]


def test_conditions_that_are_absent_have_their_own_defaults() -> None:
    (bare,) = endpoints(endpoint("10.180.0.1", FAR))
    assert (bare.ready, bare.serving, bare.terminating, bare.is_local) == (True, True, False, False)
    (unready,) = endpoints(endpoint("10.180.0.1", ready=False))
    assert (unready.ready, unready.serving, unready.is_local) == (False, True, True)


def test_a_pod_that_runs_wins_over_one_that_ends_at_its_address() -> None:
    runs, ends = endpoint("10.180.0.1"), endpoint("10.180.0.1", ready=False, terminating=True)
    for first, second in ((runs, ends), (ends, runs)):
        found = tracked(slice_of(first), slice_of(second, name="web-b")).endpoints[HTTP]
        assert [each.terminating for each in found] == [False]


def test_ports_without_name_or_number_are_left_out() -> None:
    ports = [{"port": 1}, {"name": "http"}, {"name": "", "port": 7}]
    assert [name.port for name in tracked(slice_of(endpoint("10.180.0.1"), ports=ports)).endpoints] == [""]


def test_changes_are_told_once() -> None:
    tracker = tracked(slice_of(endpoint("10.180.0.1")))
    assert not tracker.update(slice_of(endpoint("10.180.0.1")))
    assert tracker.update(slice_of(endpoint("10.180.0.1"), annotations={"any": "thing"}))  # upstream compares all of it
    assert tracker.apply().services == {("shop", "web")} and not tracker.apply().services
    assert tracker.delete(slice_of()) and tracker.apply().services and not tracker.endpoints


def test_slices_that_come_and_go_are_as_if_new() -> None:
    random, tracker = Random(7), EndpointsChangeTracker("IPv4", NODE)
    present: dict[str, EndpointSlice] = {}
    for _ in range(60):
        name = random.choice(("a", "b", "c"))
        ends = [
            endpoint(f"10.180.0.{last}", ready=random.random() < 0.5, terminating=random.random() < 0.5)
            for last in random.sample(range(1, 6), 2)
        ]
        if name in present and random.random() < 0.4:
            tracker.delete(present.pop(name))
        else:
            present[name] = slice_of(*ends, name=name)
            tracker.update(present[name])
        tracker.apply()
        assert tracker.endpoints == tracked(*present.values()).endpoints


def test_udp_asks_for_conntrack_to_be_cleaned_also_when_it_goes() -> None:
    udp = [{"name": "dns", "port": 53, "protocol": "UDP"}]
    tracker = EndpointsChangeTracker("IPv4", NODE)
    tracker.update(slice_of(endpoint("10.180.0.1"), ports=udp))
    assert tracker.apply().conntrack_cleanup
    tracker.update(slice_of(endpoint("10.180.0.1")))
    assert tracker.apply().conntrack_cleanup
    tracker.update(slice_of())
    assert not tracker.apply().conntrack_cleanup


def test_trigger_times_before_the_start_do_not_count() -> None:
    tracker = EndpointsChangeTracker("IPv4", NODE, start=1_767_225_600 * 10**9)
    for name, time in (("a", "2026-01-01T00:00:00Z"), ("b", "2026-01-01T00:00:01.5Z"), ("c", "never")):
        tracker.update(slice_of(name=name, annotations={"endpoints.kubernetes.io/last-change-trigger-time": time}))
    assert tracker.apply().trigger_times == (1_767_225_601_500_000_000,)


def test_pods_that_end_serve_while_nobody_else_does() -> None:
    ends = endpoint("10.180.0.1", ready=False, serving=True, terminating=True)
    assert categories(ends) == {"cluster": ["10.180.0.1"], "local": [], "reachable": ["10.180.0.1"], "any": []}
    assert categories(ends, endpoint("10.180.1.1", FAR))["cluster"] == ["10.180.1.1"]
    deaf = endpoint("10.180.0.1", ready=False, serving=False, terminating=True)
    assert categories(deaf) == {"cluster": [], "local": [], "reachable": []}


def test_local_endpoints_that_end_are_reachable_beside_those_of_the_cluster() -> None:
    ends = endpoint("10.180.0.1", ready=False, serving=True, terminating=True)
    found = categories(ends, endpoint("10.180.1.1", FAR), node_port=30080, external_policy_local=True)
    assert found["local"] == ["10.180.0.1"] and found["cluster"] == ["10.180.1.1"]
    assert found["reachable"] == ["10.180.0.1", "10.180.1.1"]


def test_a_local_service_knows_that_there_are_endpoints_elsewhere() -> None:
    found = categories(endpoint("10.180.1.1", FAR), internal_policy_local=True)
    assert found == {"cluster": [], "local": [], "reachable": [], "any": []}


def test_hints_count_if_all_have_them_and_one_is_for_us() -> None:
    here, there = endpoint("10.180.0.1", zones=["zone-a"]), endpoint("10.180.1.1", FAR, zones=["zone-b"])
    assert categories(here, there)["cluster"] == ["10.180.0.1"]
    assert categories(here, there, zone="zone-c")["cluster"] == ["10.180.0.1", "10.180.1.1"]
    assert len(categories(here, there, zone="")["cluster"]) == 2
    assert len(categories(here, there, endpoint("10.180.2.1", FAR))["cluster"]) == 3
    nodes = [endpoint("10.180.0.1", nodes=[NODE]), endpoint("10.180.1.1", FAR, nodes=[FAR])]
    assert categories(*nodes)["cluster"] == ["10.180.0.1"]


def test_an_address_of_the_other_family_is_left_out() -> None:
    found = endpoints(endpoint("fd00::1"), endpoint("::ffff:10.0.0.2"), endpoint("10.180.0.1"))
    assert [each.ip for each in found] == ["10.0.0.2", "10.180.0.1"]
