"""What all runs come to: means and deviations over seeds, and how each policy differs from one of them."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import NamedTuple

from msgspec import Struct

from bench.compare.limit import LIMITS, SERVED, distance
from bench.compare.record import Bound, Record
from bench.compare.statistics import Difference, holm, paired, spread


class Metric(NamedTuple):
    """One number of a run: what it is called, its unit, and how many decimals are worth reading."""

    key: str
    label: str
    unit: str
    decimals: int
    compared: bool = True
    """Whether policies are tested against each other by it; timings are not."""


TIMED = (
    Metric("cpu_mean", "CPU, mean", "% allocated", 2),
    Metric("cpu_peak", "CPU, peak", "% allocated", 2),
    Metric("memory_mean", "memory, mean", "% allocated", 2),
    Metric("memory_peak", "memory, peak", "% allocated", 2),
    Metric("gpu_mean", "GPU, mean", "% allocated", 2),
    Metric("gpu_peak", "GPU, peak", "% allocated", 2),
    Metric("nodes_mean", "nodes, mean", "in use", 1),
    Metric("nodes_peak", "nodes, peak", "in use", 1),
    Metric("never_placed", "never placed", "pods", 1),
    Metric("waited", "waited", "pods", 1),
    Metric("wait_mean_s", "wait, mean", "s", 1),
    Metric("wait_p50_s", "wait, p50", "s", 1),
    Metric("wait_p95_s", "wait, p95", "s", 1),
    Metric("wait_p99_s", "wait, p99", "s", 1),
    Metric("wait_max_s", "wait, longest", "s", 1),
    Metric("pending_peak", "pending, peak", "pods", 1),
)
"""By time: means over time; waits of pods that found a node."""
METRICS = (
    Metric("allocated_100", "allocated at 100 %", "% of GPUs", 2),
    Metric("allocated_115", "allocated at 115 %", "% of GPUs", 2),
    Metric("allocated_{last}", "allocated at {last} %", "% of GPUs", 2),
    Metric("fragmented_50", "fragmented at 50 %", "% of idle GPUs", 2),
    Metric("fragmented_80", "fragmented at 80 %", "% of idle GPUs", 2),
    Metric("failed", "failed", "pods", 0),
    Metric("nodes_at_50", "nodes at 50 %", "nodes in use", 1),
    *TIMED,
    Metric("decisions_per_s", "decisions", "per second", 0, compared=False),
)


class Cell(Struct, frozen=True):
    """One metric of one policy, and how it differs from that of the baseline on the same seeds."""

    mean: float
    std: float | None
    least: float
    most: float
    difference: float | None = None
    p: float | None = None
    """Exact, two-sided, for this comparison alone."""
    p_corrected: float | None = None
    """For all policies that are held against the baseline by this metric on this trace (Holm)."""


class Row(Struct, frozen=True):
    """One policy."""

    policy: str
    seeds: int
    cells: dict[str, Cell]
    seconds: float
    """Of a run, on the average."""
    from_bounds: dict[str, float]
    """By bound, how far the policy is from it: points of all GPUs, or nodes; the mean of the seeds that have both."""


class TraceSummary(Struct, frozen=True):
    """One trace."""

    trace: str
    seeds: list[int]
    baseline: str
    metrics: list[str]
    rows: list[Row]
    bounds: dict[str, float]
    """Means over seeds of what no policy can beat; ``served_percent``, which is taken as given, from least to most."""


def metrics_of(records: Sequence[Record]) -> list[Metric]:
    """Return the metrics that all of some runs have, labels filled in."""
    last = _last(records)
    found: list[Metric] = []
    for metric in METRICS:
        key = metric.key.replace("{last}", last)
        if all(key in record.numbers for record in records) and key not in [each.key for each in found]:
            found.append(metric._replace(key=key, label=metric.label.replace("{last}", last)))
    return found


def summarise(
    records: Sequence[Record], bounds: Sequence[Bound], policies: Sequence[str], baseline: str
) -> TraceSummary:
    """Summarise the runs of one trace; only seeds that all policies have are compared."""
    metrics = metrics_of(records)
    by_policy = {name: {each.seed: each for each in records if each.policy == name} for name in policies}
    by_policy = {name: runs for name, runs in by_policy.items() if runs}
    seeds = sorted(set.intersection(*(set(runs) for runs in by_policy.values())))
    cells = {name: dict[str, Cell]() for name in by_policy}
    for metric in metrics:
        for name, cell in _cells(metric, by_policy, seeds, baseline).items():
            cells[name][metric.key] = cell
    rows = [
        Row(
            name,
            len(runs),
            cells[name],
            sum(run.seconds for run in runs.values()) / len(runs),
            _from_bounds(runs, bounds, _last(records)),
        )
        for name, runs in by_policy.items()
    ]
    return TraceSummary(records[0].trace, seeds, baseline, [each.key for each in metrics], rows, _means(bounds))


def _last(records: Sequence[Record]) -> str:
    """Return the last percent of arrival that the runs of a trace have an allocation at."""
    found = (re.fullmatch(r"allocated_(\d+)", key) for key in records[0].numbers)
    return max((each[1] for each in found if each), key=int, default="")


def _from_bounds(runs: dict[int, Record], bounds: Sequence[Bound], last: str) -> dict[str, float]:
    found = {}
    for limit in LIMITS:
        metric = limit.metric.replace("{last}", last)
        values = {seed: run.numbers[metric] for seed, run in runs.items() if metric in run.numbers}
        of_seed = {bound.seed: bound.numbers[limit.key] for bound in bounds if limit.key in bound.numbers}
        away = distance(limit, of_seed, values)
        if away is not None:
            found[limit.key] = away
    return found


def _means(bounds: Sequence[Bound]) -> dict[str, float]:
    found: dict[str, float] = {}
    for key in dict.fromkeys(key for bound in bounds for key in bound.numbers):
        each = spread([bound.numbers[key] for bound in bounds if key in bound.numbers])
        found |= {f"{key}_least": each.least, f"{key}_most": each.most} if key == SERVED else {key: each.mean}
    return found


def _cells(metric: Metric, by_policy: dict[str, dict[int, Record]], seeds: list[int], baseline: str) -> dict[str, Cell]:
    values = {name: [runs[seed].numbers[metric.key] for seed in sorted(runs)] for name, runs in by_policy.items()}
    shared = {name: [runs[seed].numbers[metric.key] for seed in seeds] for name, runs in by_policy.items()}
    others = [name for name in by_policy if name != baseline] if metric.compared and baseline in by_policy else []
    differences = {name: _tested(shared[name], shared[baseline]) for name in others if seeds}
    corrected = dict(zip(differences, holm([each.p for each in differences.values()]), strict=True))
    cells = {}
    for name, found in values.items():
        each, difference = spread(found), differences.get(name)
        cells[name] = Cell(
            each.mean,
            _number(each.std),
            each.least,
            each.most,
            None if difference is None else difference.mean,
            None if difference is None else _number(difference.p),
            _number(corrected[name]) if name in corrected else None,
        )
    return cells


def _tested(ours: Sequence[float], theirs: Sequence[float]) -> Difference:
    """Compare two policies; where all seeds come to the same they are one, and there is nothing to test."""
    found = paired(ours, theirs)
    return found._replace(p=float("nan")) if len({*ours}) == len({*theirs}) == 1 else found


def _number(value: float) -> float | None:
    return None if value != value else value
