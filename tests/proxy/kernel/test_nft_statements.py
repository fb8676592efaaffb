"""Every statement, container and element over netlink: `nft list` shows what it shows after ``nft -f`` of the text."""

from __future__ import annotations

import re
from collections.abc import Callable

import pytest

from proxy_core import FakeNft
from proxy_core.kernel.netlink import DUMP, NETFILTER, REQUEST, Netlink, attrs, each_attr, message
from proxy_core.kernel.netns import inside
from proxy_core.kernel.nft import NetlinkNft
from proxy_core.nft import statements as st
from proxy_core.nft import transaction as tr
from proxy_core.nft.statements import HAIRPIN_KEY, NODE_PORT_KEY, SERVICE_KEY, TableFamily
from tests.proxy.kernel.nft_program import Nft, normal

NETWORK_KEY: st.Key = ("saddr", "l4proto", "dport", "daddr")
IPV4: dict[str, tuple[st.Statement, ...]] = {
    "ct state new jump other": (st.IsNew(), st.Jump("other")),
    "meta mark & 0x00004000 != 0x00000000 meta mark set meta mark ^ 0x00004000 masquerade fully-random": (
        st.TakeMark("0x00004000"),
        st.Masquerade(),
    ),
    "meta mark set meta mark | 0x80000000": (st.SetMark("0x80000000"),),
    "ct status dnat ip saddr . ip daddr . meta l4proto . th dport @hairpin drop": (
        st.IsDnat(),
        st.InSet(HAIRPIN_KEY, "hairpin"),
        st.Drop(),
    ),
    "ip daddr @ips reject": (st.InSet(("daddr",), "ips"), st.Reject()),
    "ip saddr != @ips drop": (st.InSet(("saddr",), "ips", negated=True), st.Drop()),
    "ip daddr { 1.2.3.4, 10.0.0.0/9, 172.30.0.0/16 } drop": (
        st.AddressIn("daddr", ("172.30.0.0/16", "10.0.0.0/9", "1.2.3.4")),
        st.Drop(),
    ),
    "ip saddr != { 10.0.0.1, 10.0.0.2 } drop": (
        st.AddressIn("saddr", ("10.0.0.1", "10.0.0.2"), negated=True),
        st.Drop(),
    ),
    "ip daddr { 10.0.0.0/8 } drop": (st.AddressIn("daddr", ("10.0.0.0/9", "10.128.0.0/9", "10.1.2.3")), st.Drop()),
    "ip daddr { 10.0.0.1-10.0.0.2 } drop": (st.AddressIn("daddr", ("10.0.0.1/32", "10.0.0.2")), st.Drop()),
    "ip daddr { 0.0.0.0/0 } drop": (st.AddressIn("daddr", ("0.0.0.0/1", "128.0.0.0/1")), st.Drop()),
    "ip daddr { 10.0.0.0/8, 255.0.0.0/8 } drop": (st.AddressIn("daddr", ("255.0.0.0/8", "10.0.0.0/8")), st.Drop()),
    "ip saddr 172.30.0.0/16 drop": (st.AddressIn("saddr", ("172.30.0.0/16",)), st.Drop()),
    "ip daddr != 172.30.0.0/15 drop": (st.Address("daddr", "172.30.0.0/15", negated=True), st.Drop()),
    "ip saddr 172.30.0.1 drop": (st.Address("saddr", "172.30.0.1"), st.Drop()),
    "ip daddr 0.0.0.0/0 drop": (st.Address("daddr", "0.0.0.0/0"), st.Drop()),
    "ip daddr != 127.0.0.0/8 meta l4proto . th dport vmap @by-port": (
        st.Address("daddr", "127.0.0.0/8", negated=True),
        st.VerdictMap(NODE_PORT_KEY, "by-port"),
    ),
    "ip daddr . meta l4proto . th dport vmap @verdicts": (st.VerdictMap(SERVICE_KEY, "verdicts"),),
    'iifname != "cni*" goto other': (st.InputInterface("cni*", negated=True), st.Goto("other")),
    'iifname "fifteen-bytes-x" goto other': (st.InputInterface("fifteen-bytes-x"), st.Goto("other")),
    "fib daddr type local drop": (st.IsLocal("daddr"), st.Drop()),
    "fib saddr type local drop": (st.IsLocal("saddr"), st.Drop()),
    "meta l4proto tcp dnat ip to numgen random mod 2 map { 0 : 10.0.0.1 . 80, 1 : 10.0.0.2 . 8080 }": (
        st.Protocol4("tcp"),
        st.SpreadDnat((("10.0.0.1", 80), ("10.0.0.2", 8080))),
    ),
    "meta l4proto sctp dnat ip to numgen random mod 1 map { 0 : 10.0.0.1 . 80 }": (
        st.Protocol4("sctp"),
        st.SpreadDnat((("10.0.0.1", 80),)),
    ),
    "numgen random mod 2 vmap { 0 : goto other, 1 : goto reject-chain }": (st.SpreadGoto(("other", "reject-chain")),),
    "update @clients { ip saddr }": (st.Remember("clients"),),
    "meta l4proto udp dnat to 10.0.0.9:53": (st.Protocol4("udp"), st.Dnat("10.0.0.9:53")),
    "dnat ip to ip daddr . meta l4proto . th dport . numgen random mod 3 map @spread": (
        st.SpreadDnatMap(SERVICE_KEY, 3, "spread"),
    ),
    "dnat ip to ip daddr . meta l4proto . th dport . jhash ip saddr . th sport mod 3 seed 0x1 map @spread": (
        st.HashDnatMap(SERVICE_KEY, 3, "spread"),
    ),
    "dnat ip to meta l4proto . th dport . numgen random mod 2 map @spread-port": (
        st.SpreadDnatMap(NODE_PORT_KEY, 2, "spread-port"),
    ),
    "ip saddr . meta l4proto . th dport . ip daddr != @networks drop": (
        st.InSet(NETWORK_KEY, "networks", negated=True),
        st.Drop(),
    ),
    "ip saddr @ranges drop": (st.InSet(("saddr",), "ranges"), st.Drop()),
}
"""What nft lists -> the statements; nft refuses no word of it, and merges and sorts as it does here."""
IPV6: list[tuple[st.Statement, ...]] = [
    (st.IsDnat(), st.InSet(HAIRPIN_KEY, "hairpin"), st.Masquerade()),
    (st.InSet(("daddr",), "ips", negated=True), st.Reject()),
    (st.AddressIn("daddr", ("fd00::/16", "fd80::/33", "1::4")), st.Drop()),
    (st.AddressIn("saddr", ("ff00::/8", "::1"), negated=True), st.Drop()),
    (st.AddressIn("saddr", ("::/0", "::1")), st.Drop()),
    (st.AddressIn("saddr", ("fd00::1", "fd00::2")), st.Drop()),
    (st.Address("saddr", "fd00::/64", negated=True), st.Drop()),
    (st.Address("saddr", "fd00::/65"), st.Drop()),
    (st.Address("daddr", "::1", negated=True), st.VerdictMap(NODE_PORT_KEY, "by-port")),
    (st.VerdictMap(SERVICE_KEY, "verdicts"),),
    (st.Protocol4("tcp"), st.SpreadDnat((("fd00::1", 80), ("fd00::2", 8080)))),
    (st.SpreadGoto(("other",)),),
    (st.Remember("clients"),),
    (st.Protocol4("udp"), st.Dnat("[fd00::9]:53")),
    (st.SpreadDnatMap(SERVICE_KEY, 3, "spread"),),
    (st.HashDnatMap(SERVICE_KEY, 3, "spread"),),
    (st.HashDnatMap(NODE_PORT_KEY, 5, "spread-port", 7),),
    (st.InSet(NETWORK_KEY, "networks"), st.Drop()),
]


