"""An ipvs proxier on a kernel in memory, and a cluster at random for it.

Addresses as in `tests.proxy.objects`; balancers have 203.0.113.0/24, external addresses are 198.51.100.0/24.
"""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from proxy_core import (
    EndpointSlice,
    FakeIpvs,
    IpvsProxier,
    Machine,
    ProxyState,
    Service,
    load_config,
    node_info,
    settings_of,
)
from proxy_core.addresses import Family
from proxy_core.ipvs.kernel import RealKey, ServerKey
from proxy_core.settings import Interfaces
from tests.proxy.objects import NODE, endpoint, node

SECOND = 10**9
HEAD = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": "ipvs"}
INTERFACES = {
    "lo": ["127.0.0.1/8", "::1/128"],
    "eth0": ["192.168.7.11/24", "2001:db8:7::b/64", "fe80::1/64"],
    "docker0": ["172.17.0.1/16"],
}
ZONE = "topology.kubernetes.io/zone"


def proxier(
    kernel: FakeIpvs, family: Family = "IPv4", interfaces: Interfaces | None = None, **config: Any
) -> IpvsProxier:
    """Return a proxier that has not synced yet."""
    me = node_info(NODE, node(**{ZONE: "zone-a"}))
    machine = Machine(interfaces=lambda: INTERFACES if interfaces is None else interfaces)
    settings = settings_of(load_config({**HEAD, **config}), "ipvs", family, me, machine)
    return IpvsProxier(ProxyState(family, me), settings, kernel.kernel)


def contents(kernel: FakeIpvs) -> dict[str, Any]:
    """Return all that a kernel holds, without real servers of weight 0."""
    return {
        "servers": {server: _weights(kernel, server.key) for server in kernel.servers.servers.values()},
        "sets": kernel.sets.members,
        "addresses": kernel.addresses.addresses,
        "tables": kernel.iptables.tables,
    }


def _weights(kernel: FakeIpvs, key: ServerKey) -> dict[RealKey, int]:
    return {each.key: each.weight for each in kernel.servers.real_servers[key].values() if each.weight}


class RandomCluster:
    """Services and slices that change at random; addresses and ports are few, so that Services get in each other's way.

    The objects as they are stand in `services` and `slices`.
    """

    def __init__(self, random: Random, family: Family) -> None:
        self.random, self.family = random, family
        self.services: dict[str, Service] = {}
        self.slices: dict[str, EndpointSlice] = {}

    def change(self) -> tuple[str, Service | EndpointSlice]:
        """Add, change or delete an object; return how, and the object."""
        name = f"s{self.random.randrange(6)}"
        known: dict[str, Any] = self.services if self.random.random() < 0.4 else self.slices
        if known is self.slices:
            name = f"{name}-{self.random.randrange(2)}"
        if name in known and self.random.random() < 0.25:
            return "delete", known.pop(name)
        record = known[name] = self._service(name) if known is self.services else self._slice(name)
        return "update", record

    def deliver(self, state: ProxyState) -> None:
        """Give everything to a state that has seen nothing yet."""
        for service in self.services.values():
            state.update(service)
        for each in self.slices.values():
            state.update(each)

    def _address(self, ipv4: str, ipv6: str, below: int) -> str:
        number = self.random.randrange(1, below)
        return f"{ipv4}.{number}" if self.family == "IPv4" else f"{ipv6}::{number:x}"

    def _some(self, *values: Any) -> list[Any]:
        return self.random.sample(values, self.random.randrange(len(values) + 1))

    def _service(self, name: str) -> Service:
        pick = self.random.choice
        ips = [self._address("198.51.100", "2001:db8:64", 3) for _ in range(self.random.randrange(3))]
        vips = [self._address("203.0.113", "2001:db8:71", 4) for _ in range(self.random.randrange(3))]
        ranges = ("192.168.7.0/24", "203.0.113.128/25") if self.family == "IPv4" else ("2001:db8:7::/64", "fc00::/8")
        kind = pick(["ClusterIP", "NodePort", "LoadBalancer"])
        ports = [
            {
                "name": f"p{each}",
                "port": 80 + each,
                "protocol": pick(["TCP", "TCP", "UDP", "SCTP"]),
                "nodePort": 30000 + self.random.randrange(5) if kind != "ClusterIP" else 0,
            }
            for each in range(1 + self.random.randrange(2))
        ]
        spec = {
            "type": kind,
            "clusterIP": self._address("172.30.0", "fd00:172:30", 7),
            "ports": ports,
            "externalIPs": [*ips, *self._some("192.168.7.11", "2001:db8:7::b")],
            "externalTrafficPolicy": pick(["Cluster", "Local"]),
            "internalTrafficPolicy": pick(["Cluster", "Local"]),
            "sessionAffinity": pick(["None", "ClientIP"]),
            "healthCheckNodePort": 31000 + self.random.randrange(3) if kind == "LoadBalancer" else 0,
            "loadBalancerSourceRanges": self._some(*ranges),
        }
        status = {"loadBalancer": {"ingress": [{"ip": each} for each in vips]}} if kind == "LoadBalancer" else {}
        content = {"metadata": {"name": name, "namespace": "shop"}, "spec": spec, "status": status}
        return msgspec.convert(content, Service)

    def _slice(self, name: str) -> EndpointSlice:
        def one() -> dict[str, Any]:
            ready, terminating = self.random.random() < 0.8, self.random.random() < 0.1
            where = self.random.choice([NODE, "node-2"])
            return endpoint(
                self._address("10.180.0", "fd00:10:180", 9), where, ready=ready, serving=True, terminating=terminating
            )

        protocols = ("TCP", "UDP", "SCTP")
        ports = [{"name": f"p{n}", "port": 8080 + n, "protocol": each} for n in range(2) for each in protocols]
        content = {
            "metadata": {
                "name": name,
                "namespace": "shop",
                "labels": {"kubernetes.io/service-name": name.partition("-")[0]},
            },
            "addressType": self.family,
            "endpoints": [one() for _ in range(self.random.randrange(4))],
            "ports": ports,
        }
        return msgspec.convert(content, EndpointSlice)
