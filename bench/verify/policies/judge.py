"""How far replays agree with published runs: curve by curve where chance plays no part, else by their means."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np

from bench.verify.compare import Difference
from bench.verify.outcome import Outcome
from bench.verify.policies.read import Floats, Published

BY_CHANCE = "Random"
"""The policy whose runs cannot be repeated."""
TOLERANCES = {"alloc": 0.005, "frag_ratio": 1e-6}
"""What is published of allocation has two decimals."""
CELLS = {"alloc": (100, 115, 130), "frag_ratio": (50, 80)}
"""Percents of arrival at which the means of runs by chance are compared."""
UNIT = "columns"


class Curves(NamedTuple):
    """What a replay gave, by percent of arrival."""

    alloc: Floats
    frag_ratio: Floats


def compare_run(published: Published, got: Curves) -> Outcome:
    """Compare every column of both curves; the first one that differs is told."""
    total, agree, first = 0, 0, None
    for name, tolerance in TOLERANCES.items():
        expected, found = getattr(published, name), getattr(got, name)
        short = max(len(expected) - len(found), 0)
        found = np.concatenate([found, np.full(short, np.nan)])[: len(expected)]
        same = np.abs(found - expected) <= tolerance  # NaN is never the same
        total, agree = total + len(same), agree + int(same.sum())
        if first is None and not same.all():
            percent = int(np.argmin(same))
            first = Difference(f"{name}[{percent}]", float(expected[percent]), _shown(found[percent]), published.policy)
    return Outcome(total, agree, f"seed {published.seed}", first, unit=UNIT)


def compare_means(published: Sequence[Published], got: Sequence[Curves]) -> Outcome:
    """Compare the means over seeds: they may differ by 3 s sqrt(1/m + 1/n) + 0.01, s being the published deviation."""
    total, agree, first = 0, 0, None
    for name, percents in CELLS.items():
        expected = np.array([getattr(run, name) for run in published])
        found = np.array([getattr(run, name)[: expected.shape[1]] for run in got])
        for percent in percents:
            if percent >= min(expected.shape[1], found.shape[1]):
                continue
            mean, now = expected[:, percent].mean(), found[:, percent].mean()
            spread = expected[:, percent].std(ddof=1) if len(expected) > 1 else np.nan
            allowed = 3 * spread * np.sqrt(1 / len(expected) + 1 / len(found)) + 0.01
            same = bool(abs(now - mean) <= allowed)
            total, agree = total + 1, agree + same
            if first is None and not same:
                text = f"{mean:.3f} ± {allowed:.3f}"
                first = Difference(f"mean of {name}[{percent}]", text, _shown(now), published[0].policy)
    return Outcome(total, agree, f"{len(published)} seeds", first, unit=UNIT)


def _shown(value: float) -> float | None:
    return None if np.isnan(value) else float(value)
