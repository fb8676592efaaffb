"""Find enough feasible nodes (upstream: schedule_one.go, findNodesThatPassFilters)."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from sched_core.kernels.jit import kernel


@kernel
def scan(
    order: NDArray[np.int32], passed: NDArray[np.bool_], start: int, wanted: int, found: NDArray[np.int64]
) -> tuple[int, int]:
    """Walk ``order`` around from ``start`` until one node more than ``wanted`` has passed, which does not count.

    ``passed`` bool[N] is by row; rows go to ``found`` int64[>= wanted]. Return how many were found, and how many were
    looked at.
    """
    count, length = 0, len(order)
    for seen in range(length):
        position = start + seen
        row = order[position if position < length else position - length]
        if passed[row]:
            if count == wanted:
                return count, seen
            found[count] = row
            count += 1
    return count, length
