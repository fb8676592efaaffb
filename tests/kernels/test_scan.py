"""The scan for feasible nodes against the same in a few lines of Python."""

from __future__ import annotations

import random

import numpy as np
import pytest

from sched_core.kernels.scan import scan


def naive(order: list[int], passed: list[bool], start: int, wanted: int) -> tuple[list[int], int]:
    found: list[int] = []
    for seen, row in enumerate(order[start:] + order[:start]):
        if passed[row]:
            if len(found) == wanted:
                return found, seen
            found.append(row)
    return found, len(order)


@pytest.mark.parametrize("seed", range(50))
def test_scan(seed: int) -> None:
    rng = random.Random(seed)
    rows = rng.randint(1, 40)
    order = rng.sample(range(rows), rng.randint(0, rows))
    passed = [rng.random() < rng.choice([0, 0.3, 1]) for _ in range(rows)]
    start, wanted = rng.randrange(max(len(order), 1)), rng.randint(0, rows)
    found = np.zeros(wanted, np.int64)
    count, seen = scan(np.array(order, np.int32), np.array(passed), start, wanted, found)
    assert (found[:count].tolist(), seen) == naive(order, passed, start, wanted)
