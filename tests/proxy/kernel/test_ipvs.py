"""IPVS over netlink in the guest's kernel, held against what ipvsadm reads and writes.

Virtual servers have the addresses 172.30.0.x and fd30::x, real servers 10.180.0.x and fd80::x.
"""

from __future__ import annotations

import subprocess
import time

import pytest

from proxy_core.addresses import Family
from proxy_core.errors import KernelError
from proxy_core.ipvs.kernel import (
    PERSISTENT,
    SOURCE_HASH,
    AddReal,
    AddServer,
    DeleteReal,
    DeleteServer,
    EditReal,
    EditServer,
    RealKey,
    RealServer,
    Refusal,
    ServerCommand,
    ServerKey,
    VirtualServer,
)
from proxy_core.kernel.ipvs import IpvsServers
from tests.proxy.kernel.guest import in_guest, in_guest_within

WEB = ServerKey("172.30.0.1", 80, "TCP")
WEB6 = ServerKey("fd30::1", 80, "TCP")
A, B = RealKey("10.180.0.1", 8080), RealKey("10.180.0.2", 8080)


def ipvsadm(*arguments: str) -> list[str]:
    """Return the lines that ipvsadm prints, sorted."""
    done = subprocess.run(["ipvsadm", *arguments], check=True, capture_output=True, text=True)
    return sorted(line.strip() for line in done.stdout.splitlines())


def read(servers: IpvsServers) -> dict[VirtualServer, list[RealServer]]:
    """Return everything, the real servers sorted: the kernel puts new ones first."""
    return {server: sorted(reals) for server, reals in servers.dump().items()}


def done(servers: IpvsServers, *commands: ServerCommand) -> None:
    assert servers.run(commands) == []


@in_guest
@pytest.mark.parametrize(
    "scheduler", ["rr", "wrr", "lc", "wlc", "lblc", "lblcr", "sh", "dh", "sed", "nq", "fo", "ovf", "mh"]
)
def test_every_scheduler(scheduler: str) -> None:
    servers = IpvsServers("IPv4")
    server = VirtualServer(WEB, scheduler)
    done(servers, AddServer(server))
    assert ipvsadm("-Sn") == [f"-A -t 172.30.0.1:80 -s {scheduler}"]
    assert servers.dump() == {server: []}


@in_guest
@pytest.mark.parametrize(("protocol", "option"), [("TCP", "-t"), ("UDP", "-u"), ("SCTP", "--sctp-service")])
@pytest.mark.parametrize(
    ("family", "address", "shown", "real", "real_shown"),
    [
        ("IPv4", "172.30.0.1", "172.30.0.1", "10.180.0.1", "10.180.0.1"),
        ("IPv6", "fd30::1", "[fd30::1]", "fd80::1", "[fd80::1]"),
    ],
)
def test_protocols_and_families(
    protocol: str, option: str, family: Family, address: str, shown: str, real: str, real_shown: str
) -> None:
    servers = IpvsServers(family)
    server = VirtualServer(ServerKey(address, 443, protocol), "rr")
    done(servers, AddServer(server), AddReal(server.key, RealKey(real, 65535)))
    assert ipvsadm("-Sn") == [
        f"-A {option} {shown}:443 -s rr",
        f"-a {option} {shown}:443 -r {real_shown}:65535 -m -w 1",
    ]
    assert servers.dump() == {server: [RealServer(RealKey(real, 65535), 1)]}


@in_guest
def test_persistence_and_flags() -> None:
    servers = IpvsServers("IPv4")
    mh = VirtualServer(ServerKey("172.30.0.2", 80, "TCP"), "mh", PERSISTENT | SOURCE_HASH, 10800)
    done(servers, AddServer(VirtualServer(WEB, "rr", PERSISTENT, 3600)), AddServer(mh))
    assert ipvsadm("-Sn") == [
        "-A -t 172.30.0.1:80 -s rr -p 3600",
        "-A -t 172.30.0.2:80 -s mh -p 10800 -b mh-port",
    ]
    assert set(servers.dump()) == {VirtualServer(WEB, "rr", PERSISTENT, 3600), mh}


@in_guest
def test_persistence_of_ipv6_has_all_of_the_address() -> None:
    servers = IpvsServers("IPv6")
    done(servers, AddServer(VirtualServer(WEB6, "rr", PERSISTENT, 60)))
    assert ipvsadm("-Sn") == ["-A -t [fd30::1]:80 -s rr -p 60"]  # another mask would stand here


@in_guest
def test_an_edit_keeps_the_real_servers() -> None:
    servers = IpvsServers("IPv4")
    done(servers, AddServer(VirtualServer(WEB, "rr", PERSISTENT, 60)), AddReal(WEB, A), AddReal(WEB, B, 7))
    done(servers, EditServer(VirtualServer(WEB, "wlc")), EditReal(WEB, A, 0))
    assert read(servers) == {VirtualServer(WEB, "wlc"): [RealServer(A, 0), RealServer(B, 7)]}
    assert ipvsadm("-Sn") == [
        "-A -t 172.30.0.1:80 -s wlc",
        "-a -t 172.30.0.1:80 -r 10.180.0.1:8080 -m -w 0",
        "-a -t 172.30.0.1:80 -r 10.180.0.2:8080 -m -w 7",
    ]


