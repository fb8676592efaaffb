"""Bed: an outside client, a node, two pods on it and another node, each a network namespace of the test's own.

::

    client ──ext0── node ──eth0── other      the other node with its pods; a packet for nobody ends there in silence
                     │cni0 (bridge, hairpin)
                  pod-a, pod-b

Namespaces have no names: they live as long as this process holds them, so nothing is left however it ends. Of
forwarding and addresses only; the rules that are to be tested come from `driver.py`.
"""

from __future__ import annotations

import ctypes
import hashlib
import os
import subprocess
from collections.abc import Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import NamedTuple

from proxy_core.addresses import Family
from proxy_core.kernel.netlink import ACK, REQUEST, Netlink, message
from proxy_core.kernel.netns import inside

FAMILIES: tuple[Family, ...] = ("IPv4", "IPv6")
POD_CIDRS = {"IPv4": "10.180.0.0/16", "IPv6": "fd00:10:180::/48"}
LOCAL_POD_CIDRS = {"IPv4": "10.180.0.0/24", "IPv6": "fd00:10:180::/64"}
SERVICE_CIDRS = {"IPv4": "172.30.0.0/16", "IPv6": "fd00:172:30::/112"}
NODE_IPS: Mapping[Family, str] = {"IPv4": "192.168.7.11", "IPv6": "2001:db8:7::b"}
NODE_INTERFACES = {
    "lo": ["127.0.0.1/8", "::1/128"],
    "eth0": ["192.168.7.11/24", "2001:db8:7::b/64"],
    "ext0": ["203.0.113.1/24", "2001:db8:113::1/64"],
    "cni0": ["10.180.0.1/24", "fd00:10:180::1/64"],
}
REMOTE_PODS = 16
CLIENTS = 40

_NEW_NETWORK = 0x40000000


class Host(NamedTuple):
    """A namespace, with its own address in each family."""

    name: str
    netns: str
    """A path that other programs can open too."""
    IPv4: str
    IPv6: str

    def address(self, family: Family) -> str:
        """Return the address of a family."""
        return self.IPv6 if family == "IPv6" else self.IPv4


def can_be_made() -> str:
    """Return why no bed can be made here; empty if one can."""
    if os.geteuid() != 0:
        return "network namespaces need root"
    return _reason


class Bed:
    """The hosts and what joins them; `close` ends it."""

    def __init__(self) -> None:
        self._held: list[int] = []
        self.client = self._host("client", "203.0.113.7", "2001:db8:113::7")
        self.node = self._host("node", NODE_IPS["IPv4"], NODE_IPS["IPv6"])
        self.pod_a = self._host("pod-a", "10.180.0.10", "fd00:10:180::a")
        self.pod_b = self._host("pod-b", "10.180.0.11", "fd00:10:180::b")
        self.other = self._host("other", "192.168.7.12", "2001:db8:7::c")
        try:
            self._join()
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Bed:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Let go of the namespaces; the kernel removes them when nobody is in them."""
        while self._held:
            os.close(self._held.pop())

    def client_address(self, number: int, family: Family) -> str:
        """Return an address of the client, by a number below CLIENTS; 0 is its own."""
        return f"2001:db8:113::{7 + number:x}" if family == "IPv6" else f"203.0.113.{7 + number}"

    def remote_pod(self, number: int, family: Family) -> str:
        """Return the address of a pod on the other node, by a number below REMOTE_PODS."""
        return f"fd00:10:180:1::{20 + number:x}" if family == "IPv6" else f"10.180.1.{20 + number}"

    def node_address_towards(self, host: Host, family: Family) -> str:
        """Return the address that the node gives to packets that it masquerades on their way to a host."""
        if host in (self.pod_a, self.pod_b):
            return "fd00:10:180::1" if family == "IPv6" else "10.180.0.1"
        if host == self.client:
            return "2001:db8:113::1" if family == "IPv6" else "203.0.113.1"
        return self.node.address(family)

    def run(self, host: Host, *words: str, text: str = "") -> str:
        """Run a program in a namespace; return what it writes. Fails with its words where it fails."""
        with inside(host.netns):
            done = subprocess.run(words, input=text, text=True, capture_output=True, check=False)
        assert done.returncode == 0, f"{' '.join(words)}: {done.stderr}"
        return done.stdout

    def _host(self, name: str, ipv4: str, ipv6: str) -> Host:
        self._held.append(new_namespace())
        return Host(name, f"/proc/{os.getpid()}/fd/{self._held[-1]}", ipv4, ipv6)

    def _join(self) -> None:
        clients = [self.client_address(number, family) for family in FAMILIES for number in range(CLIENTS)]
        node = [
            "link set lo up",
            f"link add cni0 address {_mac('node cni0')} type bridge",
            *[_pair(device, host) for device, host in self._links().items()],
            *[f"link set {veth} master cni0" for veth in ("vetha", "vethb")],
            *[f"link set {veth} type bridge_slave hairpin on" for veth in ("vetha", "vethb")],
            *[line for name in ("cni0", "ext0", "eth0") for line in _addresses(name, *NODE_INTERFACES[name])],
            *[f"link set {each} up" for each in ("cni0", "ext0", "eth0", "vetha", "vethb")],
            "route add 10.180.1.0/24 via 192.168.7.12",
            "route add fd00:10:180:1::/64 via 2001:db8:7::c",
            "route add default via 192.168.7.12",
            "route add ::/0 via 2001:db8:7::c",
            *_neighbours(
                "ext0", "client", *(self.client_address(n, each) for each in FAMILIES for n in range(CLIENTS))
            ),
            *_neighbours("eth0", self.other.name, self.other.IPv4, self.other.IPv6),
            *[
                line
                for host in (self.pod_a, self.pod_b)
                for line in _neighbours("cni0", host.name, host.IPv4, host.IPv6)
            ],
        ]
        _settings(self.node.netns, forwarding=True)
        self._ip(self.node, node)
        remote = [self.remote_pod(number, family) for family in FAMILIES for number in range(REMOTE_PODS)]
        self._end(self.client, "203.0.113.1", "2001:db8:113::1", [each for each in clients if each not in self.client])
        self._end(self.other, "192.168.7.11", "2001:db8:7::b", remote)
        self._end(self.pod_a, "10.180.0.1", "fd00:10:180::1")
        self._end(self.pod_b, "10.180.0.1", "fd00:10:180::1")

    def _links(self) -> dict[str, Host]:
        """Return the node's devices and who is at the other end."""
        return {"ext0": self.client, "eth0": self.other, "vetha": self.pod_a, "vethb": self.pod_b}

    def _end(self, host: Host, gateway: str, gateway6: str, more: Sequence[str] = ()) -> None:
        _settings(host.netns, forwarding=False)
        device = next(name for name, each in self._links().items() if each is host)
        nodes = "cni0" if device.startswith("veth") else device
        commands = [
            "link set lo up",
            *_addresses("eth0", f"{host.IPv4}/24", f"{host.IPv6}/64"),
            *[f"addr add {each} dev {'eth0' if host is self.client else 'lo'} {_spare(each)}" for each in more],
            "link set eth0 up",
            f"route add default via {gateway}",
            f"route add ::/0 via {gateway6}",
            *_neighbours("eth0", f"node {nodes}", gateway, gateway6),
        ]
        for pod in {self.pod_a, self.pod_b} - {host} if nodes == "cni0" else ():
            commands += _neighbours("eth0", pod.name, pod.IPv4, pod.IPv6)
        self._ip(host, commands)

    def _ip(self, host: Host, commands: Sequence[str]) -> None:
        self.run(host, "ip", "-batch", "-", text="\n".join([*commands, ""]))


