"""Who is masqueraded and which endpoints are reached: every source, every kind of Service, every configuration.

The table is the one that upstream's tests of internal and external masquerading expect.
"""

from __future__ import annotations

from fractions import Fraction
from typing import Any, NamedTuple

import pytest

from proxy_core.trace import Fate, Verdict
from tests.proxy.objects import endpoint, service, slice_of
from tests.proxy.trace.cluster import CLIENT, NODE_IP, POD, Record, packet, walk

LOCAL, REMOTE = "10.180.0.1", "10.180.1.1"
ALL = (f"{LOCAL}:8080", f"{REMOTE}:8080")
HERE = ALL[:1]
MODES = ("iptables", "nftables")
SOURCES = {"pod": POD, "node": NODE_IP, "outside": CLIENT, "loopback": "127.0.0.1"}
SERVICES = ("plain", "external", "internal")
"""No policy, externalTrafficPolicy Local, internalTrafficPolicy Local."""


class Row(NamedTuple):
    """What is expected: the endpoints, and whether they see the node's address."""

    endpoints: tuple[str, ...]
    masqueraded: bool


def expected(source: str, target: str, kind: str, *, detector: bool, masquerade_all: bool) -> Row:
    """Return a cell of the table."""
    if target == "cluster IP":
        endpoints = HERE if kind == "internal" else ALL
        return Row(endpoints, masquerade_all or (detector and source != "pod"))
    if kind != "external":
        return Row(ALL, masqueraded=True)
    if source == "outside" or (source == "pod" and not detector):
        return Row(HERE, masqueraded=False)
    return Row(ALL, masqueraded=source != "pod")


def objects() -> list[Record]:
    found: list[Record] = []
    policies: dict[str, dict[str, Any]] = {
        "plain": {},
        "external": {"externalTrafficPolicy": "Local"},
        "internal": {"internalTrafficPolicy": "Local"},
    }
    for number, kind in enumerate(SERVICES):
        found.append(
            service(
                kind,
                type="LoadBalancer",
                clusterIP=f"172.30.0.{number + 1}",
                ports=[{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30000 + number}],
                ingress=[{"ip": f"198.51.100.{number + 1}"}],
                externalIPs=[f"192.168.99.{number + 1}"],
                **policies[kind],
            )
        )
        labels = {"kubernetes.io/service-name": kind}
        found.append(slice_of(endpoint(LOCAL), endpoint(REMOTE, "node-2"), name=kind, labels=labels))
    return found


@pytest.mark.parametrize("mode", MODES)
@pytest.mark.parametrize("detector", [True, False])
@pytest.mark.parametrize("masquerade_all", [True, False])
def test_the_masquerade_matrix(mode: str, detector: bool, masquerade_all: bool) -> None:
    config: dict[str, Any] = {each: {"masqueradeAll": masquerade_all} for each in ("iptables", "nftables")}
    tracer = walk(mode, objects(), clusterCIDR="10.180.0.0/14" if detector else "", **config)
    for number, kind in enumerate(SERVICES):
        targets = {
            "cluster IP": (f"172.30.0.{number + 1}", 80),
            "load balancer": (f"198.51.100.{number + 1}", 80),
            "external IP": (f"192.168.99.{number + 1}", 80),
            "node port": (NODE_IP, 30000 + number),
        }
        for target, (address, port) in targets.items():
            for source in ("pod", "node", "outside"):
                row = expected(source, target, kind, detector=detector, masquerade_all=masquerade_all)
                share = Fraction(1, len(row.endpoints))
                fates = {Fate(Verdict.ACCEPTED, each, row.masqueraded): share for each in row.endpoints}
                got = tracer.trace(packet(SOURCES[source], address, port)).fates
                assert got == fates, (source, target, kind)


@pytest.mark.parametrize("wanted", [True, False])
def test_node_ports_of_the_loopback_are_masqueraded_where_they_are_served(wanted: bool) -> None:
    tracer = walk("iptables", objects(), iptables={"localhostNodePorts": wanted})
    for number, kind in enumerate(SERVICES):
        got = tracer.trace(packet(SOURCES["loopback"], "127.0.0.1", 30000 + number)).fates
        served = {Fate(Verdict.ACCEPTED, each, masqueraded=True): Fraction(1, 2) for each in ALL}
        assert got == (served if wanted else {Fate(Verdict.UNTOUCHED): 1}), kind
    tracer = walk("nftables", objects())
    assert tracer.trace(packet(SOURCES["loopback"], "127.0.0.1", 30000)).verdicts == {Verdict.UNTOUCHED}
