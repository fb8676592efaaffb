"""FamilyProxy: the proxy of one address family: takes changes from any thread, syncs in its own.

Each family has one, so that neither waits for the other. Changes wait in an inbox until the thread that syncs takes
them over; so the state belongs to one thread and needs no lock.
"""

from __future__ import annotations

import threading
import time
import traceback
from collections.abc import Callable, Iterable, Mapping
from typing import NamedTuple, Protocol

from cluster_shim.proxy.client import Event
from cluster_shim.proxy.metrics import Metrics
from proxy_core import EndpointSlice, KernelError, Node, Proxier, ProxyState, Service, ServiceCIDR, SyncResult
from proxy_core.health import ProxyHealth
from proxy_core.model.node import NodeInfo
from proxy_core.model.service_tracker import Key
from proxy_core.model.state import HealthCheck
from proxy_core.runner import Intervals, Runner
from proxy_core.settings import SECOND

TEND = 5 * SECOND
"""How often a proxier is asked to look after what ends in its own time."""


class Clock(NamedTuple):
    """Two clocks in nanoseconds."""

    wall: Callable[[], int] = time.time_ns
    """Since 1970."""
    steady: Callable[[], int] = time.monotonic_ns
    """Never set back."""


class ServiceChecks(Protocol):
    """What serves the health checks of Services."""

    def sync(self, checks: Mapping[Key, HealthCheck]) -> None:
        """Serve these and no others."""

    def close(self) -> None:
        """Serve none any more."""


class Around(NamedTuple):
    """What a family shares with the rest of the process."""

    health: ProxyHealth
    metrics: Metrics
    tell: Callable[[str], None]
    """Says a line to the user."""
    clock: Clock = Clock()
    verbose: bool = False
    """Whether every sync is worth a line."""