def new_namespace() -> int:
    """Make a network namespace; return the file that holds it."""
    libc = ctypes.CDLL(None, use_errno=True)
    home = os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
    try:
        if libc.unshare(_NEW_NETWORK) != 0:
            raise OSError(ctypes.get_errno(), "unshare")
        try:
            return os.open("/proc/thread-self/ns/net", os.O_RDONLY | os.O_CLOEXEC)
        finally:
            libc.setns(home, _NEW_NETWORK)
    finally:
        os.close(home)


def forget_connections(netns: str) -> None:
    """Empty a namespace's table of connections."""
    conntrack, delete = 1, 2
    with inside(netns), Netlink(12, send_bytes=1 << 12) as netlink:
        number = netlink.sequence()
        request = message(conntrack << 8 | delete, REQUEST | ACK, number, b"\0\0\0\0")
        netlink.ask("conntrack", request, number)


def _pair(here: str, host: Host) -> str:
    ends = f"{here} address {_mac(f'node {here}')} type veth peer name eth0 address {_mac(host.name)}"
    return f"link add {ends} netns {host.netns}"


def _mac(of: str) -> str:
    """Return a hardware address for a host, or for a device of the node."""
    return ":".join(["02", *(f"{byte:02x}" for byte in hashlib.sha256(of.encode()).digest()[:5])])


def _neighbours(device: str, host: str, *addresses: str) -> list[str]:
    """Return commands that tell of neighbours, so that no packet waits until one has been found."""
    return [f"neigh add {each} lladdr {_mac(host)} dev {device} nud permanent" for each in addresses]


def _addresses(device: str, *addresses: str) -> list[str]:
    return [f"addr add {each} dev {device} {_no_dad(each)}" for each in addresses]


def _no_dad(address: str) -> str:
    return "nodad" if ":" in address else ""


def _spare(address: str) -> str:
    """Return what keeps an address from being chosen by itself."""
    return "nodad preferred_lft 0" if ":" in address else ""


def _settings(netns: str, *, forwarding: bool) -> None:
    values = {
        "net/ipv4/ip_forward": forwarding,
        "net/ipv6/conf/all/forwarding": forwarding,
        "net/ipv6/conf/all/accept_dad": False,
        "net/ipv6/conf/default/accept_dad": False,
        "net/ipv4/conf/all/rp_filter": False,
        "net/ipv4/conf/default/rp_filter": False,
        "net/ipv4/icmp_ratelimit": False,
        "net/ipv6/icmp/ratelimit": False,
    }
    if forwarding:  # between pods of one bridge answers must pass the node's table of connections
        _load("br_netfilter", Path("/proc/sys/net/bridge"))
        values["net/bridge/bridge-nf-call-iptables"] = True
        values["net/bridge/bridge-nf-call-ip6tables"] = True
    with inside(netns):
        for path, value in values.items():
            Path("/proc/sys", path).write_text(str(int(value)), encoding="ascii")


def _load(module: str, needed: Path) -> None:
    """Load a module, by the program that the kernel itself uses, unless what it brings is there."""
    if not needed.exists():
        loader = Path("/proc/sys/kernel/modprobe").read_text(encoding="ascii").strip()
        subprocess.run([loader, module], check=True)


def _why_not() -> str:
    try:
        os.close(new_namespace())
    except OSError as refused:
        return f"a network namespace cannot be made: {refused.strerror}"
    return ""


_reason = _why_not() if os.geteuid() == 0 else ""
