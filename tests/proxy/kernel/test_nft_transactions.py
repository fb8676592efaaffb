"""Transactions over netlink: whole or not at all; what is refused, by the kernel and before it is asked, is named."""

from __future__ import annotations

import dataclasses
import errno
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest

from proxy_core import FakeNft, KernelError, NotSupported
from proxy_core.kernel.netlink import NetlinkError, Refusal
from proxy_core.kernel.nft import NetlinkNft
from proxy_core.nft import statements as st
from proxy_core.nft import transaction as tr
from tests.proxy.kernel.nft_program import Nft, normal

IPS = tr.Container("ips", ("ipv4_addr",))
VERDICTS = tr.Container("verdicts", ("ipv4_addr", "inet_proto", "inet_service"), "verdict")
NETWORKS = tr.Container("networks", ("inet_service", "ipv4_addr"), interval=True)
ENDPOINTS = tr.Container("endpoints", ("ipv4_addr",), "ipv4_addr . inet_service")


def of(*commands: tr.Command) -> tr.Transaction:
    """Return a transaction of some commands."""
    made = tr.Transaction("ip")
    for each in commands:
        made.add(each)
    return made


def add(*key: str, value: str = "", name: str = "ips") -> tr.AddElement:
    return tr.AddElement(name, key, value)


BASE = of(
    tr.AddTable("rules for kube-proxy"),
    tr.AddChain("web"),
    tr.AddChain("api"),
    *(tr.AddContainer(each) for each in (IPS, VERDICTS, NETWORKS, ENDPOINTS)),
    add("10.0.0.1"),
    add("10.0.0.1", "tcp", "80", value="goto web", name="verdicts"),
    add("80", "10.0.0.0/8", name="networks"),
    tr.AddRule("api", st.rule(st.Goto("web"))),
)
MANY = [add(f"10.1.{number >> 8}.{number & 255}") for number in range(5000)]


class Refused(NamedTuple):
    """Commands that the kernel refuses."""

    words: str
    """The command that is named."""
    reason: str
    commands: tuple[tr.Command, ...]


def refused(words: str, reason: str, *commands: tr.Command) -> Refused:
    return Refused(words, reason, commands)


def to_rule(chain: str, *statements: st.Statement) -> tr.AddRule:
    return tr.AddRule(chain, st.Rule(statements))


HERE = "ip kube-proxy"
MISSING, BUSY, THERE = "No such file or directory", "Device or resource busy", "File exists"
OUT = tr.AddChain("out", tr.Hook("filter", "output", 0))
REFUSED = [
    refused(f"flush chain {HERE} nobody", MISSING, tr.FlushChain("nobody")),
    refused(f"add rule {HERE} nobody drop", MISSING, to_rule("nobody", st.Drop())),
    refused(f"add rule {HERE} web goto nobody", MISSING, to_rule("web", st.Goto("nobody"))),
    refused("ip daddr @nobody", MISSING, to_rule("web", st.InSet(("daddr",), "nobody"))),
    refused("1 : goto nobody }", MISSING, to_rule("web", st.SpreadGoto(("api", "nobody")))),
    refused(f"delete chain {HERE} web", BUSY, tr.DeleteChain("web")),
    refused("", "Too many links", OUT, to_rule("out", st.Jump("api")), to_rule("web", st.Goto("api"))),
    refused("", "Operation not supported", OUT, to_rule("web", st.Masquerade()), to_rule("out", st.Jump("web"))),
    refused(f"delete element {HERE} ips {{ 10.9.9.9 }}", MISSING, *MANY, tr.DeleteElement("ips", ("10.9.9.9",))),
    refused(
        f"add element {HERE} networks {{ 82 . 10.0.0.0/9 }}",
        THERE,
        *MANY,
        *(add(str(port), "10.0.0.0/8", name="networks") for port in (81, 82, 83)),
        add("82", "10.0.0.0/9", name="networks"),
        add("84", "10.0.0.0/8", name="networks"),
    ),
    refused(
        f"add element {HERE} verdicts {{ 10.0.0.2 . tcp . 80 : goto nobody }}",
        MISSING,
        add("10.0.0.3", "tcp", "80", value="goto api", name="verdicts"),
        add("10.0.0.2", "tcp", "80", value="goto nobody", name="verdicts"),
    ),
    refused(
        f"add element {HERE} verdicts {{ 10.0.0.1 . tcp . 80 : goto api }}",
        THERE,
        add("10.0.0.1", "tcp", "80", value="goto api", name="verdicts"),
    ),
    refused(
        f"add set {HERE} ips {{ type inet_service ; }}",
        THERE,
        tr.AddContainer(tr.Container("ips", ("inet_service",))),
    ),
]


