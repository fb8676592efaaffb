"""A proxier of one mode and family on a kernel in memory, and the changes that a scenario delivers to it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import NamedTuple

from msgspec import Raw

from bench.verify.proxy.read import Expected, Family, Scenario
from proxy_core import (
    FLAT_TABLE,
    FakeIptables,
    FakeIpvs,
    FakeNft,
    FlatProxier,
    IptablesProxier,
    IpvsProxier,
    Machine,
    NftablesProxier,
    Node,
    NodeInfo,
    Proxier,
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
_START = 10**18
_SECOND = 10**9


class Delivery(NamedTuple):
    """Changes that arrive together, and what is expected of the sync that follows."""

    expected: Expected
    elapsed_seconds: float
    changes: list[tuple[str, Raw]]


def deliveries(scenario: Scenario) -> Iterator[Delivery]:
    """Yield what arrives before each sync of a scenario."""
    yield Delivery(scenario.expect, 0.0, [("add", each) for each in scenario.objects])
    for each in scenario.steps:
        yield Delivery(each.expect, each.elapsed_seconds, [(change.op, change.object) for change in each.changes])


class World:
    """A proxier of one family on a kernel in memory."""

    def __init__(self, scenario: Scenario, mode: str, family: AddressFamily) -> None:
        environment = scenario.environment
        head = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
        self.config = load_config({**head, **scenario.config, "mode": mode}, scenario.name)
        record = load_object(scenario.node, scenario.name)
        assert isinstance(record, Node)
        self.name, self._source = record.metadata.name, scenario.name
        machine = Machine(
            interfaces=lambda: environment.interfaces,
            random_fully=environment.masquerade_random_fully is not False,
            tcp_be_liberal=environment.conntrack_tcp_be_liberal,
            has_nfacct=environment.nfacct,
        )
        node = self._node(record)
        self.state = ProxyState(family, node)
        self.settings = settings_of(self.config, mode, family, node, machine)
        self.tables = FakeIptables() if mode == "iptables" else None
        self.ipvs = FakeIpvs() if mode == "ipvs" else None
        self.nft: FakeNft | None = None
        self.proxier: Proxier
        if self.tables is not None:
            self.proxier = IptablesProxier(self.state, self.settings, self.tables)
        elif self.ipvs is not None:
            self.proxier = IpvsProxier(self.state, self.settings, self.ipvs.kernel)
        elif mode == "flat":
            self.nft = FakeNft(table_family(family), FLAT_TABLE)
            self.proxier = FlatProxier(self.state, self.settings, self.nft)
        else:
            self.nft = FakeNft(table_family(family))
            self.proxier = NftablesProxier(self.state, self.settings, self.nft)
        self.now = _START

    def sync(self, delivery: Delivery) -> None:
        """Take over what has arrived, and sync. Raises ProxyError."""
        for op, data in delivery.changes:
            record = load_object(data, self._source)
            if record is not None:
                self._take(op, record)
        self.now += int(delivery.elapsed_seconds * _SECOND)
        self.proxier.sync(self.now)

    def _node(self, record: Node) -> NodeInfo:
        return node_info(self.name, record, self.config.bind_address)

    def _take(self, op: str, record: ProxyObject) -> None:
        """Deliver a change; other nodes do not matter."""
        if isinstance(record, Node):
            if record.metadata.name == self.name:
                self.state.set_node(self._node(record))
        elif op == "delete":
            self.state.delete(record)
        else:
            self.state.update(record)
