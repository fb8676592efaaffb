"""ProxyState: everything that one family's proxy wants, kept up to date from objects, for a backend to render.

Both trackers are drained here, and the endpoints of a service port are sorted into categories once, when something of
it has changed; so a sync costs a backend as much as has changed.
"""

from __future__ import annotations

from typing import NamedTuple

from proxy_core.addresses import Family, family_of, parse_cidr
from proxy_core.model.categories import Categories, categorize
from proxy_core.model.endpoint import Endpoints
from proxy_core.model.endpoints_tracker import EndpointsChangeTracker
from proxy_core.model.node import NodeInfo
from proxy_core.model.service_port import ServicePort, ServicePortName
from proxy_core.model.service_tracker import Key, ServiceChangeTracker
from proxy_core.objects import EndpointSlice, Service, ServiceCIDR, key_of


class Wanted(NamedTuple):
    """One service port with its endpoints."""

    port: ServicePort
    endpoints: Endpoints
    """All that are known, sorted by text."""
    categories: Categories

    @property
    def has_internal(self) -> bool:
        """Whether there are endpoints for traffic to the cluster IP."""
        return self.categories.has_any and bool(self.categories.local or not self.port.internal_policy_local)

    @property
    def has_external(self) -> bool:
        """Whether there are endpoints for traffic from outside to external addresses."""
        return self.categories.has_any and bool(self.categories.local or not self.port.external_policy_local)

    @property
    def uses_external(self) -> bool:
        """Whether there are external addresses, and endpoints anywhere."""
        return self.categories.has_any and self.port.externally_accessible


class Changes(NamedTuple):
    """What differs from the sync before."""

    services: frozenset[Key] = frozenset()
    """Services of which a port or a slice has changed; their chains are written again in a partial sync."""
    ports: frozenset[ServicePortName] = frozenset()
    """Service ports that are new, changed or gone, or of which an endpoint has changed."""
    conntrack_cleanup: bool = False
    trigger_times: tuple[int, ...] = ()


class HealthCheck(NamedTuple):
    """What the health check of a Service answers."""

    node_port: int
    local_endpoints: int
    """Distinct addresses of local endpoints that are ready."""


class ProxyState:
    """The service ports of one family; `wanted` is as of the last `apply`."""

    def __init__(self, family: Family, node: NodeInfo, start: int = 0) -> None:
        self.family, self.node = family, node
        self.services = ServiceChangeTracker(family)
        self.endpoints = EndpointsChangeTracker(family, node.name, start)
        self.wanted: dict[ServicePortName, Wanted] = {}
        self.endpoint_count = 0
        """Endpoints of all known service ports, whatever their condition; 1,000 make a large cluster."""
        self._cidrs: dict[str, tuple[str, ...]] = {}
        self.zone_changed = False
        """Whether the node's zone has changed since the last `apply`, which makes the next sync a full one."""

    def set_node(self, node: NodeInfo) -> bool:
        """Take over a changed Node; return whether its zone has changed."""
        changed = node.zone != self.node.zone
        self.node = node
        self.zone_changed |= changed
        return changed

    def update(self, record: Service | EndpointSlice | ServiceCIDR) -> bool:
        """Take over an object that is new or changed; return whether that is a reason for a sync.

        A ServiceCIDR alone is none, as upstream.
        """
        if isinstance(record, Service):
            return self.services.update(record)
        if isinstance(record, EndpointSlice):
            return self.endpoints.update(record)
        found = (parse_cidr(each) for each in record.spec.cidrs)
        self._cidrs[record.metadata.name] = tuple(
            each for each in found if each is not None and family_of(each) == self.family
        )
        return False

    def delete(self, record: Service | EndpointSlice | ServiceCIDR) -> bool:
        """Forget an object; return whether that is a reason for a sync."""
        if isinstance(record, Service):
            return self.services.delete(key_of(record))
        if isinstance(record, EndpointSlice):
            return self.endpoints.delete(record)
        self._cidrs.pop(record.metadata.name, None)
        return False

    @property
    def service_cidrs(self) -> tuple[str, ...]:
        """The networks of all ServiceCIDRs in this family, each once, sorted."""
        return tuple(sorted({each for cidrs in self._cidrs.values() for each in cidrs}))

    def apply(self) -> Changes:
        """Take over all changes since the last call, and return what they concern."""
        services = self.services.apply()
        slices = self.endpoints.apply()
        touched = {name for names in services.values() for name in names}
        for key in slices.services:
            touched.update(self.services.names(key))
        if self.zone_changed:
            touched.update(self.wanted)
            self.zone_changed = False
        for name in touched:
            self._resolve(name)
        return Changes(
            slices.services | services.keys(), frozenset(touched), slices.conntrack_cleanup, slices.trigger_times
        )

    def health_checks(self) -> dict[Key, HealthCheck]:
        """Return the health checks of the Services that have a port for one, by namespace and name."""
        node_ports = {
            (name.namespace, name.name): each.port.health_check_node_port
            for name, each in self.wanted.items()
            if each.port.health_check_node_port
        }
        local: dict[Key, set[str]] = {key: set() for key in node_ports}
        known = self.endpoints.endpoints if node_ports else {}
        for name, ends in known.items():  # those of ports that the Service does not have, too
            key = (name.namespace, name.name)
            if key in local:
                local[key].update(end.ip for end in ends if end.is_local and end.ready)
        return {key: HealthCheck(port, len(local[key])) for key, port in node_ports.items()}

    def _resolve(self, name: ServicePortName) -> None:
        """Sort the endpoints of a service port into categories again."""
        old, port = self.wanted.pop(name, None), self.services.ports.get(name)
        self.endpoint_count -= len(old.endpoints) if old is not None else 0
        if port is None:
            return
        endpoints = self.endpoints.endpoints.get(name, ())
        self.endpoint_count += len(endpoints)
        self.wanted[name] = Wanted(port, endpoints, categorize(endpoints, port, self.node.name, self.node.zone))
