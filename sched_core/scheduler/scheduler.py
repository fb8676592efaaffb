"""Scheduler: the whole of kube-scheduler but for clocks, threads and sockets.

What the informers report comes in with the time, attempts are made when `Scheduler.run` is called, and what the API
server is asked for goes out through a client. The same calls give the same decisions.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from sched_core.cluster import Cluster
from sched_core.config import SchedulerConfiguration
from sched_core.engine.engine import Engine, Speed
from sched_core.extender import Connect
from sched_core.framework.plugin import Plugin
from sched_core.framework.status import Status
from sched_core.objects.records import AnyObject
from sched_core.objects.times import SECOND
from sched_core.queue.event_handlers import EventHandlers
from sched_core.queue.flushes import PeriodicFlushes
from sched_core.queue.nominator import QueueNominator
from sched_core.queue.scheduling_queue import PriorityQueue
from sched_core.queue.without_hints import QueueWithoutHints
from sched_core.scheduler.attempts import Attempts
from sched_core.scheduler.batches import Batches
from sched_core.scheduler.binding_cycles import BindingCycles
from sched_core.scheduler.client import SchedulerClient
from sched_core.scheduler.failures import Failures
from sched_core.scheduler.preemptions import Preemptions
from sched_core.scheduler.running import SchedulerRunning


class Scheduler:
    """Schedules the pods that it is told of; times are nanoseconds since the Unix epoch and never go back."""

    def __init__(
        self,
        client: SchedulerClient,
        config: SchedulerConfiguration | None = None,
        *,
        cluster: Cluster | None = None,
        plugins: Mapping[str, type[Plugin]] | None = None,
        extenders: Connect | None = None,
        start: int = 0,
        queueing_hints: bool = True,
        async_preemption: bool = True,
        speed: Speed = "auto",
    ) -> None:
        """Prepare to schedule with the profiles of ``config`` (default: upstream's) from the time ``start`` on.

        ``cluster``, ``plugins``, ``extenders`` and ``speed`` are those of the engine. Without ``queueing_hints`` and
        ``async_preemption`` the scheduler is one whose feature gates of these names are off. Raises InvalidConfig,
        NotSupported or PluginError.
        """
        self.cluster = cluster if cluster is not None else Cluster()
        self._running = SchedulerRunning(client, start)
        nominator = QueueNominator(self.cluster.classes.info)
        self.engine = Engine(
            self.cluster, config, speed=speed, plugins=plugins, nominator=nominator, running=self._running,
            extenders=extenders,
        )  # fmt: skip
        settings, profiles = self.engine.config, self.engine.profiles
        initial, longest = settings.pod_initial_backoff_seconds * SECOND, settings.pod_max_backoff_seconds * SECOND
        self.queue: PriorityQueue
        if queueing_hints:
            info_of = self.cluster.classes.info
            self.queue = PriorityQueue(
                profiles, info_of, nominator=nominator, initial_backoff=initial, max_backoff=longest
            )
        else:
            self.queue = QueueWithoutHints(
                profiles, self.cluster, nominator=nominator, initial_backoff=initial, max_backoff=longest
            )
        self.handlers = self._running.handlers = EventHandlers(self.queue, self.cluster, frozenset(profiles))
        self._flushes = PeriodicFlushes(self.queue, start)
        failures = Failures(self.handlers, client)
        self._cycles = BindingCycles(profiles, self.engine.extenders, self.handlers, client, self._running, failures)
        self._preemptions = Preemptions(self.handlers, client, self._running, self._cycles)
        attempts = Attempts(
            self.engine, self.handlers, client, self._running, failures, self._cycles, self._preemptions,
            async_preemption,
        )  # fmt: skip
        self._batches = Batches(self.engine, self.handlers, failures, self._cycles, attempts)

    def swap(
        self, config: SchedulerConfiguration, now: int, *, plugins: Mapping[str, type[Plugin]] | None = None
    ) -> None:
        """Put other profiles in the place of those in force, between two attempts; see `Engine.swap`.

        All pods that wait in the queue are tried again after their back-off. Pods on their way keep the plugins that
        they began with: what has reserved for them binds or gives back, who made them wait at Permit lets them go on
        or their time is up. Scheduler names may come and go. Raises as `Engine.swap`, and has changed nothing then.
        """
        self._running.now = now
        self.engine.swap(config, plugins=plugins)
        settings, profiles = self.engine.config, self.engine.profiles
        initial, longest = settings.pod_initial_backoff_seconds * SECOND, settings.pod_max_backoff_seconds * SECOND
        self._cycles.swap(self.engine.extenders)
        self._batches.forget()
        self.queue.swap(profiles, initial, longest, now)
        self.handlers.swap(frozenset(profiles), now)

    @property
    def next_due(self) -> int | None:
        """When time alone makes something happen next; None if it does not."""
        now = self._running.now
        flush = self._flushes.next_due if len(self.queue) else None
        due = [self._running.waiting.next_due, flush, self._cycles.next_due(now)]
        return min((each for each in due if each is not None), default=None)

    def apply(self, record: AnyObject, now: int) -> None:
        """Take over an object that is new or changed, as an informer reports it; it must not be changed afterwards."""
        self._running.now = now
        self.handlers.apply(record, now)
        self._cycles.ask_again(now)

    def apply_many(self, records: Iterable[AnyObject], now: int) -> None:
        """Take over objects one after the other, as `apply` does."""
        self._running.now = now
        self.handlers.apply_many(records, now)
        self._cycles.ask_again(now)

    def delete(self, kind: str, key: str, now: int) -> None:
        """Forget an object (``namespace/name`` or name); raises KeyError if it is not known."""
        self._running.now = now
        self.handlers.delete(kind, key, now)
        self._cycles.ask_again(now)

    def binding_finished(self, uid: str, status: Status, now: int) -> None:
        """Take over the outcome of a binding that the client left open; raises KeyError if none is awaited."""
        self._running.now = now
        self._cycles.finished(uid, status, now)
        self._cycles.settle(now)

    def deletion_finished(self, uid: str, status: Status, now: int) -> None:
        """Take over the outcome of the deletion of a victim that the client left open."""
        self._running.now = now
        self._preemptions.finished(uid, status, now)
        self._cycles.settle(now)

    def run(self, now: int, limit: int | None = None) -> int:
        """Do what is due by now, then make attempts until no pod is left or ``limit`` is reached; return how many."""
        self._advance_to(now)
        attempts = 0
        while limit is None or attempts < limit:
            made = self._batches.run(now, None if limit is None else limit - attempts)
            attempts += made
            if not made:
                self._cycles.send(now)
                self._cycles.settle(now)
                if not self.queue.has_next(now):
                    break
        self._cycles.send(now)
        self._cycles.settle(now)
        return attempts

    def _advance_to(self, now: int) -> None:
        """Let time pass: ends of back-offs and of waits, each at its own time."""
        waiting = self._running.waiting
        while (due := waiting.next_due) is not None and due <= now:
            self._flushes.advance_to(due)
            self._running.now = due
            waiting.advance_to(due)
            self._cycles.settle(due)
        self._flushes.advance_to(now)
        self._running.now = now
        self._cycles.ask_again(now)
