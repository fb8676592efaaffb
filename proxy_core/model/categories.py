"""Which endpoints of a service port take traffic, by traffic policy (upstream: CategorizeEndpoints in
pkg/proxy/topology.go).
"""

from __future__ import annotations

from typing import NamedTuple

from proxy_core.model.endpoint import Endpoint, Endpoints
from proxy_core.model.service_port import ServicePort
from proxy_core.model.topology import TopologyMode, available, topology_mode


class Categories(NamedTuple):
    """The endpoints of a service port as the traffic policies see them; each list is sorted by text."""

    cluster: Endpoints = ()
    """For policy Cluster."""
    local: Endpoints = ()
    """For policy Local: those on this node."""
    reachable: Endpoints = ()
    """All that traffic on this node may reach: the union of both."""
    has_any: bool = False
    """Whether there is a usable endpoint anywhere, be it of no use to this node's policy."""


def categorize(endpoints: Endpoints, port: ServicePort, node_name: str, zone: str) -> Categories:
    """Return the endpoints that take traffic; those that end serve while nobody else does."""
    if not endpoints:
        return Categories()
    cluster: Endpoints = ()
    mode, has_any = TopologyMode.NONE, False
    uses_cluster, uses_local = port.uses_cluster_endpoints, port.uses_local_endpoints
    if uses_cluster:
        ready = tuple([each for each in endpoints if each.ready])
        mode = topology_mode(ready, node_name, zone)
        cluster = available(ready, mode, node_name, zone) or tuple([each for each in endpoints if _ends(each)])
        has_any = bool(cluster)
    if not uses_local:
        return Categories(cluster, (), cluster, has_any)
    has_any = has_any or any(each.ready or _ends(each) for each in endpoints)
    ready_here = tuple([each for each in endpoints if each.is_local and each.ready])
    ending_here = () if ready_here else tuple([each for each in endpoints if each.is_local and _ends(each)])
    local = ready_here or ending_here
    if not uses_cluster:
        return Categories((), local, local, has_any)
    if mode is TopologyMode.NONE and not ending_here:
        return Categories(cluster, local, cluster, has_any)
    union = {each.text: each for each in (*cluster, *local)}
    return Categories(cluster, local, tuple(union[text] for text in sorted(union)), has_any)


def _ends(endpoint: Endpoint) -> bool:
    """Tell whether an endpoint still serves while it terminates."""
    return endpoint.serving and endpoint.terminating
