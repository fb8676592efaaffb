"""A kernel after many partial syncs holds what a fresh start would have written, whatever has happened meanwhile."""

from __future__ import annotations

from collections.abc import Sequence
from random import Random
from typing import Any

import pytest

from proxy_core import FakeIpvs, KernelError
from proxy_core.addresses import Family
from proxy_core.ipvs.fake import FakeIpSets, FakeServers
from proxy_core.ipvs.kernel import DEVICE, Entry, Refusal, ServerCommand
from tests.proxy.ipvs.cluster import INTERFACES, SECOND, RandomCluster, contents, proxier

MINUTE = 60 * SECOND
FAMILIES: tuple[Family, ...] = ("IPv4", "IPv6")


def fresh(cluster: RandomCluster) -> dict[str, Any]:
    """Return what a first sync writes into an empty kernel."""
    kernel = FakeIpvs()
    started = proxier(kernel, cluster.family)
    cluster.deliver(started.state)
    started.sync(0)
    return contents(kernel)


@pytest.mark.parametrize("family", FAMILIES)
@pytest.mark.parametrize("seed", range(4))
def test_partial_syncs_write_what_a_fresh_start_writes(family: Family, seed: int) -> None:
    random, kernel = Random(seed), FakeIpvs()
    cluster, running = RandomCluster(random, family), proxier(kernel, family)
    running.sync(0)
    filled: set[str] = set()
    for step in range(60):
        for _ in range(1 + random.randrange(4)):
            how, record = cluster.change()
            (running.state.update if how == "update" else running.state.delete)(record)
        assert not running.sync(step).full
        assert running.refusals == ()
        assert contents(kernel) == fresh(cluster), step
        filled.update(name for name, members in kernel.sets.members.items() if members)
    assert filled == kernel.sets.sets.keys()  # everything has been there


@pytest.mark.parametrize("seed", range(4))
def test_connections_keep_real_servers_and_nothing_else(seed: int) -> None:
    random, kernel = Random(seed), FakeIpvs()
    cluster, running = RandomCluster(random, "IPv4"), proxier(kernel)
    waited = 0
    for step in range(60):
        how, record = cluster.change()
        (running.state.update if how == "update" else running.state.delete)(record)
        running.sync(step * 7 * SECOND)  # every fifth is a full one
        running.check_terminations(10**18 + step * 7 * SECOND)
        assert running.refusals == ()
        assert contents(kernel) == fresh(cluster), step
        weightless = {
            (key, each.key)
            for key, reals in kernel.servers.real_servers.items()
            for each in reals.values()
            if not each.weight
        }
        assert all(key.protocol == "TCP" for key, _ in weightless)
        assert len(weightless) == running.terminating
        waited += len(weightless)
        for key, reals in kernel.servers.real_servers.items():
            for real in reals:
                kernel.servers.connect(key, real, random.randrange(2), random.randrange(2))
    assert waited
    for key, reals in kernel.servers.real_servers.items():
        for real in reals:
            kernel.servers.connect(key, real)
    running.check_terminations(10**18 + 10**6 * SECOND)
    assert running.terminating == 0 and all(
        each.weight == 1 for reals in kernel.servers.real_servers.values() for each in reals.values()
    )


class Troubled(FakeServers):
    """Virtual servers of a kernel that sometimes refuses a command, and sometimes all."""

    def __init__(self, random: Random) -> None:
        super().__init__()
        self.random = random

    def run(self, commands: Sequence[ServerCommand]) -> Sequence[Refusal]:
        if self.random.random() < 0.1:
            raise KernelError("no answer")
        kept = [each for each in commands if self.random.random() < 0.95]
        refused = super().run(kept)
        assert len(kept) < len(commands) or not refused, refused
        return [*refused, *[Refusal(0, "out of memory")] * (len(commands) - len(kept))]


@pytest.mark.parametrize("seed", range(4))
def test_refusals_and_failures_are_made_up_for(seed: int) -> None:
    random, kernel = Random(seed), FakeIpvs()
    kernel.servers = Troubled(random)
    kernel.kernel = kernel.kernel._replace(servers=kernel.servers)
    cluster, running = RandomCluster(random, "IPv4"), proxier(kernel)
    failures = refusals = 0
    for step in range(60):
        how, record = cluster.change()
        (running.state.update if how == "update" else running.state.delete)(record)
        try:
            running.sync(step)
            refusals += len(running.refusals)
        except KernelError:
            failures += 1
        for key, reals in kernel.servers.real_servers.items():
            for real in reals:
                kernel.servers.connect(key, real, random.randrange(2))
    assert failures and refusals
    kernel.servers.random = Random(0)
    kernel.servers.random.random = lambda: 0.5  # type: ignore[method-assign]
    running._needs_full = True  # whatever became of the last one
    running.sync(60)
    assert running.refusals == () and contents(kernel) == fresh(cluster)


def test_a_full_sync_mends_what_others_have_done() -> None:
    random, kernel = Random(7), FakeIpvs()
    cluster, running = RandomCluster(random, "IPv4"), proxier(kernel)
    for _ in range(60):
        cluster.change()
    cluster.deliver(running.state)
    running.sync(0)
    for key in sorted(kernel.servers.servers)[::2]:
        del kernel.servers.servers[key], kernel.servers.real_servers[key]
    for name, members in kernel.sets.members.items():
        members ^= {Entry("10.0.0.1", "tcp", 1)} if name == "KUBE-CLUSTER-IP" else set(members)
    kernel.addresses.addresses = {"10.9.9.9"}
    kernel.iptables.tables["nat"]["KUBE-SERVICES"].append("-j DROP")
    assert not running.sync(29 * SECOND).full
    assert running.sync(30 * SECOND).full and running.refusals == ()
    assert contents(kernel) == fresh(cluster)


def test_addresses_of_the_node_are_followed_by_full_syncs() -> None:
    kernel, interfaces = FakeIpvs(), {**INTERFACES, DEVICE: ["172.30.0.9/32"]}
    cluster = RandomCluster(Random(3), "IPv4")
    for _ in range(60):
        cluster.change()
    running = proxier(kernel, interfaces=interfaces)
    cluster.deliver(running.state)
    running.sync(0)
    assert contents(kernel) == fresh(cluster)
    del interfaces["docker0"]
    running.sync(30 * SECOND)
    served = {key.address for key in kernel.servers.servers if key.port >= 30000}
    assert served == {"192.168.7.11"}


def test_a_set_that_is_full_refuses_one_entry_and_serves_the_rest(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("proxy_core.ipvs.fake.MAX_ELEMENTS", 1)
    kernel = FakeIpvs()
    cluster = RandomCluster(Random(3), "IPv4")
    for _ in range(30):
        cluster.change()
    running = proxier(kernel)
    cluster.deliver(running.state)
    running.sync(0)
    assert any("KUBE-CLUSTER-IP" in each and "the set is full" in each for each in running.refusals)
    assert contents(kernel)["servers"] == fresh(cluster)["servers"]
    assert running.sync(1).full  # tries again


def test_a_set_of_another_kind_stops_the_sync() -> None:
    kernel = FakeIpvs()
    proxier(kernel).sync(0)
    sets: FakeIpSets = kernel.sets
    sets.sets["KUBE-CLUSTER-IP"] = sets.sets["KUBE-CLUSTER-IP"]._replace(kind="hash:ip")
    running = proxier(kernel)
    with pytest.raises(KernelError, match="ipset KUBE-CLUSTER-IP: exists with type hash:ip"):
        running.sync(0)
