"""Quotients in floating point are exact up to the bound that the module names, and not far beyond it."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from sched_core import kernel
from sched_core.kernels.arithmetic import EXACT_BELOW, percent, percent_float, quotient, quotient_float

TOP = EXACT_BELOW - 1


@kernel
def all_four(part: int, whole: int, numerator: int, out: np.ndarray[tuple[int], np.dtype[np.float64]]) -> None:
    """Call the four as row functions do: inlined into compiled code, numbers as int64 and as float64."""
    out[0] = percent(part, whole)
    out[1] = percent_float(float(part), float(whole))
    out[2] = quotient(numerator, whole)
    out[3] = quotient_float(float(numerator), float(whole))


def check(part: int, whole: int, numerator: int) -> None:
    out = np.zeros(4)
    all_four(part, whole, numerator, out)
    assert out.tolist() == [100 * part // whole] * 2 + [numerator // whole] * 2


AMOUNTS = st.one_of(
    st.integers(1, TOP), st.integers(TOP - 300, TOP), st.integers(1, 300), st.sampled_from([2**k for k in range(46)])
)


@settings(max_examples=800, deadline=None)
@given(AMOUNTS, AMOUNTS, AMOUNTS)
@example(TOP, TOP, TOP)
@example(1, TOP, TOP)
@example(TOP - 1, TOP, 1)
def test_exact_for_all_amounts_below_the_bound(whole: int, part: int, numerator: int) -> None:
    part = min(part, whole)
    check(part, whole, numerator)
    check(0, whole, 0)


@settings(max_examples=800, deadline=None)
@given(AMOUNTS, st.integers(0, 100), st.integers(-1, 1))
def test_exact_next_to_whole_percents(whole: int, percents: int, off: int) -> None:
    """The shares next to the steps of the result are where rounding would show."""
    part = min(max(whole * percents // 100 + off, 0), whole)
    check(part, whole, min(max(whole * percents + off, 0), TOP))


@pytest.mark.parametrize("bytes_", [2**30, 3 * 2**30, 64 * 10**9, 10 * 2**40, 17_179_869_183])
def test_every_step_of_usual_amounts(bytes_: int) -> None:
    for percents in range(101):
        for off in (-1, 0, 1):
            part = min(max(-(-bytes_ * percents // 100) + off, 0), bytes_)
            check(part, bytes_, part)


def test_the_bound_is_needed() -> None:
    """Far above it float64 does go wrong, so a cluster with such amounts must be decided in integers."""
    whole = 2**60 + 1
    assert percent_float(float(whole - 1), float(whole)) != percent(whole - 1, whole)


def test_whole_numbers_come_out_of_both_forms_as_what_they_are() -> None:
    assert (percent(1, 3), quotient(7, 2)) == (33, 3)
    assert (float(percent_float(1.0, 3.0)), float(quotient_float(7.0, 2.0))) == (33.0, 3.0)
