"""What came of a workload, and whether it is good enough."""

from __future__ import annotations

from collections.abc import Sequence

from msgspec import Struct

from bench.scheduler_perf.collector import Measured
from bench.scheduler_perf.gates import Setting, settings
from bench.scheduler_perf.read import Job


class JobResult(Struct, kw_only=True):
    """One run of a workload."""

    name: str
    """``TestCase/Workload``."""
    topic: str
    nodes: int
    measured: list[Measured]
    threshold: float
    """0: none."""
    bucket: str
    """What the threshold is held against: Average or a percentile of the throughput."""
    expect_lower: bool
    gates: tuple[Setting, ...]
    seconds: float
    """How long all of it took, set-up included."""
    stopped: str = ""
    """Why it did not come to its end."""
    interrupted: bool = False

    @property
    def average(self) -> float:
        """Return the throughput in pods/s, over all that was measured; 0 if nothing was."""
        rates = [each.throughput["Average"] for each in self.measured if each.throughput]
        return sum(rates) / len(rates) if rates else 0.0

    def value(self, measured: Measured) -> float | None:
        """Return what is held against the threshold."""
        return measured.throughput.get(self.bucket)

    def meets(self, measured: Measured) -> bool:
        """Tell whether a measurement meets the threshold, if there is one; equal is not enough, as upstream."""
        if not self.threshold:
            return True
        value = self.value(measured)
        if value is None:
            return False
        return value < self.threshold if self.expect_lower else value > self.threshold

    def passes(self, measured: Measured) -> bool:
        """Tell whether all measured pods were scheduled, fast enough."""
        return measured.scheduled == measured.pods and self.meets(measured)

    @property
    def passed(self) -> bool:
        """Tell whether the workload came to its end and everything that was measured passes."""
        ended = not self.stopped and not self.interrupted
        return ended and bool(self.measured) and all(self.passes(each) for each in self.measured)


def result_of(
    job: Job,
    nodes: int,
    measured: Sequence[Measured],
    seconds: float,
    *,
    stopped: str = "",
    interrupted: bool = False,
) -> JobResult:
    """Put a result together."""
    return JobResult(
        name=job.name,
        topic=job.topic,
        nodes=nodes,
        measured=list(measured),
        threshold=job.threshold,
        bucket=job.selector.data_bucket,
        expect_lower=job.selector.expect_lower,
        gates=settings(job.gates),
        seconds=seconds,
        stopped=stopped,
        interrupted=interrupted,
    )


def median(results: Sequence[JobResult]) -> JobResult:
    """Return the first run that did not pass; else the one with the median throughput (the lower of two)."""
    for result in results:
        if not result.passed:
            return result
    return sorted(results, key=lambda result: result.average)[(len(results) - 1) // 2]