@pytest.fixture
def kernel(netns: str) -> Iterable[NetlinkNft]:
    with NetlinkNft("ip", netns=netns) as made:
        made.run(BASE)
        yield made


@pytest.mark.parametrize("case", REFUSED, ids=lambda each: each.words or each.reason)
def test_a_refused_transaction_leaves_the_table_and_names_the_command(
    case: Refused, kernel: NetlinkNft, netns: str
) -> None:
    before = Nft(netns).listing()
    with pytest.raises(NetlinkError, match=r"^nft: ") as error:
        kernel.run(of(tr.AddChain("new"), add("10.0.0.7"), *case.commands))
    assert case.words in str(error.value) and case.reason in str(error.value)
    assert Nft(netns).listing() == before
    kernel.run(of(tr.AddChain("new"), add("10.0.0.7")))  # and the socket is as good as new
    assert kernel.elements("ips") == {("10.0.0.1",): "", ("10.0.0.7",): ""}


def test_the_kernels_own_words_are_told(kernel: NetlinkNft) -> None:
    with pytest.raises(NetlinkError, match="resource busy") as refused:
        kernel.run(of(tr.AddChain("web"), tr.DeleteChain("web")))
    assert refused.value.refusal.errno == errno.EBUSY


def test_more_refusals_than_the_socket_holds_are_still_the_first_one(kernel: NetlinkNft) -> None:
    wrong = [tr.FlushChain(f"nobody-{number}") for number in range(30_000)]
    with pytest.raises(NetlinkError, match="nobody-0: No such file"):
        kernel.run(of(*wrong))
    kernel.run(of(add("10.0.0.8")))


LONG = "a" * 256
MALFORMED: list[tuple[tr.Command, str]] = [
    (tr.AddChain(LONG), "at most 255 bytes, this one has 256"),
    (tr.AddChain(""), "a name is a letter"),
    (tr.FlushChain("a b"), "a name is a letter"),
    (tr.AddContainer(IPS._replace(name="s%d")), "a name is a letter"),
    (tr.AddRule("web", st.rule(st.Goto("ä"))), "a name is a letter"),
    (tr.AddRule("web", st.rule(st.InSet(("daddr",), "x;y"))), "a name is a letter"),
    (tr.AddRule("web", st.rule(st.Drop(), comment="c" * 252)), "comment"),
    (tr.AddElement("ips", ("10.0.0.2",), "", "c" * 252), "comment"),
    (tr.AddContainer(IPS._replace(name="x", comment="c" * 252)), "comment"),
    (tr.AddRule("web", st.rule(st.InputInterface("sixteen-bytes-xx"))), "interface 'sixteen-bytes-xx'"),
    (tr.AddRule("web", st.rule(st.Address("saddr", "10.0.0.0/33"))), "is no address or network"),
    (tr.AddRule("web", st.rule(st.Address("saddr", "fd00::/64"))), "fd00::/64: is of another family"),
    (tr.AddRule("web", st.rule(st.AddressIn("saddr", ("fd00::/64", "fd01::/64")))), "fd00::/64: is of another family"),
    (tr.AddRule("web", st.rule(st.SetMark("0x100000000"))), "mark 0x100000000"),
    (add("fd00::1"), "fd00::1: is no ipv4_addr"),
    (add("10.0.0.1", "80"), "10.0.0.1 . 80: is no ipv4_addr"),
    (add("10.0.0.1", value="goto web"), "is a set"),
    (add("10.0.0.1", "tcp", "80", value="goto", name="verdicts"), "is no verdict"),
    (add("10.0.0.1", "tcp", "70000", value="drop", name="verdicts"), "70000: is no"),
    (add("10.0.0.1", value="10.0.0.2", name="endpoints"), "10.0.0.2: is no ipv4_addr . inet_service"),
    (add("80", "10.0.0.0/40", name="networks"), "10.0.0.0/40: is no network"),
    (add("10.0.0.1", name="nobody"), "nobody: no such set or map"),
]
UNSUPPORTED: list[tuple[tr.Command, str]] = [
    (tr.AddContainer(tr.Container("macs", ("ether_addr",))), "data type 'ether_addr'"),
    (tr.AddRule("web", st.rule(st.Protocol4("icmp"))), "transport protocol 'icmp'"),
    (tr.AddContainer(VERDICTS._replace(name="x", timeout_seconds=5)), "map x: a timeout"),
]


