"""The server in its own cluster: its identity Lease, the Service ``kubernetes`` with its endpoints, and what others
need to know of it.

Several servers of one store share the endpoints: those whose Leases are fresh are in it.
"""

from __future__ import annotations

import asyncio
import base64
import hashlib
import ipaddress
import logging
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any
from uuid import uuid4

from cluster_shim.api import errors
from cluster_shim.apiserver.bootstrap.start import ATTEMPTS, ensure
from cluster_shim.apiserver.bootstrap.wanted import Wanted
from cluster_shim.apiserver.registry.own import Objects

_log = logging.getLogger(__name__)

RENEW_SECONDS = 10
ADDRESS_ATTEMPTS = 20
ADDRESS_PAUSE_SECONDS = 0.1
"""How often, and how soon, the Service is tried whose address somebody has."""

FRESH = timedelta(seconds=60)
LEASE_SECONDS = 3600
SERVICE = "kubernetes"
IDENTITY_LABEL = "apiserver.kubernetes.io/identity"
ADDRESS_ANNOTATION = "kubernetes.io/peer-advertise-address"

Object = dict[str, Any]


@dataclass(frozen=True)
class Settings:
    """What a server says of itself."""

    hostname: str
    advertise_address: str
    port: int
    service_cidrs: Sequence[str]
    client_authority: str = ""
    """The bundle for client certificates, as PEM."""


def identity(hostname: str, port: int) -> str:
    """Return the name of the Lease of a server; unlike upstream's it tells servers of one machine apart."""
    parts = (part.encode() for part in (hostname, f"kube-apiserver:{port}"))
    data = b"".join(len(part).to_bytes(2) + part for part in parts)
    return f"apiserver-{base64.b32encode(hashlib.sha256(data).digest()[:16]).decode().rstrip('=').lower()}"


