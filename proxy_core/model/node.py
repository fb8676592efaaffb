"""What a proxy reads of its Node: addresses, zone, pod networks, and whether load balancers may send traffic to it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from proxy_core.addresses import Family, family_of, parse_ip
from proxy_core.objects import Node

ZONE = "topology.kubernetes.io/zone"
TO_BE_DELETED = "ToBeDeletedByClusterAutoscaler"
_UNSPECIFIED = ("0.0.0.0", "::")
_LOOPBACK: Mapping[Family, str] = {"IPv4": "127.0.0.1", "IPv6": "::1"}


class NodeInfo(NamedTuple):
    """The node on which the proxy runs."""

    name: str
    primary_family: Family = "IPv4"
    ips: Mapping[Family, str] = _LOOPBACK
    """The node's own address of each family."""
    zone: str = ""
    pod_cidrs: tuple[str, ...] = ()
    eligible: bool = False
    """Whether load balancers may send traffic to it: the Node is known, and it is not about to go."""


def node_info(name: str, node: Node | None, bind_address: str = "") -> NodeInfo:
    """Return what a proxy knows of the node ``name``; ``bind_address`` overrides its address unless unspecified.

    InternalIPs come before ExternalIPs; the first address is the primary one, with the first of the other family.
    """
    addresses = node.status.addresses if node is not None else ()
    found = [
        ip
        for kind in ("InternalIP", "ExternalIP")
        for each in addresses
        if each.type == kind and (ip := parse_ip(each.address)) is not None
    ]
    bound = parse_ip(bind_address) if bind_address else None
    if bound is not None and bound not in _UNSPECIFIED:
        found.insert(0, bound)
    ips = dict(_LOOPBACK)
    for ip in reversed(found):
        ips[family_of(ip)] = ip
    primary = family_of(found[0]) if found else family_of(bound or "127.0.0.1")
    if node is None:
        return NodeInfo(name, primary, ips)
    gone = node.metadata.deletion_timestamp is not None or any(each.key == TO_BE_DELETED for each in node.spec.taints)
    pod_cidrs = node.spec.pod_cidrs or ((node.spec.pod_cidr,) if node.spec.pod_cidr else ())
    return NodeInfo(name, primary, ips, node.metadata.labels.get(ZONE, ""), pod_cidrs, not gone)
