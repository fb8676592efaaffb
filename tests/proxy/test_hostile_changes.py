"""Changes by chance, of objects that no API server would have: what a sync leaves is what a fresh proxy would write.

In memory, in all modes; the tables in memory refuse what the kernel refuses. `packets/test_adversarial.py` has a real
kernel.
"""

from __future__ import annotations

from typing import Any

import msgspec
from hypothesis import given, settings
from hypothesis import strategies as st

from proxy_core import (
    FLAT_TABLE,
    EndpointSlice,
    FakeIptables,
    FakeNft,
    FlatProxier,
    IptablesProxier,
    Machine,
    NftablesProxier,
    Proxier,
    ProxyState,
    Service,
    load_config,
    node_info,
    settings_of,
    table_family,
)
from proxy_core.addresses import Family
from proxy_core.proxier import FULL_SYNC_PERIOD
from tests.proxy.objects import NODE, node

SECOND = 10**9
CONFIG = load_config(
    {
        "apiVersion": "kubeproxy.config.k8s.io/v1alpha1",
        "kind": "KubeProxyConfiguration",
        "clusterCIDR": "10.0.0.0/8,fd00::/16",
    }
)
FAMILIES: tuple[Family, ...] = ("IPv4", "IPv6")
Change = tuple[str, Service | EndpointSlice]

# few of each, so that they meet
IPS = ["10.0.0.1", "10.0.0.10", "010.0.0.2", "172.30.0.1", "::ffff:10.0.0.3", "fd00::1", "fd00::a", "x", "", "0.0.0.0"]
CLUSTER_IPS = ["172.30.0.1", "172.30.0.2", "fd00:172::1", "None", ""]
RANGES = ["10.0.0.0/8", "10.1.2.3/8", "0.0.0.0/0", "fd00::/16", "::/0", "192.168.7.11/32", " 10.0.0.0/8 ", "x/8"]
NAMES = ["", "a", "a" * 63]
ip, name = st.sampled_from(IPS), st.sampled_from(NAMES)
number = st.sampled_from([1, 80, 65535])
protocol = st.sampled_from(["TCP", "UDP", "SCTP"])
policy = st.sampled_from(["", "Cluster", "Local"])


def few(of: st.SearchStrategy[Any], most: int = 3) -> st.SearchStrategy[list[Any]]:
    return st.lists(of, max_size=most)


conditions = st.fixed_dictionaries({}, optional={each: st.booleans() for each in ("ready", "serving", "terminating")})
spec = st.fixed_dictionaries(
    {
        "type": st.sampled_from(["ClusterIP", "NodePort", "LoadBalancer", "ExternalName"]),
        "clusterIP": st.sampled_from(CLUSTER_IPS),
        "clusterIPs": few(st.sampled_from(CLUSTER_IPS)),
        "ipFamilies": few(st.sampled_from(FAMILIES), 2),
        "ports": few(
            st.fixed_dictionaries(
                {"name": name, "port": number, "protocol": protocol, "nodePort": st.sampled_from([0, 0, 30080, 30081])}
            )
        ),
        "externalIPs": few(ip),
        "sessionAffinity": st.sampled_from(["None", "ClientIP"]),
        "loadBalancerSourceRanges": few(st.sampled_from(RANGES)),
        "externalTrafficPolicy": policy,
        "internalTrafficPolicy": policy,
        "healthCheckNodePort": st.sampled_from([0, 32000]),
    }
)
services = st.builds(
    lambda name, spec, ingress: msgspec.convert(
        {
            "metadata": {"name": name, "namespace": "shop"},
            "spec": spec,
            "status": {"loadBalancer": {"ingress": [{"ip": each} for each in ingress]}},
        },
        Service,
    ),
    st.sampled_from(["one", "two", "n" * 63]),
    spec,
    few(ip),
)
slices = st.builds(
    lambda of, name, family, ports, ends: msgspec.convert(
        {
            "metadata": {"name": name, "namespace": "shop", "labels": {"kubernetes.io/service-name": of}},
            "addressType": family,
            "ports": ports,
            "endpoints": ends,
        },
        EndpointSlice,
    ),
    st.sampled_from(["one", "two", "n" * 63, ""]),
    st.sampled_from(["a", "b"]),
    st.sampled_from([*FAMILIES, "FQDN"]),
    few(st.fixed_dictionaries({"name": name, "port": st.sampled_from([None, 0, 80, 65535]), "protocol": protocol})),
    few(
        st.fixed_dictionaries(
            {
                "addresses": few(ip, 2),
                "nodeName": st.sampled_from([None, NODE, "node-2"]),
                "conditions": conditions,
            }
        ),
        5,
    ),
)
changes = st.lists(
    st.tuples(st.sampled_from(["update", "update", "delete"]), st.one_of(services, slices)), min_size=1, max_size=12
)


