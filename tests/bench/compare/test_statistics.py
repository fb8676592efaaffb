"""The paired test: exact values by hand, against all assignments of signs, and Holm's correction."""

from __future__ import annotations

from itertools import product
from math import erfc, isnan, sqrt

import numpy as np
import pytest

from bench.compare.statistics import holm, paired, sign_flip_p, spread


def test_spread_of_a_sample() -> None:
    found = spread([1.0, 2.0, 4.0])
    assert found.mean == pytest.approx(7 / 3)
    assert (found.least, found.most) == (1, 4)
    assert found.std == pytest.approx(np.sqrt(7 / 3))
    assert isnan(spread([5.0]).std)


@pytest.mark.parametrize(
    ("difference", "p"),
    [
        ([1.0] * 10, 2 / 1024),  # all of one sign: the smallest p of ten pairs
        ([1.0, -1.0], 1.0),
        ([3.0, 1.0], 0.5),
        ([0.0, 0.0, 0.0], 1.0),
        ([0.1, 0.2, 0.3], 0.25),  # sums that are equal but for rounding count as equal
        ([0.3, -0.1, -0.2], 1.0),
    ],
)
def test_p_by_hand(difference: list[float], p: float) -> None:
    assert sign_flip_p(np.array(difference)) == pytest.approx(p)


def test_p_is_the_share_of_all_assignments_of_signs() -> None:
    difference = np.random.default_rng(3).normal(0.4, 1.0, 7)
    signs = np.array([*product((1, -1), repeat=7)])
    sums = np.abs(signs @ difference)
    share = float(np.mean(sums >= abs(difference.sum()) - 1e-12))
    assert sign_flip_p(difference) == pytest.approx(share)


def test_with_many_pairs_signs_are_drawn() -> None:
    difference = np.random.default_rng(4).normal(0.25, 1.0, 40)
    p = sign_flip_p(difference)
    assert p == sign_flip_p(difference)
    # the sum of so many signs is nearly normal
    z = abs(difference.sum()) / np.sqrt((difference**2).sum())
    assert p == pytest.approx(erfc(z / sqrt(2)), abs=0.01)


def test_pairing_is_by_seed() -> None:
    ours, theirs = [1.0, 11.0, 21.0, 31.0, 41.0, 51.0], [0.0, 10.0, 20.0, 30.0, 40.0, 50.0]
    found = paired(ours, theirs)
    assert (found.mean, found.std, found.p) == (1, 0, 2 / 64)
    assert isnan(paired([1.0], [0.0]).p)


def test_holm() -> None:
    assert holm([0.01, 0.04, 0.03, 0.005]) == pytest.approx([0.03, 0.06, 0.06, 0.02])
    assert holm([0.6, 0.9]) == pytest.approx([1.0, 1.0])
    nan = holm([float("nan"), 0.02])
    assert isnan(nan[0]) and nan[1] == 0.02
