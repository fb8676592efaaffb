"""ipset over netlink, in a kernel that has it: the guest's, held against what ipset(8) reads and writes."""

from __future__ import annotations

import subprocess
import time

import pytest

from proxy_core.ipvs.kernel import (
    AddEntry,
    CreateSet,
    DeleteEntry,
    DestroySet,
    Entry,
    IpSet,
    SetCommand,
    SetKind,
)
from proxy_core.kernel.ipset import NetlinkIpSets
from tests.proxy.kernel.guest import in_guest

UNFIT = "the kernel cannot read it: an address of the other family, or another version of ipset"
CLUSTER_IP = IpSet("KUBE-CLUSTER-IP", "hash:ip,port", "inet", "not for the kernel")


def ipset(*arguments: str) -> str:
    return subprocess.run(["ipset", *arguments], check=True, capture_output=True, text=True).stdout


def saved(name: str) -> tuple[str, list[str]]:
    """Return how a set is made, without what the kernel chooses, and its entries, sorted."""
    create, *entries = ipset("save", name).splitlines()
    words = create.split()
    for chosen in ("bucketsize", "initval"):
        if chosen in words:
            at = words.index(chosen)
            del words[at : at + 2]
    return " ".join(words), sorted(line.removeprefix(f"add {name} ") for line in entries)


def done(sets: NetlinkIpSets, *commands: SetCommand) -> None:
    assert sets.run(commands) == []


EVERY_KIND: list[tuple[SetKind, str, list[list[str | int]], list[str]]] = [
    ("hash:ip", "inet", [["172.30.0.1"], ["203.0.113.7"]], ["172.30.0.1", "203.0.113.7"]),
    ("hash:ip", "inet6", [["fd30::1"], ["2001:db8::"]], ["2001:db8::", "fd30::1"]),
    (
        "hash:ip,port",
        "inet",
        [["172.30.0.1", "tcp", 80], ["172.30.0.1", "udp", 80], ["172.30.0.1", "sctp", 65535]],
        ["172.30.0.1,sctp:65535", "172.30.0.1,tcp:80", "172.30.0.1,udp:80"],
    ),
    ("hash:ip,port", "inet6", [["fd30::1", "sctp", 80]], ["fd30::1,sctp:80"]),
    (
        "hash:ip,port,ip",
        "inet",
        [["10.180.0.1", "tcp", 8080, "10.180.0.1"], ["10.180.0.1", "udp", 53, "10.180.0.2"]],
        ["10.180.0.1,tcp:8080,10.180.0.1", "10.180.0.1,udp:53,10.180.0.2"],
    ),
    ("hash:ip,port,ip", "inet6", [["fd80::1", "tcp", 8080, "fd80::1"]], ["fd80::1,tcp:8080,fd80::1"]),
    (
        "hash:ip,port,net",
        "inet",
        [["198.51.100.7", "tcp", 443, "198.18.0.0/15"], ["198.51.100.7", "sctp", 443, "192.168.0.5/32"]],
        ["198.51.100.7,sctp:443,192.168.0.5", "198.51.100.7,tcp:443,198.18.0.0/15"],
    ),
    (
        "hash:ip,port,net",
        "inet6",
        [["fd40::7", "tcp", 443, "fd00::/8"], ["fd40::7", "tcp", 443, "fd50::1/128"]],
        ["fd40::7,tcp:443,fd00::/8", "fd40::7,tcp:443,fd50::1"],
    ),
    ("bitmap:port", "inet", [["", "", 30080], ["", "", 65535], ["", "", 1]], ["1", "30080", "65535"]),
    ("bitmap:port", "inet6", [["", "", 30080]], ["30080"]),
]


@in_guest
@pytest.mark.parametrize(("kind", "family", "entries", "shown"), EVERY_KIND)
def test_every_kind(kind: SetKind, family: str, entries: list[list[str | int]], shown: list[str]) -> None:
    """What is written is what `ipset` would have made of kube-proxy's arguments, and is read back."""
    sets, mine = NetlinkIpSets(), IpSet("mine", kind, "inet6" if family == "inet6" else "inet")
    wanted = [Entry(*each) for each in entries]  # type: ignore[arg-type]
    done(sets, CreateSet(mine), *(AddEntry(mine, each) for each in wanted))
    size = ["range", "0-65535"] if kind == "bitmap:port" else ["hashsize", "1024", "maxelem", "65536"]
    ipset("create", "theirs", kind, *([] if kind == "bitmap:port" else ["family", family]), *size)
    for entry in wanted:
        ipset("add", "theirs", str(entry))
    create, members = saved("mine")
    assert members == shown == sorted(saved("theirs")[1])
    assert create == saved("theirs")[0].replace("theirs", "mine")
    assert sets.entries([mine, mine._replace(name="theirs")]) == {"mine": set(wanted), "theirs": set(wanted)}
    done(sets, *(DeleteEntry(mine, each) for each in wanted[1:]))
    assert sets.entries([mine]) == {"mine": {wanted[0]}}


