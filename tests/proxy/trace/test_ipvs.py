"""What becomes of packets in ipvs mode: virtual servers, and who is masqueraded by which set."""

from __future__ import annotations

from fractions import Fraction
from typing import Any

import pytest

from proxy_core.ipvs.kernel import PERSISTENT, RealKey, RealServer, ServerKey, VirtualServer
from proxy_core.trace import Fate, Verdict
from proxy_core.trace.flow import Said, Serve
from proxy_core.trace.ipvs import spread
from tests.proxy.objects import endpoint, service, slice_of
from tests.proxy.trace.cluster import CLIENT, NODE_IP, POD, packet, walk
from tests.proxy.trace.test_flows import (
    CLUSTER_IP,
    EXTERNAL_IP,
    LOCAL,
    NODE_PORT,
    PLACES,
    REMOTE,
    VIP,
    accepted,
    balanced,
    both_ends,
    one,
)

SOURCES = {"pod": POD, "node": NODE_IP, "outside": CLIENT}


@pytest.mark.parametrize("detector", [True, False])
@pytest.mark.parametrize("masquerade_all", [True, False])
def test_who_is_masqueraded(detector: bool, masquerade_all: bool) -> None:
    config: dict[str, Any] = {"iptables": {"masqueradeAll": masquerade_all}}
    config["clusterCIDR"] = "10.180.0.0/14" if detector else ""
    for policy in ("Cluster", "Local"):
        tracer = walk("ipvs", [balanced(externalTrafficPolicy=policy), both_ends()], **config)
        for source, address in SOURCES.items():
            outside = detector and source != "pod"
            expected = accepted(LOCAL, REMOTE, masqueraded=masquerade_all or outside)
            assert tracer.trace(packet(address, CLUSTER_IP, 80)).fates == expected, source
            # policy Local: whoever asks, endpoints of this node alone, and nobody is masqueraded
            expected = accepted(LOCAL) if policy == "Local" else accepted(LOCAL, REMOTE, masqueraded=True)
            for place, port in PLACES[1:]:
                assert tracer.trace(packet(address, place, port)).fates == expected, (source, place)


def test_local_policies_without_endpoints_here_take_those_of_other_nodes() -> None:
    tracer = walk("ipvs", [balanced(externalTrafficPolicy="Local"), slice_of(endpoint(REMOTE, "node-2"))])
    assert tracer.trace(packet(CLIENT, VIP, 80)).fates == accepted(REMOTE)


def test_a_virtual_server_without_real_servers_refuses() -> None:
    tracer = walk("ipvs", [balanced()])
    for address, port in PLACES:
        outcome = tracer.trace(packet(CLIENT, address, port))
        assert outcome.fates == one(Verdict.REJECTED), address
        assert outcome.ways[0].steps[-1].note.endswith("has no real server")


def test_other_ports_of_an_address_of_kube_ipvs0_are_rejected() -> None:
    tracer = walk("ipvs", [balanced(), both_ends()])
    for address in (CLUSTER_IP, EXTERNAL_IP, VIP):
        assert tracer.trace(packet(CLIENT, address, 81)).fates == one(Verdict.REJECTED)
    assert tracer.trace(packet(CLIENT, NODE_IP, 81)).fates == one(Verdict.UNTOUCHED)


def test_a_pod_that_reaches_itself_is_masqueraded() -> None:
    tracer = walk("ipvs", [balanced(), both_ends()])
    fates = tracer.trace(packet(LOCAL, CLUSTER_IP, 80)).fates
    assert fates == {Fate(Verdict.ACCEPTED, f"{LOCAL}:8080", True): 0.5, Fate(Verdict.ACCEPTED, f"{REMOTE}:8080"): 0.5}


def test_source_ranges_keep_others_out_of_the_load_balancer_and_of_nothing_else() -> None:
    tracer = walk("ipvs", [balanced(loadBalancerSourceRanges=[f"{CLIENT}/32"]), both_ends()])
    all_ = accepted(LOCAL, REMOTE, masqueraded=True)
    assert tracer.trace(packet(CLIENT, VIP, 80)).fates == all_
    assert tracer.trace(packet("203.0.113.130", VIP, 80)).fates == one(Verdict.DROPPED)
    assert tracer.trace(packet("203.0.113.130", NODE_IP, NODE_PORT)).fates == all_
    # the node owns the address, so it may be the source of what the node sends: dropped behind IPVS
    itself = packet(VIP, VIP, 80)._replace(interface="")
    outcome = tracer.trace(itself)
    assert outcome.fates == one(Verdict.DROPPED) and outcome.ways[0].steps[-1].chain == "filter KUBE-IPVS-OUT-FILTER"
    tracer = walk("ipvs", [balanced(loadBalancerSourceRanges=[f"{CLIENT}/32", "192.168.7.0/24"]), both_ends()])
    assert tracer.trace(itself).verdicts == {Verdict.ACCEPTED}


def test_clients_are_remembered_by_virtual_server() -> None:
    tracer = walk("ipvs", [balanced(sessionAffinity="ClientIP"), both_ends()])
    first = tracer.trace(packet(CLIENT, VIP, 80)).ways[0]
    assert tracer.trace(packet(CLIENT, VIP, 80), first.remembered).endpoints == {first.fate.endpoint: 1}
    assert len(tracer.trace(packet(CLIENT, NODE_IP, NODE_PORT), first.remembered).endpoints) == 2
    assert len(tracer.trace(packet(POD, VIP, 80), first.remembered).endpoints) == 2


def test_a_real_server_with_the_nodes_address_is_not_masqueraded_on_the_way_in() -> None:
    tracer = walk("ipvs", [balanced(), slice_of(endpoint(NODE_IP))])
    assert tracer.trace(packet(CLIENT, VIP, 80)).fates == accepted(NODE_IP)


def test_node_ports_by_protocol() -> None:
    ports = [
        {"name": each, "port": 80, "protocol": each.upper(), "nodePort": NODE_PORT} for each in ("tcp", "udp", "sctp")
    ]
    targets = [{"name": each["name"], "port": 8080, "protocol": each["protocol"]} for each in ports]
    tracer = walk("ipvs", [service(type="NodePort", ports=ports), slice_of(endpoint(LOCAL), ports=targets)])
    for protocol in ("tcp", "udp", "sctp"):
        outcome = tracer.trace(packet(CLIENT, NODE_IP, NODE_PORT, protocol))
        assert outcome.fates == accepted(LOCAL, masqueraded=True), protocol


@pytest.mark.parametrize(
    ("scheduler", "shares"),
    [
        ("rr", (Fraction(1, 2), Fraction(1, 2))),
        ("wrr", (Fraction(3, 4), Fraction(1, 4))),
        ("sh", (Fraction(3, 4), Fraction(1, 4))),
        ("fo", (Fraction(1),)),
    ],
)
def test_schedulers_spread_by_weight_or_not(scheduler: str, shares: tuple[Fraction, ...]) -> None:
    server = VirtualServer(ServerKey(CLUSTER_IP, 80, "TCP"), scheduler, PERSISTENT)
    reals = [RealServer(RealKey(f"10.180.0.{number}", 80), weight) for number, weight in enumerate((3, 1, 0))]
    found = spread(server, reals)
    assert found is not None and tuple(chance for chance, _ in found.choices) == shares
    first = found.choices[0][1]
    assert isinstance(first, Said) and isinstance(first.decision, Serve) and first.decision.ip == "10.180.0.0"
    assert spread(server, reals[2:]) is None
