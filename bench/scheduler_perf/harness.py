"""One workload under way: a scheduler, an API server in memory, and the loop that serves both in one thread.

Time is real. Nothing sleeps while there is anything to do: background operations are served when they are due, changes
are delivered, the scheduler runs for about `SLICE_S`, and so on until what is waited for has come.
"""

from __future__ import annotations

import gc
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager

from bench.scheduler_perf import gates
from bench.scheduler_perf.api import Api
from bench.scheduler_perf.background import Background
from bench.scheduler_perf.collector import Collector, Measured
from bench.scheduler_perf.read import Job
from bench.scheduler_perf.watch import Selection
from bench.scheduling.run import Interrupt
from cluster_shim.scheduler.configuration import resolve, without
from sched_core import load_config
from sched_core.config import ProfileConfig
from sched_core.scheduler import Scheduler

SLICE_S = 0.02
_LONGEST_SLEEP_S = 0.05
_SECOND = 10**9
_warm: list[tuple[tuple[ProfileConfig, ...], tuple[str, ...]]] = []
"""Profiles and resources for which everything is compiled."""


class Clock:
    """Nanoseconds since 1970 that never go back."""

    def __init__(self) -> None:
        self._offset = time.time_ns() - time.perf_counter_ns()

    def __call__(self) -> int:
        return self._offset + time.perf_counter_ns()


class Stopped(Exception):
    """A workload that does not go on; the message says why."""


class Interrupted(Exception):
    """Ctrl-C."""


@contextmanager
def collector_paused() -> Iterator[None]:
    """Keep the cyclic garbage collector off, which would walk all objects again and again: they have no cycles.

    Measured: with it a run takes half as long again.
    """
    gc.disable()
    try:
        yield
    finally:
        gc.enable()
        gc.collect()


class Harness:
    """What the operations of a workload work on."""

    def __init__(self, job: Job, interrupt: Interrupt, timeout_s: float, progress: Callable[[int, int], None]) -> None:
        """Start a scheduler on an empty cluster.

        ``timeout_s`` is how long nothing may happen while something is waited for; ``progress`` is called with the
        number of measured pods that are scheduled, and that were created. Raises InvalidConfig for a configuration of
        the scheduler that cannot be used.
        """
        self.job, self.clock = job, Clock()
        self.api = Api(self.clock)
        self.background = Background()
        self.waited_for: dict[str, int] = {}
        """Namespace -> how many of its pods a barrier waits for."""
        self.nodes = 0
        self.measured: list[Measured] = []
        self.collector: Collector | None = None
        self._interrupt, self._timeout_s, self._progress = interrupt, timeout_s, progress
        path = job.case.scheduler_config_path
        file = job.file.parent / path if path else None
        configured = resolve(load_config(file), str(file) if file else None)
        self.scheduler = Scheduler(
            self.api,
            without(configured.config, gates.disabled_plugins(job.gates)),
            plugins=configured.plugins,
            start=self.clock(),
            queueing_hints=gates.queueing_hints(job.gates),
            async_preemption=gates.async_preemption(job.gates),
        )
        self._limit = 64

    def start_collecting(self, name: str, selection: Selection) -> None:
        """Begin to measure; raises Stopped if that was begun before."""
        if self.collector is not None:
            raise Stopped("metrics are being collected already")
        self._warm_up()
        gc.collect()  # what set-up has left behind
        self.collector = Collector(name, selection, self.clock)
        self.api.watches.append(self.collector)

    def stop_collecting(self) -> None:
        """End measuring, and keep the result; raises Stopped if it was not begun."""
        if self.collector is None:
            raise Stopped("no metrics are being collected")
        self.api.watches.remove(self.collector)
        self.measured.append(self.collector.result())
        self.collector = None

    def turn(self) -> bool:
        """Serve everybody once; False if nobody had anything to do. Raises Interrupted."""
        if self._interrupt.requested:
            raise Interrupted
        busy = self.background.serve(self.clock())
        busy |= self.api.deliver(self.scheduler)
        begin = self.clock()
        attempts = self.scheduler.run(begin, self._limit)
        now = self.clock()
        if attempts == self._limit:
            self._limit = max(1, min(4 * self._limit, int(self._limit * SLICE_S * _SECOND / max(now - begin, 1))))
        if self.collector is not None and now >= self.collector.due:
            self.collector.sample(now)
            self._progress(self.collector.scheduled, self.collector.pods)
        return busy or attempts > 0

    def wait(self, done: Callable[[], bool], what: Callable[[], str] | None) -> None:
        """Go on until something has come about; ``what`` says how far it is, None if it is only a matter of time.

        Raises Stopped if nothing was scheduled for the time-out although it is not a matter of time, Interrupted.
        """
        changed, count = self.clock(), -1
        while not done():
            busy = self.turn()
            if done():
                return
            now = self.clock()
            if count != self.api.bound:
                changed, count = now, self.api.bound
            elif what is not None and now - changed > self._timeout_s * _SECOND:
                raise Stopped(f"nothing was scheduled for {self._timeout_s:g} s: {what()}")
            if not busy:
                self._sleep(now)

    def _warm_up(self) -> None:
        """Compile what this process has not compiled yet for such a cluster, so that nobody waits for it below."""
        engine = self.scheduler.engine
        shape = engine.config.profiles, tuple(engine.cluster.nodes.resources)
        if shape not in _warm:
            engine.warm_up()
            _warm.append(shape)

    def _sleep(self, now: int) -> None:
        due = [self.background.next_due, self.scheduler.next_due, self.collector.due if self.collector else None]
        first = min((each for each in due if each is not None), default=None)
        seconds = _LONGEST_SLEEP_S if first is None else min((first - now) / _SECOND, _LONGEST_SLEEP_S)
        if seconds > 0:
            time.sleep(seconds)
