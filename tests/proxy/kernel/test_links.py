"""Interfaces, and the addresses on kube-ipvs0, in the guest's kernel; ip(8) is the oracle."""

from __future__ import annotations

import json
import subprocess
import time
from typing import Any

import pytest

from proxy_core.addresses import Family
from proxy_core.errors import KernelError
from proxy_core.kernel.bound import DummyAddresses
from proxy_core.kernel.links import Links
from proxy_core.kernel.sysctls import ensure_sysctl, read_sysctl, write_sysctl
from tests.proxy.kernel.guest import in_guest

FAMILIES = pytest.mark.parametrize(
    ("family", "one", "two", "bits"),
    [("IPv4", "172.30.0.1", "203.0.113.7", 32), ("IPv6", "fd30::1", "2001:db8::7", 128)],
)


def ip(*arguments: str) -> Any:
    done = subprocess.run(["ip", "-json", "-details", *arguments], check=True, capture_output=True, text=True)
    return json.loads(done.stdout) if done.stdout else None


def on_device() -> list[tuple[str, int]]:
    (device,) = ip("addr", "show", "dev", "kube-ipvs0")
    return sorted((each["local"], each["prefixlen"]) for each in device["addr_info"])


@in_guest
def test_the_device_is_a_dummy_that_is_down_and_has_no_queue() -> None:
    addresses = DummyAddresses("IPv4")
    addresses.ensure_device()
    addresses.ensure_device()
    DummyAddresses("IPv6").ensure_device()
    (device,) = ip("link", "show", "dev", "kube-ipvs0")
    assert (device["linkinfo"]["info_kind"], device["operstate"], device.get("txqlen", 0)) == ("dummy", "DOWN", 0)
    assert "UP" not in device["flags"]
    addresses.delete_device()
    addresses.delete_device()
    with pytest.raises(KernelError, match="interface kube-ipvs0: it is not there"):
        addresses.bound()


@in_guest
@FAMILIES
def test_addresses_come_and_go(family: Family, one: str, two: str, bits: int) -> None:
    addresses = DummyAddresses(family)
    addresses.ensure_device()
    assert addresses.bind([one, two]) == []
    assert addresses.bind([two]) == []
    assert on_device() == sorted([(one, bits), (two, bits)])
    assert addresses.bound() == {one, two}
    assert addresses.unbind([one]) == []
    assert addresses.unbind([one]) == []
    assert (addresses.bound(), on_device()) == ({two}, [(two, bits)])


@in_guest
def test_the_other_family_and_special_addresses_are_not_bound() -> None:
    addresses = DummyAddresses("IPv6")
    addresses.ensure_device()
    for each in ("172.30.0.1/32", "fe80::1/64", "fe80::2/128", "fd30::1/128"):
        subprocess.run(["ip", "addr", "add", each, "dev", "kube-ipvs0"], check=True)
    assert addresses.bound() == {"fd30::1"}
    assert DummyAddresses("IPv4").bound() == {"172.30.0.1"}


@in_guest
def test_refusals_name_the_address_and_stop_nothing() -> None:
    addresses = DummyAddresses("IPv6")
    addresses.ensure_device()
    (refused,) = addresses.bind(["fd30::1", "ff02::1", "fd30::2"])
    assert (refused.number, refused.reason.partition(": ")[0]) == (1, "address ff02::1 on kube-ipvs0")
    assert addresses.bound() == {"fd30::1", "fd30::2"}


@in_guest
def test_interfaces_with_their_addresses() -> None:
    subprocess.run(["ip", "link", "add", "eth0", "type", "dummy"], check=True)
    subprocess.run(["ip", "addr", "add", "192.168.0.2/24", "dev", "eth0"], check=True)
    subprocess.run(["ip", "addr", "add", "fd00::2/64", "dev", "eth0"], check=True)
    subprocess.run(["ip", "addr", "add", "10.0.0.1", "peer", "10.0.0.2/32", "dev", "eth0"], check=True)
    subprocess.run(["ip", "link", "add", "bare0", "type", "dummy"], check=True)
    found = Links().interfaces()
    assert {name: sorted(each) for name, each in found.items() if name in ("lo", "eth0", "bare0")} == {
        "lo": ["127.0.0.1/8", "::1/128"],
        "eth0": ["10.0.0.1/32", "192.168.0.2/24", "fd00::2/64"],
        "bare0": [],
    }


@in_guest
@pytest.mark.parametrize(
    ("family", "net", "bits", "count"),
    # IPv6: for each that goes, the kernel walks all of them.
    [("IPv4", "172.30.{0}.{1}", 32, 10_000), ("IPv6", "fd30::1{0:x}:{1:x}", 128, 2_000)],
)
def test_thousands_of_addresses(family: Family, net: str, bits: int, count: int) -> None:
    addresses = DummyAddresses(family)
    addresses.ensure_device()
    wanted = [net.format(number // 250, number % 250 + 1) for number in range(count)]
    start = time.perf_counter()
    assert addresses.bind(wanted) == []
    bound = time.perf_counter()
    assert addresses.bound() == set(wanted)
    read = time.perf_counter()
    links = Links().interfaces()
    every = time.perf_counter()
    assert len(links["kube-ipvs0"]) == len(wanted)
    assert addresses.unbind(wanted[:500]) == []
    unbound = time.perf_counter()
    assert on_device() == sorted((each, bits) for each in wanted[500:])
    print(
        f"{family}: {len(wanted)} addresses bound in {bound - start:.2f} s, read in {read - bound:.2f} s, with all "
        f"interfaces in {every - read:.2f} s, 500 unbound in {unbound - every:.2f} s"
    )


@in_guest
def test_sysctls_of_the_namespace() -> None:
    write_sysctl("net/ipv4/vs/conntrack", 1)
    assert read_sysctl("net/ipv4/vs/conntrack") == "1"
    assert [ensure_sysctl("net/ipv4/vs/conntrack", 0), ensure_sysctl("net/ipv4/vs/conntrack", 0)] == [True, False]
    assert subprocess.run(["sysctl", "-n", "net.ipv4.vs.conntrack"], check=True, capture_output=True).stdout == b"0\n"
    with pytest.raises(KernelError, match=r"sysctl net/ipv4/vs/nothing cannot be read: /proc/sys/net/ipv4/vs/nothing"):
        read_sysctl("net/ipv4/vs/nothing")
    with pytest.raises(KernelError, match=r"net/ipv4/vs/conntrack cannot be set to x: .*Invalid argument"):
        write_sysctl("net/ipv4/vs/conntrack", "x")
