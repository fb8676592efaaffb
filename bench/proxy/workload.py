"""Services and EndpointSlices by number: the same number gives the same objects.

Services lie in 172.16.0.0/12, endpoints in 10.128.0.0/9: room for a million and for eight million.
"""

from __future__ import annotations

from collections.abc import Iterator
from ipaddress import IPv4Address
from typing import Any, TypeVar

import msgspec

from proxy_core import EndpointSlice, Node, Service, load_object

NODE = "node-1"
NODE_IP = "192.168.7.11"
PORT, TARGET_PORT = 80, 8080
ENDPOINT_NETWORK = "10.128.0.0/9"
_FIRST_SERVICE, _FIRST_ENDPOINT = int(IPv4Address("172.16.0.1")), int(IPv4Address("10.128.0.1"))
MOST_ENDPOINTS = 4_000_000
"""Endpoints of all services together; as many again are left for changes."""


def node() -> Node:
    """Return the node on which the proxy runs."""
    status = {"addresses": [{"type": "InternalIP", "address": NODE_IP}]}
    return _load(Node, {"apiVersion": "v1", "kind": "Node", "metadata": {"name": NODE}, "status": status})


def cluster_ip(number: int) -> str:
    """Return the cluster IP of a service."""
    return str(IPv4Address(_FIRST_SERVICE + number))


def service(number: int) -> Service:
    """Return a Service of type ClusterIP with one port."""
    return _load(
        Service,
        {
            "apiVersion": "v1",
            "kind": "Service",
            "metadata": {"name": f"service-{number}", "namespace": f"team-{number % 50}"},
            "spec": {
                "clusterIP": cluster_ip(number),
                "ports": [{"name": "http", "port": PORT, "protocol": "TCP"}],
            },
        },
    )


def endpoint_slice(number: int, endpoints: int, generation: int = 0) -> EndpointSlice:
    """Return the slice of a service; with each ``generation`` the same endpoint has another address."""
    first = number * endpoints
    places = [_FIRST_ENDPOINT + first + place for place in range(endpoints)]
    if generation:
        places[number % endpoints] += MOST_ENDPOINTS + generation
    name = f"service-{number}"
    return _load(
        EndpointSlice,
        {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {
                "name": f"{name}-a",
                "namespace": f"team-{number % 50}",
                "resourceVersion": str(generation + 1),
                "labels": {"kubernetes.io/service-name": name},
            },
            "addressType": "IPv4",
            "ports": [{"name": "http", "port": TARGET_PORT, "protocol": "TCP"}],
            "endpoints": [{"addresses": [str(IPv4Address(each))], "nodeName": "node-2"} for each in places],
        },
    )


def objects(services: int, endpoints: int) -> Iterator[Service | EndpointSlice]:
    """Yield all objects of a cluster."""
    for number in range(services):
        yield service(number)
        yield endpoint_slice(number, endpoints)


T = TypeVar("T", Node, Service, EndpointSlice)


def _load(kind: type[T], content: dict[str, Any]) -> T:
    made = load_object(msgspec.json.encode(content))
    assert isinstance(made, kind)
    return made
