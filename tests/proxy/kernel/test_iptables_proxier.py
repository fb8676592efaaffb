"""IptablesProxier on real tables where things go wrong: odd names, refusals, flushes, clean-up beside others' rules."""

from __future__ import annotations

import shutil
import subprocess
from collections.abc import Iterable

import pytest

from proxy_core import IptablesProxier, KernelError, Machine, ProxyState, load_config, node_info, settings_of
from proxy_core.cleanup import Kernels, remove_all, remove_leftovers
from proxy_core.iptables.canary import are_all_flushed, is_flushed, put_canaries
from proxy_core.kernel.iptables import IptablesPrograms
from proxy_core.kernel.netns import inside
from proxy_core.kernel.nft_tables import NetlinkTables
from tests.proxy.objects import NODE, endpoint, node, service, slice_of

HEAD = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
SECOND = 10**9


class Spoiled(IptablesPrograms):
    """Tables with a line too much in one input."""

    line = ""

    def restore(self, text: Iterable[str]) -> None:
        line, self.line = self.line, ""
        pieces = [piece.replace("COMMIT\n*nat\n", f"COMMIT\n*nat\n{line}\n") if line else piece for piece in text]
        super().restore(pieces)


@pytest.fixture
def tables(netns: str) -> Spoiled:
    if shutil.which("iptables-legacy") is None:
        pytest.skip("there is no program iptables-legacy")
    return Spoiled("IPv4", "legacy", netns=netns)


@pytest.fixture
def proxier(tables: IptablesPrograms) -> IptablesProxier:
    state = ProxyState("IPv4", node_info(NODE, node()))
    state.update(service(type="LoadBalancer", ingress=[{"ip": "198.51.100.1"}]))
    state.update(slice_of(endpoint("10.180.0.1"), endpoint("10.180.1.1", "node-2")))
    found = IptablesProxier(state, settings_of(load_config(HEAD), "iptables", "IPv4", state.node, Machine()), tables)
    found.sync(0)
    return found


def saved(tables: IptablesPrograms) -> str:
    """Return the tables without counters and comments."""
    whole = "".join(tables.save(table) for table in ("filter", "nat", "mangle"))
    return "\n".join(line.partition(" [")[0] for line in whole.splitlines() if not line.startswith("#"))


def test_a_refused_input_leaves_the_table_and_the_next_sync_makes_up_for_it(
    proxier: IptablesProxier, tables: Spoiled
) -> None:
    before = saved(tables)
    proxier.state.update(slice_of(endpoint("10.180.0.2")))
    tables.line = "-A KUBE-NOWHERE -j ACCEPT"
    with pytest.raises(KernelError, match=r"(?s)iptables-legacy-restore: .*\n> [0-9]+: -A KUBE-NOWHERE -j ACCEPT"):
        proxier.sync(SECOND)
    assert saved(tables) == before
    assert proxier.sync(2 * SECOND).full
    assert "10.180.0.2:8080" in saved(tables) and "10.180.0.1:8080" not in saved(tables)


def test_a_flush_by_others_makes_a_partial_sync_fail_and_a_full_one_mends_it(
    proxier: IptablesProxier, tables: Spoiled
) -> None:
    put_canaries(tables)
    whole = saved(tables)
    assert not is_flushed(tables)
    for table in ("nat", "filter", "mangle"):
        for words in (["-F"], ["-X"]):
            with inside(tables._netns):
                subprocess.run(["iptables-legacy", "-w", "5", "-t", table, *words], check=True)
    assert is_flushed(tables) and are_all_flushed(tables)
    proxier.state.update(service("api", clusterIP="172.30.0.2"))
    with pytest.raises(KernelError, match=r"KUBE-(?:SVC|EXT)-"):  # a chain of a service that has not changed
        proxier.sync(SECOND)
    proxier.state.delete(service("api"))
    assert proxier.sync(2 * SECOND).full
    put_canaries(tables)
    assert saved(tables) == whole


