"""Go durations, to and from nanoseconds."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sched_core.config.duration import format_duration, parse_duration

S = 10**9
GOOD = {
    "0": 0,
    "0s": 0,
    "5s": 5 * S,
    "1m30s": 90 * S,
    "1h1m1s": 3661 * S,
    "100ms": S // 10,
    "1.5s": 3 * S // 2,
    ".5m": 30 * S,
    "5.s": 5 * S,
    "-1m": -60 * S,
    "+2s": 2 * S,
    "3us": 3000,
    "3µs": 3000,
    "7ns": 7,
    "0.3ns": 0,
    "2562047h47m16.854775807s": 2**63 - 1,
    "-2562047h47m16.854775808s": -(2**63),
}
BAD = {
    "": 'time: invalid duration ""',
    "s": 'time: invalid duration "s"',
    ".s": 'time: invalid duration ".s"',
    "-": 'time: invalid duration "-"',
    "15": 'time: missing unit in duration "15"',
    "1s5": 'time: missing unit in duration "1s5"',
    "5x": 'time: unknown unit "x" in duration "5x"',
    "1 s": 'time: unknown unit " s" in duration "1 s"',
    "2562048h": 'time: invalid duration "2562048h"',
}


@pytest.mark.parametrize(("text", "nanoseconds"), GOOD.items())
def test_good(text: str, nanoseconds: int) -> None:
    assert parse_duration(text) == nanoseconds


@pytest.mark.parametrize(("text", "message"), BAD.items())
def test_bad(text: str, message: str) -> None:
    with pytest.raises(ValueError) as raised:
        parse_duration(text)
    assert str(raised.value) == message


def test_printed_as_go_does() -> None:
    shown = {0: "0s", 15 * S: "15s", 600 * S: "10m0s", 3661 * S: "1h1m1s", 3600 * S: "1h0m0s", S // 10: "100ms"}
    shown |= {1_500_000: "1.5ms", 1500: "1.5µs", 7: "7ns", -3 * S // 2: "-1.5s", 60 * S + 1: "1m0.000000001s"}
    assert {value: format_duration(value) for value in shown} == shown


@given(st.integers(-(2**63), 2**63 - 1))
def test_there_and_back(nanoseconds: int) -> None:
    assert parse_duration(format_duration(nanoseconds)) == nanoseconds
