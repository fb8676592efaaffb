"""Means, standard deviations, and an exact paired test over seeds with a correction for several comparisons."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

MOST_EXACT = 16
"""Pairs up to which all assignments of signs are looked at: 65,536 of them."""
DRAWS = 100_000
Floats = NDArray[np.float64]


class Spread(NamedTuple):
    """Mean, sample standard deviation (n - 1; NaN for one value), least and most."""

    mean: float
    std: float
    least: float
    most: float


class Difference(NamedTuple):
    """What two policies differ by over the same seeds."""

    mean: float
    std: float
    p: float
    """Two-sided, of the sign-flip permutation test; NaN for fewer than two pairs."""


def spread(values: Sequence[float] | Floats) -> Spread:
    """Summarise the values of some seeds."""
    array = np.asarray(values, np.float64)
    std = float(array.std(ddof=1)) if len(array) > 1 else float("nan")
    return Spread(float(array.mean()), std, float(array.min()), float(array.max()))


def paired(ours: Sequence[float] | Floats, theirs: Sequence[float] | Floats) -> Difference:
    """Compare two policies over the same seeds, in the same order."""
    difference = np.asarray(ours, np.float64) - np.asarray(theirs, np.float64)
    if len(difference) < 2:
        return Difference(float(difference.mean()), float("nan"), float("nan"))
    return Difference(float(difference.mean()), float(difference.std(ddof=1)), sign_flip_p(difference))


def sign_flip_p(difference: Floats) -> float:
    """Return the two-sided p-value of a paired permutation test.

    If a seed's two results could as well be swapped, each sign of its difference is as likely as the other. p is the
    share of assignments of signs whose sum is at least as far from 0 as the one seen: of all 2^n of them up to 16
    pairs, else of 100,000 drawn ones and the one seen. With n pairs p is never below 2^(1 - n): 0.002 for ten seeds.
    """
    count = len(difference)
    seen = abs(float(difference.sum()))
    enough = seen - 1e-9 * max(float(np.abs(difference).sum()), 1e-300)  # sums in another order are not quite equal
    if count <= MOST_EXACT:
        signs = 1 - 2 * (np.arange(1 << count)[:, None] >> np.arange(count) & 1)
        return float(np.mean(np.abs(signs @ difference) >= enough))
    draw = np.random.Generator(np.random.PCG64(count))
    hits = 1
    for start in range(0, DRAWS, 10_000):
        signs = 1 - 2 * draw.integers(0, 2, (min(10_000, DRAWS - start), count))
        hits += int(np.count_nonzero(np.abs(signs @ difference) >= enough))
    return hits / (DRAWS + 1)


def holm(p_values: Sequence[float]) -> list[float]:
    """Return p-values corrected for their number (Holm's step-down method); NaN stays NaN and does not count."""
    order = sorted((p, position) for position, p in enumerate(p_values) if not np.isnan(p))
    corrected = [float("nan")] * len(p_values)
    highest = 0.0
    for rank, (p, position) in enumerate(order):
        highest = max(highest, min(1.0, (len(order) - rank) * p))
        corrected[position] = highest
    return corrected