@pytest.mark.parametrize("port", ["a", "a" * 15, "0-0", ""])
def test_odd_names_are_taken(proxier: IptablesProxier, tables: Spoiled, port: str) -> None:
    name = "n-0." + "x" * 59
    ports = [{"name": port, "port": 1, "protocol": "SCTP", "nodePort": 32767}]
    more = {"loadBalancerSourceRanges": [" 203.0.113.0/24 ", "10.0.0.0/8"], "sessionAffinity": "ClientIP"}
    extra = {"ingress": [{"ip": "198.51.100.2"}], "externalIPs": ["192.0.2.7"], "healthCheckNodePort": 30001}
    proxier.state.update(
        service(name, clusterIP="172.30.0.9", ports=ports, type="LoadBalancer", externalTrafficPolicy="Local", **more,
                **extra)
    )  # fmt: skip
    ends = [{"name": port, "port": 65535, "protocol": "SCTP"}]
    labels = {"kubernetes.io/service-name": name}
    proxier.state.update(slice_of(endpoint("10.180.0.7"), name="x-a", labels=labels, ports=ends))
    assert not proxier.sync(SECOND).full
    text = saved(tables)
    full_name = f"shop/{name}:{port}" if port else f"shop/{name}"
    assert f'"{full_name} cluster IP"' in text and "10.180.0.7:65535" in text and "--rcheck --seconds 10800" in text
    proxier.state.delete(service(name))
    proxier.sync(2 * SECOND)
    assert name not in saved(tables) and "-A KUBE-SERVICES" in saved(tables)


def test_clean_up_leaves_what_others_have(tables: Spoiled) -> None:
    tables.restore(
        [
            "*nat\n:DOCKER - [0:0]\n-A PREROUTING -m addrtype --dst-type LOCAL -j DOCKER\n"
            "-A POSTROUTING -s 172.17.0.0/16 ! -o docker0 -j MASQUERADE\n"
            "-A DOCKER -i docker0 -j RETURN\nCOMMIT\n*filter\n:KUBE-FIREWALL - [0:0]\n:KUBE-ROUTER - [0:0]\n"
            '-A INPUT -m comment --comment "it\'s KUBE-SERVICES" -j KUBE-ROUTER\n-P FORWARD DROP\n'
            "-A OUTPUT -j KUBE-FIREWALL\n-A INPUT -j KUBE-FIREWALL\nCOMMIT\n"
            "*mangle\n:KUBE-KUBELET-CANARY - [0:0]\nCOMMIT\n"
        ]
    )
    before = saved(tables)
    state = ProxyState("IPv4", node_info(NODE, node()))
    state.update(service(type="NodePort", ports=[{"name": "http", "port": 80, "nodePort": 30080}]))
    state.update(slice_of(endpoint("10.180.0.1")))
    config = load_config({**HEAD, "iptables": {"localhostNodePorts": False}})
    IptablesProxier(state, settings_of(config, "iptables", "IPv4", state.node, Machine()), tables).sync(0)
    put_canaries(tables)
    assert "KUBE-SEP-" in saved(tables)
    assert remove_leftovers("ipvs", Kernels((tables,))) == [] and "KUBE-SEP-" in saved(tables)
    assert remove_all(Kernels((tables,))) == []
    assert saved(tables) == before
    assert remove_leftovers("nftables", Kernels((tables,))) == []
    assert saved(tables) == before


def test_a_chain_that_others_use_is_named(proxier: IptablesProxier, tables: Spoiled) -> None:
    tables.ensure_rule("nat", "OUTPUT", ("-d", "192.0.2.1", "-j", "KUBE-MARK-MASQ"))
    (failure,) = remove_all(Kernels((tables,)))
    assert "iptables-legacy-restore" in failure
    assert "KUBE-SERVICES" not in tables.save("filter") and "KUBE-SERVICES" in tables.save("nat")


def test_tables_of_nftables_go_and_others_stay(netns: str) -> None:
    if shutil.which("nft") is None:
        pytest.skip("there is no program nft")
    commands = "".join(
        f"add table {family} {name}\nadd chain {family} {name} nat {{ type nat hook prerouting priority 0; }}\n"
        for family in ("ip", "ip6")
        for name in ("kube-proxy", "stowage", "kube-proxy2")
    )
    with inside(netns):
        subprocess.run(["nft", "-f", "-"], input=commands, text=True, check=True)
        kernels = Kernels(tables=NetlinkTables())
        assert remove_leftovers("nftables", kernels) == [] and tables_of() == ["kube-proxy", "kube-proxy2"] * 2
        assert remove_all(kernels) == [] and tables_of() == ["kube-proxy2"] * 2
        assert remove_all(kernels) == []


def tables_of() -> list[str]:
    """Return the tables of the present namespace."""
    done = subprocess.run(["nft", "list", "tables"], capture_output=True, text=True, check=True)
    return [line.split()[2] for line in done.stdout.splitlines()]
