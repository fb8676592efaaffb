"""What a trace holds, in numbers: pods, shapes, arrivals, durations, and the most that is asked for at a time."""

from __future__ import annotations

import msgspec
import numpy as np

from bench.traces.trace import Trace

PERCENTILES = (10, 50, 90, 99)
MOST_SHAPES = 12


class ShapeShare(msgspec.Struct, frozen=True):
    """A shape and how many pods have it."""

    shape: str
    pods: int


class Info(msgspec.Struct, frozen=True, kw_only=True):
    """The numbers of one trace."""

    title: str
    pods: int
    shapes: int
    gpu_pods: int
    gpu_share_pods: int
    """Those that ask for a part of one device."""
    model_pods: int
    """Those that accept some models only."""
    span_s: float
    never_go: int
    duration_s: dict[str, float]
    """Percentiles of the pods that go."""
    arrivals_per_s: float
    total: dict[str, float]
    """All pods together: cpu cores, memory GiB, devices."""
    peak: dict[str, float]
    """The most that pods which are there at the same time ask for."""
    peak_s: dict[str, float]
    most_frequent: list[ShapeShare]


def info(trace: Trace) -> Info:
    """Work the numbers of a trace out."""
    shapes = trace.shapes
    gpu = np.array([shape.gpus > 0 for shape in shapes], bool)
    shared = np.array([0 < shape.gpu_milli < 1000 for shape in shapes], bool)
    models = np.array([bool(shape.models) for shape in shapes], bool)
    duration = trace.deleted_s - trace.created_s
    going = duration[np.isfinite(duration)]
    counts = np.bincount(trace.shape_of, minlength=len(shapes))
    frequent = np.argsort(-counts, kind="stable")[:MOST_SHAPES].tolist()
    peak, peak_s = peaks(trace)
    units = (("cpu_cores", 1000.0), ("memory_gib", 2.0**30), ("gpus", 1000.0))
    total = trace.amounts()[:, trace.shape_of].sum(axis=1)
    return Info(
        title=trace.title,
        pods=trace.count,
        shapes=len(shapes),
        gpu_pods=int(counts[gpu].sum()),
        gpu_share_pods=int(counts[shared].sum()),
        model_pods=int(counts[models].sum()),
        span_s=trace.span_s,
        never_go=trace.count - len(going),
        duration_s={f"p{each}": float(np.percentile(going, each)) for each in PERCENTILES} if len(going) else {},
        arrivals_per_s=trace.count / trace.span_s if trace.span_s else 0.0,
        total={name: float(amount) / unit for (name, unit), amount in zip(units, total, strict=True)},
        peak={name: float(amount) / unit for (name, unit), amount in zip(units, peak, strict=True)},
        peak_s={name: float(time) for (name, _), time in zip(units, peak_s, strict=True)},
        most_frequent=[ShapeShare(shapes[each].title, int(counts[each])) for each in frequent],
    )


def peaks(trace: Trace) -> tuple[list[int], list[float]]:
    """Return the most cpu, memory and gpu that is asked for at a time, and when; a pod that goes makes room first."""
    if not trace.count:
        return [0, 0, 0], [0.0, 0.0, 0.0]
    leaving = np.isfinite(trace.deleted_s)
    times = np.concatenate([trace.deleted_s[leaving], trace.created_s])
    order = np.argsort(times, kind="stable")
    amounts = trace.amounts()[:, trace.shape_of]
    most, when = [], []
    for amount in amounts:
        level = np.cumsum(np.concatenate([-amount[leaving], amount])[order])
        highest = int(np.argmax(level))
        most.append(int(level[highest]))
        when.append(float(times[order][highest]))
    return most, when
