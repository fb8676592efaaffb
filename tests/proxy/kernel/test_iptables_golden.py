"""IptablesProxier on real tables: what is read back equals what kube-proxy wrote.

The expected rules are written by iptables-restore into a namespace beside, so that both sides are in the words of
iptables-save. Where a scenario has what iptables-save said after kube-proxy had worked, that is compared too.
"""

from __future__ import annotations

import gzip
import json
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import pytest
from msgspec import Raw

from bench.verify.proxy.normal import Normal, iptables
from bench.verify.proxy.read import Environment, Expected, Scenario, read
from bench.verify.proxy.read import Family as Key
from proxy_core import (
    IptablesProxier,
    KernelError,
    Machine,
    Node,
    NodeInfo,
    NotSupported,
    ProxyState,
    load_config,
    load_object,
    node_info,
    settings_of,
)
from proxy_core.addresses import Family
from proxy_core.iptables.canary import put_canaries
from proxy_core.kernel.iptables import IptablesPrograms, Variant
from proxy_core.kernel.machine import COUNTERS
from proxy_core.kernel.netns import inside
from proxy_core.kernel.nfacct import ensure_counters

FAMILIES: Sequence[tuple[Key, Family]] = (("ipv4", "IPv4"), ("ipv6", "IPv6"))
NAMES = (
    "affinity", "clusterip", "config", "detectlocal", "dualstack", "externalips", "ignored", "ipv6", "kernel", "large",
    "loadbalancer", "mixed", "nodeport", "nodeportaddresses", "steps", "terminating", "topology", "trafficpolicy",
)  # fmt: skip
HEAD = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
SECOND = 10**9


class Node1:
    """A proxier that writes into a namespace, and the tables that kube-proxy wrote in another one."""

    def __init__(self, scenario: Scenario, family: Family, variant: Variant, ours: str, theirs: str) -> None:
        self.config = load_config({**HEAD, **scenario.config, "mode": "iptables"}, scenario.name)
        record = load_object(scenario.node, scenario.name)
        assert isinstance(record, Node)
        self.name = record.metadata.name
        self.state = ProxyState(family, self.node(record))
        settings = settings_of(self.config, "iptables", family, self.state.node, machine(scenario.environment))
        self.ours, self.theirs = (IptablesPrograms(family, variant, netns=each) for each in (ours, theirs))
        self.proxier = IptablesProxier(self.state, settings, self.ours)
        if scenario.environment.nfacct:
            for each in (ours, theirs):
                with inside(each):
                    assert ensure_counters(COUNTERS)

    def node(self, record: Node) -> NodeInfo:
        return node_info(self.name, record, self.config.bind_address)

    def take(self, op: str, data: Raw) -> None:
        record = load_object(data, "scenario")
        if isinstance(record, Node):
            if record.metadata.name == self.name:
                self.state.set_node(self.node(record))
        elif record is not None:
            (self.state.delete if op == "delete" else self.state.update)(record)

    def compare(self, expected: Expected, key: Key) -> None:
        """Hold each table against the expected one, both as the kernel has them."""
        tables = expected.iptables[key]
        for table, text in (("nat", tables.nat), ("filter", tables.filter)):
            self.clear(table)
            # With --noflush the lines of built-in chains would set policies alone: their rules are new here.
            self.theirs.restore(line for line in text.splitlines(keepends=True) if not line.startswith("#"))
            assert saved(self.ours, table) == saved(self.theirs, table)

    def clear(self, table: str) -> None:
        """Leave nothing of a table behind."""
        chains = self.theirs.chains(table)
        own = [chain for chain in chains if chain.startswith("KUBE-")]
        flushed = [f":{chain} - [0:0]\n" if chain in own else f"-F {chain}\n" for chain in (*own, *chains)]
        deleted = [f"-X {chain}\n" for chain in own]
        self.theirs.restore([f"*{table}\n", *dict.fromkeys(flushed), *deleted, "COMMIT\n"])


def machine(environment: Environment) -> Machine:
    return Machine(
        lambda: environment.interfaces,
        environment.masquerade_random_fully is not False,
        environment.conntrack_tcp_be_liberal,
        environment.nfacct,
    )


def saved(tables: IptablesPrograms, table: str) -> Normal:
    return normal(tables.save(table))


def normal(text: str) -> Normal:
    """Return the parts of what iptables-save says, without counters."""
    lines = (line.partition(" [")[0] if line.startswith(":") else line for line in text.splitlines())
    return iptables("\n".join(line for line in lines if not line.startswith("#")))


@pytest.fixture(scope="module")
def folder(shared: Path) -> Path:
    found = shared / "golden" / "proxy"
    if not found.is_dir():
        pytest.skip("there are no expected rules in ../shared/golden/proxy")
    return found


@pytest.fixture
def namespaces(new_netns: Callable[[], str]) -> tuple[str, str]:
    return new_netns(), new_netns()


def works(variant: Variant, family: Family, netns: str) -> None:
    try:
        IptablesPrograms(family, variant, netns=netns).check()
    except (KernelError, NotSupported) as reason:
        pytest.skip(f"no iptables-{variant} for {family} here: {reason}")


def chosen(folder: Path, name: str) -> Scenario:
    """Return a scenario of a family: the first one with steps, or the first one."""
    (family,) = read([folder / f"{name}.json.gz"])
    return next((each for each in family.scenarios if each.steps), family.scenarios[0])


def play(scenario: Scenario, node: Node1) -> Iterator[Expected]:
    """Deliver and sync step by step; yield what is expected then."""
    now = 10**18
    for each in scenario.objects:
        node.take("add", each)
    node.proxier.sync(now)
    yield scenario.expect
    for step in scenario.steps:
        now += int(step.elapsed_seconds * SECOND)
        for change in step.changes:
            node.take(change.op, change.object)
        node.proxier.sync(now)
        yield step.expect


@pytest.mark.parametrize(("key", "family"), FAMILIES)
@pytest.mark.parametrize("name", NAMES)
def test_the_kernel_holds_what_kube_proxy_wrote(
    folder: Path, namespaces: tuple[str, str], name: str, key: Key, family: Family
) -> None:
    works("legacy", family, namespaces[0])
    scenario = chosen(folder, name)
    node = Node1(scenario, family, "legacy", *namespaces)
    for expected in play(scenario, node):
        node.compare(expected, key)


@pytest.mark.parametrize(("key", "family"), FAMILIES)
def test_the_programs_of_nf_tables_do_too(folder: Path, namespaces: tuple[str, str], key: Key, family: Family) -> None:
    works("nft", family, namespaces[0])
    scenario = chosen(folder, "mixed")
    node = Node1(scenario, family, "nft", *namespaces)
    for expected in play(scenario, node):
        node.compare(expected, key)


@pytest.mark.parametrize(("key", "family"), FAMILIES)
def test_what_was_read_after_kube_proxy_had_worked(
    folder: Path, namespaces: tuple[str, str], key: Key, family: Family
) -> None:
    works("legacy", family, namespaces[0])
    (found,) = read([folder / "kernel.json.gz"])
    recorded: list[dict[str, Any]] = json.loads(gzip.decompress((folder / "kernel.json.gz").read_bytes()))
    index = next(number for number, each in enumerate(found.scenarios) if each.steps)
    scenario, tables = found.scenarios[index], [recorded[index], *recorded[index]["steps"]]
    node = Node1(scenario, family, "legacy", *namespaces)
    put_canaries(node.ours)
    for _, each in zip(play(scenario, node), tables, strict=True):
        for table, text in each["kernel"]["iptables"][key].items():
            assert saved(node.ours, table) == normal(text)
