"""Objects for the tests of the proxy.

The imaginary cluster: services 172.30.0.0/16 and fd00:172:30::/112, pods 10.180.0.0/14 and fd00:10:180::/44; this node
is node-1 (192.168.7.11, 2001:db8:7::b, zone-a, pods 10.180.0.0/24), node-2 and node-3 are the others.
"""

from __future__ import annotations

from typing import Any

import msgspec

from proxy_core import EndpointSlice, Node, Service

NODE = "node-1"


def service(name: str = "web", **spec: Any) -> Service:
    """Return a Service of namespace shop with a port http of 80, unless told otherwise."""
    meta = {"name": name, "namespace": "shop"}
    meta |= {part: spec.pop(part, {}) for part in ("labels", "annotations")}
    status = {"loadBalancer": {"ingress": spec.pop("ingress", [])}}
    spec.setdefault("clusterIP", "172.30.0.1")
    spec.setdefault("ports", [{"name": "http", "port": 80, "protocol": "TCP"}])
    return msgspec.convert({"metadata": meta, "spec": spec, "status": status}, Service)


def endpoint(address: str, node: str = NODE, **more: Any) -> dict[str, Any]:
    """Return an endpoint of a slice; conditions are given by name."""
    hints = {f"for{kind}": [{"name": each} for each in more.pop(kind.lower(), ())] for kind in ("Zones", "Nodes")}
    zone = more.pop("zone", None)
    return {"addresses": [address], "nodeName": node, "zone": zone, "hints": hints, "conditions": more}


def slice_of(*endpoints: dict[str, Any], name: str = "web-a", **more: Any) -> EndpointSlice:
    """Return a slice of shop/web with a port http of 8080, unless told otherwise."""
    labels = {"kubernetes.io/service-name": "web", **more.pop("labels", {})}
    meta = {"name": name, "namespace": "shop", "labels": labels, "annotations": more.pop("annotations", {})}
    ports = more.pop("ports", [{"name": "http", "port": 8080, "protocol": "TCP"}])
    kind = more.pop("address_type", "IPv4")
    content = {"metadata": meta, "addressType": kind, "endpoints": endpoints, "ports": ports}
    return msgspec.convert(content, EndpointSlice)


def node(name: str = NODE, **labels: str) -> Node:
    """Return a node with this node's addresses."""
    addresses = [
        {"type": "Hostname", "address": name},
        {"type": "ExternalIP", "address": "203.0.113.9"},
        {"type": "InternalIP", "address": "192.168.7.11"},
        {"type": "InternalIP", "address": "2001:db8:7::b"},
    ]
    content = {"metadata": {"name": name, "labels": labels}, "status": {"addresses": addresses}}
    return msgspec.convert({**content, "spec": {"podCIDRs": ["10.180.0.0/24"]}}, Node)
