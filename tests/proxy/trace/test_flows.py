"""What becomes of packets, case by case, in iptables and nftables mode: the flows of upstream's unit tests."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import msgspec
import pytest

from proxy_core import ServiceCIDR
from proxy_core.trace import Fate, Verdict
from proxy_core.trace.packet import Protocol
from tests.proxy.objects import endpoint, service, slice_of
from tests.proxy.trace.cluster import CLIENT, NODE_IP, OTHER_NODE_IP, POD, REMOTE_POD, Record, packet, walk

BOTH = pytest.mark.parametrize("mode", ["iptables", "nftables"])
LOCAL, REMOTE = "10.180.0.1", "10.180.1.1"
CLUSTER_IP, EXTERNAL_IP, VIP = "172.30.0.1", "192.168.99.1", "198.51.100.1"
NODE_PORT = 30080
PLACES = ((CLUSTER_IP, 80), (EXTERNAL_IP, 80), (VIP, 80), (NODE_IP, NODE_PORT))


def balanced(**more: Any) -> Record:
    """Return a Service that is reached in every way."""
    ports = [{"name": "http", "port": 80, "protocol": "TCP", "nodePort": NODE_PORT}]
    spec = {"type": "LoadBalancer", "ports": ports, "externalIPs": [EXTERNAL_IP], "ingress": [{"ip": VIP}]}
    return service(**{**spec, **more})


def both_ends(**conditions: Any) -> Record:
    return slice_of(endpoint(LOCAL, **conditions), endpoint(REMOTE, "node-2", **conditions))


def one(verdict: Verdict, address: str = "", *, masqueraded: bool = False) -> dict[Fate, Fraction]:
    return {Fate(verdict, f"{address}:8080" if address else "", masqueraded): Fraction(1)}


def accepted(*addresses: str, masqueraded: bool = False) -> dict[Fate, Fraction]:
    share = Fraction(1, len(addresses))
    return {Fate(Verdict.ACCEPTED, f"{each}:8080", masqueraded): share for each in addresses}


@BOTH
@pytest.mark.parametrize("source", [POD, CLIENT])
def test_without_endpoints_everything_is_rejected(mode: str, source: str) -> None:
    tracer = walk(mode, [balanced()])
    for address, port in PLACES:
        assert tracer.trace(packet(source, address, port)).fates == one(Verdict.REJECTED), address


@BOTH
def test_a_pod_that_reaches_itself_is_masqueraded_wherever_it_asks(mode: str) -> None:
    tracer = walk(mode, [balanced(), both_ends()])
    fates = tracer.trace(packet(LOCAL, CLUSTER_IP, 80)).fates
    assert fates == {Fate(Verdict.ACCEPTED, f"{LOCAL}:8080", True): 0.5, Fate(Verdict.ACCEPTED, f"{REMOTE}:8080"): 0.5}
    for address, port in PLACES[1:]:
        fates = tracer.trace(packet(LOCAL, address, port)).fates
        assert fates == accepted(LOCAL, REMOTE, masqueraded=True), address


@BOTH
def test_protocols_of_one_port_are_kept_apart(mode: str) -> None:
    protocols: tuple[Protocol, ...] = ("tcp", "udp", "sctp")
    ports = [{"name": each, "port": 80, "protocol": each.upper()} for each in protocols[:2]]
    targets = [{"name": each, "port": 9000 + n, "protocol": each.upper()} for n, each in enumerate(protocols)]
    tracer = walk(mode, [service(ports=ports), slice_of(endpoint(LOCAL), ports=targets)])
    for number, protocol in enumerate(protocols[:2]):
        got = tracer.trace(packet(POD, CLUSTER_IP, 80, protocol)).endpoints
        assert got == {f"{LOCAL}:{9000 + number}": 1}
    undefined = Verdict.UNTOUCHED if mode == "iptables" else Verdict.REJECTED
    assert tracer.trace(packet(POD, CLUSTER_IP, 80, "sctp")).fates == one(undefined)


@BOTH
def test_ports_and_addresses_of_nobody(mode: str) -> None:
    cidrs = msgspec.convert({"metadata": {"name": "kubernetes"}, "spec": {"cidrs": ["172.30.0.0/16"]}}, ServiceCIDR)
    tracer = walk(mode, [service(), both_ends(), cidrs])
    iptables = mode == "iptables"
    undefined = tracer.trace(packet(POD, CLUSTER_IP, 81)).fates
    assert undefined == one(Verdict.UNTOUCHED if iptables else Verdict.REJECTED)
    unallocated = tracer.trace(packet(POD, "172.30.9.9", 80)).fates
    assert unallocated == one(Verdict.UNTOUCHED if iptables else Verdict.DROPPED)
    assert tracer.trace(packet(POD, REMOTE, 8080)).fates == one(Verdict.UNTOUCHED)


@BOTH
def test_source_ranges_keep_others_out_of_the_load_balancer_and_of_nothing_else(mode: str) -> None:
    ranges = ["192.168.7.0/24", f"{CLIENT}/32"]
    tracer = walk(mode, [balanced(loadBalancerSourceRanges=ranges), both_ends()])
    all_ = accepted(LOCAL, REMOTE, masqueraded=True)
    for source in (CLIENT, NODE_IP):
        assert tracer.trace(packet(source, VIP, 80)).fates == all_, source
    assert tracer.trace(packet(VIP, VIP, 80)).fates == all_, "a range holds the node, so its balancer is let in"
    for source in ("203.0.113.130", POD, REMOTE_POD):
        assert tracer.trace(packet(source, VIP, 80)).fates == one(Verdict.DROPPED), source
        assert tracer.trace(packet(source, NODE_IP, NODE_PORT)).fates == all_, source
    without = walk(mode, [balanced(loadBalancerSourceRanges=[f"{CLIENT}/32"]), both_ends()])
    assert without.trace(packet(VIP, VIP, 80)).fates == one(Verdict.DROPPED)


@BOTH
def test_local_policies_without_endpoints_here_drop_strangers_and_let_the_node_through(mode: str) -> None:
    away = slice_of(endpoint(REMOTE, "node-2"))
    tracer = walk(mode, [balanced(externalTrafficPolicy="Local"), away])
    for address, port in PLACES[1:]:
        assert tracer.trace(packet(CLIENT, address, port)).fates == one(Verdict.DROPPED), address
        assert tracer.trace(packet(POD, address, port)).fates == accepted(REMOTE), address
        assert tracer.trace(packet(NODE_IP, address, port)).fates == accepted(REMOTE, masqueraded=True), address
    tracer = walk(mode, [balanced(internalTrafficPolicy="Local"), away])
    assert tracer.trace(packet(POD, CLUSTER_IP, 80)).fates == one(Verdict.DROPPED)
    assert tracer.trace(packet(CLIENT, VIP, 80)).fates == accepted(REMOTE, masqueraded=True)


@BOTH
def test_endpoints_that_end_serve_while_nobody_else_does(mode: str) -> None:
    ending: dict[str, Any] = {"ready": False, "serving": True, "terminating": True}
    tracer = walk(mode, [balanced(), both_ends(**ending)])
    assert tracer.trace(packet(POD, CLUSTER_IP, 80)).fates == accepted(LOCAL, REMOTE)
    tracer = walk(mode, [balanced(), slice_of(endpoint(LOCAL, **ending), endpoint(REMOTE, "node-2", ready=True))])
    assert tracer.trace(packet(POD, CLUSTER_IP, 80)).fates == accepted(REMOTE)
    tracer = walk(mode, [balanced(), both_ends(ready=False, serving=False, terminating=True)])
    assert tracer.trace(packet(POD, CLUSTER_IP, 80)).fates == one(Verdict.REJECTED)


@BOTH
def test_node_ports_are_served_at_the_addresses_that_are_asked_for(mode: str) -> None:
    records = [balanced(), both_ends()]
    served = accepted(LOCAL, REMOTE, masqueraded=True)
    for asked in (["10.55.0.0/16"], [], ["0.0.0.0/0"]):
        tracer = walk(mode, records, nodePortAddresses=asked)
        primary = bool(asked != ["10.55.0.0/16"])
        other = bool(asked or mode == "iptables")
        for address, is_served in ((NODE_IP, primary), (OTHER_NODE_IP, other)):
            fates = tracer.trace(packet(CLIENT, address, NODE_PORT)).fates
            assert fates == (served if is_served else one(Verdict.UNTOUCHED)), (asked, address)


@BOTH
def test_clients_are_remembered_by_the_service_port_and_not_by_its_address(mode: str) -> None:
    tracer = walk(mode, [balanced(sessionAffinity="ClientIP"), both_ends()])
    first = tracer.trace(packet(CLIENT, VIP, 80)).ways[1]
    assert (first.fate.endpoint, first.probability) == (f"{REMOTE}:8080", Fraction(1, 2))
    for address, port in PLACES:
        again = tracer.trace(packet(CLIENT, address, port), first.remembered)
        assert again.endpoints == {f"{REMOTE}:8080": 1}, address
    assert len(tracer.trace(packet(POD, VIP, 80), first.remembered).endpoints) == 2, "another client"


@BOTH
def test_an_endpoint_with_the_nodes_address_is_not_masqueraded_on_the_way_in(mode: str) -> None:
    tracer = walk(mode, [balanced(), slice_of(endpoint(NODE_IP))])
    assert tracer.trace(packet(CLIENT, NODE_IP, NODE_PORT)).fates == accepted(NODE_IP)
    hooks = [step.hook for step in tracer.trace(packet(CLIENT, NODE_IP, NODE_PORT)).ways[0].steps]
    assert "input" in hooks and "forward" not in hooks


@BOTH
def test_later_packets_of_a_connection_are_left_to_connection_tracking(mode: str) -> None:
    tracer = walk(mode, [balanced(), both_ends()])
    established = tracer.trace(packet(POD, REMOTE, 8080, state="ESTABLISHED"))
    assert established.verdicts == {Verdict.ACCEPTED if mode == "iptables" else Verdict.UNTOUCHED}
    invalid = tracer.trace(packet(POD, REMOTE, 8080, state="INVALID"))
    assert invalid.verdicts == {Verdict.DROPPED if mode == "iptables" else Verdict.UNTOUCHED}


def test_health_check_node_ports_are_let_in_by_iptables() -> None:
    records = [balanced(externalTrafficPolicy="Local", healthCheckNodePort=32000), both_ends()]
    assert walk("iptables", records).trace(packet(CLIENT, NODE_IP, 32000)).fates == one(Verdict.ACCEPTED)
    assert walk("nftables", records).trace(packet(CLIENT, NODE_IP, 32000)).fates == one(Verdict.UNTOUCHED)


def test_the_loopback_is_kept_from_strangers_where_its_node_ports_are_served() -> None:
    tracer = walk("iptables", [balanced(), both_ends()])
    assert tracer.trace(packet(CLIENT, "127.0.0.1", 22)).fates == one(Verdict.DROPPED)
    assert tracer.trace(packet("127.0.0.1", "127.0.0.1", 22)).fates == one(Verdict.UNTOUCHED)


@BOTH
@pytest.mark.parametrize("count", [1, 2, 3, 7, 100])
def test_every_endpoint_is_as_likely_as_the_others(mode: str, count: int) -> None:
    ends = [endpoint(f"10.180.1.{number}", "node-2") for number in range(1, count + 1)]
    endpoints = walk(mode, [service(), slice_of(*ends)]).trace(packet(POD, CLUSTER_IP, 80)).endpoints
    assert len(endpoints) == count and set(endpoints.values()) == {Fraction(1, count)}
