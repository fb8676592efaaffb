"""A small cluster to send packets through; its addresses are those of `tests.proxy.objects`."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any, NamedTuple

from proxy_core import (
    EndpointSlice,
    Machine,
    ProxyState,
    Service,
    ServiceCIDR,
    Settings,
    load_config,
    node_info,
    settings_of,
)
from proxy_core.addresses import Family
from proxy_core.trace import Packet, Walk, walk_of
from proxy_core.trace.packet import ConnectionState, Protocol
from tests.proxy.objects import NODE, node

PODS = "10.180.0.0/14"
POD, REMOTE_POD = "10.180.0.77", "10.180.1.77"
NODE_IP, OTHER_NODE_IP = "192.168.7.11", "10.55.0.9"
CLIENT = "203.0.113.2"
INTERFACES = {"lo": ["127.0.0.1/8", "::1/128"], "eth0": [f"{NODE_IP}/24"], "eth1": [f"{OTHER_NODE_IP}/16"]}
_OWN = (NODE_IP, OTHER_NODE_IP, "127.0.0.1")

Record = Service | EndpointSlice | ServiceCIDR


class Cluster(NamedTuple):
    """What a tracer is made from."""

    mode: str
    state: ProxyState
    settings: Settings


def cluster(mode: str, records: Iterable[Record], family: Family = "IPv4", **config: Any) -> Cluster:
    """Return state and settings for some objects; the pods' network is set unless ``clusterCIDR`` is given."""
    head = {"apiVersion": "kubeproxy.config.k8s.io/v1alpha1", "kind": "KubeProxyConfiguration", "mode": mode}
    loaded = load_config({**head, "clusterCIDR": PODS, **config})
    state = ProxyState(family, node_info(NODE, node()))
    for each in records:
        state.update(each)
    settings = settings_of(loaded, mode, family, state.node, Machine(interfaces=lambda: INTERFACES))
    return Cluster(mode, state, settings)


def walk(mode: str, records: Iterable[Record], family: Family = "IPv4", **config: Any) -> Walk:
    """Return the tracer of a mode for some objects."""
    return walk_of(*cluster(mode, records, family, **config))


def packet(source: str, target: str, port: int, protocol: Protocol = "tcp", state: ConnectionState = "NEW") -> Packet:
    """Return a packet; by its source it is known where it comes in: pods of this node are in 10.180.0.0/24."""
    interface = "" if source in _OWN else "veth0" if source.startswith("10.180.0.") else "eth0"
    return Packet(protocol, source, 40000, target, port, interface, state)
