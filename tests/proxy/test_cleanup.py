"""What clean-up removes and what it leaves alone, on kernels in memory."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

import pytest

from proxy_core import (
    FakeIptables,
    IptablesProxier,
    IpvsProxier,
    KernelError,
    Machine,
    NotSupported,
    ProxyState,
    load_config,
    node_info,
    settings_of,
)
from proxy_core.cleanup import IpvsLeftovers, Kernels, remove_all, remove_leftovers
from proxy_core.iptables.canary import are_all_flushed, is_flushed, put_canaries
from proxy_core.ipvs.fake import FakeIpvs
from proxy_core.ipvs.kernel import AddServer, CreateSet, IpSet, ServerKey, VirtualServer
from proxy_core.nft.statements import TableFamily
from tests.proxy.objects import NODE, endpoint, node, service, slice_of

HEAD = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}


class Tables:
    """Tables of nftables by name."""

    def __init__(self) -> None:
        self.names = [(family, name) for family in ("ip", "ip6") for name in ("kube-proxy", "stowage", "filter")]

    def delete_table(self, family: TableFamily, name: str) -> None:
        if (family, name) in self.names:
            self.names.remove((family, name))


class Node:
    """A node on which both modes have worked, beside rules, sets and tables of others."""

    def __init__(self) -> None:
        self.ipvs, self.nft = FakeIpvs(), Tables()
        self.iptables = self.ipvs.iptables
        for table, chain in (("nat", "DOCKER"), ("filter", "KUBE-ROUTER"), ("filter", "KUBE-FIREWALL")):
            self.iptables.ensure_chain(table, chain)
        self.iptables.ensure_rule("nat", "PREROUTING", ("-m", "addrtype", "--dst-type", "LOCAL", "-j", "DOCKER"))
        self.before = {table: self.iptables.save(table) for table in ("nat", "filter", "mangle")}
        self.ipvs.sets.run([CreateSet(IpSet("cali40all", "hash:ip", "inet"))])
        for mode in ("iptables", "ipvs"):
            self.sync(mode)
        put_canaries(self.iptables)
        self.kernels = Kernels(
            (self.iptables,), self.nft, IpvsLeftovers(self.ipvs.servers, self.ipvs.sets, self.ipvs.addresses)
        )

    def sync(self, mode: str) -> None:
        state = ProxyState("IPv4", node_info(NODE, node()))
        state.update(service(type="LoadBalancer", ingress=[{"ip": "198.51.100.1"}]))
        state.update(slice_of(endpoint("10.180.0.1")))
        settings = settings_of(load_config(HEAD), mode, "IPv4", state.node, Machine())
        if mode == "ipvs":
            IpvsProxier(state, settings, self.ipvs.kernel).sync(0)
        else:
            IptablesProxier(state, settings, self.iptables).sync(0)

    def is_bare(self) -> bool:
        """Tell whether all is as before, but for the rules that the kubelet makes too."""
        self.iptables.restore(["*filter\n:KUBE-FIREWALL - [0:0]\nCOMMIT\n"])
        for chain in ("INPUT", "OUTPUT"):
            self.iptables.delete_rule("filter", chain, ("-j", "KUBE-FIREWALL"))
        return {table: self.iptables.save(table) for table in self.before} == self.before


def test_all_of_ours_goes_and_what_others_have_stays() -> None:
    there = Node()
    assert "KUBE-SEP-" in there.iptables.save("nat") and there.ipvs.servers.servers and there.ipvs.addresses.addresses
    assert "-j KUBE-FIREWALL" in there.iptables.save("filter")
    assert remove_all(there.kernels) == []
    assert "-j KUBE-FIREWALL" in there.iptables.save("filter")
    assert there.is_bare()
    assert list(there.ipvs.sets.sets) == ["cali40all"]
    assert not there.ipvs.servers.servers and there.ipvs.addresses.addresses is None
    assert there.nft.names == [("ip", "filter"), ("ip6", "filter")]
    assert remove_all(there.kernels) == []  # nothing is left that could be refused


@pytest.mark.parametrize(
    ("mode", "rules_stay", "tables"),
    [
        ("iptables", True, []),
        ("ipvs", True, []),
        ("nftables", False, ["kube-proxy"]),
        ("flat", False, ["stowage"]),
    ],
)
def test_what_a_mode_removes_before_it_starts(mode: str, rules_stay: bool, tables: list[str]) -> None:
    there = Node()
    assert remove_leftovers(mode, there.kernels) == []
    assert sorted({name for _, name in there.nft.names} - {"filter"}) == tables
    assert bool(there.ipvs.servers.servers) == rules_stay and there.is_bare() != rules_stay


def test_virtual_servers_of_others_stay_where_ipvs_mode_has_not_worked() -> None:
    ipvs = FakeIpvs()
    ipvs.servers.run([AddServer(VirtualServer(ServerKey("192.0.2.1", 80, "TCP")))])
    assert remove_all(Kernels(ipvs=IpvsLeftovers(ipvs.servers, ipvs.sets, ipvs.addresses))) == []
    assert ipvs.servers.servers


class Broken(FakeIptables):
    """Tables that refuse every input for nat."""

    def restore(self, text: Iterable[str]) -> None:
        whole = list(text)
        if whole[0] == "*nat\n":
            raise KernelError("iptables-restore: line 7 failed")
        super().restore(whole)


class Missing(FakeIptables):
    """Tables of a machine without the programs."""

    def chains(self, table: str) -> Sequence[str]:
        raise NotSupported("there is no program iptables")


def test_what_fails_is_told_and_the_rest_is_tried() -> None:
    broken, whole, nft = Broken(), FakeIptables(), Tables()
    for each in (broken, whole):
        put_canaries(each)
    failures = remove_all(Kernels((Missing(), broken, whole), nft))
    assert failures == ["iptables-restore: line 7 failed"]
    assert broken.has_chain("nat", "KUBE-PROXY-CANARY") and not broken.has_chain("filter", "KUBE-PROXY-CANARY")
    assert are_all_flushed(whole) and len(nft.names) == 2


def test_canaries_tell_of_a_flush() -> None:
    tables = FakeIptables()
    put_canaries(tables)
    put_canaries(tables)
    assert not is_flushed(tables)
    tables.restore(["*mangle\n-X KUBE-PROXY-CANARY\nCOMMIT\n"])
    assert is_flushed(tables) and not are_all_flushed(tables)
    tables.restore(["*nat\n-X KUBE-PROXY-CANARY\nCOMMIT\n*filter\n-X KUBE-PROXY-CANARY\nCOMMIT\n"])
    assert are_all_flushed(tables)
