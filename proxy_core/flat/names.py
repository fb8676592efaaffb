"""Names of the chains, sets and maps that mode flat has besides those of mode nftables."""

from __future__ import annotations

TABLE = "stowage"
COMMENT = "rules of stowage, mode flat"

OWN_TRAFFIC = "own-traffic"
"""Chain for what comes from this node or its pods to an external address with policy Local."""
OWN_NODE_PORT_TRAFFIC = "own-nodeport-traffic"

SERVICE_ENDPOINTS = "service-endpoints"
OWN_SERVICES = "own-services"
OWN_SERVICE_ENDPOINTS = "own-service-endpoints"
NODE_PORT_ENDPOINTS = "nodeport-endpoints"
OWN_NODE_PORTS = "own-nodeports"
OWN_NODE_PORT_ENDPOINTS = "own-nodeport-endpoints"
FIREWALL_SOURCES = "firewall-sources"
