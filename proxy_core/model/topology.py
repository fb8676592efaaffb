"""Which ready endpoints are meant for this node, by the hints that the EndpointSlice controller wrote (upstream:
pkg/proxy/topology.go).

Annotations and ``spec.trafficDistribution`` of the Service are not read: they are in the hints already.
"""

from __future__ import annotations

from collections.abc import Sequence
from enum import Enum

from proxy_core.model.endpoint import Endpoint, Endpoints


class TopologyMode(Enum):
    """How endpoints are chosen by their hints."""

    NONE = ""
    PREFER_SAME_NODE = "PreferSameNode"
    PREFER_SAME_ZONE = "PreferSameZone"


def topology_mode(ready: Sequence[Endpoint], node_name: str, zone: str) -> TopologyMode:
    """Return the mode of some ready endpoints: hints count if every one has them and one is meant for this node."""
    if not ready:
        return TopologyMode.NONE
    if all(each.node_hints for each in ready) and any(node_name in each.node_hints for each in ready):
        return TopologyMode.PREFER_SAME_NODE
    if all(each.zone_hints for each in ready) and zone and any(zone in each.zone_hints for each in ready):
        return TopologyMode.PREFER_SAME_ZONE
    return TopologyMode.NONE


def available(ready: Endpoints, mode: TopologyMode, node_name: str, zone: str) -> Endpoints:
    """Return the ready endpoints that a mode leaves."""
    if mode is TopologyMode.PREFER_SAME_NODE:
        return tuple(each for each in ready if node_name in each.node_hints)
    if mode is TopologyMode.PREFER_SAME_ZONE:
        return tuple(each for each in ready if zone in each.zone_hints)
    return ready
