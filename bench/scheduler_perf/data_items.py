"""Results as upstream writes them for perf-dash: ``{"version": "v1", "dataItems": [...]}``.

What is ours beside that form stands under ``stowage``, which readers of the form pass over.
Source: test/integration/scheduler_perf/util.go.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from typing import Any

from bench.machine import stowage_version, this_machine
from bench.scheduler_perf.collector import Measure, Measured
from bench.scheduler_perf.result import JobResult

VERSION = "v1"
NOT_APPLICABLE = "not applicable"
NOT_COLLECTED = (
    "scheduler_framework_extension_point_duration_seconds",
    "scheduler_scheduling_attempt_duration_seconds",
    "scheduler_pod_scheduling_duration_seconds",
    "scheduler_plugin_execution_duration_seconds",
    "scheduler_queueing_hint_execution_duration_seconds",
    "scheduler_event_handling_duration_seconds",
    "heap_memory_usage",
    "memory_growth_rate",
)
"""Metrics that upstream's harness collects and this one does not."""

Item = dict[str, Any]


def document(results: Sequence[JobResult], notes: Sequence[str]) -> dict[str, Any]:
    """Return everything that ``--json`` writes."""
    items = [item for result in results for measured in result.measured for item in _items(result, measured)]
    labels = dict.fromkeys(label for item in items for label in item["labels"])
    for item in items:  # perf-dash shows only items that have all labels
        item["labels"] = {label: item["labels"].get(label, NOT_APPLICABLE) for label in labels}
    return {"version": VERSION, "dataItems": items, "stowage": _own(results, notes)}


def _items(result: JobResult, measured: Measured) -> list[Item]:
    name = {"Name": f"{result.name}/{measured.name}"}
    items = []
    if measured.measure is not Measure.NONE:
        throughput = dict(measured.throughput)
        if result.threshold:
            throughput[f"{result.bucket}Threshold"] = result.threshold
        labels = {"Metric": "SchedulingThroughput", "Measure": measured.measure.value, **name}
        items.append(_item(throughput, "pods/s", labels))
        rate = {"Average": measured.decisions_per_second}
        items.append(_item(rate, "pods/s", {"Metric": "stowage_decisions_per_second", **name}))
        latency = {"Metric": "stowage_pod_creation_to_bound_seconds", **name}
        items.append(_item(measured.latency_ms, "ms", latency))
    items.append(_item({"Duration": measured.seconds}, "s", {"Metric": "SchedulingDuration", **name}))
    return items


def _item(data: dict[str, float], unit: str, labels: dict[str, str]) -> Item:
    return {"data": data, "unit": unit, "labels": labels}


def _own(results: Sequence[JobResult], notes: Sequence[str]) -> dict[str, Any]:
    return {
        "stowageVersion": stowage_version(),
        "created": datetime.now(UTC).isoformat(timespec="seconds"),
        "machine": this_machine(),
        "interrupted": any(result.interrupted for result in results),
        "notes": list(notes),
        "notCollected": list(NOT_COLLECTED),
        "workloads": [
            {
                "name": result.name,
                "topic": result.topic,
                "nodes": result.nodes,
                "threshold": result.threshold,
                "passed": result.passed,
                "stopped": result.stopped,
                "interrupted": result.interrupted,
                "seconds": result.seconds,
                "gates": result.gates,
                "measured": [_measured(result, each) for each in result.measured],
            }
            for result in results
        ],
    }


def _measured(result: JobResult, measured: Measured) -> dict[str, Any]:
    value = result.value(measured)
    return {
        "name": measured.name,
        "pods": measured.pods,
        "scheduled": measured.scheduled,
        "measure": measured.measure,
        "throughput": value,
        "ratio": value / result.threshold if value is not None and result.threshold else None,
        "decisionsPerSecond": measured.decisions_per_second,
        "passed": result.passes(measured),
    }