class FamilyProxy:
    """Keeps the rules of one family up to date."""

    def __init__(
        self,
        proxier: Proxier,
        intervals: Intervals,
        around: Around,
        node_info: Callable[[Node | None], NodeInfo],
        checks: ServiceChecks | None = None,
        clean_conntrack: Callable[[ProxyState], int] | None = None,
    ) -> None:
        """``clean_conntrack`` removes entries that are out of date, and returns how many."""
        self.proxier, self.runner = proxier, Runner(intervals)
        self.family = proxier.settings.family
        self._around, self._node_info = around, node_info
        self._checks, self._clean_conntrack = checks, clean_conntrack
        around.health.updated(self.family, around.clock.wall())  # so that one that never succeeds is noticed
        self._inbox: list[Event] = []
        self._changed = threading.Condition()
        self._listed = self._stopped = self._resync = False
        self._refused: tuple[str, ...] = ()
        self.has_synced = False
        """Whether a sync has succeeded."""
        self.failure: str = ""
        """Why the last sync failed; empty if it did not, or there was none."""

    def deliver(self, events: Iterable[Event], *, listed: bool = False) -> None:
        """Take changes from any thread; nothing is written before the first complete list, which ``listed`` ends."""
        with self._changed:
            self._inbox += events
            self._listed |= listed
            if self._listed:
                self._around.health.queued(self.family, self._around.clock.wall())
            self._changed.notify_all()

    def resync(self) -> None:
        """Ask for a full sync, because somebody else has changed the rules."""
        with self._changed:
            self._resync = True
            self._changed.notify_all()

    def stop(self) -> None:
        """End `run`; the rules stay as they are."""
        with self._changed:
            self._stopped = True
            self._changed.notify_all()

    def run(self) -> None:
        """Sync until `stop`; a sync that has begun is finished."""
        clock = self._around.clock
        while True:
            self.step()
            due = self.runner.due_at()
            with self._changed:
                if self._stopped:
                    break
                if not self._inbox and not self._resync:
                    rest = TEND if due is None else max(0, due - clock.steady())
                    self._changed.wait(min(rest, TEND) / SECOND)
        if self._checks is not None:
            self._checks.close()

    def step(self) -> None:
        """Take over what has changed, and sync if that is due; else look after what ends in its own time."""
        self._take()
        if self.runner.is_due(self._around.clock.steady()):
            self._sync()
        elif self._listed and not self.failure:
            self._tend()

    def _take(self) -> None:
        with self._changed:
            events, self._inbox = self._inbox, []
            resync, self._resync = self._resync, False
        if resync:
            self.proxier.demand_full()
        first = self._listed and self.runner.due_at() is None
        wants = [resync, *(self._take_one(each) for each in events)]
        around, state = self._around, self.proxier.state
        around.metrics.pending(state.endpoints.pending, state.services.pending)
        if first or (self._listed and any(wants)):
            self.runner.request()
            around.metrics.queued(self.family, around.clock.wall())
        elif events and not self.runner.requested:
            self._settle()

    def _settle(self) -> None:
        """Nothing of what came concerns the rules, unless more has come meanwhile."""
        with self._changed:
            if not self._inbox:
                self._around.health.settled(self.family)

    def _take_one(self, event: Event) -> bool:
        """Take one change over into the state; return whether it wants a sync."""
        state, record, metrics = self.proxier.state, event.object, self._around.metrics
        if isinstance(record, Node):
            if record.metadata.name != state.node.name or event.type == "DELETED":
                return False
            return state.set_node(self._node_info(record))
        changed = state.delete(record) if event.type == "DELETED" else state.update(record)
        if isinstance(record, Service):
            metrics.changed("service")
        elif isinstance(record, EndpointSlice) and changed:
            metrics.changed("endpoint")
        else:
            assert isinstance(record, EndpointSlice | ServiceCIDR)
        return changed

    def _sync(self) -> None:
        around, clock = self._around, self._around.clock
        self.runner.begin()
        begin, result, failures = clock.steady(), None, self.proxier.cleanup_failures
        try:
            result = self.proxier.sync(clock.wall())
            self.failure = ""
        except KernelError as refused:
            self.failure = str(refused)
        except Exception as defect:  # a defect in the rules of one Service must not end the proxy of all
            traceback.print_exc()
            self.failure = f"{type(defect).__name__}: {defect}"
        around.metrics.cleanup_failed(self.family, self.proxier.cleanup_failures - failures)
        end = clock.steady()
        self.runner.end(end, succeeded=result is not None)
        seconds = (end - begin) / SECOND
        around.metrics.synced(
            self.family, seconds, full=self.proxier.full, succeeded=result is not None, now=clock.wall()
        )
        if result is None:
            retry = self.runner.due_at()
            rest = 0 if retry is None else max(0, retry - end) / SECOND
            around.tell(f"{self.family}: the rules could not be written, the ones before are in force; next try in "
                        f"{rest:.0f} s: {self.failure}")  # fmt: skip
            return
        if around.verbose:
            kind = "full" if result.full else "partial"
            count = len(self.proxier.state.wanted)
            ports = f"{count:,} service port{'' if count == 1 else 's'}"
            around.tell(f"{self.family}: {kind} sync of {ports} in {seconds * 1000:.1f} ms")
        self._follow_up(result)

    def _tend(self) -> None:
        try:
            self.proxier.tend(self._around.clock.wall())
        except KernelError as refused:
            self._around.tell(f"{self.family}: {refused}")

    def _tell_refused(self) -> None:
        """Say what was left out, once for as long as it is the same."""
        refused = tuple(self.proxier.refused())
        if refused and refused != self._refused:
            more = f" and {len(refused) - 1:,} more" if len(refused) > 1 else ""
            self._around.tell(f"{self.family}: left out: {refused[0]}{more}")
        self._refused = refused

    def _follow_up(self, result: SyncResult) -> None:
        """Do what upstream does after a sync that succeeded, in its order."""
        around, state = self._around, self.proxier.state
        self.has_synced = True
        self._tell_refused()
        around.metrics.programmed(self.family, result.trigger_times, around.clock.wall())
        around.metrics.no_local_endpoints(self.family, state.wanted)
        with self._changed:  # what has come meanwhile still waits
            around.health.updated(self.family, around.clock.wall())
            if self._inbox:
                around.health.queued(self.family, around.clock.wall())
        around.metrics.pending(state.endpoints.pending, state.services.pending)
        if self._checks is not None:
            self._checks.sync(state.health_checks())
        if result.conntrack_cleanup and self._clean_conntrack is not None:
            begin = around.clock.steady()
            try:
                deleted = self._clean_conntrack(state)
            except KernelError as refused:
                around.tell(f"{self.family}: old conntrack entries could not be deleted: {refused}")
                return
            around.metrics.conntrack(self.family, (around.clock.steady() - begin) / SECOND, deleted)
