"""The result of a replay as it is printed and written as JSON."""

from __future__ import annotations

from math import isnan

import numpy as np
from msgspec import Struct

from bench.replay.run import Run
from bench.traces.trace import WHOLE, Nodes, Trace
from sched_core import InvalidObjects, Problem

AT_PERCENT = (50, 80, 100, 130)
"""Percent of arrival that the table has."""


class Size(Struct, frozen=True):
    """How pods of one size fared."""

    size: str
    pods: int
    failed: int


class Result(Struct, frozen=True):
    """One replay; curves have an entry for each percent of arrival, from 0 on, null where there was no event."""

    trace: str
    policy: str
    seed: int
    ratio: float
    nodes: int
    gpus: int
    pods: int
    failed: int
    alloc_at: dict[str, float]
    """Percent of arrival -> what is allocated, in percent of all devices."""
    frag_ratio_at: dict[str, float]
    """Percent of arrival -> how much of what is free is fragmented, in percent."""
    by_size: list[Size]
    seconds: float
    compile_seconds: float
    alloc: list[float | None]
    frag_ratio: list[float | None]


def summarise(run: Run, nodes: Nodes, trace: Trace) -> Result:
    """Return the result of a run; raises InvalidObjects if no pod arrived."""
    if not len(run.pod):
        raise InvalidObjects([Problem(trace.title, "", "", "no pod arrives at this ratio")])
    alloc, frag_ratio = ([None if isnan(value) else value for value in curve.tolist()] for curve in
                         (run.alloc, run.frag_ratio_by_arrival))  # fmt: skip
    return Result(
        trace=trace.title,
        policy=run.policy,
        seed=run.seed,
        ratio=run.ratio,
        nodes=nodes.count,
        gpus=run.capacity_milli // WHOLE,
        pods=len(run.pod),
        failed=int((run.node < 0).sum()),
        alloc_at=_at(alloc),
        frag_ratio_at=_at(frag_ratio),
        by_size=sizes(run),
        seconds=run.seconds,
        compile_seconds=run.compile_seconds,
        alloc=alloc,
        frag_ratio=frag_ratio,
    )


def sizes(run: Run) -> list[Size]:
    """Return how many pods of each size came, and how many of them were placed nowhere."""
    part = (run.gpu_count == 1) & (run.gpu_milli < WHOLE)
    size = np.where(part, 0, np.where(run.gpu_count == 0, -1, run.gpu_count))
    found = []
    for each in np.unique(size).tolist():
        mine = size == each
        name = {-1: "no GPU", 0: "a part of a GPU", 1: "1 GPU"}.get(each, f"{each} GPUs")
        found.append(Size(name, int(mine.sum()), int((mine & (run.node < 0)).sum())))
    return found


def _at(curve: list[float | None]) -> dict[str, float]:
    points = ((percent, curve[percent]) for percent in AT_PERCENT if percent < len(curve))
    return {str(percent): value for percent, value in points if value is not None}
