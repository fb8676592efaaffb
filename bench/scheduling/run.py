"""Run the pods of a workload through an engine, in chunks: measure, show progress, stop at Ctrl-C with what there is.

Only calls and clocks; what the numbers mean is worked out in ``result``.
"""

from __future__ import annotations

import signal
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from time import perf_counter
from types import FrameType

import numpy as np
from numpy.typing import NDArray

from bench.workloads.source import Workload
from sched_core import Batch, Engine

FIRST_CHUNK, GROWTH, CHUNK_SECONDS = 500, 4, 0.2
EXAMPLES = 10


@dataclass
class Outcome:
    """What happened to the first ``decided`` pods. Arrays have an entry per pod of the workload; the rest is unset."""

    node_of: NDArray[np.int32]
    """Row of the cluster, or -1."""
    finished_s: NDArray[np.float64]
    """When each decision was ready, in seconds of scheduling."""
    latency_ns: NDArray[np.float64]
    decided: int = 0
    seconds: float = 0.0
    interrupted: bool = False
    scheduled: int = 0
    errors: int = 0
    reasons: Counter[str] = field(default_factory=Counter)
    """Reason to number of pods for which at least one node gave it."""
    messages: Counter[str] = field(default_factory=Counter)
    """The first few distinct messages, with how many pods got them."""
    speeds: Counter[str] = field(default_factory=Counter)


class Interrupt:
    """While entered, Ctrl-C sets ``requested`` instead of raising; a second Ctrl-C raises as usual."""

    def __init__(self) -> None:
        self.requested = False

    def __enter__(self) -> Interrupt:
        self._before = signal.signal(signal.SIGINT, self._request)
        return self

    def __exit__(self, *exception: object) -> None:
        signal.signal(signal.SIGINT, self._before)

    def _request(self, number: int, frame: FrameType | None) -> None:
        self.requested = True
        signal.signal(signal.SIGINT, signal.default_int_handler)


def schedule(engine: Engine, workload: Workload, progress: Callable[[int], None]) -> Outcome:
    """Place all pods in order; ``progress`` is called with the number of pods decided so far.

    Only the calls of ``schedule_many`` are on the clock. Chunks grow until one takes 0.2 s; decisions are the same.
    """
    count, size = workload.pod_count, FIRST_CHUNK
    outcome = Outcome(np.full(count, -1, np.int32), np.zeros(count), np.zeros(count))
    with Interrupt() as interrupt:
        while outcome.decided < count and not interrupt.requested:
            start, stop = outcome.decided, min(outcome.decided + size, count)
            part = workload.part(start, stop)
            begin = perf_counter()
            batch = engine.schedule_many(part, measure=True)
            seconds = perf_counter() - begin
            _record(outcome, batch, start, stop, seconds)
            progress(stop)
            size = max(1, min(GROWTH * size, int(CHUNK_SECONDS * (stop - start) / max(seconds, 1e-9))))
    outcome.interrupted = outcome.decided < count
    return outcome


def _record(outcome: Outcome, batch: Batch, start: int, stop: int, seconds: float) -> None:
    outcome.node_of[start:stop] = batch.node_of
    outcome.latency_ns[start:stop] = batch.latency_ns
    # Within a chunk the wall clock is split in proportion to the latencies of its decisions.
    ready = np.cumsum(batch.latency_ns)
    share = ready / ready[-1] if ready[-1] > 0 else np.arange(1, stop - start + 1) / (stop - start)
    outcome.finished_s[start:stop] = outcome.seconds + share * seconds
    outcome.seconds += seconds
    outcome.decided = stop
    outcome.scheduled += batch.scheduled
    outcome.speeds.update(batch.speed_used)
    for failure in batch.failures.values():
        outcome.errors += failure.error
        outcome.reasons.update((() if failure.error else failure.reasons.keys()) or (failure.message,))
        if failure.message in outcome.messages or len(outcome.messages) < EXAMPLES:
            outcome.messages[failure.message] += 1