@in_guest
def test_deletions() -> None:
    servers = IpvsServers("IPv4")
    dns = VirtualServer(ServerKey("172.30.0.10", 53, "UDP"), "rr")
    done(servers, AddServer(VirtualServer(WEB)), AddReal(WEB, A), AddReal(WEB, B), AddServer(dns), AddReal(dns.key, A))
    done(servers, DeleteReal(WEB, A))
    assert servers.reals([WEB]) == {WEB: [RealServer(B, 1)]}
    done(servers, DeleteServer(WEB))
    assert servers.dump() == {dns: [RealServer(A, 1)]}
    assert not servers.reals([WEB])[WEB]


@in_guest
def test_families_do_not_see_each_other_and_flush_takes_both() -> None:
    ipv4, ipv6 = IpvsServers("IPv4"), IpvsServers("IPv6")
    done(ipv4, AddServer(VirtualServer(WEB)))
    done(ipv6, AddServer(VirtualServer(WEB6)))
    subprocess.run(["ipvsadm", "-A", "-f", "7", "-s", "rr"], check=True)
    assert (list(ipv4.dump()), list(ipv6.dump())) == ([VirtualServer(WEB)], [VirtualServer(WEB6)])
    ipv6.flush()
    assert ipvsadm("-Sn") == []


@in_guest
def test_what_ipvsadm_writes_is_read() -> None:
    subprocess.run(["ipvsadm", "-A", "-t", "172.30.0.1:80", "-s", "wrr", "-p", "30"], check=True)
    subprocess.run(["ipvsadm", "-a", "-t", "172.30.0.1:80", "-r", "10.180.0.1:8080", "-m", "-w", "5"], check=True)
    assert IpvsServers("IPv4").dump() == {VirtualServer(WEB, "wrr", PERSISTENT, 30): [RealServer(A, 5)]}


@in_guest
def test_refusals_name_what_they_concern_and_stop_nothing() -> None:
    servers = IpvsServers("IPv4")
    gone = ServerKey("172.30.0.9", 9, "UDP")
    refused = servers.run(
        [
            AddServer(VirtualServer(WEB)),
            AddServer(VirtualServer(WEB)),
            AddServer(VirtualServer(ServerKey("172.30.0.2", 80, "TCP"), "fastest")),
            AddReal(gone, A),
            AddReal(WEB, A),
            AddReal(WEB, A),
            EditReal(WEB, B, 1),
            DeleteReal(WEB, B),
            DeleteServer(gone),
            AddReal(WEB, B),
        ]
    )
    real = "of virtual server 172.30.0.1:80/TCP"
    assert refused == [
        Refusal(1, "virtual server 172.30.0.1:80/TCP: File exists"),
        Refusal(2, "virtual server 172.30.0.2:80/TCP: the kernel has no scheduler fastest"),
        Refusal(3, "real server 10.180.0.1:8080 of virtual server 172.30.0.9:9/UDP: there is no such virtual server"),
        Refusal(5, f"real server 10.180.0.1:8080 {real}: File exists"),
        Refusal(6, f"real server 10.180.0.2:8080 {real}: No such file or directory"),
        Refusal(7, f"real server 10.180.0.2:8080 {real}: No such file or directory"),
        Refusal(8, "virtual server 172.30.0.9:9/UDP: there is no such virtual server"),
    ]
    assert read(servers) == {VirtualServer(WEB): [RealServer(A, 1), RealServer(B, 1)]}


@in_guest
def test_timeouts() -> None:
    servers = IpvsServers("IPv4")
    servers.set_timeouts(100, 50, 20)
    assert ipvsadm("-Ln", "--timeout") == ["Timeout (tcp tcpfin udp): 100 50 20"]
    servers.set_timeouts(0, 60, 0)
    assert ipvsadm("-Ln", "--timeout") == ["Timeout (tcp tcpfin udp): 100 60 20"]
    with pytest.raises(KernelError, match="timeouts of ipvs"):
        servers.set_timeouts(1 << 31, 0, 0)


@in_guest_within(120)
def test_ten_thousand_servers_of_ten() -> None:
    """Loaded, read and deleted in batches; the times are printed, not judged."""
    servers = IpvsServers("IPv4")
    keys = [ServerKey(f"172.30.{number >> 8}.{number & 255}", 80, "TCP") for number in range(10_000)]
    reals = [RealKey(f"10.180.{number >> 8}.{number & 255}", 8080) for number in range(2_000)]
    commands: list[ServerCommand] = []
    for number, key in enumerate(keys):
        commands.append(AddServer(VirtualServer(key)))
        commands += [AddReal(key, reals[(number * 10 + each) % len(reals)]) for each in range(10)]
    start = time.perf_counter()
    assert servers.run(commands) == []
    loaded = time.perf_counter()
    found = servers.reals(keys[:1000])
    known = time.perf_counter()
    assert all(len(each) == 10 for each in found.values())
    assert {each.key for each in found[keys[1]]} == set(reals[10:20])
    change = time.perf_counter()
    assert servers.run([EditReal(keys[77], reals[770], 0)]) == []
    changed = time.perf_counter()
    assert RealServer(reals[770], 0) in servers.reals([keys[77]])[keys[77]]
    flush = time.perf_counter()
    servers.flush()
    print(
        f"10,000 x 10: loaded in {loaded - start:.2f} s, 1,000 read in {known - loaded:.2f} s, "
        f"one change in {(changed - change) * 1000:.2f} ms, flushed in {time.perf_counter() - flush:.2f} s"
    )
