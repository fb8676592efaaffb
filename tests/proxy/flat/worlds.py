"""Proxiers on kernels in memory, and what two of them must agree on."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping
from typing import Any

from proxy_core import (
    FLAT_TABLE,
    FakeNft,
    FlatProxier,
    KernelError,
    Machine,
    Nft,
    NftablesProxier,
    ProxyState,
    Settings,
    load_config,
    node_info,
    settings_of,
)
from proxy_core.addresses import Family
from proxy_core.flat.ways import way_of
from proxy_core.nft.transaction import Transaction
from proxy_core.trace import Outcome, Packet, Walk, nft_walk, world_of
from tests.proxy.objects import NODE, node

SECOND = 10**9
HEAD = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration"}
CONFIG = {**HEAD, "clusterCIDR": "10.180.0.0/24", "detectLocalMode": "ClusterCIDR"}
INTERFACES = {"lo": ["127.0.0.1/8"], "eth0": ["192.168.7.11/24"]}
LED = {
    "service-ips": "service-endpoints",
    "own-services": "own-service-endpoints",
    "service-nodeports": "nodeport-endpoints",
    "own-nodeports": "own-nodeport-endpoints",
}
"""Dispatch map -> endpoints to which its chains lead."""


class RefusingNft(FakeNft):
    """A table that refuses transactions while `refuses`."""

    refuses = False

    def run(self, transaction: Transaction) -> None:
        if self.refuses:
            raise KernelError("busy")
        super().run(transaction)


def new_state(family: Family = "IPv4") -> ProxyState:
    return ProxyState(family, node_info(NODE, node(**{"topology.kubernetes.io/zone": "zone-a"})))


def settings(mode: str, state: ProxyState, **config: Any) -> Settings:
    machine = Machine(interfaces=lambda: INTERFACES)
    return settings_of(load_config({**CONFIG, **config}), mode, state.family, state.node, machine)


def flat(kernel: Nft | None = None, state: ProxyState | None = None, **config: Any) -> FlatProxier:
    state = state or new_state()
    return FlatProxier(state, settings("flat", state, **config), kernel or FakeNft("ip", FLAT_TABLE))


def nftables(kernel: FakeNft, state: ProxyState) -> NftablesProxier:
    return NftablesProxier(state, settings("nftables", state), kernel)


def walk(kernel: FakeNft) -> Walk:
    return nft_walk(kernel.ruleset, "ip", world_of(INTERFACES))


def content(kernel: FakeNft) -> Mapping[str, Any]:
    """Return what packets can meet in a table: without chains and slots that are out of use, and without the numbers of
    slots, which have no meaning.
    """
    elements = kernel.ruleset.elements
    found: dict[str, Any] = {}
    for name, chain in kernel.ruleset.chains.items():
        used = way_of(name) is None or any(
            f"goto {name}" == each.value for map_ in LED for each in elements[map_].values()
        )
        if chain.rules and used:
            found[f"chain {name}"] = [rule.text("ip") for rule in chain.rules]
    for name, held in elements.items():
        if name not in LED.values():
            found[name] = {key: each.value for key, each in held.items()}
    for name, slots in LED.items():
        found[slots] = {
            key: Counter(elements[slots][*key, str(number)].value for number in range(way.slots))
            for key, each in elements[name].items()
            if (way := way_of(each.value.removeprefix("goto "))) is not None
        }
    return found


def agree(first: Walk, second: Walk, packets: Iterable[Packet], *, shares: bool = True) -> None:
    """Fail with the first packet that fares differently; without ``shares``, probabilities do not matter."""
    for packet in packets:
        one, other = first.trace(packet), second.trace(packet)
        _same(one, other, shares)
        way = one.ways[0]
        if way.remembered:
            _same(first.trace(packet, way.remembered), second.trace(packet, way.remembered), shares)


def _same(one: Outcome, other: Outcome, shares: bool) -> None:
    same = one.fates == other.fates if shares else one.fates.keys() == other.fates.keys()
    steps = "\n".join(step.text for way in other.ways[:1] for step in way.steps)
    assert same, f"{one.packet}\n{dict(one.fates)}\n{dict(other.fates)}\n{steps}"
