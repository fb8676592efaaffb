"""Rules one by one: words of iptables, elements with networks, what is refused."""

from __future__ import annotations

from fractions import Fraction

import pytest

from proxy_core import NotSupported
from proxy_core.nft import statements as st
from proxy_core.nft.fake import FakeNft, Ruleset
from proxy_core.nft.statements import rule
from proxy_core.nft.transaction import AddChain, AddContainer, AddElement, AddRule, Container, Hook, Transaction
from proxy_core.trace import Fate, Packet, Verdict, World, iptables_walk, nft_walk
from proxy_core.trace.iptables_rule import probability
from proxy_core.trace.networks import Index

NODE = World(frozenset({"192.168.7.11"}))
PACKET = Packet("tcp", "10.0.0.1", 5, "10.9.0.1", 80, "veth3")
EMPTY: dict[str, list[str]] = {each: [] for each in ("PREROUTING", "INPUT", "OUTPUT", "POSTROUTING")}


def filtered(*rules: str, chains: dict[str, list[str]] | None = None) -> Verdict:
    """Return the verdict of rules in filter FORWARD."""
    tables = {"nat": EMPTY, "filter": {"INPUT": [], "OUTPUT": [], "FORWARD": list(rules), **(chains or {})}}
    (fate,) = iptables_walk(tables, NODE).trace(PACKET).fates
    return fate.verdict


@pytest.mark.parametrize(
    ("match", "matches"),
    [
        ("-s 10.0.0.0/8", True),
        ("! -s 10.0.0.0/8", False),
        ("-d 10.9.0.1", True),
        ("-d 10.9.0.1/32 -p udp", False),
        ("-i veth+", True),
        ("! -i veth3", False),
        ("-m tcp -p tcp --dport 80", True),
        ("-m tcp -p tcp ! --dport 80", False),
        ("-m addrtype --src-type LOCAL", False),
        ("-m addrtype ! --dst-type LOCAL", True),
        ("-m conntrack --ctstate NEW", True),
        ("-m conntrack ! --ctstate RELATED,ESTABLISHED,DNAT", True),
        ("-m mark --mark 0x4000/0x4000", False),
        ('-m comment --comment "-j ACCEPT ! -s" -m physdev ! --physdev-is-in', True),
        ("-m recent --name A --rcheck --seconds 10 --reap", False),
        ("-m ipvs --vaddr 10.9.0.1 --vproto tcp --vport 80", False),
    ],
)
def test_matches_of_iptables(match: str, matches: bool) -> None:
    assert filtered(f"{match} -j DROP") == (Verdict.DROPPED if matches else Verdict.UNTOUCHED)


def test_marks_are_set_turned_over_and_read() -> None:
    marked = "-m mark --mark 0x3/0xf -j DROP"
    assert filtered("-j MARK --or-mark 0x1", "-j MARK --or-mark 0x2", marked) is Verdict.DROPPED
    assert filtered("-j MARK --set-xmark 0x3/0xff", marked) is Verdict.DROPPED
    assert filtered("-j MARK --or-mark 0x3", "-j MARK --xor-mark 0x1", marked) is Verdict.UNTOUCHED


def test_jumps_come_back_and_gotos_do_not() -> None:
    chains = {"KUBE-A": ["-j RETURN", "-j ACCEPT"], "KUBE-B": ["-g KUBE-A", "-j DROP"]}
    assert filtered("-j KUBE-A", "-j REJECT", chains=chains) is Verdict.REJECTED
    assert filtered("-j KUBE-B", "-j REJECT", chains=chains) is Verdict.REJECTED
    assert filtered("-g KUBE-A", "-j REJECT", chains=chains) is Verdict.UNTOUCHED


@pytest.mark.parametrize(
    "rule_", ["-m limit --limit 5/m -j DROP", "-m statistic --mode nth --every 3 -j DROP", "-j MARK --and-mark 0x1"]
)
def test_words_that_are_not_known_are_refused_by_name(rule_: str) -> None:
    with pytest.raises(NotSupported, match=r"iptables option --(limit|mode nth|and-mark)"):
        filtered(rule_)


def test_a_probability_is_the_share_that_was_meant() -> None:
    assert probability("0.3333333333") == Fraction(1, 3)
    assert probability("0.0000099999") == Fraction(1, 100001)
    assert probability("0.4000000000") == Fraction(2, 5)
    assert probability("1.0000000000") == 1


def test_an_index_finds_networks_and_ranges() -> None:
    index = Index(
        [(("10.0.0.1", "10.0.0.0/8"), "a"), (("10.0.0.1", "11.0.0.1-11.0.0.9"), "b"), (("10.0.0.2", "::1"), "c")]
    )
    assert index.find(("10.0.0.1", "10.200.0.1")) == (("10.0.0.1", "10.0.0.0/8"), "a")
    assert index.find(("10.0.0.1", "11.0.0.9")) == (("10.0.0.1", "11.0.0.1-11.0.0.9"), "b")
    assert index.find(("10.0.0.1", "11.0.0.10")) is None and index.find(("10.0.0.3", "10.0.0.1")) is None
    ports = Index([(("tcp", "80-90"), 1), (("udp", "80"), 2)])
    assert (ports.find(("tcp", "85")), ports.find(("udp", "85"))) == ((("tcp", "80-90"), 1), None)


def ruleset(statements: tuple[st.Statement, ...], elements: list[AddElement], container: Container) -> Ruleset:
    """Return a table whose one rule sits where destinations are translated."""
    kernel, transaction = FakeNft("ip"), Transaction("ip")
    transaction.add(AddChain("nat", Hook("nat", "prerouting", -100)))
    transaction.add(AddContainer(container))
    for each in elements:
        transaction.add(each)
    transaction.add(AddRule("nat", rule(*statements)))
    kernel.run(transaction)
    return kernel.ruleset


@pytest.mark.parametrize("kind", [st.SpreadDnatMap, st.HashDnatMap])
def test_maps_that_are_keyed_with_a_number(kind: type[st.SpreadDnatMap] | type[st.HashDnatMap]) -> None:
    key = ("10.9.0.1", "tcp", "80")
    elements = [AddElement("ends", (*key, str(number)), f"10.180.0.{number} . 8080") for number in range(2)]
    container = Container("ends", ("ipv4_addr", "inet_proto", "inet_service", "index"), "ipv4_addr . inet_service")
    table = ruleset((kind(st.SERVICE_KEY, 3, "ends"),), elements, container)
    third = Fraction(1, 3)
    ends = {Fate(Verdict.ACCEPTED, f"10.180.0.{number}:8080"): third for number in range(2)}
    assert nft_walk(table, "ip", NODE).trace(PACKET).fates == {**ends, Fate(Verdict.UNTOUCHED): third}


@pytest.mark.parametrize(("negated", "verdict"), [(False, Verdict.DROPPED), (True, Verdict.UNTOUCHED)])
def test_sets_of_networks(negated: bool, verdict: Verdict) -> None:
    container = Container("allowed", ("ipv4_addr", "ipv4_addr"), interval=True)
    elements = [AddElement("allowed", ("10.0.0.0/24", "10.9.0.1"))]
    table = ruleset((st.InSet(("saddr", "daddr"), "allowed", negated), st.Drop()), elements, container)
    assert nft_walk(table, "ip", NODE).trace(PACKET).verdicts == {verdict}