class Presence:
    """Shows the server in its cluster, for as long as it runs."""

    def __init__(self, objects: Objects, settings: Settings, now: Callable[[], datetime]) -> None:
        self._objects = objects
        self._settings = settings
        self._now = now
        self._name = identity(settings.hostname, settings.port)
        self._holder = f"{self._name}_{uuid4()}"

    async def start(self) -> None:
        """Write all of it once."""
        await ensure(self._objects, self._service_cidr())
        await self._report_ready()
        await self._ensure_service()  # its address is of that range
        await self._write_facts()
        await self.renew()

    async def _ensure_service(self) -> None:
        """Write the Service; who has its address already is another server that starts, or one that died at that."""
        for _ in range(ADDRESS_ATTEMPTS):
            try:
                return await ensure(self._objects, self._service())
            except errors.APIError as error:
                if error.code != 422:
                    raise
            await asyncio.sleep(ADDRESS_PAUSE_SECONDS)
        address = self._service().object["spec"]["clusterIP"]
        found = self._objects.get("networking.k8s.io", "ipaddresses", "", address)
        parent = found["spec"]["parentRef"] if found is not None else {}
        if (parent.get("namespace"), parent.get("name")) == ("default", SERVICE):
            await self._objects.delete("networking.k8s.io", "ipaddresses", "", address)
        await ensure(self._objects, self._service())

    async def run(self) -> None:
        """Renew until cancelled; then leave the endpoints."""
        try:
            while True:
                await asyncio.sleep(RENEW_SECONDS)
                try:
                    await self.renew()
                except errors.APIError as error:
                    _log.warning("cannot renew the Lease of this server: %s", error)
        finally:
            await self._leave()

    async def renew(self) -> None:
        """Renew the Lease, and bring the endpoints up to date."""
        await self._put("coordination.k8s.io", "leases", self._lease())
        await self._write_endpoints()

    async def _leave(self) -> None:
        try:
            await self._objects.delete("coordination.k8s.io", "leases", "kube-system", self._name)
            await self._write_endpoints()
        except errors.APIError as error:
            _log.warning("cannot remove this server from the endpoints: %s", error)

    async def _put(self, group: str, resource: str, wanted: Object) -> None:
        """Create an object, or give one that is there the wanted members; others may do so at the same time."""
        for attempt in range(1, ATTEMPTS + 1):
            try:
                return await self._put_once(group, resource, wanted)
            except errors.APIError as error:
                if error.code not in (404, 409) or attempt == ATTEMPTS:
                    raise

    async def _put_once(self, group: str, resource: str, wanted: Object) -> None:
        metadata = wanted["metadata"]
        existing = self._objects.get(group, resource, metadata.get("namespace", ""), metadata["name"])
        if existing is None:
            await self._objects.create(group, resource, wanted)
            return
        updated = {**existing, **wanted, "metadata": {**existing["metadata"], **metadata}}
        if updated != existing:
            await self._objects.update(group, resource, updated)

    async def _write_endpoints(self) -> None:
        addresses = self._addresses()
        ports = [{"name": "https", "port": self._settings.port, "protocol": "TCP"}]
        metadata = {"name": SERVICE, "namespace": "default"}
        skip = {"endpointslice.kubernetes.io/skip-mirror": "true"}
        subsets = [{"addresses": [{"ip": each} for each in addresses], "ports": ports}] if addresses else []
        endpoints = {"apiVersion": "v1", "kind": "Endpoints", "metadata": {**metadata, "labels": skip}}
        await self._put("", "endpoints", {**endpoints, "subsets": subsets} if subsets else endpoints)
        version = ipaddress.ip_address(self._settings.advertise_address).version
        slice_: Object = {
            "apiVersion": "discovery.k8s.io/v1",
            "kind": "EndpointSlice",
            "metadata": {**metadata, "labels": {"kubernetes.io/service-name": SERVICE}},
            "addressType": f"IPv{version}",
            "endpoints": [{"addresses": [each], "conditions": {"ready": True}} for each in addresses],
            "ports": ports if addresses else None,
        }
        await self._put("discovery.k8s.io", "endpointslices", slice_)

    def _addresses(self) -> list[str]:
        """Return the addresses of all servers that are alive."""
        found = set()
        for lease in self._objects.list("coordination.k8s.io", "leases", "kube-system"):
            metadata = lease["metadata"]
            renewed = (lease.get("spec") or {}).get("renewTime")
            if IDENTITY_LABEL in (metadata.get("labels") or {}) and renewed:
                address = (metadata.get("annotations") or {}).get(ADDRESS_ANNOTATION, "").rpartition(":")[0].strip("[]")
                if _can_be_reached(address) and self._now() - datetime.fromisoformat(renewed) < FRESH:
                    found.add(address)
        return sorted(found)

    def _lease(self) -> Object:
        address, port = self._settings.advertise_address, self._settings.port
        host = f"[{address}]" if ":" in address else address
        return {
            "apiVersion": "coordination.k8s.io/v1",
            "kind": "Lease",
            "metadata": {
                "name": self._name,
                "namespace": "kube-system",
                "labels": {IDENTITY_LABEL: "kube-apiserver", "kubernetes.io/hostname": self._settings.hostname},
                "annotations": {ADDRESS_ANNOTATION: f"{host}:{port}"},
            },
            "spec": {
                "holderIdentity": self._holder,
                "leaseDurationSeconds": LEASE_SECONDS,
                "renewTime": self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%S.%fZ"),
            },
        }

    def _service(self) -> Wanted:
        first = ipaddress.ip_network(self._settings.service_cidrs[0])
        address = str(first[1])
        port = {"name": "https", "protocol": "TCP", "port": 443, "targetPort": self._settings.port}
        spec = {
            "ports": [port],
            "clusterIP": address,
            "clusterIPs": [address],
            "type": "ClusterIP",
            "sessionAffinity": "None",
            "ipFamilies": [f"IPv{first.version}"],
            "ipFamilyPolicy": "SingleStack",
            "internalTrafficPolicy": "Cluster",
        }
        labels = {"component": "apiserver", "provider": "kubernetes"}
        metadata = {"name": SERVICE, "namespace": "default", "labels": labels}
        status: Object = {"loadBalancer": {}}
        obj = {"apiVersion": "v1", "kind": "Service", "metadata": metadata, "spec": spec, "status": status}
        return Wanted("", "services", obj)

    def _service_cidr(self) -> Wanted:
        obj = {
            "apiVersion": "networking.k8s.io/v1",
            "kind": "ServiceCIDR",
            "metadata": {"name": SERVICE},
            "spec": {"cidrs": list(self._settings.service_cidrs)},
            "status": {},
        }
        return Wanted("networking.k8s.io", "servicecidrs", obj)

    async def _report_ready(self) -> None:
        existing = self._objects.get("networking.k8s.io", "servicecidrs", "", SERVICE)
        if existing is None or (existing.get("status") or {}).get("conditions"):
            return
        condition = {
            "type": "Ready",
            "status": "True",
            "lastTransitionTime": self._now().astimezone(UTC).strftime("%Y-%m-%dT%H:%M:%SZ"),
            "reason": "",
            "message": "Kubernetes default Service CIDR is ready",
        }
        ready = {**existing, "status": {"conditions": [condition]}}
        try:
            await self._objects.update("networking.k8s.io", "servicecidrs", ready, "status")
        except errors.APIError as error:
            if error.code != 409:  # else another server has reported it
                raise

    async def _write_facts(self) -> None:
        """Write what other programs look up: the authority of clients, since when tokens are tracked."""
        since = self._now().astimezone(UTC).strftime("%Y-%m-%d")
        tracking = _config_map("kube-apiserver-legacy-service-account-token-tracking", {"since": since})
        await ensure(self._objects, Wanted("", "configmaps", tracking))
        if self._settings.client_authority:
            data = {"client-ca-file": self._settings.client_authority}
            await self._put("", "configmaps", _config_map("extension-apiserver-authentication", data))


def _can_be_reached(address: str) -> bool:
    """Tell whether an address means this server to others: endpoints may not have one that does not."""
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    return not (found.is_loopback or found.is_unspecified or found.is_link_local)


def _config_map(name: str, data: dict[str, str]) -> Object:
    metadata = {"name": name, "namespace": "kube-system"}
    return {"apiVersion": "v1", "kind": "ConfigMap", "metadata": metadata, "data": data}