@in_guest
def test_what_is_there_or_gone_already_is_no_error() -> None:
    sets = NetlinkIpSets()
    web = Entry("172.30.0.1", "tcp", 80)
    done(sets, CreateSet(CLUSTER_IP), CreateSet(CLUSTER_IP), AddEntry(CLUSTER_IP, web), AddEntry(CLUSTER_IP, web))
    ipset("create", CLUSTER_IP.name, "hash:ip,port", "hashsize", "1024", "maxelem", "65536", "-exist")
    done(sets, DeleteEntry(CLUSTER_IP, web), DeleteEntry(CLUSTER_IP, web))
    done(sets, DestroySet(CLUSTER_IP.name), DestroySet(CLUSTER_IP.name))
    assert sets.entries([CLUSTER_IP]) == {}
    done(sets, CreateSet(CLUSTER_IP._replace(kind="hash:ip")))


@in_guest
def test_refusals_name_what_they_concern_and_stop_nothing() -> None:
    sets = NetlinkIpSets()
    networks = IpSet("networks", "hash:ip,port,net", "inet")
    missing = IpSet("missing", "hash:ip", "inet")
    good = [Entry("198.51.100.7", "tcp", port, "10.0.0.0/8") for port in range(1, 5)]
    refused = sets.run(
        [
            CreateSet(networks),
            CreateSet(networks._replace(kind="hash:ip")),
            CreateSet(networks._replace(name="n" * 32)),
            AddEntry(networks, good[0]),
            AddEntry(networks, Entry("198.51.100.7", "tcp", 1, "0.0.0.0/0")),
            AddEntry(networks, good[1]),
            AddEntry(networks, Entry("fd30::1", "tcp", 1, "10.0.0.0/8")),
            AddEntry(networks, good[2]),
            AddEntry(missing, Entry("172.30.0.1")),
            AddEntry(missing, Entry("172.30.0.2")),
            DeleteEntry(networks, good[0]),
            AddEntry(networks, good[3]),
        ]
    )
    assert [each.number for each in refused] == [1, 2, 4, 6, 8, 9]
    assert refused[0].reason == "ipset networks (hash:ip): there is a set of this name, of another kind or family"
    assert refused[2].reason == (
        "ipset networks, entry 198.51.100.7,tcp:1,0.0.0.0/0: no prefix length of this kind of set"
    )
    assert refused[3].reason == f"ipset networks, entry fd30::1,tcp:1,10.0.0.0/8: {UNFIT}"
    assert refused[5].reason == "ipset missing, entry 172.30.0.2: there is no such set"
    assert sets.entries([networks]) == {"networks": set(good[1:])}


@in_guest
def test_a_set_that_a_rule_uses_stays() -> None:
    sets = NetlinkIpSets()
    done(sets, CreateSet(CLUSTER_IP))
    rule = ["INPUT", "-m", "set", "--match-set", CLUSTER_IP.name, "dst,dst", "-j", "ACCEPT"]
    subprocess.run(["iptables-legacy", "-A", *rule], check=True)
    (refused,) = sets.run([DestroySet(CLUSTER_IP.name)])
    assert refused.reason == "ipset KUBE-CLUSTER-IP: a rule or another set uses it"
    subprocess.run(["iptables-legacy", "-D", *rule], check=True)
    done(sets, DestroySet(CLUSTER_IP.name))


@in_guest
def test_a_set_that_is_full_refuses_each_of_the_rest() -> None:
    """The sets of kube-proxy hold 65,536 entries; thousands of refusals do not take long."""
    sets = NetlinkIpSets()
    entries = [Entry("172.30.0.1", "tcp", port) for port in range(1, 65536)]
    entries += [Entry("172.30.0.1", "udp", port) for port in range(1, 2002)]
    start = time.perf_counter()
    refused = sets.run([CreateSet(CLUSTER_IP), *(AddEntry(CLUSTER_IP, each) for each in entries)])
    took = time.perf_counter() - start
    numbers = {each.number - 1 for each in refused}
    assert refused[-1].reason == f"ipset KUBE-CLUSTER-IP, entry {entries[refused[-1].number - 1]}: the set is full"
    loaded = time.perf_counter()
    found = sets.entries([CLUSTER_IP])[CLUSTER_IP.name]
    print(
        f"{len(found):,} entries in, {len(refused):,} refused: {took:.2f} s; "
        f"read back: {time.perf_counter() - loaded:.2f} s"
    )
    assert len(numbers) > 500  # the kernel counts by regions of its table, so the number is not exact
    assert found == {each for number, each in enumerate(entries) if number not in numbers}
