"""What a proxy reads of its machine, and sets, in a namespace of the test's own."""

from __future__ import annotations

import errno
import os
import socket
import subprocess
from pathlib import Path

import pytest

from proxy_core import KernelError, NotSupported
from proxy_core.addresses import FAMILIES, Family
from proxy_core.config.sysctls import CONNTRACK_MAX
from proxy_core.kernel import machine
from proxy_core.kernel.iptables import IptablesPrograms
from proxy_core.kernel.netns import inside
from proxy_core.kernel.nfacct import read_counters
from proxy_core.kernel.sysctls import read_sysctl


def ip(netns: str, *words: str) -> None:
    subprocess.run(["nsenter", f"--net={netns}", "ip", *words], check=True, capture_output=True)


def test_interfaces_and_their_addresses(netns: str) -> None:
    ip(netns, "link", "add", "eth0", "type", "veth", "peer", "name", "eth1")
    ip(netns, "addr", "add", "192.168.7.11/24", "dev", "eth0")
    ip(netns, "addr", "add", "2001:db8:7::b/64", "dev", "eth0", "nodad")
    ip(netns, "addr", "add", "10.0.0.1", "peer", "10.0.0.2/32", "dev", "eth1")
    with inside(netns):
        assert machine.interfaces() == {
            "lo": [],
            "eth0": ["192.168.7.11/24", "2001:db8:7::b/64"],
            "eth1": ["10.0.0.1/32"],
        }


def test_counters_are_made_once_and_rules_may_name_them(netns: str) -> None:
    with inside(netns):
        if not machine.read_machine("iptables", "legacy").has_nfacct:
            pytest.skip("this kernel has no nfacct")
        assert machine.read_machine("iptables", "legacy").has_nfacct
        rule = "*filter\n:KUBE-E - [0:0]\n-A KUBE-E -m nfacct --nfacct-name {} -j RETURN\nCOMMIT\n"
        tables = IptablesPrograms("IPv4", "legacy")
        for name in machine.COUNTERS:
            tables.restore([rule.format(name)])
        with pytest.raises(KernelError):
            tables.restore([rule.format("somebody_elses")])
        assert read_counters([*machine.COUNTERS, "somebody_elses"]) == dict.fromkeys(machine.COUNTERS, 0)
        tables.ensure_rule("filter", "OUTPUT", ["-m", "nfacct", "--nfacct-name", machine.COUNTERS[0]])
        subprocess.run(["ip", "link", "set", "lo", "up"], check=True)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as sender:
            for _ in range(3):
                sender.sendto(b"x", ("127.0.0.1", 9))
        assert read_counters(machine.COUNTERS)[machine.COUNTERS[0]] >= 3
        assert not machine.read_machine("nftables").has_nfacct


def test_a_liberal_conntrack_is_seen(netns: str) -> None:
    with inside(netns):
        assert not machine.read_machine("nftables").tcp_be_liberal
        values = {"net/netfilter/nf_conntrack_tcp_be_liberal": 1, "net/ipv4/conf/all/route_localnet": 1}
        assert machine.set_sysctls(values) == []
        assert {name: int(read_sysctl(name)) for name in values} == values
        assert machine.read_machine("nftables").tcp_be_liberal
        with pytest.raises(KernelError, match="sysctl net/ipv4/nonsense cannot be read"):
            machine.set_sysctls({"net/ipv4/nonsense": 1})


def test_the_table_of_connections_grows_with_their_number(
    netns: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    size = tmp_path / "hashsize"
    monkeypatch.setattr(machine, "_HASH_SIZE", size)
    with inside(netns):
        most = {CONNTRACK_MAX: int(read_sysctl(CONNTRACK_MAX))}  # belongs to the whole machine
        size.write_text("1", encoding="ascii")
        assert machine.set_sysctls(most) == [] and int(size.read_text()) == most[CONNTRACK_MAX] // 4
        size.write_text(str(1 << 30), encoding="ascii")
        assert machine.set_sysctls(most) == [] and size.read_text() == str(1 << 30)
        size.unlink()
        with pytest.raises(KernelError, match=r"hashsize cannot be set to [0-9]+: No such file"):
            machine.set_sysctls(most)


class ReadOnly:
    """A file on a /sys that is read-only."""

    def read_text(self, encoding: str) -> str:
        return "16\n"

    def write_text(self, text: str, encoding: str) -> None:
        raise OSError(errno.EROFS, os.strerror(errno.EROFS))


def test_a_system_that_is_read_only_is_no_reason_to_stop(netns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(machine, "_HASH_SIZE", ReadOnly())
    with inside(netns):
        (warning,) = machine.set_sysctls({CONNTRACK_MAX: int(read_sysctl(CONNTRACK_MAX))})
    assert "/sys is read-only" in warning


@pytest.mark.parametrize("family", FAMILIES)
def test_modes_that_work_here(netns: str, family: Family) -> None:
    with inside(netns):
        for mode in ("nftables", "flat"):
            machine.check_mode(mode, family)
        assert family in machine.families("nftables")
        with pytest.raises(NotSupported, match="there is no mode userspace"):
            machine.check_mode("userspace", family)


def test_a_kernel_without_ipvs_names_the_remedy(netns: str) -> None:
    with inside(netns):
        try:
            assert machine.families("ipvs")
            return
        except NotSupported as reason:
            assert "modprobe ip_vs" in str(reason) or "no program iptables" in str(reason)


def test_an_old_kernel_is_named(netns: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.release", lambda: "5.10.0-44-amd64")
    with inside(netns), pytest.raises(NotSupported, match=r"mode nftables needs Linux 5\.13 or newer; this is 5\.10"):
        machine.families("nftables")


def test_without_ipv6_there_is_ipv4_alone(netns: str) -> None:
    with inside(netns):
        assert machine.has_ipv6() and machine.families("nftables") == ("IPv4", "IPv6")
        machine.set_sysctls({"net/ipv6/conf/all/disable_ipv6": 1})
        assert not machine.has_ipv6() and machine.families("nftables") == ("IPv4",)