@pytest.mark.parametrize(("command", "reason"), MALFORMED, ids=lambda each: str(each)[:40])
def test_what_the_kernel_would_not_take_is_refused_before_it_is_asked(
    command: tr.Command, reason: str, kernel: NetlinkNft, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("proxy_core.kernel.netlink.Netlink.send", _no_batch)
    with pytest.raises(KernelError) as refused:
        kernel.run(of(tr.AddChain("new"), command))
    assert reason in str(refused.value) and command.text("ip kube-proxy")[:20] in str(refused.value)


@pytest.mark.parametrize(("command", "name"), UNSUPPORTED, ids=lambda each: str(each)[:40])
def test_what_is_not_supported_is_refused_by_name(command: tr.Command, name: str, kernel: NetlinkNft) -> None:
    with pytest.raises(NotSupported, match=name):
        kernel.run(of(command))


def _no_batch(self: object, data: bytes) -> None:
    assert data[4] != 0x10, "a batch was sent"  # the type of the message that begins one
    raise NetlinkError("asked for a set", Refusal(0, errno.ENOENT, ""))


@dataclasses.dataclass(frozen=True)
class Unknown:
    """A statement of another backend."""

    def text(self, family: st.TableFamily) -> str:
        return "queue"


def test_a_statement_that_is_not_known_is_refused_by_name(kernel: NetlinkNft) -> None:
    with pytest.raises(NotSupported, match="statement Unknown"):
        kernel.run(of(tr.AddRule("web", st.rule(Unknown()))))


def test_a_transaction_of_another_table_is_refused(kernel: NetlinkNft) -> None:
    with pytest.raises(KernelError, match="table ip other"):
        other = tr.Transaction("ip", "other")
        other.add(tr.AddTable(""))
        kernel.run(other)


def test_the_longest_names_and_comments_are_taken(kernel: NetlinkNft, netns: str) -> None:
    name, text = "n" * 255, "c" * 251
    more = of(
        tr.AddChain(name, comment=text),
        tr.AddRule(name, st.rule(st.Drop(), comment=text)),
        tr.AddContainer(IPS._replace(name=name, comment=text[:200])),
        tr.AddElement(name, ("10.0.0.1",), "", text),
    )
    kernel.run(more)
    assert name in kernel.names().chains and name in kernel.names().containers
    assert Nft(netns).listing().count(text[:200]) == 4


def test_lists_that_need_many_messages_arrive_whole(kernel: NetlinkNft, netns: str) -> None:
    endpoints = tuple((f"10.2.{number >> 8}.{number & 255}", number + 1) for number in range(5000))
    memory = FakeNft("ip")
    memory.run(BASE)
    whole = of(tr.AddRule("web", st.rule(st.SpreadDnat(endpoints))), *MANY)
    kernel.run(whole)
    memory.run(whole)
    assert kernel.elements("ips") == memory.elements("ips")
    (rule,) = normal(Nft(netns).listing().replace("\n\t\t\t", " "))["chain web"]
    assert rule.count(" : ") == 5000 and "4999 : 10.2.19.135 . 5000" in rule


def test_two_tables_and_families_do_not_see_each_other(netns: str) -> None:
    with (
        NetlinkNft("ip", netns=netns) as ours,
        NetlinkNft("ip", "other", netns=netns) as other,
        NetlinkNft("ip6", netns=netns) as ipv6,
    ):
        ours.run(BASE)
        theirs = tr.Transaction("ip", "other")
        for each in (tr.AddTable(""), tr.AddChain("theirs"), tr.AddContainer(IPS._replace(name="their-ips"))):
            theirs.add(each)
        other.run(theirs)
        assert other.names().chains == {"theirs"} and other.names().containers == {"their-ips"}
        assert ours.names().chains == {"web", "api"} and not ipv6.names().chains
        assert other.elements("ips") is None


def test_types_are_asked_of_the_kernel_again_when_somebody_has_changed_them(kernel: NetlinkNft, netns: str) -> None:
    Nft(netns).load("delete set ip kube-proxy ips\nadd set ip kube-proxy ips { type inet_service ; }\n")
    with pytest.raises(KernelError):
        kernel.run(of(add("10.0.0.2")))
    kernel.run(of(add("80")))
    assert kernel.elements("ips") == {("80",): ""}


def test_a_message_that_is_too_long_for_the_socket_says_what_would_help(
    netns: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    def limited(self: object, forced: int, plain: int, size: int) -> int:
        return size

    monkeypatch.setattr("proxy_core.kernel.netlink.Netlink._set_size", limited)
    with NetlinkNft("ip", netns=netns) as kernel, pytest.raises(KernelError, match=r"net\.core\.wmem_max"):
        kernel.run(of(*BASE.commands, *[MANY[0]] * 50_000))


def test_a_namespace_that_is_not_there_is_named(tmp_path: Any) -> None:
    with pytest.raises(KernelError, match="nowhere"):
        NetlinkNft("ip", netns=str(tmp_path / "nowhere"))


def test_an_empty_transaction_asks_nothing(new_netns: Callable[[], str]) -> None:
    with NetlinkNft("ip", netns=new_netns()) as kernel:
        kernel.run(of())
        assert not kernel.names().chains
