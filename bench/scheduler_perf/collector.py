"""What is measured between the first creation of measured pods and the end of the operation that measures them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import StrEnum

from msgspec import Struct

from bench.scheduler_perf.throughput import ThroughputSamples, summary
from bench.scheduler_perf.watch import Selection
from sched_core import Pod


class Measure(StrEnum):
    """Which throughput counts."""

    SAMPLES = "samples"
    """The mean of upstream's samples of one second."""
    WINDOW = "window"
    """Pods scheduled per second of the whole window, where that is too short for samples."""
    NONE = "none"
    """Nothing was scheduled."""


class Measured(Struct, kw_only=True):
    """The outcome of one measurement. Times are in seconds, latencies in milliseconds."""

    name: str
    """The namespace of the pods, or the name of startCollectingMetrics."""
    pods: int
    """Measured pods that were created."""
    scheduled: int
    measure: Measure
    throughput: dict[str, float]
    """Pods/s: Average and percentiles by the measure; empty if nothing was scheduled."""
    decisions_per_second: float
    """Pods scheduled per second from the first creation until the last is scheduled."""
    window_seconds: float
    seconds: float
    """How long collecting took in all."""
    latency_ms: dict[str, float]
    """From the creation of a pod until it is bound: average and percentiles; empty if nothing was scheduled."""


class Collector:
    """Watches the pods of a selection; ``sample`` is called once a second at best."""

    def __init__(self, name: str, selection: Selection, clock: Callable[[], int]) -> None:
        self._name, self._selection, self._clock = name, selection, clock
        self._begin = clock()
        self._samples = ThroughputSamples(self._begin)
        self._created: dict[str, int] = {}
        self._waited: list[int] = []
        self._first_created = self._last_scheduled = self._begin
        self.pods = 0

    @property
    def scheduled(self) -> int:
        """How many measured pods were scheduled so far."""
        return len(self._waited)

    @property
    def due(self) -> int:
        """When the next sample is to be taken."""
        return self._samples.due

    def sample(self, now: int) -> None:
        """Take a sample."""
        self._samples.sample(self.scheduled, now)

    def changed(self, olds: Sequence[Pod | None], news: Sequence[Pod | None], now: int) -> None:
        """Take over changes of pods: when the creation of new ones began, when others were bound."""
        selection = self._selection
        for old, new in zip(olds, news, strict=True):
            if new is None or new not in selection:
                continue
            if old is None:
                if not self.pods:
                    self._first_created = now
                self.pods += 1
                self._created[new.metadata.uid] = now
            elif new.spec.node_name and not old.spec.node_name:
                self._last_scheduled = now
                self._waited.append(now - self._created.get(new.metadata.uid, self._begin))

    def result(self) -> Measured:
        """Return what was measured so far."""
        now = self._clock()
        window = (self._last_scheduled - self._first_created) / 1e9
        rate = self.scheduled / window if window > 0 else 0.0
        if not self.scheduled:
            measure, throughput = Measure.NONE, {}
        elif self._samples.rates:
            measure, throughput = Measure.SAMPLES, summary(self._samples.rates)
        else:
            measure, throughput = Measure.WINDOW, summary([rate])
        return Measured(
            name=self._name,
            pods=self.pods,
            scheduled=self.scheduled,
            measure=measure,
            throughput=throughput,
            decisions_per_second=rate,
            window_seconds=window,
            seconds=(now - self._begin) / 1e9,
            latency_ms={name: value / 1e6 for name, value in summary(self._waited).items()} if self._waited else {},
        )
