"""A cluster that changes by chance: few addresses and ports, so that services get in each other's way."""

from __future__ import annotations

from random import Random
from typing import Any

import msgspec

from proxy_core import EndpointSlice, Service
from tests.proxy.objects import NODE, endpoint

RANGES = ("198.51.100.0/24", "198.51.100.64/26", "203.0.113.0/25", "192.168.7.0/24", "203.0.113.9/32")
NAMES = tuple(f"s{number}" for number in range(6))
PORTS: tuple[dict[str, Any], ...] = (
    {"name": "http", "port": 80},
    {"name": "dns", "port": 53, "protocol": "UDP"},
    {"name": "alt", "port": 81},
)


class Cluster:
    """Draws Services and EndpointSlices; the same ones for the same seed."""

    def __init__(self, seed: int, *, balanced: bool = False) -> None:
        """Begin; ``balanced``: some Services have an annotation for balancing."""
        self.random, self._balanced = Random(seed), balanced

    def change(self) -> tuple[str, Service | EndpointSlice]:
        """Return an operation, ``update`` or ``delete``, and its object."""
        number = self.random.randrange(len(NAMES))
        record = self._service(number) if self.random.random() < 0.4 else self._slice(number)
        return ("delete" if self.random.random() < 0.12 else "update"), record

    def _service(self, number: int) -> Service:
        random = self.random
        ports = [dict(port) for port in PORTS if random.random() < 0.6] or [dict(PORTS[0])]
        spec: dict[str, Any] = {"clusterIP": f"172.30.0.{number + 1}", "type": "ClusterIP"}
        annotations = {}
        if random.random() < 0.4:
            spec["externalIPs"] = random.sample(["203.0.113.7", "203.0.113.8", "172.30.0.2"], random.randrange(1, 3))
        if random.random() < 0.6:
            spec["type"] = "LoadBalancer"
            for port in ports:
                port["nodePort"] = 30000 + random.randrange(4)
            if random.random() < 0.5:
                spec["loadBalancerSourceRanges"] = random.sample(RANGES, random.randrange(1, 4))
        ingress = random.sample(["198.51.100.9", "198.51.100.10"], random.randrange(3))
        if random.random() < 0.4:
            spec["externalTrafficPolicy"] = "Local"
        if random.random() < 0.2:
            spec["internalTrafficPolicy"] = "Local"
        if random.random() < 0.25:
            spec["sessionAffinity"] = "ClientIP"
            spec["sessionAffinityConfig"] = {"clientIP": {"timeoutSeconds": random.choice((60, 10800))}}
        if self._balanced:
            annotations["stowage.dev/balancing"] = random.choice(("maglev", "random", "fair"))
        return msgspec.convert(
            {
                "metadata": {"name": NAMES[number], "namespace": "shop", "annotations": annotations},
                "spec": {**spec, "ports": ports},
                "status": {"loadBalancer": {"ingress": [{"ip": ip} for ip in ingress]}},
            },
            Service,
        )

    def _slice(self, number: int) -> EndpointSlice:
        random = self.random
        addresses = random.sample(range(1, 25), random.choice((0, 1, 2, 3, 9)))
        ends = []
        for last in addresses:
            conditions: dict[str, Any] = {"ready": random.random() < 0.8}
            if random.random() < 0.2:
                conditions = {"ready": False, "serving": True, "terminating": True}
            if random.random() < 0.3:
                conditions["zones"] = ["zone-a"] if random.random() < 0.5 else ["zone-b"]
            ends.append(endpoint(f"10.180.{last % 3}.{last}", NODE if last % 3 == 0 else "node-2", **conditions))
        name = NAMES[number]
        return msgspec.convert(
            {
                "metadata": {
                    "name": f"{name}-{random.randrange(2)}",
                    "namespace": "shop",
                    "labels": {"kubernetes.io/service-name": name},
                },
                "addressType": "IPv4",
                "endpoints": ends,
                "ports": [{"protocol": "TCP", **port, "port": port["port"] + 8000} for port in PORTS],
            },
            EndpointSlice,
        )
