"""Real connections through ipvs mode in the guest: a client's namespace, the node's, those of two pods.

The node has 192.168.7.11 and 2001:db8:7::b, the client .100 and ::64; pods a and b are 10.180.0.2, .3 and
fd00:10:180::2, ::3; the Service shop/web is 172.30.0.1 and fd00:172:30::1, port 80, node port 30080.
"""

from __future__ import annotations

import socket
import subprocess
import threading
import time
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from proxy_core import IpvsProxier, Machine, ProxyState, load_config, node_info, settings_of
from proxy_core.addresses import Family
from proxy_core.cleanup import IpvsLeftovers, Kernels, remove_all
from proxy_core.kernel.iptables import IptablesPrograms
from proxy_core.kernel.ipvs_mode import ipvs_kernel, prepare_ipvs
from proxy_core.kernel.links import Links
from proxy_core.kernel.netns import inside
from proxy_core.kernel.sysctls import read_sysctl, write_sysctl
from tests.proxy.kernel.guest import in_guest
from tests.proxy.objects import NODE, endpoint, node, service, slice_of

SECOND = 10**9
HEAD = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "ipvs"}
PODS = {"a": ("10.180.0.2", "fd00:10:180::2"), "b": ("10.180.0.3", "fd00:10:180::3")}
ADDRESSES: dict[Family, dict[str, str]] = {
    "IPv4": {"web": "172.30.0.1", "node": "192.168.7.11", "a": "10.180.0.2", "b": "10.180.0.3"},
    "IPv6": {"web": "fd00:172:30::1", "node": "2001:db8:7::b", "a": "fd00:10:180::2", "b": "fd00:10:180::3"},
}
FAMILIES = pytest.mark.parametrize("family", ["IPv4", "IPv6"])


def ip(lines: str, where: str | None = None) -> None:
    """Run commands of ip(8) in a namespace (None: the node's)."""
    words = ["ip", *(["-n", where] if where else []), "-batch", "-"]
    subprocess.run(words, input=lines, text=True, check=True)


@contextmanager
def network() -> Iterator[None]:
    """Make the namespaces, and a server in each pod that says the pod's name.

    Pods are routed, each on a link of its own, so that all their packets come by the node's rules.
    """
    names = ["client", *PODS]
    ip("\n".join(f"netns add {name}" for name in names))
    try:
        ip("""
            link add eth0 type veth peer name eth0 netns client
            addr add 192.168.7.11/24 dev eth0
            addr add 2001:db8:7::b/64 dev eth0 nodad
            link set eth0 up
        """)
        ip(
            """
            addr add 192.168.7.100/24 dev eth0
            addr add 2001:db8:7::64/64 dev eth0 nodad
            link set eth0 up
            route add default via 192.168.7.11
            route add default via 2001:db8:7::b
            """,
            "client",
        )
        for name, (ipv4, ipv6) in PODS.items():
            ip(f"""
                link add pod-{name} type veth peer name eth0 netns {name}
                addr add 10.180.0.1/32 dev pod-{name}
                addr add fd00:10:180::1/128 dev pod-{name} nodad
                link set pod-{name} up
                route add {ipv4} dev pod-{name}
                route add {ipv6} dev pod-{name}
            """)
            ip(
                f"""
                addr add {ipv4}/32 dev eth0
                addr add {ipv6}/128 dev eth0 nodad
                link set eth0 up
                route add 10.180.0.1 dev eth0
                route add default via 10.180.0.1
                route add fd00:10:180::1 dev eth0
                route add default via fd00:10:180::1
                """,
                name,
            )
            threading.Thread(target=serve, args=(name,), daemon=True).start()
        write_sysctl("net/ipv6/conf/all/forwarding", 1)
        yield
    finally:
        ip("\n".join(f"netns delete {name}" for name in names))


