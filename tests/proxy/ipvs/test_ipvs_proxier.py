"""What ipvs mode does otherwise than the other modes, and what a sync costs."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import pytest

from proxy_core import FakeIpvs, KernelError
from proxy_core.ipvs.kernel import DEVICE, AddReal, AddServer, EditServer, Entry, RealKey, ServerKey, VirtualServer
from tests.proxy.ipvs.cluster import INTERFACES, SECOND, proxier
from tests.proxy.objects import endpoint, service, slice_of

WEB = ServerKey("172.30.0.1", 80, "TCP")
HERE, THERE = RealKey("10.180.0.1", 8080), RealKey("10.180.1.1", 8080)
PORT = {"name": "http", "port": 80, "protocol": "TCP"}


def synced(*endpoints: dict[str, Any], config: dict[str, Any] | None = None, **spec: Any) -> FakeIpvs:
    """Return a kernel after a first sync of one service."""
    kernel = FakeIpvs()
    started = proxier(kernel, **(config or {}))
    started.state.update(service(**spec))
    if endpoints:
        started.state.update(slice_of(*endpoints))
    started.sync(0)
    assert started.refusals == ()
    return kernel


def reals(kernel: FakeIpvs, address: str = WEB.address, port: int = WEB.port, protocol: str = "TCP") -> set[RealKey]:
    return set(kernel.servers.real_servers[ServerKey(address, port, protocol)])


def members(kernel: FakeIpvs, name: str) -> set[str]:
    return set(map(str, kernel.sets.members[name]))


def test_a_pod_that_reaches_itself_is_masqueraded_before_the_mark_is_looked_at() -> None:
    rules = synced(endpoint("10.180.0.1"), endpoint("10.180.1.1", "node-2")).iptables.tables["nat"]["KUBE-POSTROUTING"]
    assert "KUBE-LOOP-BACK dst,dst,src -j MASQUERADE" in rules[0] and "random" not in rules[0]
    assert rules[1].endswith("-j RETURN") and "random" in rules[3]


def test_every_local_endpoint_may_reach_itself_whatever_its_condition() -> None:
    kernel = synced(
        endpoint("10.180.0.1", ready=False, serving=False), endpoint("10.180.0.2"), endpoint("10.180.1.1", "node-2")
    )
    assert members(kernel, "KUBE-LOOP-BACK") == {
        "10.180.0.1,tcp:8080,10.180.0.1",
        "10.180.0.2,tcp:8080,10.180.0.2",
    }
    assert reals(kernel) == {RealKey("10.180.0.2", 8080), THERE}


def test_addresses_that_another_interface_has_are_not_bound() -> None:
    kernel = synced(
        type="LoadBalancer",
        externalIPs=["198.51.100.1", "172.17.0.1"],
        ingress=[{"ip": "203.0.113.1"}, {"ip": "192.168.7.11"}, {"ip": "203.0.113.2", "ipMode": "Proxy"}],
    )
    bound = {"172.30.0.1", "198.51.100.1", "203.0.113.1"}
    assert kernel.addresses.addresses == bound == members(kernel, "KUBE-IPVS-IPS")
    served = {each.address for each in kernel.servers.servers}
    assert served == {*bound, "172.17.0.1", "192.168.7.11"}


def test_an_address_is_bound_until_the_last_port_is_gone() -> None:
    kernel = FakeIpvs()
    running = proxier(kernel)
    ports = [PORT, {"name": "https", "port": 443, "protocol": "TCP"}]
    for seconds, wanted in enumerate((ports, ports[:1], ports[1:])):
        running.state.update(service(ports=wanted))
        running.sync(seconds * SECOND)
        assert kernel.addresses.addresses == {"172.30.0.1"}
    running.state.delete(service())
    running.sync(3 * SECOND)
    assert kernel.addresses.addresses == set() and not kernel.servers.servers


@pytest.mark.parametrize(
    ("spec", "endpoints", "inside", "outside"),
    [
        ({}, ("here", "there"), {HERE, THERE}, None),
        ({"internalTrafficPolicy": "Local"}, ("here", "there"), {HERE}, None),
        # where nobody asked for the endpoints of the cluster there are none to fall back to
        ({"internalTrafficPolicy": "Local"}, ("there",), set(), None),
        ({"internalTrafficPolicy": "Local", "type": "NodePort"}, ("there",), {THERE}, {THERE}),
        ({"externalTrafficPolicy": "Local", "type": "NodePort"}, ("here", "there"), {HERE, THERE}, {HERE}),
        ({"externalTrafficPolicy": "Local", "type": "NodePort"}, ("there",), {THERE}, {THERE}),
        (
            {"internalTrafficPolicy": "Local", "externalTrafficPolicy": "Local", "type": "NodePort"},
            ("here", "there"),
            {HERE},
            {HERE},
        ),
        ({"type": "NodePort"}, (), set(), set()),
    ],
)
def test_a_local_policy_without_local_endpoints_falls_back_to_all(
    spec: dict[str, Any], endpoints: tuple[str, ...], inside: set[RealKey], outside: set[RealKey] | None
) -> None:
    known = {"here": endpoint("10.180.0.1"), "there": endpoint("10.180.1.1", "node-2")}
    ports = [{**PORT, "nodePort": 30080 if outside is not None else 0}]
    kernel = synced(*(known[each] for each in endpoints), ports=ports, **spec)
    assert reals(kernel) == inside
    if outside is not None:
        assert reals(kernel, "192.168.7.11", 30080) == outside


def test_a_protocol_that_ipsets_do_not_know_is_left_out() -> None:
    kernel = synced(ports=[{**PORT, "protocol": "ICMP", "nodePort": 30080}], type="NodePort")
    assert not kernel.servers.servers and not kernel.addresses.addresses and not any(kernel.sets.members.values())


def test_virtual_servers_are_there_without_endpoints() -> None:
    assert synced().servers.servers == {WEB: VirtualServer(WEB)}


@pytest.mark.parametrize(
    ("cidrs", "addresses"),
    [
        ([], {"192.168.7.11", "172.17.0.1", "169.254.1.1"}),
        (["127.0.0.0/8", "172.17.0.0/16"], {"172.17.0.1"}),
        # upstream asks every interface here, its own too
        (["172.0.0.0/8"], {"172.17.0.1", "172.30.0.1"}),
        (["2001:db8::/32"], {"192.168.7.11", "172.17.0.1", "169.254.1.1"}),
        (["primary"], {"192.168.7.11"}),
        (["10.0.0.0/8"], set()),
    ],
)
def test_node_ports_are_served_on_every_address_of_the_node(cidrs: list[str], addresses: set[str]) -> None:
    kernel, interfaces = FakeIpvs(), {**INTERFACES, "wt0": ["169.254.1.1/16"], DEVICE: ["172.30.0.1/32"]}
    started = proxier(kernel, interfaces=interfaces, nodePortAddresses=cidrs)
    ports = [{**PORT, "nodePort": 30080}, {"name": "x", "port": 9, "protocol": "SCTP", "nodePort": 30009}]
    spec: dict[str, Any] = {
        "type": "LoadBalancer",
        "externalTrafficPolicy": "Local",
        "healthCheckNodePort": 32000,
    }
    started.state.update(service(ports=ports, **spec))
    started.sync(0)
    assert {key.address for key in kernel.servers.servers if key.port == 30080} == addresses
    sctp = {f"{each},sctp:30009" for each in addresses}
    assert members(kernel, "KUBE-NODE-PORT-SCTP-HASH") == members(kernel, "KUBE-NODE-PORT-LOCAL-SCTP-HASH") == sctp
    # without an address neither the port nor the health check's is let in
    assert members(kernel, "KUBE-NODE-PORT-TCP") == ({"30080"} if addresses else set())
    assert members(kernel, "KUBE-HEALTH-CHECK-NODE-PORT") == ({"32000"} if addresses else set())


def test_link_local_addresses_of_ipv6_and_loopback_are_no_node_port_addresses() -> None:
    kernel = FakeIpvs()
    started = proxier(kernel, "IPv6")
    ports = [{**PORT, "nodePort": 30080}]
    started.state.update(service(clusterIP="fd00:172:30::1", type="NodePort", ports=ports))
    started.sync(0)
    assert {key.address for key in kernel.servers.servers} == {"fd00:172:30::1", "2001:db8:7::b"}


def test_fixed_rules_stand_without_any_service() -> None:
    kernel = FakeIpvs()
    proxier(kernel).sync(0)
    tables = kernel.iptables.tables
    assert len(tables["filter"]["KUBE-IPVS-FILTER"]) == 6 and len(tables["filter"]["KUBE-NODE-PORT"]) == 1
    assert tables["nat"]["KUBE-LOAD-BALANCER"] == ["-j KUBE-MARK-MASQ"] and not tables["nat"]["KUBE-NODE-PORT"]
    assert len(kernel.sets.sets) == 17 and not any(kernel.sets.members.values())


@pytest.mark.parametrize(
    ("config", "words"),
    [
        ({}, "src,dst"),
        ({"clusterCIDR": "10.180.0.0/14"}, "dst,dst ! -s 10.180.0.0/14"),
        ({"detectLocalMode": "BridgeInterface", "detectLocal": {"bridgeInterface": "cni0"}}, "dst,dst ! -i cni0"),
        ({"detectLocalMode": "InterfaceNamePrefix", "detectLocal": {"interfaceNamePrefix": "v"}}, "dst,dst ! -i v+"),
        ({"clusterCIDR": "10.180.0.0/14", "iptables": {"masqueradeAll": True}}, "dst,dst"),
    ],
)
def test_which_traffic_to_cluster_ips_is_masqueraded(config: dict[str, Any], words: str) -> None:
    rules = synced(config=config).iptables.tables["nat"]["KUBE-SERVICES"]
    (rule,) = [each for each in rules if "KUBE-CLUSTER-IP" in each and "KUBE-MARK-MASQ" in each]
    assert rule.endswith(f"--match-set KUBE-CLUSTER-IP {words} -j KUBE-MARK-MASQ")


@pytest.mark.parametrize(
    ("ranges", "inside", "out"),
    [
        (["10.0.0.0/8"], False, ["-s 203.0.113.1 -m ipvs --vaddr 203.0.113.1 --vproto tcp --vport 80 -j DROP"]),
        (["10.0.0.0/8", " 192.168.7.9/24"], True, []),
        (["10.0.0.0/8", "0.0.0.0/0"], None, []),
        (["fd00::/8"], None, []),
    ],
)
def test_source_ranges(ranges: list[str], inside: bool | None, out: list[str]) -> None:
    kernel = synced(
        type="LoadBalancer", ingress=[{"ip": "203.0.113.1"}, {"ip": "::2"}], loadBalancerSourceRanges=ranges
    )
    assert kernel.iptables.tables["filter"]["KUBE-IPVS-OUT-FILTER"] == out
    assert members(kernel, "KUBE-LOAD-BALANCER") == {"203.0.113.1,tcp:80"}
    assert members(kernel, "KUBE-LOAD-BALANCER-FW") == (set() if inside is None else {"203.0.113.1,tcp:80"})
    expected = {"203.0.113.1,tcp:80,10.0.0.0/8"} if inside is not None else set()
    if inside:
        expected.add("203.0.113.1,tcp:80,192.168.7.0/24")
    assert members(kernel, "KUBE-LOAD-BALANCER-SOURCE-CIDR") == expected
    assert members(kernel, "KUBE-LOAD-BALANCER-SOURCE-IP") == ({"203.0.113.1,tcp:80,203.0.113.1"} if inside else set())


def test_a_virtual_server_is_edited_in_place() -> None:
    kernel = FakeIpvs()
    running = proxier(kernel, ipvs={"scheduler": "mh"})
    running.state.update(service())
    running.state.update(slice_of(endpoint("10.180.0.1")))
    running.sync(0)
    assert kernel.servers.servers[WEB] == VirtualServer(WEB, "mh", 0x10)
    affinity = {"clientIP": {"timeoutSeconds": 77}}
    running.state.update(service(sessionAffinity="ClientIP", sessionAffinityConfig=affinity))
    running.sync(SECOND)
    (batch,) = kernel.servers.ran[1:]
    assert batch == [EditServer(VirtualServer(WEB, "mh", 0x11, 77))] and isinstance(batch[0], EditServer)
    assert reals(kernel) == {HERE}


def test_excluded_networks_keep_their_virtual_servers_and_nothing_else() -> None:
    kernel = FakeIpvs()
    for address, protocol in (("10.9.0.1", "TCP"), ("10.8.0.1", "UDP")):
        key = ServerKey(address, 53, protocol)
        kernel.servers.servers[key], kernel.servers.real_servers[key] = VirtualServer(key, "wlc"), {}
    running = proxier(kernel, ipvs={"excludeCIDRs": ["10.9.0.0/16", "172.30.0.0/24", "fd00::/8"]})
    running.state.update(service())
    running.state.update(slice_of(endpoint("10.180.0.1")))
    running.sync(0)
    assert {str(key) for key in kernel.servers.servers} == {"10.9.0.1:53/TCP", "172.30.0.1:80/TCP"}
    running.state.delete(service())
    running.sync(SECOND)
    assert WEB in kernel.servers.servers  # upstream leaves its own there too,
    assert kernel.addresses.addresses == set() and not members(kernel, "KUBE-CLUSTER-IP")
    running.state.update(service())
    running.sync(2 * SECOND)
    assert len(kernel.servers.servers) == 2 and running.refusals == ()  # and takes it up again


def test_one_endpoint_costs_one_command_and_no_look_at_the_kernel(monkeypatch: pytest.MonkeyPatch) -> None:
    kernel = FakeIpvs()
    running = proxier(kernel)
    running.state.update(service())
    running.state.update(slice_of(endpoint("10.180.0.1")))
    running.sync(0)
    for part, call in (
        (kernel.servers, "dump"),
        (kernel.servers, "reals"),
        (kernel.sets, "entries"),
        (kernel.addresses, "bound"),
        (kernel.iptables, "ensure_rule"),
        (kernel.iptables, "restore"),
    ):
        monkeypatch.setattr(part, call, _must_not)
    running.state.update(slice_of(endpoint("10.180.0.1"), endpoint("10.180.1.1", "node-2")))
    sets = len(kernel.sets.ran)
    assert not running.sync(SECOND).full
    assert kernel.servers.ran[1:] == [[AddReal(WEB, THERE)]] and len(kernel.sets.ran) == sets
    running.sync(2 * SECOND)
    assert len(kernel.servers.ran) == 2  # nothing to do


def _must_not(*_: object, **__: object) -> None:
    raise AssertionError("was called")


def test_rules_are_written_when_a_set_gets_its_first_entry_or_loses_its_last() -> None:
    kernel = FakeIpvs()
    running = proxier(kernel)
    restored = []
    wanted: list[dict[str, Any]] = [{}, {"externalIPs": ["198.51.100.1"]}, {"externalIPs": ["198.51.100.2"]}, {}]
    for seconds, spec in enumerate(wanted):
        running.state.update(service(**spec))
        running.sync(seconds * SECOND)
        restored.append(len(kernel.iptables.restored))
    assert restored == [2, 3, 3, 4]  # the first makes the chains


class Broken(FakeIpvs):
    """A kernel whose iptables-restore fails."""

    def __init__(self) -> None:
        super().__init__()
        self.iptables.restore = self._restore  # type: ignore[method-assign]
        self.broken = True

    def _restore(self, text: Iterable[str]) -> None:
        if self.broken:
            raise KernelError("line 3 failed")
        type(self.iptables).restore(self.iptables, text)


def test_rules_that_fail_keep_what_is_no_longer_wanted() -> None:
    kernel = Broken()
    kernel.broken = False
    running = proxier(kernel)
    running.state.update(service())
    running.sync(0)
    kernel.broken = True
    running.state.delete(service())
    for seconds in (1, 2):
        with pytest.raises(KernelError, match="line 3"):
            running.sync(seconds * SECOND)
        assert WEB in kernel.servers.servers and kernel.addresses.addresses == {WEB.address}
    kernel.broken = False
    assert running.sync(3 * SECOND).full
    assert not kernel.servers.servers and not kernel.addresses.addresses


def test_one_real_server_per_address_and_port_of_two_services_with_one_external_ip() -> None:
    kernel = FakeIpvs()
    running = proxier(kernel)
    shared = ServerKey("198.51.100.1", 80, "TCP")
    for name, address in (("web", "172.30.0.1"), ("api", "172.30.0.2")):
        running.state.update(service(name, clusterIP=address, externalIPs=["198.51.100.1"]))
    running.state.update(slice_of(endpoint("10.180.0.1")))
    running.sync(0)
    assert reals(kernel, *shared) == {HERE}
    running.state.delete(service("web"))
    running.sync(SECOND)
    assert shared in kernel.servers.servers and reals(kernel, *shared) == set()
    assert members(kernel, "KUBE-EXTERNAL-IP") == {"198.51.100.1,tcp:80"}


def test_words_of_ipset_and_ipvsadm() -> None:
    assert str(ServerKey("fd00::1", 80, "TCP")) == "[fd00::1]:80/TCP" and str(HERE) == "10.180.0.1:8080"
    assert str(Entry(port=30080)) == "30080" and str(Entry("10.0.0.1")) == "10.0.0.1"
    assert str(Entry("fd00::1", "sctp", 9, "fd00::/8")) == "fd00::1,sctp:9,fd00::/8"


def test_a_scheduler_that_the_kernel_lacks_is_said_and_the_rest_is_written() -> None:
    kernel = FakeIpvs()
    running = proxier(kernel, ipvs={"scheduler": "best"})
    running.state.update(service())
    running.sync(0)
    assert running.refusals == ("virtual server 172.30.0.1:80/TCP: no scheduler best",)
    assert kernel.servers.ran == [[AddServer(VirtualServer(WEB, "best"))]] and kernel.iptables.restored
