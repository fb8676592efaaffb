"""The choice among the best nodes, against Go's heap really built (tests.naive.order)."""

from __future__ import annotations

import random

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sched_core.kernels.select import BLOCK, best_in_preorder, best_of_blocks, measure_block, select_host
from tests.naive.order import select_host as built

LARGEST = 2**31 - 1


def chosen(totals: list[int], start: int = 0) -> int:
    """Return the position that the kernel takes; in the array stands more than what counts, as in a column."""
    count, blocks = len(totals), -(-len(totals) // BLOCK)
    array = np.full(count + 7, LARGEST, np.int32)
    array[:count] = totals
    scratch = np.full((3, blocks + 3), -77, np.int32)
    found = best_in_preorder(array, count, start, scratch[0], scratch[1], scratch[2])
    for b in range(blocks):
        assert tuple(measure_block(array[b * BLOCK : min((b + 1) * BLOCK, count)])) == (scratch[0, b], scratch[1, b])
    assert best_of_blocks(array, count, start, scratch[0], scratch[1], scratch[2]) == found
    return int(found)


def expected(totals: list[int], start: int = 0) -> int:
    """Return the position of the winner: the heap is made of the feasible positions, scanned from ``start`` around."""
    scanned = [*range(start, len(totals)), *range(start)]
    feasible = [position for position in scanned if totals[position] >= 0]
    return feasible[built([totals[position] for position in feasible])] if feasible else -1


@settings(max_examples=400, deadline=None)
@given(st.lists(st.integers(-1, 2), max_size=40), st.data())
def test_small_arrays(totals: list[int], data: st.DataObject) -> None:
    start = data.draw(st.integers(0, max(len(totals) - 1, 0)))
    assert chosen(totals, start) == expected(totals, start)


def test_all_arrays_of_up_to_seven_nodes() -> None:
    for size in range(1, 8):
        for number in range(3**size):
            totals = [number // 3**i % 3 - 1 for i in range(size)]
            assert chosen(totals) == expected(totals), totals


@pytest.mark.parametrize("size", [BLOCK - 1, BLOCK, BLOCK + 1, 5 * BLOCK, 2500, 6000])
@pytest.mark.parametrize("infeasible", [0.0, 0.05, 0.6, 0.99])
@pytest.mark.parametrize("distinct", [1, 2, 30, 10**6])
def test_large_arrays(size: int, infeasible: float, distinct: int) -> None:
    """Many ties and few, dense and sparse, and ties in few and in many blocks."""
    rng = random.Random(f"{size} {infeasible} {distinct}")
    for _ in range(4):
        totals = [-1 if rng.random() < infeasible else rng.randrange(distinct) for _ in range(size)]
        start = rng.choice([0, 0, rng.randrange(size), size - 1])
        assert chosen(totals, start) == expected(totals, start)


@pytest.mark.parametrize("where", ["front", "back", "middle", "sprinkled", "leaves"])
@pytest.mark.parametrize("size", [300, 5000])
def test_ties_that_crowd_in_one_place(where: str, size: int) -> None:
    rng = random.Random(where)
    tops = {
        "front": range(size // 10),
        "back": range(size - size // 10, size),
        "middle": range(size // 2, size // 2 + size // 5),
        "sprinkled": rng.sample(range(size), size // 20),
        "leaves": range(size // 2, size),
    }[where]
    totals = [rng.randrange(5) for _ in range(size)]
    for position in tops:
        totals[position] = 9
    for start in (0, 1, BLOCK, size // 2, size - 1):
        assert chosen(totals, start) == expected(totals, start)


def test_edges() -> None:
    assert chosen([]) == -1
    assert chosen([-1] * 300) == -1
    assert chosen([0]) == 0
    assert chosen([-1] * 299 + [0]) == 299
    assert chosen([LARGEST, LARGEST]) == 0
    assert chosen([-5, -1, LARGEST, -(2**31)]) == 2
    assert select_host(np.array([5, 7, 9, 9], np.int32)) == 3
    assert select_host(np.zeros(0, np.int32)) == -1