def containers(address: str) -> list[tr.Container]:
    """Return a container of every kind."""
    by_service, endpoint = (address, "inet_proto", "inet_service"), f"{address} . inet_service"
    return [
        tr.Container("hairpin", (address, *by_service), comment="connections to itself"),
        tr.Container("ips", (address,), comment="Active ClusterIPs"),
        tr.Container("verdicts", by_service, "verdict", "a comment"),
        tr.Container("by-port", ("inet_proto", "inet_service"), "verdict"),
        tr.Container("clients", (address,), timeout_seconds=10800),
        tr.Container("networks", (address, "inet_proto", "inet_service", address), interval=True, comment="networks"),
        tr.Container("ranges", (address,), interval=True),
        tr.Container("spread", (*by_service, tr.INDEX), endpoint, "endpoints"),
        tr.Container("spread-port", ("inet_proto", "inet_service", tr.INDEX), endpoint),
        tr.Container("endpoints", by_service, endpoint),
        tr.Container("addresses", (address, tr.INDEX), address),
        tr.Container("aliases", (address,), address),
        tr.Container("protocols", ("inet_proto",), "verdict"),
        tr.Container("ports", ("inet_service",)),
    ]


def elements(a: Callable[[int], str], wide: str, odd: str, last: str) -> list[tr.AddElement]:
    """Return elements of all containers: `a` gives addresses, the rest are networks."""
    add = tr.AddElement
    return [
        add("hairpin", (a(1), a(1), "sctp", "65535")),
        add("ips", (a(1),)),
        add("ips", (a(2),), comment="shop/web:http"),
        add("verdicts", (a(1), "tcp", "80"), "goto other", "shop/web:http"),
        add("verdicts", (a(1), "udp", "80"), "drop"),
        add("by-port", ("tcp", "30000"), "jump other"),
        add("networks", (a(1), "tcp", "80", wide)),
        add("networks", (a(1), "tcp", "80", odd)),
        add("networks", (a(1), "tcp", "81", a(7))),
        add("ranges", (wide,)),
        add("ranges", (a(9),)),
        add("ranges", (last,)),
        add("spread", (a(1), "tcp", "80", "0"), f"{a(3)} . 8080"),
        add("spread", (a(1), "tcp", "80", "1"), f"{a(4)} . 8080", "a comment"),
        add("spread-port", ("tcp", "30000", "259"), f"{a(3)} . 8080"),
        add("endpoints", (a(1), "tcp", "80"), f"{a(2)} . 80"),
        add("addresses", (a(1), "70000"), a(2)),
        add("aliases", (a(1),), a(2)),
        add("protocols", ("tcp",), "drop"),
        add("ports", ("80",)),
    ]


