"""Results: what passes, the median run, the table, and JSON as upstream's tools read it."""

from __future__ import annotations

import msgspec
import pytest
from msgspec.structs import replace

from bench.scheduler_perf import gates
from bench.scheduler_perf.collector import Measure, Measured
from bench.scheduler_perf.data_items import document
from bench.scheduler_perf.result import JobResult, median
from bench.scheduler_perf.show import markdown, rows
from bench.scheduler_perf.throughput import summary

MEASURED = Measured(
    name="namespace-1",
    pods=10,
    scheduled=10,
    measure=Measure.SAMPLES,
    throughput=summary([50.0, 100.0, 150.0]),
    decisions_per_second=90.0,
    window_seconds=4.0,
    seconds=4.5,
    latency_ms=summary([1.0, 2.0]),
)
RESULT = JobResult(
    name="Case/5Nodes/tiny",
    topic="misc",
    nodes=5,
    measured=[MEASURED],
    threshold=20.0,
    bucket="Average",
    expect_lower=False,
    gates=gates.settings({"SchedulerQueueingHints": True, "FlyingPigs": True}),
    seconds=6.0,
)
NOTHING = replace(MEASURED, scheduled=0, measure=Measure.NONE, throughput={}, latency_ms={}, decisions_per_second=0.0)


@pytest.mark.parametrize(
    ("result", "passed"),
    [
        (RESULT, True),
        (replace(RESULT, threshold=0.0), True),
        (replace(RESULT, threshold=100.0), False),
        (replace(RESULT, threshold=99.0), True),
        (replace(RESULT, threshold=120.0, bucket="Perc99"), True),
        (replace(RESULT, threshold=120.0, expect_lower=True), True),
        (replace(RESULT, expect_lower=True), False),
        (replace(RESULT, measured=[replace(MEASURED, scheduled=9)]), False),
        (replace(RESULT, measured=[NOTHING]), False),
        (replace(RESULT, measured=[]), False),
        (replace(RESULT, stopped="reason"), False),
        (replace(RESULT, interrupted=True), False),
    ],
)
def test_a_workload_passes_if_all_pods_were_scheduled_fast_enough(result: JobResult, passed: bool) -> None:
    assert result.passed is passed


def with_average(average: float) -> JobResult:
    return replace(RESULT, measured=[replace(MEASURED, throughput=summary([average]))])


def test_of_several_runs_the_median_counts_unless_one_failed() -> None:
    fast, middle, slow = map(with_average, (300.0, 200.0, 100.0))
    assert median([fast, slow, middle]) is middle
    assert median([fast, slow]) is slow
    failed = replace(middle, stopped="reason")
    assert median([fast, failed, slow]) is failed


def test_json_is_in_the_form_that_perf_dash_reads() -> None:
    written = msgspec.json.decode(msgspec.json.encode(document([RESULT], ["a note"])))
    assert written["version"] == "v1"
    items = {item["labels"]["Metric"]: item for item in written["dataItems"]}
    assert items["SchedulingThroughput"] == {
        "data": {
            "Average": 100.0,
            "Perc50": 100.0,
            "Perc90": 150.0,
            "Perc95": 150.0,
            "Perc99": 150.0,
            "AverageThreshold": 20.0,
        },
        "unit": "pods/s",
        "labels": {
            "Metric": "SchedulingThroughput",
            "Measure": "samples",
            "Name": "Case/5Nodes/tiny/namespace-1",
        },
    }
    duration = items["SchedulingDuration"]
    assert (duration["data"], duration["unit"]) == ({"Duration": 4.5}, "s")
    assert items["stowage_decisions_per_second"]["data"] == {"Average": 90.0}
    assert items["stowage_pod_creation_to_bound_seconds"]["unit"] == "ms"
    assert {frozenset(item["labels"]) for item in written["dataItems"]} == {frozenset(("Metric", "Measure", "Name"))}
    assert duration["labels"]["Measure"] == "not applicable"


def test_json_has_what_is_ours_beside_that_form() -> None:
    own = msgspec.json.decode(msgspec.json.encode(document([RESULT], ["a note"])))["stowage"]
    assert own["notes"] == ["a note"]
    assert "heap_memory_usage" in own["notCollected"]
    (workload,) = own["workloads"]
    assert (workload["name"], workload["passed"], workload["threshold"]) == ("Case/5Nodes/tiny", True, 20.0)
    assert workload["gates"][1] == {
        "gate": "FlyingPigs",
        "enabled": True,
        "effect": "unknown gate, ignored",
        "reason": "",
    }
    (measured,) = workload["measured"]
    assert (measured["throughput"], measured["ratio"], measured["measure"]) == (100.0, 5.0, "samples")


def test_what_was_not_scheduled_has_no_throughput() -> None:
    written = document([replace(RESULT, measured=[NOTHING])], [])
    assert [item["labels"]["Metric"] for item in written["dataItems"]] == ["SchedulingDuration"]
    assert written["stowage"]["workloads"][0]["measured"][0]["ratio"] is None


def test_rows_name_threshold_ratio_and_measure() -> None:
    several = replace(RESULT, measured=[MEASURED, NOTHING], threshold=0.0)
    found = list(rows([RESULT, several, replace(RESULT, measured=[], stopped="reason")]))
    assert found[0].case == "Case"
    assert found[0].workload == "5Nodes/tiny"
    assert found[0].numbers == ("5", "10", "10", "20", "100", "5 ×", "samples", "yes")
    assert [row.workload for row in found[1:3]] == ["5Nodes/tiny/namespace-1", "5Nodes/tiny/namespace-1"]
    assert found[1].numbers == ("5", "10", "10", "", "100", "", "samples", "yes")
    assert found[2].numbers == ("5", "10", "0", "", "", "", "none", "no")
    assert found[3].numbers == ("5", "", "", "20", "", "", "", "no")


def test_the_markdown_table_has_a_line_for_each_row() -> None:
    lines = markdown([RESULT], "2026-11-26").splitlines()
    assert lines[2] == "| Case/5Nodes/tiny | 5 | 10 | 10 | 20 | 100 | 5 × | samples | yes |"
    assert lines[1].count("|") == lines[0].count("|") == 10
    assert lines[-1].startswith("Measured on 2026-11-26 with stowage ")
