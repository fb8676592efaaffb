"""Made-up traces like a real one, of any size.

What is kept of the fitted trace:

* *shapes*: the joint distribution of cpu, memory, devices, share of a device and models, which is that of the trace
  itself: no combination comes that does not occur there;
* *bursts*: pods of one shape that come within a second of each other, one after the other, stay together; shape and
  size of a burst are drawn together;
* *course*: bursts come as a Poisson process whose rate, and the mix of bursts, vary over the span as in the trace (in
  up to 200 intervals); with another span the course is stretched;
* *durations*: for each shape those of its pods (of similar shapes where it has fewer than 30), smoothed: a drawn
  duration is multiplied by a lognormal factor (sigma 0.1); and the share of pods that never go.

What is not kept: dependence between bursts beyond the course (users, retries, a job's second try), between the
durations of a burst's pods, between duration and time of day, and names.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.traces.trace import Times, Trace, in_order
from sched_core import NumberedNames

BURST_GAP_S, INTERVALS, BURSTS_PER_INTERVAL = 1.0, 200, 20
ENOUGH_DURATIONS, SMOOTHING = 30, 0.1


class Fitted(NamedTuple):
    """What is kept of a trace."""

    trace: Trace
    burst_shape: NDArray[np.int32]
    """int32[B]: the shape of each burst of the trace."""
    burst_size: NDArray[np.int64]
    burst_interval: NDArray[np.int64]
    """int64[B]: the interval of the span in which each burst comes."""
    intervals: int
    durations: list[Times]
    """By shape; inf: a pod that never goes."""


def fit(trace: Trace) -> Fitted:
    """Work out what `generate` needs of a trace."""
    gap = np.diff(trace.created_s, prepend=-np.inf) > BURST_GAP_S
    first = np.flatnonzero(gap | (np.diff(trace.shape_of, prepend=-1) != 0))
    if not trace.span_s:  # without times there are no bursts
        first = np.arange(trace.count)
    size = np.diff(first, append=trace.count)
    intervals = max(1, min(INTERVALS, len(first) // BURSTS_PER_INTERVAL))
    interval = np.minimum(trace.created_s[first] * (intervals / (trace.span_s or 1.0)), intervals - 1)
    return Fitted(trace, trace.shape_of[first], size, interval.astype(np.int64), intervals, _durations(trace))


def generate(fitted: Fitted, pods: int, seed: int, span_s: float | None = None) -> Trace:
    """Make ``pods`` pods that come over ``span_s`` seconds (default: the span of the trace, so more come at a time)."""
    draw = np.random.Generator(np.random.PCG64([seed, 0x7472616365]))
    span = fitted.trace.span_s if span_s is None else span_s
    mean = float(fitted.burst_size.mean())
    bursts = np.zeros(0, np.int64)
    while fitted.burst_size[bursts].sum() < pods:
        more = int((pods - fitted.burst_size[bursts].sum()) / mean) + 16
        bursts = np.append(bursts, draw.integers(0, len(fitted.burst_size), more))
    begin = (fitted.burst_interval[bursts] + draw.random(len(bursts))) * (span / fitted.intervals)
    created = np.repeat(begin, fitted.burst_size[bursts])[:pods]
    shape_of = np.repeat(fitted.burst_shape[bursts], fitted.burst_size[bursts])[:pods]
    duration = np.empty(pods)
    for shape in np.unique(shape_of).tolist():
        those = np.flatnonzero(shape_of == shape)
        duration[those] = draw.choice(fitted.durations[shape], len(those))
    duration *= np.exp(draw.normal(0.0, SMOOTHING, pods))
    title = f"{pods:,} pods like those of {fitted.trace.title}, seed {seed}"
    names = NumberedNames(f"pod-{{:0{max(5, len(str(pods - 1)))}d}}", pods)
    trace = in_order(title, names, fitted.trace.shapes, shape_of, created, created + duration)
    return Trace(title, names, trace.shapes, trace.shape_of, trace.created_s, trace.deleted_s)


def _durations(trace: Trace) -> list[Times]:
    """Return the durations to draw from, by shape: its own, and those of the nearest shapes where they are few."""
    duration = trace.deleted_s - trace.created_s
    own = [duration[trace.shape_of == shape] for shape in range(len(trace.shapes))]
    amounts = np.log2(trace.amounts() + np.array([[100], [1 << 27], [50]]))  # about as much as is next to nothing
    found = []
    for shape, durations in enumerate(own):
        if len(durations) < ENOUGH_DURATIONS:
            distance = np.abs(amounts - amounts[:, [shape]]).sum(axis=0)
            nearest, total = [], 0
            for each in np.argsort(distance, kind="stable").tolist():
                nearest.append(own[each])
                total += len(own[each])
                if total >= ENOUGH_DURATIONS:
                    break
            durations = np.concatenate(nearest)
        found.append(durations)
    return found
