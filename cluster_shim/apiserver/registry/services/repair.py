"""Repair: addresses and ports that are taken are those that Services have, whatever ended a server in between.

What nobody uses is given back when it was so twice: once may be a Service that is being written. Upstream: the
controllers beside ipallocator and portallocator.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Mapping
from ipaddress import ip_address
from typing import Any

from cluster_shim.api.errors import APIError
from cluster_shim.apiserver.registry.own import Objects
from cluster_shim.apiserver.registry.services.addresses import (
    GROUP,
    IP_ADDRESSES,
    LABELS,
    MANAGED_BY,
    ip_address_object,
)
from cluster_shim.apiserver.registry.services.families import family_of
from cluster_shim.apiserver.registry.services.ports import NodePorts
from cluster_shim.apiserver.registry.services.type_change import needs_cluster_ip, node_ports

SECONDS = 180
_log = logging.getLogger(__name__)


class Repair:
    """Brings what is taken in line with what Services have."""

    def __init__(self, objects: Objects, ports: NodePorts) -> None:
        self._objects = objects
        self._ports = ports
        self._suspects: set[str] = set()

    async def run(self) -> None:
        """Repair now, and again every few minutes."""
        while True:
            try:
                await self.once()
            except APIError as error:
                _log.warning("addresses and ports of Services were not repaired: %s", error)
            await asyncio.sleep(SECONDS)

    async def once(self) -> None:
        """Repair now."""
        used_ports: set[int] = set()
        used: dict[str, Mapping[str, Any]] = {}
        for service in self._objects.list("", "services"):
            spec = service["spec"]
            used_ports |= node_ports(spec) | {spec.get("healthCheckNodePort") or 0}
            if needs_cluster_ip(spec):
                used.update({each: service for each in spec.get("clusterIPs") or () if family_of(each)})
        await self._ports.repair(used_ports)
        await self._repair_addresses(used)

    async def _repair_addresses(self, used: Mapping[str, Mapping[str, Any]]) -> None:
        taken = {each["metadata"]["name"]: each for each in self._objects.list(GROUP, IP_ADDRESSES)}
        for address, service in used.items():
            if address not in taken:
                await self._objects.create(GROUP, IP_ADDRESSES, ip_address_object(ip_address(address), dict(service)))
        leaked = {
            address
            for address, each in taken.items()
            if (each["metadata"].get("labels") or {}).get(f"{LABELS}/managed-by") == MANAGED_BY and address not in used
        }
        for address in leaked & self._suspects:
            await self._objects.delete(GROUP, IP_ADDRESSES, "", address)
        self._suspects = leaked - self._suspects
