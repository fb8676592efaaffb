"""Syncs of the backends: full, partial, failed, and what they leave behind."""

from __future__ import annotations

from collections.abc import Iterable

import pytest

from proxy_core import (
    FakeIptables,
    FakeNft,
    IptablesProxier,
    KernelError,
    Machine,
    NftablesProxier,
    ProxyState,
    load_config,
    node_info,
    settings_of,
)
from proxy_core.nft.transaction import Transaction
from proxy_core.proxier import FULL_SYNC_PERIOD
from tests.proxy.objects import NODE, endpoint, node, service, slice_of

SECOND = 10**9
HEAD = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}


def state() -> ProxyState:
    return ProxyState("IPv4", node_info(NODE, node()))


def iptables(kernel: FakeIptables) -> IptablesProxier:
    wanted = state()
    return IptablesProxier(wanted, settings_of(load_config(HEAD), "iptables", "IPv4", wanted.node, Machine()), kernel)


def nftables(kernel: FakeNft) -> NftablesProxier:
    wanted = state()
    return NftablesProxier(wanted, settings_of(load_config(HEAD), "nftables", "IPv4", wanted.node, Machine()), kernel)


class Refusing(FakeIptables):
    """Tables that refuse one restore."""

    refuses = False

    def restore(self, text: Iterable[str]) -> None:
        if self.refuses:
            self.refuses = False
            raise KernelError("line 7 failed")
        super().restore(text)


class RefusingNft(FakeNft):
    """A table that refuses one transaction."""

    refuses = False

    def run(self, transaction: Transaction) -> None:
        if self.refuses:
            self.refuses = False
            raise KernelError("busy")
        super().run(transaction)


def test_a_partial_sync_writes_the_chains_of_changed_services_alone() -> None:
    kernel = FakeIptables()
    proxier = iptables(kernel)
    for each in ("web", "api"):
        proxier.state.update(service(each, clusterIP=f"172.30.0.{len(each)}", ports=[{"port": 80, "name": "http"}]))
    proxier.state.update(slice_of(endpoint("10.180.0.1"), labels={"kubernetes.io/service-name": "api"}, name="api-a"))
    assert proxier.sync(0).full
    proxier.state.update(slice_of(endpoint("10.180.0.2")))
    assert not proxier.sync(SECOND).full
    written = kernel.restored[-1]
    assert "shop/api:http cluster IP" in written and "10.180.0.2:8080" in written and "10.180.0.1:8080" not in written


@pytest.mark.parametrize("fails", [1, 2])
def test_a_failed_restore_leaves_the_tables_and_is_made_up_for_in_full(fails: int) -> None:
    kernel = Refusing()
    proxier = iptables(kernel)
    proxier.state.update(service())
    proxier.sync(0)
    before = kernel.save("nat")
    for number in range(fails):
        proxier.state.update(slice_of(endpoint(f"10.180.0.{number + 1}")))
        kernel.refuses = True
        with pytest.raises(KernelError, match="line 7"):
            proxier.sync(SECOND)
        assert kernel.save("nat") == before
    assert proxier.sync(2 * SECOND).full and f"10.180.0.{fails}:8080" in kernel.save("nat")


def test_chains_that_another_proxy_left_are_removed() -> None:
    kernel = FakeIptables()
    kernel.ensure_chain("nat", "KUBE-SVC-AAAAAAAAAAAAAAAA")
    kernel.ensure_chain("nat", "SOMEBODY-ELSES")
    iptables(kernel).sync(0)
    assert "KUBE-SVC-AAAAAAAAAAAAAAAA" not in kernel.tables["nat"] and "SOMEBODY-ELSES" in kernel.tables["nat"]


def test_the_zone_of_the_node_forces_a_full_sync() -> None:
    proxier = iptables(FakeIptables())
    proxier.sync(0)
    proxier.state.set_node(node_info(NODE, node(**{"topology.kubernetes.io/zone": "zone-a"})))
    assert proxier.sync(SECOND).full and not proxier.sync(2 * SECOND).full
    assert proxier.sync(3602 * SECOND).full  # and so does time


def test_a_failed_transaction_leaves_the_table_and_is_made_up_for_in_full() -> None:
    kernel = RefusingNft("ip")
    proxier = nftables(kernel)
    proxier.state.update(service())
    proxier.sync(0)
    before = kernel.listing()
    proxier.state.update(slice_of(endpoint("10.180.0.1")))
    kernel.refuses = True
    with pytest.raises(KernelError, match="busy"):
        proxier.sync(SECOND)
    assert kernel.listing() == before
    assert proxier.sync(2 * SECOND).full and "10.180.0.1 . 8080" in kernel.listing()


