"""ServiceChangeTracker: changed Services until the next sync (upstream: pkg/proxy/servicechangetracker.go)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType
from typing import NamedTuple

from proxy_core.addresses import Family
from proxy_core.model.service_port import ServicePort, ServicePortName, service_ports
from proxy_core.objects import Service, key_of

ServicePortMap = Mapping[ServicePortName, ServicePort]
Key = tuple[str, str]
"""Namespace and name of a Service."""
_NOTHING: ServicePortMap = MappingProxyType({})


class _Change(NamedTuple):
    previous: ServicePortMap
    current: ServicePortMap


class ServiceChangeTracker:
    """The Services of one family: what a sync has seen of them (`ports`), and what has changed since."""

    def __init__(self, family: Family) -> None:
        self.family = family
        self.ports: dict[ServicePortName, ServicePort] = {}
        """As of the last `apply`."""
        self._of_service: dict[Key, ServicePortMap] = {}
        self._changes: dict[Key, _Change] = {}

    def update(self, service: Service) -> bool:
        """Take over a Service that is new or changed; return whether any Service waits for a sync."""
        return self._change(key_of(service), service_ports(service, self.family))

    def delete(self, key: Key) -> bool:
        """Forget a Service; return whether any Service waits for a sync."""
        return self._change(key, _NOTHING)

    def apply(self) -> dict[Key, frozenset[ServicePortName]]:
        """Bring `ports` up to date; return the Services that have changed, each with its ports before and after."""
        changed = {key: frozenset({*change.previous, *change.current}) for key, change in self._changes.items()}
        for key, change in self._changes.items():
            for name in change.previous:
                self.ports.pop(name, None)
            self.ports.update(change.current)
            if change.current:
                self._of_service[key] = change.current
            else:
                self._of_service.pop(key, None)
        self._changes.clear()
        return changed

    def names(self, key: Key) -> Iterable[ServicePortName]:
        """Return the ports of a Service as of the last `apply`."""
        return self._of_service.get(key, _NOTHING)

    @property
    def pending(self) -> int:
        """How many Services wait for a sync."""
        return len(self._changes)

    def _change(self, key: Key, current: ServicePortMap) -> bool:
        previous = self._of_service.get(key, _NOTHING)
        if previous == current:  # a change that was taken back before any sync saw it
            self._changes.pop(key, None)
        else:
            self._changes[key] = _Change(previous, current)
        return bool(self._changes)
