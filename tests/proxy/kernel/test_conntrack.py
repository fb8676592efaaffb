"""NetlinkConntrack: flows of real UDP sockets in two namespaces, some of them stale."""

from __future__ import annotations

import shutil
import socket
import subprocess
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from proxy_core import (
    EndpointSlice,
    IptablesProxier,
    KernelError,
    Machine,
    NotSupported,
    ProxyState,
    load_config,
    node_info,
    settings_of,
)
from proxy_core.addresses import Family
from proxy_core.conntrack import Flow, clean_up
from proxy_core.kernel.conntrack import NetlinkConntrack
from proxy_core.kernel.iptables import IptablesPrograms
from proxy_core.kernel.netns import inside
from tests.proxy.objects import NODE, endpoint, node, service, slice_of

FAMILIES: tuple[Family, ...] = ("IPv4", "IPv6")
CLUSTER_IP = {"IPv4": "172.30.0.1", "IPv6": "fd00:172:30::1"}
PODS = {"IPv4": ("10.180.1.1", "10.180.1.2"), "IPv6": ("fd00:10:180:1::1", "fd00:10:180:1::2")}
DNS = [{"name": "dns", "port": 53, "protocol": "UDP"}]
SECOND = 10**9


@pytest.fixture(params=FAMILIES)
def family(request: pytest.FixtureRequest) -> Family:
    found: Family = request.param
    return found


@pytest.fixture
def wire(new_netns: Callable[[], str]) -> tuple[str, str]:
    """Return the namespaces of a node and of its pods, joined by a wire."""
    here, there = new_netns(), new_netns()
    _ip(here, "link", "add", "pods", "type", "veth", "peer", "name", "eth0", "netns", there)
    for netns, device, number in ((here, "pods", 254), (there, "eth0", 1)):
        _ip(netns, "link", "set", "lo", "up")
        _ip(netns, "link", "set", device, "up")
        _ip(netns, "addr", "add", f"10.180.1.{number}/24", "dev", device)
        _ip(netns, "addr", "add", f"fd00:10:180:1::{number:x}/64", "dev", device, "nodad")
    _ip(there, "addr", "add", "10.180.1.2/24", "dev", "eth0")
    _ip(there, "addr", "add", "fd00:10:180:1::2/64", "dev", "eth0", "nodad")
    _ip(here, "route", "add", "172.30.0.0/16", "via", "10.180.1.1")
    _ip(here, "route", "add", "fd00:172:30::/112", "via", "fd00:10:180:1::1")
    return here, there


def _ip(netns: str, *words: str) -> None:
    subprocess.run(["nsenter", f"--net={netns}", "ip", *words], check=True, capture_output=True)


@pytest.fixture
def proxier(wire: tuple[str, str], family: Family) -> IptablesProxier:
    """Return a proxier on the node, with a Service of two endpoints."""
    if shutil.which("iptables-legacy") is None:
        pytest.skip("there is no program iptables-legacy")
    state = ProxyState(family, node_info(NODE, node()))
    head = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
    settings = settings_of(load_config(head), "iptables", family, state.node, Machine())
    found = IptablesProxier(state, settings, IptablesPrograms(family, "legacy", netns=wire[0]))
    address = CLUSTER_IP[family]
    state.update(service(clusterIP=address, clusterIPs=[address], ipFamilies=[family], ports=DNS))
    state.update(slice_for(family, *PODS[family]))
    result = found.sync(0)
    assert result.conntrack_cleanup
    return found


def slice_for(family: Family, *addresses: str, **conditions: Any) -> EndpointSlice:
    ports = [{"name": "dns", "port": 5353, "protocol": "UDP"}]
    ends = [endpoint(each, **conditions) for each in addresses]
    return slice_of(*ends, ports=ports, address_type=family)


@pytest.fixture
def flows(wire: tuple[str, str], family: Family) -> Iterator[Callable[[str, int, int], None]]:
    """Return what makes flows: to an address and port, so many."""
    sockets: list[socket.socket] = []

    def send(address: str, port: int, count: int) -> None:
        with inside(wire[0]):
            for _ in range(count):
                sockets.append(
                    socket.socket(socket.AF_INET6 if family == "IPv6" else socket.AF_INET, socket.SOCK_DGRAM)
                )
                sockets[-1].sendto(b"?", (address, port))

    yield send
    for each in sockets:
        each.close()


def repliers(flows: list[Flow]) -> set[str]:
    return {flow.replier for flow in flows}


