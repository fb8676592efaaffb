"""Cluster IPs: an address is taken by creating the IPAddress object of that name; who comes second is refused.

That holds however many servers there are. The ready ServiceCIDRs say which networks there are. Upstream: MetaAllocator.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from ipaddress import IPv4Address, IPv4Network, IPv6Address, IPv6Network, ip_address, ip_network
from itertools import chain, count, islice

from cluster_shim.api import errors
from cluster_shim.apiserver.registry.own import Object, Objects
from cluster_shim.apiserver.registry.services.families import family_of

Network = IPv4Network | IPv6Network
Address = IPv4Address | IPv6Address

MANAGED_BY = "ipallocator.k8s.io"
LABELS = "ipaddress.kubernetes.io"
GROUP, IP_ADDRESSES, SERVICE_CIDRS = "networking.k8s.io", "ipaddresses", "servicecidrs"
_STATIC_LEAST, _STATIC_MOST, _STATIC_STEP = 16, 256, 16


class AllocationError(Exception):
    """An address or a port that cannot be had; the text is upstream's."""


class _TakenError(AllocationError):
    """Somebody has the address."""


class RangeFullError(AllocationError):
    """Nothing is left."""

    def __init__(self) -> None:
        super().__init__("range is full")


class ClusterIPs:
    """The addresses of Services."""

    def __init__(self, objects: Objects, random_source: random.Random | None = None) -> None:
        self._objects = objects
        self._random = random_source or random.Random()

    def networks(self, family: str) -> list[Network]:
        """Return the ready networks of a family."""
        cidrs = (cidr for each in self._objects.list(GROUP, SERVICE_CIDRS) if _ready(each) for cidr in _cidrs(each))
        return [network for network in map(ip_network, dict.fromkeys(cidrs)) if f"IPv{network.version}" == family]

    async def allocate(self, service: Object, address: str, dry_run: bool) -> None:
        """Take one address for a Service. Raises AllocationError."""
        wanted = ip_address(address)
        if not any(_assignable(wanted, network) for network in self.networks(family_of(address))):
            raise AllocationError("the provided network does not match the current range")
        if not dry_run:
            await self._take(wanted, service)

    async def allocate_next(self, service: Object, family: str, dry_run: bool) -> str:
        """Take any free address of a family. Raises AllocationError, RangeFullError."""
        for network in self.networks(family):
            if dry_run:
                return str(network.network_address)
            for address in self._candidates(network):
                if self._objects.get(GROUP, IP_ADDRESSES, "", str(address)) is not None:
                    continue
                try:
                    await self._take(address, service)
                except _TakenError:
                    continue  # another server was faster
                return str(address)
        raise RangeFullError

    async def release(self, address: str) -> None:
        """Give an address back; nothing happens if nobody has it."""
        await self.forget(GROUP, IP_ADDRESSES, "", str(ip_address(address)))

    async def forget(self, group: str, resource: str, namespace: str, name: str) -> None:
        """Delete an object that may not be there."""
        try:
            await self._objects.delete(group, resource, namespace, name)
        except errors.APIError as error:
            if error.code != 404:
                raise

    async def _take(self, address: Address, service: Object) -> None:
        try:
            await self._objects.create(GROUP, IP_ADDRESSES, ip_address_object(address, service))
        except errors.APIError as error:
            if error.reason != "AlreadyExists":
                raise AllocationError(error.message) from None
            raise _TakenError("provided IP is already allocated") from None

    def _candidates(self, network: Network) -> Iterator[Address]:
        """Yield the addresses of a network: from a random one on above the part for static use, then in that part."""
        first, last = _bounds(network)
        static = static_part(network)
        for low, high in ((first + static, last), (first, first + static - 1)):
            if low > high:
                continue
            start = low + self._random.randrange(high - low + 1)
            for number in chain(_numbers(start, high), _numbers(low, start - 1)):
                yield _address(number, network)


def ip_address_object(address: Address, service: Object) -> Object:
    """Return the IPAddress object that says who has an address."""
    metadata = service["metadata"]
    parent = {"resource": "services", "namespace": metadata.get("namespace", ""), "name": metadata.get("name", "")}
    labels = {f"{LABELS}/ip-family": f"IPv{address.version}", f"{LABELS}/managed-by": MANAGED_BY}
    return {
        "apiVersion": "networking.k8s.io/v1",
        "kind": "IPAddress",
        "metadata": {"name": str(address), "labels": labels},
        "spec": {"parentRef": parent},
    }


def static_part(network: Network) -> int:
    """Return how many addresses at the start of a network are only given to who asks for them, while others last."""
    size = network.num_addresses
    return 0 if size <= _STATIC_LEAST else min(max(size // _STATIC_STEP, _STATIC_LEAST), _STATIC_MOST)


def _bounds(network: Network) -> tuple[int, int]:
    first, last = int(network.network_address) + 1, int(network.broadcast_address)
    return first, last - 1 if network.version == 4 else last


def _assignable(address: Address, network: Network) -> bool:
    first, last = _bounds(network)
    return address.version == network.version and first <= int(address) <= last


def _ready(service_cidr: Object) -> bool:
    if service_cidr["metadata"].get("deletionTimestamp"):
        return False
    conditions = service_cidr.get("status", {}).get("conditions") or ()
    return any(each.get("type") == "Ready" and each.get("status") == "True" for each in conditions)


def _cidrs(service_cidr: Object) -> list[str]:
    cidrs: list[str] = service_cidr.get("spec", {}).get("cidrs") or []
    return cidrs


def _numbers(low: int, high: int) -> Iterator[int]:
    return islice(count(low), max(high - low + 1, 0))  # a range of IPv6 has more numbers than range() can count


def _address(number: int, network: Network) -> Address:
    return IPv4Address(number) if network.version == 4 else IPv6Address(number)
