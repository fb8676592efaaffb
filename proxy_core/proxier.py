"""Proxier: the syncs of one family, whatever the backend; when one must be full, and what a failed one leaves behind.

Upstream: syncProxyRules of pkg/proxy/{iptables,nftables,ipvs}/proxier.go. Nothing here waits or talks to a kernel: a
backend gets a kernel, real or in memory, as an object.
"""

from __future__ import annotations

import gc
from abc import ABC, abstractmethod
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import NamedTuple

from proxy_core.model.service_port import ServicePortName
from proxy_core.model.service_tracker import Key
from proxy_core.model.state import ProxyState
from proxy_core.settings import SECOND, Settings

FULL_SYNC_PERIOD = 3600 * SECOND


class Sync(NamedTuple):
    """One sync: what is to be written."""

    now: int
    """Nanoseconds since 1970."""
    full: bool
    services: frozenset[Key]
    """Services whose own chains a partial sync writes again."""
    ports: frozenset[ServicePortName]
    """Service ports that are new, changed or gone."""


class SyncResult(NamedTuple):
    """What a sync that succeeded leaves to be done."""

    full: bool
    conntrack_cleanup: bool
    trigger_times: tuple[int, ...]
    """When the changes that it wrote were triggered, in nanoseconds since 1970."""


class Proxier(ABC):
    """One family's proxy: `sync` brings the kernel to what the state wants."""

    def __init__(self, state: ProxyState, settings: Settings) -> None:
        self.state, self.settings = state, settings
        self._needs_full = True
        self._last_full = 0
        self._needs_cleanup = False
        self.full = True
        """Whether the last sync, be it one that failed, was a full one."""
        self.cleanup_failures = 0
        """How often what is out of use could not be deleted; full syncs make up for it."""

    def demand_full(self) -> None:
        """Make the next sync a full one."""
        self._needs_full = True

    def sync(self, now: int) -> SyncResult:
        """Write what has changed, or everything. Raises KernelError; the next sync is a full one then."""
        if self.state.zone_changed:
            self._needs_full = True
        with _no_collection():
            changes = self.state.apply()
            self.full = full = self._needs_full or self.full_is_due(now - self._last_full)
            self._needs_full = True  # until this one has succeeded
            self._needs_cleanup |= changes.conntrack_cleanup  # also what a sync that failed has left
            self.write(Sync(now, full, changes.services, changes.ports))
        self._needs_full = False
        if full:
            self._last_full = now
        cleanup, self._needs_cleanup = self._needs_cleanup, False
        return SyncResult(full, cleanup, changes.trigger_times)

    def refused(self) -> Sequence[str]:
        """Return in words what the last sync left out though it succeeded as a whole."""
        return ()

    def tend(self, now: int) -> None:  # noqa: B027, most have nothing to do
        """Do what is due between syncs; may be called often. Raises KernelError."""

    def full_is_due(self, elapsed: int) -> bool:
        """Tell whether a full sync is due so long after the last one."""
        return elapsed > FULL_SYNC_PERIOD

    def of_services(self, sync: Sync) -> list[ServicePortName]:
        """Return the ports of services that have changed, sorted; those too of which nothing has changed."""
        ports = self.state.services
        return sorted(name for key in sync.services for name in ports.names(key) if name in self.state.wanted)

    @abstractmethod
    def write(self, sync: Sync) -> None:
        """Bring the kernel to what `state` wants. Raises KernelError."""


@contextmanager
def _no_collection() -> Iterator[None]:
    """Keep the cycle collector still: a sync makes no cycles, and the search for some took half of a first load."""
    was_enabled = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_enabled:
            gc.enable()