class World:
    """A proxier of a mode and family on tables in memory."""

    def __init__(self, mode: str, family: Family) -> None:
        self.state = ProxyState(family, node_info(NODE, node()))
        of = settings_of(CONFIG, mode, family, self.state.node, Machine())
        self.tables = FakeIptables()
        self.nft = FakeNft(table_family(family), FLAT_TABLE) if mode == "flat" else FakeNft(table_family(family))
        self.proxier: Proxier
        if mode == "iptables":
            self.proxier = IptablesProxier(self.state, of, self.tables)
        elif mode == "nftables":
            self.proxier = NftablesProxier(self.state, of, self.nft)
        else:
            self.proxier = FlatProxier(self.state, of, self.nft)
        self.mode = mode

    def take(self, change: Change) -> None:
        what, record = change
        getattr(self.state, what)(record)

    def content(self) -> object:
        """Return what is in the tables, without chains that wait to be deleted.

        Comments of elements are left out in mode nftables: as upstream, an element whose value stays is not written
        again, whatever it would be called now.
        """
        if self.mode == "iptables":
            return self.tables.tables
        chains = {name: chain.rules for name, chain in self.nft.ruleset.chains.items() if chain.rules}
        elements = self.nft.ruleset.elements
        if self.mode == "nftables":
            return chains, {
                name: {key: each._replace(comment="") for key, each in found.items()}
                for name, found in elements.items()
            }
        return chains, elements


def check(mode: str, family: Family, done: list[list[Change]]) -> None:
    """Sync after each group of changes, and hold the result against a fresh proxier's."""
    world = World(mode, family)
    now = SECOND
    world.proxier.sync(now)
    for group in done:
        for each in group:
            world.take(each)
        now += 2 * SECOND
        world.proxier.sync(now)
    fresh = World(mode, family)
    for group in done:
        for each in group:
            fresh.take(each)
    fresh.proxier.sync(now)
    now += 2 * SECOND
    world.proxier.sync(now)  # what was out of use is deleted
    assert world.content() == fresh.content()
    assert world.proxier.sync(now + FULL_SYNC_PERIOD + 1).full
    assert world.content() == fresh.content()


@settings(max_examples=60, deadline=None)
@given(family=st.sampled_from(FAMILIES), done=st.lists(changes, max_size=5))
def test_iptables(family: Family, done: list[list[Change]]) -> None:
    check("iptables", family, done)


@settings(max_examples=60, deadline=None)
@given(family=st.sampled_from(FAMILIES), done=st.lists(changes, max_size=5))
def test_nftables(family: Family, done: list[list[Change]]) -> None:
    check("nftables", family, done)


@settings(max_examples=60, deadline=None)
@given(family=st.sampled_from(FAMILIES), done=st.lists(changes, max_size=5))
def test_flat(family: Family, done: list[list[Change]]) -> None:
    check("flat", family, done)


def test_every_port_there_is() -> None:
    ports = [{"name": f"p{n}", "port": n, "protocol": "TCP"} for n in range(1, 65536)]
    meta = {"name": "one", "namespace": "shop"}
    record = msgspec.convert({"metadata": meta, "spec": {"clusterIP": "172.30.0.1", "ports": ports}}, Service)
    world = World("flat", "IPv4")
    world.take(("update", record))
    world.proxier.sync(SECOND)
    assert len(world.state.wanted) == 65535
