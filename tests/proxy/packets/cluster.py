"""Objects for the tests with packets: Services of both families, and their slices.

The addresses are those of `bed.py`; cluster IPs 172.30.0.0/16 and fd00:172:30::/112, addresses of load balancers and
external IPs 198.51.100.0/24 and 2001:db8:51::/64. A service is known by a number, which is the end of its addresses.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any, NamedTuple

import msgspec

from proxy_core import EndpointSlice, Service, ServiceCIDR
from proxy_core.addresses import Family
from tests.proxy.packets.bed import FAMILIES, SERVICE_CIDRS, Bed, Host
from tests.proxy.packets.servers import Protocol

NODE = "node-1"
OTHER = "node-2"
PORT, TARGET = 80, 8080
PROTOCOLS: tuple[Protocol, ...] = ("TCP", "UDP", "SCTP")


class End(NamedTuple):
    """A pod as an endpoint."""

    IPv4: str
    IPv6: str
    node: str
    ready: bool = True
    serving: bool = True
    terminating: bool = False

    def address(self, family: Family) -> str:
        """Return the address of a family."""
        return self.IPv6 if family == "IPv6" else self.IPv4

    @property
    def drains(self) -> End:
        """The pod while it ends in an orderly way."""
        return self._replace(ready=False, terminating=True)


def local(host: Host) -> End:
    """Return a pod of this node."""
    return End(host.IPv4, host.IPv6, NODE)


def remote(bed: Bed, number: int) -> End:
    """Return a pod of the other node."""
    return End(bed.remote_pod(number, "IPv4"), bed.remote_pod(number, "IPv6"), OTHER)


def cluster_ip(number: int, family: Family) -> str:
    """Return the cluster IP of a service."""
    return f"fd00:172:30::{number:x}" if family == "IPv6" else f"172.30.0.{number}"


def vip(number: int, family: Family) -> str:
    """Return the address of a service's load balancer."""
    return f"2001:db8:51::{number:x}" if family == "IPv6" else f"198.51.100.{number}"


def external_ip(number: int, family: Family) -> str:
    """Return the external IP of a service."""
    return f"2001:db8:51::1:{number:x}" if family == "IPv6" else f"198.51.101.{number}"


def node_port(number: int) -> int:
    """Return the node port of a service."""
    return 30000 + number


def service(number: int, kind: str = "ClusterIP", *, protocols: Sequence[str] = PROTOCOLS, **more: Any) -> Service:
    """Return a Service of both families; `more` are fields of its spec.

    NodePort and LoadBalancer have a node port; LoadBalancer an address of a load balancer; an `external` one, too, an
    external IP.
    """
    name = f"s{number}"
    ports = [{"name": each.lower(), "protocol": each, "port": PORT} for each in protocols]
    if kind != "ClusterIP":
        ports = [{**each, "nodePort": node_port(number)} for each in ports]
    cluster_ips = [cluster_ip(number, family) for family in FAMILIES]
    spec: dict[str, Any] = {
        "type": kind,
        "clusterIP": cluster_ips[0],
        "clusterIPs": cluster_ips,
        "ipFamilies": list(FAMILIES),
        "ports": ports,
    }
    if more.pop("external", False):
        spec["externalIPs"] = [external_ip(number, family) for family in FAMILIES]
    status: dict[str, Any] = {}
    if kind == "LoadBalancer":
        status = {"loadBalancer": {"ingress": [{"ip": vip(number, family)} for family in FAMILIES]}}
    labels = more.pop("labels", {})
    meta = {"name": name, "namespace": "shop", "labels": labels}
    return msgspec.convert({"metadata": meta, "spec": {**spec, **more}, "status": status}, Service)


def slices(
    number: int,
    ends: Iterable[End],
    *,
    protocols: Sequence[str] = PROTOCOLS,
    labels: dict[str, str] | None = None,
    target: int = TARGET,
) -> tuple[EndpointSlice, EndpointSlice]:
    """Return the slices of a service, one of each family."""
    ends = list(ends)
    first, second = [
        msgspec.convert(
            {
                "metadata": {
                    "name": f"s{number}-{family.lower()}",
                    "namespace": "shop",
                    "labels": {"kubernetes.io/service-name": f"s{number}", **(labels or {})},
                },
                "addressType": family,
                "ports": [{"name": each.lower(), "protocol": each, "port": target} for each in protocols],
                "endpoints": [
                    {
                        "addresses": [end.address(family)],
                        "nodeName": end.node,
                        "conditions": {"ready": end.ready, "serving": end.serving, "terminating": end.terminating},
                    }
                    for end in ends
                ],
            },
            EndpointSlice,
        )
        for family in FAMILIES
    ]
    return first, second


def service_cidrs() -> ServiceCIDR:
    """Return the networks of the cluster IPs."""
    content = {"metadata": {"name": "kubernetes"}, "spec": {"cidrs": list(SERVICE_CIDRS.values())}}
    return msgspec.convert(content, ServiceCIDR)
