"""Totals: weighted scores added up node by node."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sched_core.kernels.jit import kernel


@kernel
def add_scores(raw: NDArray[np.int64], weight: int, most: int, total: NDArray[np.int32]) -> int:
    """Add ``weight`` times the scores int64[N] to the totals int32[N] of feasible nodes; others are negative and stay.

    Return how many scores of feasible nodes are not 0 to ``most``.
    """
    broken = 0
    for i in range(len(total)):
        feasible = total[i] >= 0
        broken += feasible & ((raw[i] < 0) | (raw[i] > most))
        total[i] += np.int32(weight * raw[i]) if feasible else np.int32(0)
    return broken
