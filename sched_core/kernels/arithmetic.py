"""Exact integer quotients, in integers and in floating point.

Compiled batches hold integers in float64, because a 64-bit integer division costs 20 times a floating-point one and is
not vectorised. That is exact while the numbers are below 2**46: ``100 * part`` is then below 2**53, so the only
rounding is that of the division; a quotient x / whole (at most 100) that is no integer is at least 1 / whole > 2**-46
away from the next integer, more than the 2**-47 by which rounding can move it.
"""

from __future__ import annotations

import numpy as np

from sched_core.kernels.jit import kernel

EXACT_BELOW = 1 << 46
"""Integers below this bound (allocatable amounts) give exact results in float64."""


@kernel(inline=True)
def percent(part: int, whole: int) -> int:
    """Return 100 * part / whole truncated, for part >= 0 and whole > 0."""
    return part * 100 // whole


@kernel(inline=True)
def quotient(part: int, whole: int) -> int:
    """Return part / whole truncated, for part >= 0 and whole > 0."""
    return part // whole


@kernel(inline=True)
def percent_float(part: float, whole: float) -> float:
    """Return `percent` of exact integers below 2**46 in float64."""
    return np.floor(part * 100.0 / whole)  # type: ignore[no-any-return]


@kernel(inline=True)
def quotient_float(part: float, whole: float) -> float:
    """Return `quotient` of exact integers below 2**46 in float64."""
    return np.floor(part / whole)  # type: ignore[no-any-return]