def everything(family: TableFamily) -> tr.Transaction:
    """Return a transaction with all that there is."""
    made = tr.Transaction(family)
    made.add(tr.AddTable("rules for kube-proxy"))
    made.add(tr.AddChain("in", tr.Hook("filter", "prerouting", -110)))
    made.add(tr.AddChain("out", tr.Hook("filter", "output", -110)))
    made.add(tr.AddChain("nat-pre", tr.Hook("nat", "prerouting", -100), "a comment"))
    made.add(tr.AddChain("nat-post", tr.Hook("nat", "postrouting", 100)))
    made.add(tr.AddChain("reject-chain", comment="helper for @verdicts"))
    made.add(tr.AddChain("other"))
    made.add(tr.AddChain("every"))
    for container in containers("ipv4_addr" if family == "ip" else "ipv6_addr"):
        made.add(tr.AddContainer(container))
    rules = [*IPV4.values()] if family == "ip" else IPV6
    for each in rules:
        made.add(tr.AddRule("every", st.Rule(each)))
    made.add(tr.AddRule("other", st.rule(st.Drop(), comment="the last; of every")))
    ipv4 = (lambda number: f"10.0.0.{number}", "192.168.0.0/16", "172.16.0.0/13", "255.0.0.0/8")
    ipv6 = (lambda number: f"fd00::{number:x}", "fd80::/32", "fc00::/13", "ff00::/8")
    for element in elements(*(ipv4 if family == "ip" else ipv6)):
        made.add(element)
    return made


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_nft_lists_what_it_lists_after_nft_has_loaded_the_text(
    family: TableFamily, new_netns: Callable[[], str]
) -> None:
    here, there, transaction = new_netns(), new_netns(), everything(family)
    with NetlinkNft(family, netns=here) as kernel:
        kernel.run(transaction)
    Nft(there).load("\n".join([*transaction.lines(), ""]))
    ours, theirs = normal(Nft(here).listing()), normal(Nft(there).listing())
    assert ours == theirs
    assert len(ours["chain every"]) == len(IPV4 if family == "ip" else IPV6)
    if family == "ip":
        assert ours["chain every"] == [*IPV4]


