"""What a device is worth: the price of the pods that it can still take, by how much is free on it.

A pod of a size has as price mostly the part of a device that it costs in the best packing of all that come: the dual
price of its size in the cutting-stock problem (Gilmore and Gomory, Operations Research 9, 1961). So 190 free milli,
which nearly no pod can use, are worth next to nothing, and 530, into which a pod of 470 fits, most of what they are.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from plugins.policies.gpu_share import WHOLE
from plugins.policies.typical_pods import TypicalPod

OWN_SIZE = 0.25
"""The part that a pod's own size has in its price; the rest is what it costs in the best packing."""
DRAWS = 200
"""So many pods come by a device, which takes of each or leaves it, whatever is better."""
PATTERNS_MAX = 1000
_EPSILON, _ENOUGH = 1e-9, 1e-7


def device_worth(pods: Sequence[TypicalPod]) -> NDArray[np.float64]:
    """Return float64[1001]: the worth in milli-GPU of a device with 0 to 1,000 milli free; nothing without GPU pods."""
    often: dict[int, float] = {}
    for pod in pods:
        if pod.gpu_count:
            often[pod.gpu_milli] = often.get(pod.gpu_milli, 0.0) + pod.share * pod.gpu_count
    if not often:
        return np.zeros(WHOLE + 1)
    sizes = np.array(sorted(often), np.int64)
    demand = np.array([often[size] for size in sizes.tolist()])
    demand /= demand.sum()
    prices = OWN_SIZE * sizes + (1 - OWN_SIZE) * WHOLE * parts(sizes, demand)
    worth = np.zeros(WHOLE + 1)
    for _ in range(DRAWS):
        expected = np.zeros(WHOLE + 1)
        for size, share, price in zip(sizes.tolist(), demand.tolist(), prices.tolist(), strict=True):
            taken = worth.copy()
            taken[size:] = np.maximum(worth[size:], worth[: WHOLE + 1 - size] + price)
            expected += share * taken
        worth = expected
    return worth


def parts(sizes: NDArray[np.int64], demand: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return float64[S]: the part of a device that a pod of each size costs where devices are packed best.

    ``sizes`` int64[S] are distinct, ascending and at most 1,000, ``demand`` float64[S] says how often each comes.
    Patterns of one device are made as they are needed (column generation).
    """
    basis = np.diag((WHOLE // sizes).astype(np.float64))
    part = np.zeros(len(sizes))
    for _ in range(PATTERNS_MAX):
        part = np.linalg.solve(basis.T, np.ones(len(sizes))).astype(np.float64)
        value, pattern = _best_pattern(sizes, part)
        if value <= 1 + _ENOUGH:
            break
        amounts, enters = np.linalg.solve(basis, demand), np.linalg.solve(basis, pattern)
        ratios = np.full(len(sizes), np.inf)
        np.divide(amounts, enters, out=ratios, where=enters > _EPSILON)
        basis[:, int(ratios.argmin())] = pattern
    return part


def _best_pattern(sizes: NDArray[np.int64], part: NDArray[np.float64]) -> tuple[float, NDArray[np.float64]]:
    """Return the pods that fit on a device and are worth most together, and their value."""
    value, last = [0.0] * (WHOLE + 1), [-1] * (WHOLE + 1)
    pairs = list(enumerate(zip(sizes.tolist(), part.tolist(), strict=True)))
    for free in range(1, WHOLE + 1):
        value[free] = value[free - 1]
        for number, (size, gain) in pairs:
            if size <= free and value[free - size] + gain > value[free] + _EPSILON:
                value[free], last[free] = value[free - size] + gain, number
    pattern, free = np.zeros(len(sizes)), WHOLE
    while free > 0:
        if last[free] < 0:
            free -= 1
        else:
            pattern[last[free]] += 1
            free -= int(sizes[last[free]])
    return value[WHOLE], pattern