def serve(name: str) -> None:
    """Answer each line with the pod's name and the client's address, until the line is empty."""
    with inside(name):
        listener = socket.create_server(("::", 8080), family=socket.AF_INET6, dualstack_ipv6=True, backlog=64)
    while True:
        connection, client = listener.accept()
        threading.Thread(target=answer, args=(connection, name, client[0]), daemon=True).start()


def answer(connection: socket.socket, name: str, client: str) -> None:
    with connection:
        while connection.recv(100).strip():
            connection.sendall(f"{name} {client.removeprefix('::ffff:')}\n".encode())


def connect(where: str | None, address: str, port: int) -> socket.socket:
    """Connect from a namespace (None: the node)."""
    with inside(where):
        found = socket.socket(socket.AF_INET6 if ":" in address else socket.AF_INET)
    found.settimeout(5)
    try:
        found.connect((address, port))
    except BaseException:
        found.close()
        raise
    return found


def ask(connection: socket.socket) -> list[str]:
    """Return which pod answers, and which client it sees."""
    connection.sendall(b"who\n")
    return connection.recv(100).decode().split()


def asked(where: str | None, address: str, port: int, times: int = 1) -> list[list[str]]:
    found = []
    for _ in range(times):
        with connect(where, address, port) as connection:
            found.append(ask(connection))
    return found


class Proxy:
    """A proxier of one family, with the Service and its endpoints."""

    def __init__(self, family: Family, **config: Any) -> None:
        self.family, self.now = family, 10**18
        me = node_info(NODE, node())
        settings = settings_of(load_config({**HEAD, **config}), "ipvs", family, me, Machine(Links().interfaces))
        assert prepare_ipvs(settings.ipvs) == ()
        tables = IptablesPrograms(family, "legacy")
        self.state = ProxyState(family, me)
        self.proxier = IpvsProxier(self.state, settings, ipvs_kernel(family, tables))

    def serve(self, *pods: str, **spec: Any) -> None:
        """Let pods be the endpoints, and sync."""
        addresses = ADDRESSES[self.family]
        ports = [{"name": "http", "port": 80, "protocol": "TCP", "nodePort": 30080}]
        self.state.update(service(type="NodePort", clusterIP=addresses["web"], ports=ports, **spec))
        self.state.update(slice_of(*(endpoint(addresses[pod]) for pod in pods), address_type=self.family))
        self.proxier.sync(self.now)
        assert self.proxier.refusals == ()

    def weights(self) -> dict[str, int]:
        """Return pod -> weight at the cluster IP, as ipvsadm says."""
        found = {}
        addresses = ADDRESSES[self.family]
        for line in subprocess.run(["ipvsadm", "-Sn"], check=True, capture_output=True, text=True).stdout.splitlines():
            words = line.split()
            if words[0] == "-a" and addresses["web"] in words[2]:
                pod = next(name for name in PODS if addresses[name] in words[4])
                found[pod] = int(words[-1])
        return found


@in_guest
@FAMILIES
def test_where_connections_go(family: Family) -> None:
    addresses = ADDRESSES[family]
    web, gateway = addresses["web"], "10.180.0.1" if family == "IPv4" else "fd00:10:180::1"
    with network():
        proxy = Proxy(family)
        proxy.serve("a", "b")
        # Cluster IP: from outside, from the node, from a pod, which sees itself behind the node's address.
        assert Counter(pod for pod, _ in asked("client", web, 80, 10)) == {"a": 5, "b": 5}
        assert {pod for pod, _ in asked(None, web, 80, 2)} == {"a", "b"}
        assert dict(asked("a", web, 80, 2)) == {"a": gateway, "b": addresses["a"]}
        # Node port, masqueraded.
        at_node = asked("client", addresses["node"], 30080, 10)
        assert Counter(pod for pod, _ in at_node) == {"a": 5, "b": 5}
        assert {client for _, client in at_node} == {gateway}
        # Another port of the cluster IP is nobody's.
        with pytest.raises(ConnectionRefusedError):
            connect("client", web, 81)
        proxy.serve("a", "b", sessionAffinity="ClientIP")
        assert len({pod for pod, _ in asked("client", web, 80, 6)}) == 1
        proxy.serve()
        with pytest.raises(OSError):
            connect("client", web, 80)


