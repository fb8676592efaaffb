"""Allocation: what a Service gets before it is validated and written, and gives back when it changes or goes.

::

    allocation = await services.begin_create(service, dry_run)     # after mutating admission, before strategies
    ... strategy, validation, validating admission, write ...
    await allocation.finish(success)                               # False, if anything of that failed

Upstream: pkg/registry/core/service/storage.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from typing import Any

from cluster_shim.api import errors
from cluster_shim.api.fields import ROOT, Path, invalid
from cluster_shim.apiserver.registry.own import Object
from cluster_shim.apiserver.registry.services.addresses import AllocationError, ClusterIPs, RangeFullError
from cluster_shim.apiserver.registry.services.families import (
    HEADLESS,
    family_of,
    init_families,
    keep_allocated,
    normalise_cluster_ips,
    unchanged_prefer_dual,
)
from cluster_shim.apiserver.registry.services.ports import NodePorts, PortOperation
from cluster_shim.apiserver.registry.services.type_change import (
    needs_cluster_ip,
    needs_health_check_node_port,
    needs_node_port,
    node_ports,
)

Spec = dict[str, Any]
_SPEC = ROOT.child("spec")


@dataclass(slots=True)
class Allocation:
    """What one write of a Service has taken, and gives back."""

    addresses: ClusterIPs
    ports: PortOperation
    dry_run: bool
    allocated: list[str] = field(default_factory=list)
    released: list[str] = field(default_factory=list)

    async def finish(self, success: bool) -> None:
        """Keep what was taken if the Service was written, give it back if not."""
        await (self.commit() if success else self.revert())

    async def commit(self) -> None:
        """Give back what the written Service no longer has."""
        if not self.dry_run:
            for address in self.released:
                await self.addresses.release(address)
        await self.ports.commit()

    async def revert(self) -> None:
        """Give back what was taken for a Service that was not written."""
        if not self.dry_run:
            for address in self.allocated:
                await self.addresses.release(address)
        await self.ports.revert()


class Services:
    """Addresses and ports of Services. `families` are those of the cluster, the default first."""

    def __init__(self, addresses: ClusterIPs, ports: NodePorts, families: Sequence[str]) -> None:
        self._addresses = addresses
        self._ports = ports
        self._families = tuple(families)

    async def begin_create(self, service: Object, dry_run: bool) -> Allocation:
        """Give a new Service its addresses and ports, in place. Raises Invalid and InternalError."""
        spec = service["spec"]
        allocation = self._allocation(dry_run)
        try:
            normalise_cluster_ips(spec, None)
            init_families(service["metadata"].get("name", ""), spec, None, self._families)
            await self._allocate_addresses(service, allocation)
            if needs_node_port(spec):
                await _init_ports(service, allocation.ports)
            if needs_health_check_node_port(spec):
                await _allocate_health_check_port(spec, allocation.ports)
        except BaseException:
            await allocation.revert()
            raise
        return allocation

    async def begin_update(self, service: Object, old: Object, dry_run: bool) -> Allocation:
        """Give a changed Service what it lacks, in place. Raises Invalid and InternalError."""
        spec, before = service["spec"], old["spec"]
        allocation = self._allocation(dry_run)
        try:
            _keep(spec, before)
            normalise_cluster_ips(spec, before)
            init_families(service["metadata"].get("name", ""), spec, before, self._families)
            await self._update_addresses(service, before, allocation)
            await _update_ports(service, before, allocation.ports)
            await _update_health_check_port(spec, before, allocation.ports)
        except BaseException:
            await allocation.revert()
            raise
        return allocation

    async def after_delete(self, service: Object) -> None:
        """Give back what a deleted Service had; its Endpoints go with it."""
        spec, metadata = service["spec"], service["metadata"]
        await self._addresses.forget("", "endpoints", metadata.get("namespace", ""), metadata["name"])
        for address in _own_addresses(spec):
            await self._addresses.release(address)
        ports = list(node_ports(spec))
        if needs_health_check_node_port(spec) and spec.get("healthCheckNodePort"):
            ports.append(spec["healthCheckNodePort"])
        await self._ports.release(ports)

    def _allocation(self, dry_run: bool) -> Allocation:
        return Allocation(self._addresses, PortOperation(self._ports, dry_run), dry_run)

    async def _update_addresses(self, service: Object, before: Spec, allocation: Allocation) -> None:
        spec = service["spec"]
        if unchanged_prefer_dual(spec, before):
            return
        if not needs_cluster_ip(before):
            await self._allocate_addresses(service, allocation)
            return
        ips = before.get("clusterIPs") or []
        if ips[:1] == [HEADLESS]:
            return
        families, families_before = spec.get("ipFamilies") or [], before.get("ipFamilies") or []
        if not needs_cluster_ip(spec):
            allocation.released += ips
        elif len(families_before) == 1 and len(families) == 2:
            spec["clusterIPs"] = _padded(spec.get("clusterIPs"), 2)
            await self._allocate_address(service, 1, allocation)
        elif len(families_before) == 2 and len(families) == 1:
            allocation.released += ips[1:]

    async def _allocate_addresses(self, service: Object, allocation: Allocation) -> None:
        spec = service["spec"]
        if not needs_cluster_ip(spec) or (spec.get("clusterIPs") or [])[:1] == [HEADLESS]:
            return
        families = spec.get("ipFamilies") or []
        spec["clusterIPs"] = _padded(spec.get("clusterIPs"), len(families))
        for index in range(len(families)):
            await self._allocate_address(service, index, allocation)
        spec["clusterIP"] = spec["clusterIPs"][0]

    async def _allocate_address(self, service: Object, index: int, allocation: Allocation) -> None:
        name, ips, family = service["metadata"].get("name", ""), service["spec"]["clusterIPs"], _family(service, index)
        address = ips[index]
        try:
            if address:
                await self._addresses.allocate(service, address, allocation.dry_run)
            else:
                address = await self._addresses.allocate_next(service, family, allocation.dry_run)
        except RangeFullError as error:
            raise errors.internal(f'failed to allocate a serviceIP for Service "{name}": {error}') from None
        except AllocationError as error:
            detail = f"failed to allocate {f'IP {address}' if address else 'IP'}: {error}"
            raise errors.invalid("Service", name, [invalid(_SPEC.child("clusterIPs"), ips, detail)]) from None
        ips[index] = address
        allocation.allocated.append(address)


def _family(service: Object, index: int) -> str:
    family: str = service["spec"]["ipFamilies"][index]
    return family


def _padded(ips: Sequence[str] | None, length: int) -> list[str]:
    """Return addresses with an empty text for each that is still to be given."""
    given = list(ips or ())
    return given + [""] * (length - len(given))


def _own_addresses(spec: Spec) -> Iterator[str]:
    if needs_cluster_ip(spec):
        yield from (address for address in spec.get("clusterIPs") or () if family_of(address))


def _keep(spec: Spec, before: Spec) -> None:
    """Keep what was allocated and an update does not mention."""
    keep_allocated(spec, before)
    if _wants_node_ports(before) and _wants_node_ports(spec):
        used = node_ports(before) & node_ports(spec)
        by_name = {port.get("name", ""): port.get("nodePort", 0) for port in before.get("ports") or ()}
        for port in spec.get("ports") or ():
            kept = by_name.get(port.get("name", ""), 0)
            if not port.get("nodePort") and kept and kept not in used:
                port["nodePort"] = kept
    both = needs_health_check_node_port(before) and needs_health_check_node_port(spec)
    if both and not spec.get("healthCheckNodePort") and before.get("healthCheckNodePort"):
        spec["healthCheckNodePort"] = before["healthCheckNodePort"]


def _wants_node_ports(spec: Spec) -> bool:
    kind = spec.get("type")
    return kind == "NodePort" or (kind == "LoadBalancer" and spec.get("allocateLoadBalancerNodePorts", True))


def _path_of_port(index: int) -> Path:
    return _SPEC.child("ports").index(index).child("nodePort")


async def _take(service: Object, index: int, port: int, operation: PortOperation) -> None:
    try:
        await operation.allocate(port)
    except AllocationError as error:
        refusal = invalid(_path_of_port(index), port, str(error))
        raise errors.invalid("Service", service["metadata"].get("name", ""), [refusal]) from None


async def _take_any(operation: PortOperation) -> int:
    try:
        return await operation.allocate_next()
    except AllocationError as error:
        raise errors.internal(f"failed to allocate a nodePort: {error}") from None


async def _init_ports(service: Object, operation: PortOperation) -> None:
    """Give the ports of a new Service node ports; those of one number (for several protocols) share one."""
    spec = service["spec"]
    ports = spec.get("ports") or []
    shared: dict[int, int] = {}
    for index, port in enumerate(ports):
        wanted = port.get("nodePort", 0)
        if not wanted and not _wants_node_ports(spec):
            continue
        number = port["port"]
        if number not in shared:
            asked = (each["nodePort"] for each in ports if each["port"] == number and each.get("nodePort"))
            chosen = next(asked, 0)
            if chosen:
                await _take(service, index, chosen, operation)
            shared[number] = chosen or await _take_any(operation)
            port["nodePort"] = shared[number]
        elif not wanted:
            port["nodePort"] = shared[number]
        elif wanted != shared[number]:
            await _take(service, index, wanted, operation)


async def _update_ports(service: Object, before: Spec, operation: PortOperation) -> None:
    spec = service["spec"]
    taken = node_ports(before)
    if needs_node_port(spec):
        seen: set[tuple[str, int]] = set()
        for index, port in enumerate(spec.get("ports") or ()):
            if not port.get("nodePort"):
                if not _wants_node_ports(spec):
                    continue
                port["nodePort"] = await _take_any(operation)
            elif port["nodePort"] not in taken and port["nodePort"] not in operation.allocated:
                await _take(service, index, port["nodePort"], operation)
            pair = (port.get("protocol", "TCP"), port["nodePort"])
            if pair in seen:
                raise errors.internal(f"duplicate nodePort: {{{pair[0]} {pair[1]}}}")
            seen.add(pair)
        operation.released += taken - node_ports(spec)
    elif needs_node_port(before):
        operation.released += taken


async def _allocate_health_check_port(spec: Spec, operation: PortOperation) -> None:
    wanted = spec.get("healthCheckNodePort", 0)
    try:
        if wanted:
            await operation.allocate(wanted)
        else:
            spec["healthCheckNodePort"] = await operation.allocate_next()
    except AllocationError as error:
        what = f"requested HealthCheck NodePort {wanted}" if wanted else f"a HealthCheck NodePort {wanted}"
        raise errors.internal(f"failed to allocate {what}: {error}") from None


async def _update_health_check_port(spec: Spec, before: Spec, operation: PortOperation) -> None:
    needed, needs = needs_health_check_node_port(before), needs_health_check_node_port(spec)
    if needs and not needed:
        await _allocate_health_check_port(spec, operation)
    elif needed and not needs and before.get("healthCheckNodePort"):
        operation.released.append(before["healthCheckNodePort"])
