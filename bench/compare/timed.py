"""One policy on one trace by time (pods come and go, and wait) → a record."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from bench.compare.policy import Policy
from bench.compare.record import RESOURCES, Curve, Record, by_size, size_classes
from bench.timed.experiment import Experiment, simulate
from bench.timed.result import WAITS, Figures, Levels
from bench.traces.trace import Nodes, Trace

POINTS = 240
"""Equal stretches of time that a curve has: each shows the mean over it."""


class TimedInputs(NamedTuple):
    """What comes and goes, and on which nodes."""

    nodes: Nodes
    trace: Trace


def run_timed(key: str, label: str, inputs: TimedInputs, policy: Policy, seed: int) -> Record:
    """Run an experiment."""
    nodes, trace = inputs
    done = simulate(Experiment(nodes, trace, policy.here(), seed))
    figures = Figures(nodes, trace, done)
    totals = figures.capacity.sum(axis=1)
    levels = {
        name: (figures.allocated(number), 100.0 / int(totals[number]))
        for number, name in enumerate(RESOURCES)
        if totals[number]
    }
    levels |= {"nodes": (figures.nodes_in_use(), 1.0), "pending": (figures.pending(), 1.0)}
    waits = figures.waits_s()
    amounts = np.array([(shape.gpus, shape.gpu_milli) for shape in trace.shapes], np.int64)[trace.shape_of].T
    return Record(
        key=key,
        trace=label,
        policy=policy.label,
        seed=seed,
        numbers={
            **_of_levels(levels),
            "never_placed": float(np.count_nonzero(~figures.placed)),
            "waited": float(np.count_nonzero(waits > 0)),
            **_of_waits(waits),
            "decisions_per_s": done.decisions / done.seconds if done.seconds else 0.0,
        },
        curve=_curve(levels, figures.end_s),
        sizes=by_size(size_classes(*amounts), ~figures.placed),
        utilisation=dict(zip(RESOURCES, map(_rounded, figures.by_node()), strict=True)),
        seconds=done.seconds,
    )


def _of_levels(levels: dict[str, tuple[Levels, float]]) -> dict[str, float]:
    numbers = {}
    for name, (level, factor) in levels.items():
        numbers[f"{name}_mean"], numbers[f"{name}_peak"] = level.mean * factor, level.peak * factor
    return numbers


def _of_waits(waits: NDArray[np.float64]) -> dict[str, float]:
    """Return mean, percentiles and maximum in s; 0 where no pod has found a node."""
    known = waits if len(waits) else np.zeros(1)
    percentiles = np.percentile(known, WAITS).tolist()
    numbers = {"wait_mean_s": float(known.mean())}
    numbers |= {f"wait_p{each}_s": value for each, value in zip(WAITS, percentiles, strict=True)}
    return numbers | {"wait_max_s": float(known.max())}


def _curve(levels: dict[str, tuple[Levels, float]], end_s: float) -> Curve:
    edges = np.linspace(0.0, end_s, (POINTS if end_s else 1) + 1)
    middles = (edges[1:] + edges[:-1]) / 2
    values = {name: np.round(level.means(edges) * factor, 4).tolist() for name, (level, factor) in levels.items()}
    return Curve(middles.tolist(), values)


def _rounded(percent: NDArray[np.float64]) -> list[float]:
    """Return percentages with two decimals, -1 where there is nothing to use."""
    values: list[float] = np.round(np.where(np.isnan(percent), -1.0, percent), 2).tolist()
    return values
