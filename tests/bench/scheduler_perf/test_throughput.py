"""Throughput as upstream works it out, on series of samples made by hand; and the measurement around it."""

from __future__ import annotations

import pytest
from msgspec.structs import replace

from bench.scheduler_perf.collector import Collector, Measure
from bench.scheduler_perf.throughput import ThroughputSamples, summary
from bench.scheduler_perf.watch import Selection
from sched_core import Pod
from sched_core.objects.records import ObjectMeta

SECOND = 10**9
BEGIN = 1_700_000_000 * SECOND


def rates(*counts: int | tuple[int, float]) -> list[float]:
    """Return the rates for what was scheduled at each second; a pair says by how much the sample was late."""
    samples = ThroughputSamples(BEGIN)
    for position, each in enumerate(counts, 1):
        count, late = each if isinstance(each, tuple) else (each, 0.0)
        now = BEGIN + round((position + late) * SECOND)
        if now >= samples.due:
            samples.sample(count, now)
    return samples.rates


def test_the_first_sample_with_pods_is_only_a_baseline() -> None:
    assert rates() == []
    assert rates(0, 0, 0) == []
    assert rates(0, 700) == []
    assert rates(0, 700, 1000) == [300]
    assert rates(100, 300, 600) == [200, 300]


def test_intervals_without_pods_are_waited_out_and_count_as_often() -> None:
    assert rates(10, 10, 10, 40) == [10, 10, 10]
    assert rates(10, 30, 30, 40, 100) == [20, 5, 5, 60]
    assert rates(10, 30, 30, 30) == [20]


def test_rates_are_over_the_time_that_passed() -> None:
    assert rates(100, (300, 0.6), 400) == pytest.approx([200 / 1.6, 100 / 0.4])


def test_samples_that_nobody_was_there_to_take_are_left_out() -> None:
    samples = ThroughputSamples(BEGIN)
    samples.sample(100, BEGIN + SECOND)
    samples.sample(900, BEGIN + 5 * SECOND + SECOND // 2)
    assert samples.rates == pytest.approx([800 / 4.5])
    assert samples.due == BEGIN + 6 * SECOND


def test_percentiles_are_values_of_the_series_with_the_fast_end_last() -> None:
    values = [float(value) for value in range(1, 11)]
    assert summary(values[::-1]) == {"Average": 5.5, "Perc50": 5.0, "Perc90": 9.0, "Perc95": 10.0, "Perc99": 10.0}
    assert set(summary([3.0]).values()) == {3.0}


class Clock:
    """A clock that is set by hand, in seconds."""

    def __init__(self) -> None:
        self.seconds = 0.0

    def __call__(self) -> int:
        return BEGIN + round(self.seconds * SECOND)


def pod(name: str, namespace: str = "measured", **labels: str) -> Pod:
    return Pod(metadata=ObjectMeta(name=name, namespace=namespace, uid=name, labels=labels))


def bound(each: Pod) -> Pod:
    return replace(each, spec=replace(each.spec, node_name="n"))


def measure(clock: Clock, collector: Collector, pods: list[Pod], created: float, scheduled: float) -> None:
    """Let pods be created and scheduled at some times."""
    clock.seconds = created
    collector.changed([None] * len(pods), pods, clock())
    clock.seconds = scheduled
    collector.changed(pods, [bound(each) for each in pods], clock())


def test_a_window_too_short_for_samples_counts_as_a_whole() -> None:
    clock = Clock()
    collector = Collector("measured", Selection(["measured"], {}), clock)
    measure(clock, collector, [pod(f"a{number}") for number in range(10)], created=0.1, scheduled=0.3)
    measure(clock, collector, [pod(f"b{number}") for number in range(10)], created=0.3, scheduled=0.6)
    clock.seconds = 0.9
    result = collector.result()
    assert (result.pods, result.scheduled, result.measure) == (20, 20, Measure.WINDOW)
    assert result.window_seconds == pytest.approx(0.5)
    assert result.seconds == pytest.approx(0.9)
    assert result.decisions_per_second == pytest.approx(40)
    assert result.throughput == pytest.approx(dict.fromkeys(("Average", "Perc50", "Perc90", "Perc95", "Perc99"), 40))
    assert result.latency_ms["Perc50"] == pytest.approx(200)
    assert result.latency_ms["Perc99"] == pytest.approx(300)


def test_samples_count_where_there_are_any() -> None:
    clock = Clock()
    collector = Collector("measured", Selection(["measured"], {}), clock)
    for second in range(3):
        pods = [pod(f"{second}-{number}") for number in range(10 * (second + 1))]
        measure(clock, collector, pods, created=second + 0.2, scheduled=second + 0.9)
        clock.seconds = second + 1.0
        assert collector.due == clock()
        collector.sample(clock())
    result = collector.result()
    assert (result.measure, result.throughput["Average"]) == (Measure.SAMPLES, 25)
    assert result.decisions_per_second == pytest.approx(60 / 2.7)


def test_only_selected_pods_count() -> None:
    clock = Clock()
    collector = Collector("", Selection(["measured"], {"type": "unsched"}), clock)
    others = [pod("a"), pod("b", type="other"), pod("c", namespace="elsewhere", type="unsched")]
    measure(clock, collector, others, 0.1, 0.2)
    assert (collector.pods, collector.scheduled) == (0, 0)
    measure(clock, collector, [pod("d", type="unsched", color="red")], 0.3, 0.4)
    assert (collector.pods, collector.scheduled) == (1, 1)


def test_pods_that_are_not_scheduled_leave_no_throughput() -> None:
    clock = Clock()
    collector = Collector("measured", Selection(["measured"], {}), clock)
    collector.changed([None], [pod("a")], clock())
    result = collector.result()
    assert (result.pods, result.scheduled, result.measure) == (1, 0, Measure.NONE)
    assert result.throughput == result.latency_ms == {}
