"""What no API server would have stored, and must not reach a rule."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest

from proxy_core import EndpointSlice, Node, Service
from proxy_core.objects.check import object_faults
from tests.proxy.objects import endpoint, node, service, slice_of

INJECTION = 'x"\n-A INPUT -j ACCEPT'


def port(**more: Any) -> dict[str, Any]:
    return {"name": "http", "port": 80, "protocol": "TCP", **more}


def test_good_objects_have_no_faults() -> None:
    assert object_faults(service()) == object_faults(slice_of(endpoint("10.180.0.1"))) == object_faults(node()) == []
    assert object_faults(service(clusterIP="None", clusterIPs=["None"], ports=[])) == []
    assert object_faults(slice_of(endpoint("pod.example.org"), address_type="FQDN")) == []
    assert object_faults(service("a" * 63, externalIPs=["203.000.113.05"], sessionAffinity="ClientIP")) == []


@pytest.mark.parametrize(
    ("spec", "field"),
    [
        ({"name": INJECTION}, "metadata.name"),
        ({"name": "a" * 64}, "metadata.name"),
        ({"type": "Cluster"}, "spec.type"),
        ({"clusterIP": "1.2.3"}, "spec.clusterIP"),
        ({"clusterIPs": ["172.30.0.1", "::g"]}, "spec.clusterIPs[1]"),
        ({"clusterIPs": ["172.30.0.1", "172.30.0.2"], "ipFamilies": ["IPv4", "IPv6"]}, "spec.clusterIPs[1]"),
        ({"externalIPs": ["203.0.113.7; rm"]}, "spec.externalIPs[0]"),
        ({"ipFamilies": ["IPv5"]}, "spec.ipFamilies[0]"),
        ({"loadBalancerSourceRanges": [" 10.0.0.0/8 ", "10.0.0.0"]}, "spec.loadBalancerSourceRanges[1]"),
        ({"sessionAffinity": "Cookie"}, "spec.sessionAffinity"),
        ({"externalTrafficPolicy": "Remote"}, "spec.externalTrafficPolicy"),
        ({"internalTrafficPolicy": "Remote"}, "spec.internalTrafficPolicy"),
        ({"healthCheckNodePort": 70000}, "spec.healthCheckNodePort"),
        (
            {"sessionAffinityConfig": {"clientIP": {"timeoutSeconds": 0}}},
            "spec.sessionAffinityConfig.clientIP.timeoutSeconds",
        ),
        ({"ports": [port(name=INJECTION)]}, "spec.ports[0].name"),
        ({"ports": [port(name="ключ")]}, "spec.ports[0].name"),
        ({"ports": [port(protocol="tcp")]}, "spec.ports[0].protocol"),
        ({"ports": [port(port=0)]}, "spec.ports[0].port"),
        ({"ports": [port(nodePort=-1)]}, "spec.ports[0].nodePort"),
        ({"ports": [port(), port(name="", port=81)]}, "spec.ports[1].name"),
        ({"ports": [port(), port(port=81)]}, "spec.ports[1]"),
        ({"ports": [port(), port(name="b")]}, "spec.ports[1]"),
    ],
)
def test_faults_of_services(spec: dict[str, Any], field: str) -> None:
    assert [found for found, _ in object_faults(service(**spec))] == [field]


@pytest.mark.parametrize(
    ("each", "field"),
    [
        (slice_of(address_type="IPv5"), "addressType"),
        (slice_of(endpoint("10.180.0.1"), endpoint("fd00::1")), "endpoints[1].addresses[0]"),
        (slice_of(endpoint("::ffff:10.1.2.3"), address_type="IPv4"), "endpoints[0].addresses[0]"),
        (slice_of({"addresses": []}), "endpoints[0].addresses"),
        (slice_of(*[endpoint("10.180.0.1")] * 1001), "endpoints"),
        (slice_of(ports=[port(name="a" * 64)]), "ports[0].name"),
        (slice_of(ports=[port(port=65536)]), "ports[0].port"),
        (slice_of(ports=[port(), port(port=81)]), "ports[1]"),
        (slice_of(name="Web"), "metadata.name"),
    ],
)
def test_faults_of_slices(each: EndpointSlice, field: str) -> None:
    assert [found for found, _ in object_faults(each)] == [field]


def test_every_fault_is_shown_in_one_line() -> None:
    bad = msgspec.convert({"metadata": {"name": INJECTION * 9, "namespace": "a b"}}, Service)
    reasons = [reason for _, reason in object_faults(bad)]
    assert len(reasons) == 2 and not any("\n" in each or len(each) > 120 for each in reasons)
    assert object_faults(msgspec.convert({"metadata": {"name": "node_1"}}, Node))
