"""Stage: a bed, its servers and a proxy, and who may be asked from where.

Plain functions over it can run in another kernel as well, see `packets/test_ipvs.py`.
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import closing, contextmanager
from typing import NamedTuple

from proxy_core import KubeProxyConfiguration
from proxy_core.addresses import Family
from tests.proxy.packets.bed import FAMILIES, REMOTE_PODS, Bed, Host
from tests.proxy.packets.clients import Question
from tests.proxy.packets.cluster import PORT, PROTOCOLS, TARGET, cluster_ip, external_ip, node_port, vip
from tests.proxy.packets.driver import Proxy
from tests.proxy.packets.servers import Protocol, Servers


class Way(NamedTuple):
    """A way to reach a service."""

    name: str
    address: str
    port: int


class Stage(NamedTuple):
    """What a test of packets needs."""

    bed: Bed
    servers: Servers
    proxy: Proxy

    @property
    def mode(self) -> str:
        return self.proxy.mode

    def question(self, host: Host, way: Way, protocol: Protocol = "TCP", source: str = "") -> Question:
        """Return a question from a host to a service."""
        return Question(host.netns, way.address, way.port, protocol, source)

    def questions(self, host: Host, *ways: Way, times: int = 1) -> list[Question]:
        """Return questions from a host by every way and protocol."""
        return [self.question(host, way, each) for way in ways for each in PROTOCOLS for _ in range(times)]

    def ways(self, number: int, family: Family) -> dict[str, Way]:
        """Return all ways to a service of every kind, by name."""
        node = self.bed.node.address(family)
        ways = (
            Way("cluster IP", cluster_ip(number, family), PORT),
            Way("external IP", external_ip(number, family), PORT),
            Way("load balancer", vip(number, family), PORT),
            Way("node port", node, node_port(number)),
        )
        return {each.name: each for each in ways}


@contextmanager
def new_stage(mode: str, config: KubeProxyConfiguration | None = None) -> Iterator[Stage]:
    """Set up a bed with servers for all pods and a proxy that has no objects yet."""
    with Bed() as bed, Servers() as servers, closing(Proxy(bed.node.netns, mode, config)) as proxy:
        serve_pods(bed, servers)
        yield Stage(bed, servers, proxy)


def serve_pods(bed: Bed, servers: Servers) -> None:
    """Let every pod answer at the target port, by every protocol."""
    for family in FAMILIES:
        for host in (bed.pod_a, bed.pod_b):
            servers.serve(host.netns, host.address(family), TARGET, PROTOCOLS)
        for number in range(REMOTE_PODS):
            servers.serve(bed.other.netns, bed.remote_pod(number, family), TARGET, PROTOCOLS)
