"""Setup: what one run of the proxy works with, from configuration, mode, objects and machine; and its families."""

from __future__ import annotations

import socket
import time
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cluster_shim.proxy.backends import proxier_of
from cluster_shim.proxy.counting import CountingIptables
from cluster_shim.proxy.family import Around, FamilyProxy, ServiceChecks
from cluster_shim.proxy.kernels import Kernels
from cluster_shim.proxy.metrics import Metrics
from proxy_core import (
    InvalidConfig,
    Iptables,
    KubeProxyConfiguration,
    Machine,
    Node,
    NodeInfo,
    NotSupported,
    Problem,
    ProxyObject,
    ProxyState,
    Settings,
    node_info,
    settings_of,
)
from proxy_core.addresses import FAMILIES, Family, family_of, parse_cidr
from proxy_core.runner import intervals_of


class Setup(NamedTuple):
    """What one run works with."""

    config: KubeProxyConfiguration
    mode: str
    node_name: str
    node: NodeInfo
    """The node as it is at the start; addresses and pod networks count as they are then."""
    machine: Machine
    families: Sequence[Family] = FAMILIES

    def node_info(self, node: Node | None) -> NodeInfo:
        """Return what a proxy knows of its Node."""
        return node_info(self.node_name, node, self.config.bind_address)

    def settings(self, family: Family) -> Settings:
        """Return the settings of a family."""
        return settings_of(self.config, self.mode, family, self.node, self.machine)


def name_of_node(config: KubeProxyConfiguration) -> str:
    """Return the name of this node: what the configuration says, else the host's, in lower case."""
    return (config.hostname_override or socket.gethostname()).strip().lower()


def find_node(name: str, objects: Sequence[ProxyObject]) -> Node | None:
    """Return the Node of a name."""
    return next((each for each in objects if isinstance(each, Node) and each.metadata.name == name), None)


def setup(
    config: KubeProxyConfiguration,
    mode: str,
    objects: Sequence[ProxyObject],
    machine: Machine | Callable[[NodeInfo], Machine],
    families: Sequence[Family] = FAMILIES,
) -> Setup:
    """Return the setup for some objects; a machine may depend on the node.

    Raises InvalidConfig where the node lacks what the configuration builds on, NotSupported where the machine lacks
    the family of the node's own address.
    """
    name = name_of_node(config)
    info = node_info(name, find_node(name, objects), config.bind_address)
    if info.primary_family not in families:
        raise NotSupported(f"the node's own address is of {info.primary_family}, which does not work on this machine")
    _check_cluster_cidr(config, families)
    _check_pod_cidrs(config, info)
    return Setup(config, mode, name, info, machine if isinstance(machine, Machine) else machine(info), families)


class _Counting:
    """Kernels whose rules of iptables are counted."""

    def __init__(self, kernels: Kernels, metrics: Metrics) -> None:
        self._kernels, self._metrics = kernels, metrics
        self.nft, self.ipvs = kernels.nft, kernels.ipvs

    def iptables(self, family: Family) -> Iptables:
        tables = CountingIptables(self._kernels.iptables(family))
        self._metrics.count_rules(family, tables)
        return tables


def _check_cluster_cidr(config: KubeProxyConfiguration, families: Sequence[Family]) -> None:
    """Refuse pod networks of which none is of the only family. Raises InvalidConfig."""
    if config.detect_local_mode not in ("", "ClusterCIDR") or not config.cluster_cidrs:
        return
    networks = [parse_cidr(each) for each in config.cluster_cidrs]
    if not any(family_of(each) in families for each in networks if each is not None):
        reason = f"has no network of {' or '.join(families)}: {config.cluster_cidr}"
        raise InvalidConfig([Problem("", "", "clusterCIDR", reason)])


def _check_pod_cidrs(config: KubeProxyConfiguration, node: NodeInfo) -> None:
    """Refuse a Node without a pod network of its own family where rules depend on that. Raises InvalidConfig."""
    networks = [parse_cidr(each) for each in node.pod_cidrs]
    if config.detect_local_mode != "NodeCIDR":
        return
    if not any(family_of(each) == node.primary_family for each in networks if each is not None):
        has = f"podCIDRs of another family than {node.primary_family} alone" if networks else "no podCIDRs"
        raise InvalidConfig([Problem("", "", "detectLocalMode", f"is NodeCIDR, and Node {node.name} has {has}")])


def family_proxies(
    of: Setup,
    kernels: Kernels,
    around: Around,
    checks: Callable[[Settings], ServiceChecks | None] = lambda _: None,
    clean_conntrack: Callable[[Settings], Callable[[ProxyState], int] | None] = lambda _: None,
) -> list[FamilyProxy]:
    """Return the proxy of each family; ``checks`` makes what serves its health checks."""
    found = []
    if of.mode == "iptables":
        kernels = _Counting(kernels, around.metrics)
    for family in of.families:
        settings = of.settings(family)
        state = ProxyState(family, of.node, time.time_ns())
        found.append(
            FamilyProxy(
                proxier_of(of.mode, state, settings, kernels),
                intervals_of(of.config, of.mode),
                around,
                of.node_info,
                checks(settings),
                clean_conntrack(settings),
            )
        )
    return found