def expressions(netns: str, family: TableFamily) -> list[list[tuple[bytes, bytes]]]:
    """Return the expressions of all rules as the kernel has them; anonymous sets have no name."""
    with inside(netns):
        kernel = Netlink(NETFILTER)
    with kernel:
        seq, all_rules = kernel.sequence(), bytes((2 if family == "ip" else 10, 0, 0, 0))
        answers = kernel.ask("rules", message(0x0A07, REQUEST | DUMP, seq, all_rules), seq)
    found = []
    for answer in answers:
        each = [attrs(value) for _, value in each_attr(attrs(answer.payload, 4)[4])]
        named = [
            (one[1].rstrip(b"\0"), re.sub(rb"..\x01\x00__(map|set)[0-9a-f]+\x00+", rb"\1", one.get(2, b"")))
            for one in each
        ]
        found.append([one for one in named if one[0] != b"byteorder"])  # nft turns single bytes around, for networks
    return found


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_the_kernel_has_the_expressions_that_nft_makes(family: TableFamily, new_netns: Callable[[], str]) -> None:
    here, there, transaction = new_netns(), new_netns(), everything(family)
    with NetlinkNft(family, netns=here) as kernel:
        kernel.run(transaction)
    Nft(there).load("\n".join([*transaction.lines(), ""]))
    ours, theirs = expressions(here, family), expressions(there, family)
    assert len(ours) == 1 + len(IPV4 if family == "ip" else IPV6)
    assert ours == theirs


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_what_is_read_back_is_what_a_table_in_memory_holds(family: TableFamily, netns: str) -> None:
    memory, transaction = FakeNft(family), everything(family)
    memory.run(transaction)
    with NetlinkNft(family, netns=netns) as kernel:
        assert kernel.names() == FakeNft(family).names() and kernel.elements("ips") is None  # there is no table
        kernel.run(transaction)
        assert kernel.names() == memory.names()
        for name in memory.names().containers:
            assert kernel.elements(name) == memory.elements(name), name
        assert kernel.elements("nobody") is None


@pytest.mark.parametrize("family", ["ip", "ip6"])
def test_everything_can_be_taken_away_again(family: TableFamily, netns: str) -> None:
    transaction, back = everything(family), tr.Transaction(family)
    for command in reversed(transaction.commands):
        if isinstance(command, tr.AddElement):
            back.add(tr.DeleteElement(command.container, command.key))
    for chain in ("every", "other", "reject-chain", "in", "out", "nat-pre", "nat-post"):
        back.add(tr.FlushChain(chain))
    for command in transaction.commands:
        if isinstance(command, tr.AddContainer):
            back.add(tr.DeleteContainer(command.container))
        if isinstance(command, tr.AddChain):
            back.add(tr.DeleteChain(command.name))
    with NetlinkNft(family, netns=netns) as kernel:
        kernel.run(transaction)
        with NetlinkNft(family, netns=netns) as other:  # which has to ask for the types
            other.run(back)
        assert kernel.names() == FakeNft(family).names()
        kernel.run(transaction)