def test_chains_out_of_use_are_flushed_and_deleted_a_second_later() -> None:
    kernel = FakeNft("ip")
    proxier = nftables(kernel)
    proxier.state.update(service())
    proxier.state.update(slice_of(endpoint("10.180.0.1")))
    proxier.sync(0)
    (chain,) = [name for name in kernel.ruleset.chains if name.startswith("service-") and "/" in name]
    proxier.state.delete(service())
    proxier.sync(SECOND)
    assert not kernel.ruleset.chains[chain].rules
    proxier.sync(2 * SECOND)
    assert chain in kernel.ruleset.chains
    proxier.sync(4 * SECOND)
    assert chain not in kernel.ruleset.chains
    proxier.state.update(service())
    proxier.sync(5 * SECOND)
    assert kernel.ruleset.chains[chain].rules


def test_two_ports_may_want_one_element() -> None:
    kernel = FakeNft("ip")
    proxier = nftables(kernel)
    ports = [{"name": "http", "port": 80}, {"name": "https", "port": 443}]
    proxier.state.update(service(ports=ports))
    proxier.sync(0)
    proxier.state.update(service(ports=ports[:1]))
    proxier.sync(SECOND)
    assert kernel.elements("cluster-ips") == {("172.30.0.1",): ""}


def test_tables_in_memory_refuse_what_the_kernel_refuses() -> None:
    tables = FakeIptables()
    for text in ("*nat\n-A NOWHERE -j ACCEPT\nCOMMIT\n", "*nat\n-X KUBE-SVC-X\nCOMMIT\n", "nonsense\n"):
        with pytest.raises(KernelError, match="line"):
            tables.restore([text])
    with pytest.raises(KernelError, match="no chain KUBE-SVC-X"):
        tables.restore(["*nat\n-A OUTPUT -j KUBE-SVC-X\nCOMMIT\n"])
    assert tables.save("nat") == FakeIptables().save("nat")


def test_a_full_sync_takes_out_a_service_that_has_gone_and_had_no_endpoints() -> None:
    kernel = FakeIptables()
    proxier = iptables(kernel)
    proxier.state.update(service())
    proxier.sync(0)
    assert "shop/web:http has no endpoints" in kernel.save("filter")
    proxier.state.delete(service())
    assert proxier.sync(2 * 3600 * SECOND).full
    assert "shop/web" not in kernel.save("filter")


def test_what_a_refused_transaction_was_to_make_is_not_missed_when_its_service_has_gone() -> None:
    kernel = RefusingNft("ip")
    proxier = nftables(kernel)
    proxier.sync(0)
    kernel.refuses = True
    proxier.state.update(service(sessionAffinity="ClientIP"))
    proxier.state.update(slice_of(endpoint("10.180.0.2")))
    with pytest.raises(KernelError):
        proxier.sync(SECOND)
    proxier.state.delete(service())
    assert proxier.sync(2 * SECOND).full


def test_a_table_that_somebody_has_deleted_is_made_again() -> None:
    kernel = FakeNft("ip")
    proxier = nftables(kernel)
    proxier.state.update(service())
    proxier.state.update(slice_of(endpoint("10.180.0.2")))
    proxier.sync(0)
    proxier.state.delete(service())
    proxier.sync(SECOND)  # its chains are out of use from here on
    kernel.ruleset = FakeNft("ip").ruleset
    proxier.state.update(service())
    assert proxier.sync(SECOND + FULL_SYNC_PERIOD + 1).full
    assert any("shop/web" in chain for chain in kernel.ruleset.chains)


def test_flows_of_udp_are_cleaned_up_after_the_sync_that_succeeds() -> None:
    kernel = RefusingNft("ip")
    proxier = nftables(kernel)
    proxier.sync(0)
    kernel.refuses = True
    proxier.state.update(slice_of(endpoint("10.180.0.2"), ports=[{"name": "dns", "port": 53, "protocol": "UDP"}]))
    proxier.state.update(service())
    with pytest.raises(KernelError):
        proxier.sync(SECOND)
    assert proxier.sync(2 * SECOND).conntrack_cleanup
    assert not proxier.sync(3 * SECOND).conntrack_cleanup


def test_a_chain_out_of_use_waits_until_syncs_are_more_than_a_second_apart() -> None:
    kernel = FakeNft("ip")
    proxier = nftables(kernel)
    proxier.state.update(service())
    proxier.state.update(slice_of(endpoint("10.180.0.1")))
    proxier.sync(0)
    (chain,) = [name for name in kernel.names().chains if name.startswith("service-") and "/" in name]
    proxier.state.delete(service())
    for half in range(2, 6):
        proxier.sync(half * SECOND // 2)
        assert chain in kernel.names().chains
    proxier.sync(4 * SECOND)
    assert chain not in kernel.names().chains
