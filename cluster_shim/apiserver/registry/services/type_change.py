"""Fields of a Service that its type decides: what the type needs, and what falls away when the type changes.

A field is dropped only where the client left it as it was: then it does not mean it. Upstream: dropTypeDependentFields.
"""

from __future__ import annotations

from typing import Any

Spec = dict[str, Any]


def needs_cluster_ip(spec: Spec) -> bool:
    """Tell whether a Service of this type has a cluster IP (or None)."""
    return spec.get("type") != "ExternalName"


def needs_node_port(spec: Spec) -> bool:
    """Tell whether a Service of this type can have node ports."""
    return spec.get("type") in ("NodePort", "LoadBalancer")


def needs_health_check_node_port(spec: Spec) -> bool:
    """Tell whether a Service has a port at which load balancers ask nodes for local endpoints."""
    return spec.get("type") == "LoadBalancer" and spec.get("externalTrafficPolicy") == "Local"


def externally_accessible(spec: Spec) -> bool:
    """Tell whether traffic from outside can reach the Service."""
    kind = spec.get("type")
    return kind in ("LoadBalancer", "NodePort") or (kind == "ClusterIP" and bool(spec.get("externalIPs")))


def node_ports(spec: Spec) -> set[int]:
    """Return the node ports of a Service."""
    return {port["nodePort"] for port in spec.get("ports") or () if port.get("nodePort")}


def drop_type_dependent_fields(new: dict[str, Any], old: dict[str, Any]) -> None:
    """Drop from an updated Service what its new type has no use for and its client has not touched."""
    spec, before = new["spec"], old["spec"]
    if needs_cluster_ip(before) and not needs_cluster_ip(spec):
        if all(spec.get(name) == before.get(name) for name in ("clusterIP", "clusterIPs")):
            _drop(spec, "clusterIP", "clusterIPs")
        _drop_same(spec, before, "ipFamilies", "ipFamilyPolicy")
    if needs_node_port(before) and not needs_node_port(spec) and node_ports(spec) <= node_ports(before):
        for port in spec.get("ports") or ():
            port.pop("nodePort", None)
    if needs_health_check_node_port(before) and not needs_health_check_node_port(spec):
        _drop_same(spec, before, "healthCheckNodePort")
    if before.get("type") == "LoadBalancer" and spec.get("type") != "LoadBalancer":
        _drop_same(spec, before, "allocateLoadBalancerNodePorts", "loadBalancerClass")
    if externally_accessible(before) and not externally_accessible(spec):
        _drop_same(spec, before, "externalTrafficPolicy")
    if spec.get("type") != "LoadBalancer":
        new["status"] = {**(new.get("status") or {}), "loadBalancer": {}}


def _drop(spec: Spec, *names: str) -> None:
    for name in names:
        spec.pop(name, None)


def _drop_same(spec: Spec, before: Spec, *names: str) -> None:
    _drop(spec, *(name for name in names if spec.get(name) == before.get(name)))
