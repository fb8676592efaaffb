"""The natural logarithm as Go computes it on amd64 (FreeBSD's e_log without fused multiply-add).

It can differ from the C library's by one unit in the last place, and a score is rounded from it.
"""

from __future__ import annotations

import math
from functools import cache

import numpy as np
from numpy.typing import NDArray

_LN2_HI = 6.93147180369123816490e-01
_LN2_LO = 1.90821492927058770002e-10
_L1 = 6.666666666666735130e-01
_L2 = 3.999999999940941908e-01
_L3 = 2.857142874366239149e-01
_L4 = 2.222219843214978396e-01
_L5 = 1.818357216161805012e-01
_L6 = 1.531383769920937332e-01
_L7 = 1.479819860510658591e-01


@cache
def go_log(x: int) -> float:
    """Return ln(x) for a positive number."""
    return float(go_logs(np.array([x]))[0])


def go_logs(x: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return ln(x) of positive numbers."""
    f, k = np.frexp(x.astype(np.float64))
    low = f < math.sqrt(2) / 2
    f, k = np.where(low, f * 2, f) - 1, np.where(low, k - 1, k)
    s = f / (2 + f)
    s2 = s * s
    s4 = s2 * s2
    t1 = s2 * (_L1 + s4 * (_L3 + s4 * (_L5 + s4 * _L7)))
    t2 = s4 * (_L2 + s4 * (_L4 + s4 * _L6))
    r = t1 + t2
    half = 0.5 * f * f
    logs: NDArray[np.float64] = k * _LN2_HI - ((half - (s * (half + r) + k * _LN2_LO)) - f)
    return logs