def test_flows_to_an_endpoint_that_has_gone_are_forgotten_and_no_others(
    proxier: IptablesProxier, wire: tuple[str, str], family: Family, flows: Callable[[str, int, int], None]
) -> None:
    first, second = PODS[family]
    flows(CLUSTER_IP[family], 53, 40)
    flows(second, 9, 3)  # not to a service
    with NetlinkConntrack(family, netns=wire[0]) as conntrack:
        before = [flow for flow in conntrack.udp_flows() if flow.destination_port == 53]
        assert len(before) == 40 and repliers(before) == {first, second}
        assert {(flow.destination, flow.replier_port) for flow in before} == {(CLUSTER_IP[family], 5353)}
        assert clean_up(conntrack, proxier.state.wanted) == 0
        proxier.state.update(slice_for(family, second))
        assert proxier.sync(SECOND).conntrack_cleanup
        to_first = sum(flow.replier == first for flow in before)
        assert clean_up(conntrack, proxier.state.wanted) == to_first
        after = conntrack.udp_flows()
        assert repliers([flow for flow in after if flow.destination_port == 53]) == {second}
        assert len(after) == 43 - to_first
        flows(CLUSTER_IP[family], 53, 5)
        assert repliers([flow for flow in conntrack.udp_flows() if flow.destination_port == 53]) == {second}


def test_flows_stay_while_nobody_serves(
    proxier: IptablesProxier, wire: tuple[str, str], family: Family, flows: Callable[[str, int, int], None]
) -> None:
    flows(CLUSTER_IP[family], 53, 4)
    with NetlinkConntrack(family, netns=wire[0]) as conntrack:
        proxier.state.update(slice_for(family, *PODS[family], ready=False, serving=True, terminating=True))
        assert proxier.sync(SECOND).conntrack_cleanup and clean_up(conntrack, proxier.state.wanted) == 0
        proxier.state.update(slice_for(family))
        assert proxier.sync(2 * SECOND).conntrack_cleanup and clean_up(conntrack, proxier.state.wanted) == 0
        assert len(conntrack.udp_flows()) == 4


def test_what_is_gone_already_does_not_count(
    proxier: IptablesProxier, wire: tuple[str, str], family: Family, flows: Callable[[str, int, int], None]
) -> None:
    flows(CLUSTER_IP[family], 53, 450)  # more than one batch
    with NetlinkConntrack(family, netns=wire[0]) as conntrack:
        found = conntrack.udp_flows()
        assert len(found) == 450
        assert conntrack.delete(found[:100]) == 100
        assert conntrack.delete(found) == 350
        assert conntrack.delete(found) == 0 and conntrack.udp_flows() == []


def test_other_protocols_and_the_other_family_are_left_out(wire: tuple[str, str], family: Family) -> None:
    other: Family = "IPv4" if family == "IPv6" else "IPv6"
    tables = IptablesPrograms(family, "legacy", netns=wire[0])
    tables.ensure_rule("filter", "OUTPUT", ("-m", "conntrack", "--ctstate", "NEW", "-j", "ACCEPT"))
    with inside(wire[0]):
        kind = socket.AF_INET6 if family == "IPv6" else socket.AF_INET
        tcp, udp = socket.socket(kind, socket.SOCK_STREAM), socket.socket(kind, socket.SOCK_DGRAM)
    with tcp, udp:
        tcp.setblocking(False)
        tcp.connect_ex((PODS[family][0], 80))
        udp.sendto(b"?", (PODS[family][0], 80))
        with NetlinkConntrack(family, netns=wire[0]) as here, NetlinkConntrack(other, netns=wire[0]) as there:
            assert [flow[:4] for flow in here.udp_flows()] == [(PODS[family][0], 80, PODS[family][0], 80)]
            assert there.udp_flows() == []


@pytest.mark.parametrize("zone", ["--zone", "--zone-orig"])
def test_flows_of_zones_are_read_and_deleted(
    wire: tuple[str, str], family: Family, flows: Callable[[str, int, int], None], zone: str
) -> None:
    tables = IptablesPrograms(family, "legacy", netns=wire[0])
    try:
        tables.ensure_rule("raw", "OUTPUT", ("-p", "udp", "-j", "CT", zone, "5"))
    except (KernelError, NotSupported) as reason:
        pytest.skip(f"no target CT in this kernel: {reason}")
    flows(PODS[family][0], 53, 3)
    with NetlinkConntrack(family, netns=wire[0]) as conntrack:
        found = conntrack.udp_flows()
        assert [flow[:4] for flow in found] == [(PODS[family][0], 53, PODS[family][0], 53)] * 3
        assert conntrack.delete(found) == 3 and conntrack.udp_flows() == []
