"""A scenario rendered step by step in each mode, and compared with what kube-proxy wrote."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

from msgspec import Raw

from bench.verify.compare import Difference
from bench.verify.outcome import Outcome
from bench.verify.proxy.ipvs import expected_parts, present_parts
from bench.verify.proxy.normal import Normal, iptables, ipvs_rules, nftables
from bench.verify.proxy.read import Expected, Family, Scenario
from proxy_core import (
    FakeIptables,
    FakeIpvs,
    FakeNft,
    IptablesProxier,
    IpvsProxier,
    Machine,
    NftablesProxier,
    Node,
    NodeInfo,
    Proxier,
    ProxyError,
    ProxyObject,
    ProxyState,
    load_config,
    load_object,
    node_info,
    settings_of,
    table_family,
)
from proxy_core.addresses import Family as AddressFamily

FAMILIES: dict[Family, AddressFamily] = {"ipv4": "IPv4", "ipv6": "IPv6"}
MODES = ("iptables", "nftables", "ipvs")
_START = 10**18
_SECOND = 10**9


class Part(NamedTuple):
    """Something to compare."""

    name: str
    expected: Normal
    got: Normal


def replay(scenario: Scenario, modes: Sequence[str]) -> Outcome:
    """Render a scenario in some modes until something differs."""
    count = 1 + len(scenario.steps)
    for mode in modes:
        for family in FAMILIES:
            for index, where, difference in _differences(scenario, mode, family):
                if difference is not None:
                    return Outcome(count, index, f"{mode} {family} {where}", difference, unit="syncs")
    return Outcome(count, count, unit="syncs")


def _differences(scenario: Scenario, mode: str, family: Family) -> Iterator[tuple[int, str, Difference | None]]:
    """Yield what differs after each sync, None where nothing does."""
    index = 0
    try:
        world = _World(scenario, mode, FAMILIES[family])
        syncs: list[tuple[Expected, float, list[tuple[str, Raw]]]] = [
            (scenario.expect, 0.0, [("add", each) for each in scenario.objects])
        ]
        syncs += [
            (each.expect, each.elapsed_seconds, [(c.op, c.object) for c in each.changes]) for each in scenario.steps
        ]
        for index, (expected, elapsed, changes) in enumerate(syncs):
            for op, data in changes:
                record = load_object(data, scenario.name)
                if record is not None:
                    world.take(op, record)
            parts = world.sync(expected, family, elapsed, first=not index)
            yield index, f"sync {index}", next(_compared(parts), None)
    except ProxyError as refusal:
        yield index, f"sync {index}", Difference("error", "no error", str(refusal))


def _compared(parts: Sequence[Part]) -> Iterator[Difference]:
    for part in parts:
        for name in sorted({*part.expected, *part.got}):
            expected, got = part.expected.get(name), part.got.get(name)
            if expected != got:
                missing = [line for line in expected or () if line not in (got or ())]
                yield Difference(f"{part.name}: {name}", missing or expected, [
                    line for line in got or () if line not in (expected or ())
                ] or got)  # fmt: skip


class _World:
    """A proxier of one family on a kernel in memory."""

    def __init__(self, scenario: Scenario, mode: str, family: AddressFamily) -> None:
        environment = scenario.environment
        head = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
        self.config = load_config({**head, **scenario.config, "mode": mode}, scenario.name)
        record = load_object(scenario.node, scenario.name)
        assert isinstance(record, Node)
        self.name = record.metadata.name
        machine = Machine(
            interfaces=lambda: environment.interfaces,
            random_fully=environment.masquerade_random_fully is not False,
            tcp_be_liberal=environment.conntrack_tcp_be_liberal,
            has_nfacct=environment.nfacct,
        )
        node = self._node(record)
        self.state = ProxyState(family, node)
        settings = settings_of(self.config, mode, family, node, machine)
        self.tables = FakeIptables() if mode == "iptables" else None
        self.nft = FakeNft(table_family(family)) if mode == "nftables" else None
        self.ipvs = FakeIpvs() if mode == "ipvs" else None
        self.proxier: Proxier
        if self.tables is not None:
            self.proxier = IptablesProxier(self.state, settings, self.tables)
        elif self.ipvs is not None:
            self.proxier = IpvsProxier(self.state, settings, self.ipvs.kernel)
        else:
            assert self.nft is not None
            self.proxier = NftablesProxier(self.state, settings, self.nft)
        self.now = _START

    def _node(self, record: Node) -> NodeInfo:
        return node_info(self.name, record, self.config.bind_address)

    def take(self, op: str, record: ProxyObject) -> None:
        """Deliver a change; other nodes do not matter."""
        if isinstance(record, Node):
            if record.metadata.name == self.name:
                self.state.set_node(self._node(record))
        elif op == "delete":
            self.state.delete(record)
        else:
            self.state.update(record)

    def sync(self, expected: Expected, family: Family, elapsed: float, *, first: bool) -> list[Part]:
        """Sync, and return what is to be compared."""
        self.now += int(elapsed * _SECOND)
        ran = len(self.nft.ran) if self.nft is not None else 0
        self.proxier.sync(self.now)
        checks = self.state.health_checks()
        parts = [
            Part(
                "health checks",
                {key: [str((each.port, each.local_endpoints))] for key, each in expected.health_checks[family].items()},
                {"/".join(key): [str((each.node_port, each.local_endpoints))] for key, each in checks.items()},
            )
        ]
        if self.tables is not None:
            tables = expected.iptables[family]
            for name, text in (("nat", tables.nat), ("filter", tables.filter)):
                parts.append(Part("table", iptables(text), iptables(self.tables.save(name))))
            if not first:
                parts.append(Part("restore input", iptables(tables.restore_input), iptables(self.tables.restored[-1])))
        if self.ipvs is not None:
            wanted = expected.ipvs[family]
            parts.append(Part("ipvs", expected_parts(wanted), present_parts(self.ipvs)))
            for name, text in (("nat", wanted.nat), ("filter", wanted.filter)):
                parts.append(Part("table", ipvs_rules(text), ipvs_rules(self.ipvs.iptables.save(name))))
        if self.nft is not None:
            rules = expected.nftables[family]
            parts.append(
                Part("ruleset", nftables(rules.ruleset.splitlines()), nftables(self.nft.listing().splitlines()))
            )
            if not first:
                want = [text.splitlines() for text in rules.transactions or () if text]
                got = [list(each.lines()) for each in self.nft.ran[ran:]]
                number = {"number": [str(len(want))]}
                parts.append(Part("transactions", number, {"number": [str(len(got))]}))
                parts += [Part("transaction", nftables(a), nftables(b)) for a, b in zip(want, got, strict=False)]
        return parts