@in_guest
@FAMILIES
def test_a_connection_outlives_its_endpoint(family: Family) -> None:
    """The real server stays with weight 0 as long as there are connections, and goes with the check after."""
    web = ADDRESSES[family]["web"]
    with network():
        proxy = Proxy(family, ipvs={"tcpFinTimeout": "1s"})
        proxy.serve("a", "b")
        connections = {ask(each)[0]: each for each in (connect("client", web, 80) for _ in range(2))}
        proxy.serve("a")
        assert (proxy.weights(), proxy.proxier.terminating) == ({"a": 1, "b": 0}, 1)
        assert {pod for pod, _ in asked("client", web, 80, 4)} == {"a"}
        proxy.proxier.check_terminations(proxy.now + 60 * SECOND)
        assert (ask(connections["b"])[0], proxy.weights()) == ("b", {"a": 1, "b": 0})
        # An endpoint that comes back before that gets new connections again.
        proxy.serve("a", "b")
        assert (proxy.weights(), proxy.proxier.terminating) == ({"a": 1, "b": 1}, 0)
        both = {ask(each)[0]: each for each in (connect("client", web, 80) for _ in range(2))}
        assert both.keys() == {"a", "b"}
        proxy.serve("a")
        assert (proxy.weights(), ask(both["b"])[0]) == ({"a": 1, "b": 0}, "b")
        for each in (connections["b"], both["b"]):
            each.sendall(b"\n")  # the pod closes the connection; it is forgotten a second later
            assert each.recv(100) == b""
        time.sleep(2.5)
        proxy.proxier.check_terminations(proxy.now + 180 * SECOND)
        assert (proxy.weights(), proxy.proxier.terminating) == ({"a": 1}, 0)
        for each in (*connections.values(), *both.values()):
            each.close()


@in_guest
def test_sysctls_before_the_first_sync() -> None:
    write_sysctl("net/ipv4/ip_forward", 0)
    Proxy("IPv4", ipvs={"strictARP": True, "scheduler": "mh", "tcpTimeout": "1m"})
    wanted = {
        "net/ipv4/vs/conntrack": "1",
        "net/ipv4/vs/expire_nodest_conn": "1",
        "net/ipv4/vs/expire_quiescent_template": "1",
        "net/ipv4/ip_forward": "1",
        "net/ipv4/conf/all/arp_ignore": "1",
        "net/ipv4/conf/all/arp_announce": "2",
    }
    assert {name: read_sysctl(name) for name in wanted} == wanted
    found = subprocess.run(["ipvsadm", "-Ln", "--timeout"], check=True, capture_output=True, text=True).stdout
    assert found == "Timeout (tcp tcpfin udp): 60 120 300\n"
    assert subprocess.run(["ipvsadm", "-Sn"], check=True, capture_output=True, text=True).stdout == ""


@in_guest
def test_a_clean_up_leaves_nothing() -> None:
    subprocess.run(["ipset", "create", "others", "hash:ip"], check=True)
    Proxy("IPv4").serve("a", "b")
    kernel = ipvs_kernel("IPv4")
    leftovers = IpvsLeftovers(kernel.servers, kernel.sets, kernel.addresses)
    assert remove_all(Kernels([IptablesPrograms("IPv4", "legacy")], ipvs=leftovers)) == []
    commands = ("ipvsadm -Sn", "ipset list -name", "iptables-legacy-save", "ip -brief link")
    texts = [subprocess.run(each.split(), check=True, capture_output=True, text=True).stdout for each in commands]
    assert texts[:2] == ["", "others\n"]
    assert not any("KUBE" in each or "kube" in each for each in texts)
