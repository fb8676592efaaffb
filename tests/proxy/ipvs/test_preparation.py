"""Names of sets, and what is asked of the machine before the first sync."""

from __future__ import annotations

from collections.abc import Sequence

import pytest

from proxy_core import FakeIpvs, Machine, NotSupported, load_config, node_info, settings_of
from proxy_core.ipvs import names
from proxy_core.ipvs.fake import FakeServers
from proxy_core.ipvs.kernel import Refusal, ServerCommand, ServerKey, VirtualServer
from proxy_core.ipvs.preparation import KernelVersion, Timeouts, check_scheduler, sysctls, timeouts
from proxy_core.settings import SECOND, IpvsSettings
from tests.proxy.ipvs.cluster import HEAD
from tests.proxy.objects import NODE, node


def test_the_sets_of_ipv6_have_names_of_their_own_cut_to_31_characters() -> None:
    four, six = names.ip_sets("IPv4"), names.ip_sets("IPv6")
    assert all(each.name == key for key, each in four.items()) and len(four) == 17
    assert {each.name for each in four.values()}.isdisjoint(each.name for each in six.values())
    assert len({each.name for each in six.values()}) == 17 and max(len(each.name) for each in six.values()) == 31
    cut = {key: each.name for key, each in six.items() if each.name != key.replace("KUBE-", "KUBE-6-", 1)}
    assert cut == {
        names.LOAD_BALANCER_SOURCE_CIDR: "KUBE-6-LOAD-BALANCER-SOURCE-CID",
        names.NODE_PORT_LOCAL_SCTP: "KUBE-6-NODE-PORT-LOCAL-SCTP-HAS",
    }
    assert six[names.NODE_PORT_TCP] == four[names.NODE_PORT_TCP]._replace(name="KUBE-6-NODE-PORT-TCP", family="inet6")


def test_settings_of_one_family() -> None:
    ipvs = {
        "excludeCIDRs": ["10.1.2.3/8", "fd00::/8"],
        "strictARP": True,
        "tcpTimeout": "2m",
        "tcpFinTimeout": "0s",
        "udpTimeout": "1500ms",
    }
    config = load_config({**HEAD, "ipvs": ipvs, "iptables": {"masqueradeAll": True, "masqueradeBit": 9}})
    made = settings_of(config, "ipvs", "IPv4", node_info(NODE, node()), Machine())
    assert made.ipvs == IpvsSettings("rr", ("10.0.0.0/8",), True, 120 * SECOND, 0, 1_500_000_000)
    assert made.masquerade_all and made.mark == "0x00000200" and made.sync_period == 30 * SECOND
    assert timeouts(made.ipvs) == Timeouts(120, 0, 1)
    assert settings_of(config, "ipvs", "IPv6", node_info(NODE, node()), Machine()).ipvs.exclude_cidrs == ("fd00::/8",)


@pytest.mark.parametrize(
    ("kernel", "reuse"), [((3, 10), False), ((4, 1), True), ((5, 8), True), ((5, 9), False), ((6, 18), False)]
)
def test_sysctls(kernel: KernelVersion, reuse: bool) -> None:
    found = sysctls(IpvsSettings(), kernel)
    assert ("net/ipv4/vs/conn_reuse_mode" in found) == reuse and found.pop("net/ipv4/vs/conn_reuse_mode", 0) == 0
    assert found == {
        "net/ipv4/vs/conntrack": 1,
        "net/ipv4/vs/expire_nodest_conn": 1,
        "net/ipv4/vs/expire_quiescent_template": 1,
        "net/ipv4/ip_forward": 1,
    }
    strict = sysctls(IpvsSettings(strict_arp=True), (6, 1))
    assert strict == found | {"net/ipv4/conf/all/arp_ignore": 1, "net/ipv4/conf/all/arp_announce": 2}


def test_timeouts_that_stay() -> None:
    assert timeouts(IpvsSettings()) is None
    servers = FakeServers()
    servers.set_timeouts(900, 120, 300)
    servers.set_timeouts(*Timeouts(0, 60, 0))
    assert servers.timeouts == (900, 60, 300)


def test_a_scheduler_is_tried() -> None:
    servers = FakeIpvs().servers
    check_scheduler(servers, "sed")
    assert len(servers.ran) == 2 and not servers.servers
    with pytest.raises(NotSupported, match=r"scheduler best of ipvs cannot be used .*no scheduler best.*: modprobe"):
        check_scheduler(servers, "best")
    assert not servers.servers
    key = ServerKey("172.30.0.1", 80, "TCP")
    servers.servers[key], servers.real_servers[key] = VirtualServer(key, "wlc"), {}
    ran = len(servers.ran)
    check_scheduler(servers, "wlc")
    assert len(servers.ran) == ran  # somebody uses it


class Pretending(FakeServers):
    """A kernel that says yes and does nothing."""

    def run(self, commands: Sequence[ServerCommand]) -> Sequence[Refusal]:
        return ()


def test_a_server_that_does_not_appear() -> None:
    with pytest.raises(NotSupported, match="did not appear"):
        check_scheduler(Pretending(), "rr")
