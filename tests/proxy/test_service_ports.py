"""Which Services are proxied, and what their ports are in each family."""

from __future__ import annotations

from typing import Any

import pytest

from proxy_core.model.service_port import ServicePort, ServicePortName, service_ports
from proxy_core.model.service_tracker import ServiceChangeTracker
from tests.proxy.objects import service


def only(**spec: Any) -> ServicePort:
    (port,) = service_ports(service(**spec), "IPv4").values()
    return port


@pytest.mark.parametrize(
    "spec",
    [
        {"clusterIP": ""},
        {"clusterIP": "None"},
        {"type": "ExternalName"},
        {"labels": {"service.kubernetes.io/service-proxy-name": ""}},
        {"clusterIP": "fd00:172:30::1"},
        {"ipFamilies": ["IPv6"], "clusterIPs": ["fd00:172:30::1"]},
        {"ipFamilies": ["IPv6", "IPv4"], "clusterIPs": ["fd00:172:30::1"]},
        {"ipFamilies": ["IPv4"], "clusterIPs": ["fd00:172:30::1"]},
        {"ports": []},
    ],
)
def test_services_without_ports_here(spec: dict[str, Any]) -> None:
    assert service_ports(service(**spec), "IPv4") == {}


def test_names_leave_the_protocol_out() -> None:
    names = service_ports(service(ports=[{"port": 53, "protocol": each} for each in ("TCP", "UDP")]), "IPv4")
    assert [str(each) for each in names] == ["shop/web", "shop/web"] and len(names) == 2
    assert str(ServicePortName("shop", "web", "http", "TCP")) == "shop/web:http"


def test_dual_stack_services_have_an_address_a_family() -> None:
    spec: dict[str, Any] = {"ipFamilies": ["IPv6", "IPv4"], "clusterIPs": ["fd00:172:30::1", "172.30.0.7"]}
    assert only(**spec).cluster_ip == "172.30.0.7"
    assert [each.cluster_ip for each in service_ports(service(**spec), "IPv6").values()] == ["fd00:172:30::1"]


def test_external_addresses_are_those_of_the_family_in_their_order() -> None:
    port = only(
        externalIPs=["203.0.113.2", "fd00::9", "bad", "203.0.113.01"],
        ingress=[
            {"ip": "198.51.100.7"},
            {"ip": "198.51.100.8", "ipMode": "Proxy"},
            {"hostname": "x"},
            {"ip": "fd00::8"},
        ],
        loadBalancerSourceRanges=[" 10.1.2.3/8 ", "fd00::/8", "bad"],
    )
    assert port.external_ips == ("203.0.113.2", "203.0.113.1")
    assert port.load_balancer_vips == ("198.51.100.7",) and port.load_balancer_source_ranges == ("10.0.0.0/8",)


def test_a_range_of_everybody_lifts_the_restriction_of_its_family_alone() -> None:
    spec: dict[str, Any] = {
        "loadBalancerSourceRanges": ["10.0.0.0/8", "0.0.0.0/0", "fd00::/8"],
        "ipFamilies": ["IPv4", "IPv6"],
    }
    spec["clusterIPs"] = ["172.30.0.1", "fd00:172:30::1"]
    assert only(**spec).load_balancer_source_ranges == ()
    (six,) = service_ports(service(**spec), "IPv6").values()
    assert six.load_balancer_source_ranges == ("fd00::/8",)


@pytest.mark.parametrize(
    ("spec", "local", "health_check"),
    [
        ({"type": "ClusterIP"}, False, 0),
        ({"type": "ClusterIP", "externalIPs": ["fd00::1"]}, True, 0),
        ({"type": "NodePort"}, True, 0),
        ({"type": "LoadBalancer"}, True, 30123),
    ],
)
def test_the_external_policy_counts_where_a_service_is_reachable(
    spec: dict[str, Any], local: bool, health_check: int
) -> None:
    port = only(externalTrafficPolicy="Local", healthCheckNodePort=30123, **spec)
    assert (port.external_policy_local, port.health_check_node_port) == (local, health_check)


def test_affinity_has_a_default_time() -> None:
    assert only(sessionAffinity="ClientIP").sticky_max_age_seconds == 10800
    config = {"clientIP": {"timeoutSeconds": 60}}
    assert only(sessionAffinity="ClientIP", sessionAffinityConfig=config).sticky_max_age_seconds == 60


def test_a_change_that_is_taken_back_is_none() -> None:
    tracker = ServiceChangeTracker("IPv4")
    assert tracker.update(service()) and tracker.apply().keys() == {("shop", "web")}
    assert not tracker.update(service(labels={"new": "label"}))  # nothing of the ports has changed
    assert tracker.update(service(clusterIP="172.30.0.9")) and tracker.pending == 1
    assert not tracker.update(service()) and tracker.pending == 0 and not tracker.apply()
    assert tracker.delete(("shop", "web")) and len(tracker.ports) == 1
    assert tracker.apply().keys() == {("shop", "web")} and not tracker.ports and not tracker.delete(("shop", "web"))
