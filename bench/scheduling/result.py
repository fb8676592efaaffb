"""The result of one run: the record that is written as JSON, read back for comparison, and drawn in the report."""

from __future__ import annotations

import hashlib
from datetime import UTC, datetime
from typing import Any, Literal

import numpy as np
from msgspec import Struct
from numpy.typing import NDArray

from bench.machine import Machine, peak_rss_bytes, stowage_version, this_machine
from bench.scheduling.run import Outcome
from bench.workloads.source import Workload
from sched_core import Engine

WINDOWS = 120
BINS_PER_DECADE = 10


class Utilisation(Struct, frozen=True, kw_only=True):
    """How full the nodes that have a resource are, in percent of allocatable."""

    mean_percent: float
    """Mean over nodes; every node counts the same."""
    stddev_percent: float
    percent: float
    """All that is requested by all that is allocatable."""
    requested: int
    allocatable: int
    nodes: int


class Reason(Struct, frozen=True):
    """Why pods were not scheduled: a reason that at least one node gave, or a whole message."""

    text: str
    pods: int


class Throughput(Struct, frozen=True):
    """Decisions per second over time; a point stands at the end of its window."""

    seconds: list[float]
    decisions_per_second: list[float]


class Histogram(Struct, frozen=True):
    """How many decisions took between ``edges_us[i]`` and ``edges_us[i + 1]``."""

    edges_us: list[float]
    counts: list[int]


class Result(Struct, kw_only=True):
    """Everything that is kept of a run. Latencies are None when nothing was decided."""

    schema: Literal["stowage/bench/scheduling/1"]
    version: str
    created: str
    title: str
    workload: dict[str, Any]
    options: dict[str, Any]
    notes: list[str]
    machine: Machine
    interrupted: bool
    pods: int
    decided: int
    scheduled: int
    unschedulable: int
    errors: int
    nodes: int
    nodes_used: int
    decisions_per_second: float
    seconds: float
    setup_seconds: float
    compile_seconds: float
    latency_us_p50: float | None
    latency_us_p90: float | None
    latency_us_p99: float | None
    latency_us_max: float | None
    peak_rss_bytes: int
    speeds: dict[str, int]
    utilisation: dict[str, Utilisation]
    unschedulable_reasons: list[Reason]
    unschedulable_messages: list[Reason]
    throughput: Throughput
    latency_histogram: Histogram
    decisions_sha256: str
    """Of the node rows of all decided pods, int32 little-endian, -1 for unschedulable."""


def summarise(
    workload: Workload,
    options: dict[str, Any],
    engine: Engine,
    outcome: Outcome,
    setup_seconds: float,
    compile_seconds: float,
) -> Result:
    """Work out the result of a run, complete or interrupted."""
    decided = outcome.decided
    latency_us = outcome.latency_ns[:decided] / 1000
    p50, p90, p99, most = np.percentile(latency_us, (50, 90, 99, 100)).tolist() if decided else (None,) * 4
    nodes = workload.cluster.nodes
    return Result(
        schema="stowage/bench/scheduling/1",
        version=stowage_version(),
        created=datetime.now(UTC).isoformat(timespec="seconds"),
        title=workload.title,
        workload=workload.identity,
        options=options,
        notes=workload.notes,
        machine=this_machine(),
        interrupted=outcome.interrupted,
        pods=workload.pod_count,
        decided=decided,
        scheduled=outcome.scheduled,
        unschedulable=decided - outcome.scheduled,
        errors=outcome.errors,
        nodes=int(nodes.alive.sum()),
        nodes_used=int(((nodes.pod_count > 0) & nodes.alive).sum()),
        decisions_per_second=decided / outcome.seconds if outcome.seconds else 0.0,
        seconds=outcome.seconds,
        setup_seconds=setup_seconds,
        compile_seconds=compile_seconds,
        latency_us_p50=p50,
        latency_us_p90=p90,
        latency_us_p99=p99,
        latency_us_max=most,
        peak_rss_bytes=peak_rss_bytes(),
        speeds=dict(outcome.speeds),
        utilisation=utilisation(workload),
        unschedulable_reasons=[Reason(text, pods) for text, pods in outcome.reasons.most_common()],
        unschedulable_messages=[Reason(text, pods) for text, pods in outcome.messages.most_common()],
        throughput=throughput(outcome.finished_s[:decided]),
        latency_histogram=histogram(latency_us),
        decisions_sha256=hashlib.sha256(outcome.node_of[:decided].astype("<i4").tobytes()).hexdigest(),
    )


def used_and_allocatable(workload: Workload) -> dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]]:
    """Return what is requested and allocatable of each resource and of ``pods``, by row of the cluster (0 if free)."""
    nodes = workload.cluster.nodes
    columns = {name: nodes.resource(name) for name in (*nodes.resources, *nodes.rare_names)}
    rows = {name: (of.requested * nodes.alive, of.allocatable * nodes.alive) for name, of in columns.items()}
    return rows | {"pods": (nodes.pod_count * nodes.alive, nodes.allowed_pods * nodes.alive)}


def utilisation(workload: Workload) -> dict[str, Utilisation]:
    """Return the utilisation of every resource that some node has and some pod uses."""
    found = {}
    for name, (requested, allocatable) in used_and_allocatable(workload).items():
        have = allocatable > 0
        if not have.any() or not requested.any():
            continue
        percent = 100.0 * requested[have] / allocatable[have]
        found[name] = Utilisation(
            mean_percent=float(percent.mean()),
            stddev_percent=float(percent.std()),
            percent=100.0 * int(requested.sum()) / int(allocatable.sum()),
            requested=int(requested.sum()),
            allocatable=int(allocatable.sum()),
            nodes=int(have.sum()),
        )
    return found


def throughput(finished_s: NDArray[np.float64]) -> Throughput:
    """Split the decisions into at most WINDOWS windows of equal numbers of pods."""
    if not len(finished_s):
        return Throughput([], [])
    ends = np.unique(np.linspace(0, len(finished_s), min(WINDOWS, len(finished_s)) + 1).astype(np.int64))[1:]
    times = finished_s[ends - 1]
    took = np.diff(times, prepend=0.0)
    rate = np.diff(ends, prepend=0) / np.maximum(took, 1e-9)
    return Throughput(times.tolist(), rate.tolist())


def histogram(latency_us: NDArray[np.float64]) -> Histogram:
    """Count latencies in bins of equal width on a log axis, ten per decade; below 1 ns counts as 1 ns."""
    if not len(latency_us):
        return Histogram([], [])
    exponent = np.log10(np.maximum(latency_us, 1e-3)) * BINS_PER_DECADE
    first, last = int(np.floor(exponent.min())), int(np.floor(exponent.max())) + 1
    counts = np.bincount(np.floor(exponent).astype(np.int64) - first, minlength=last - first)
    return Histogram((10.0 ** (np.arange(first, last + 1) / BINS_PER_DECADE)).tolist(), counts.tolist())
