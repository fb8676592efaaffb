"""Integers are read as Go reads them, whatever Python would take or refuse."""

from __future__ import annotations

import pytest

from cluster_shim.api.integers import IntegerError, parse_int, parse_uint

LONG = "9" * 5000
"""More digits than Python's int() reads."""


@pytest.mark.parametrize(
    ("text", "number"),
    [("0", 0), ("-0", 0), ("+7", 7), ("007", 7), ("-9223372036854775808", -(2**63)), ("0" * 5000 + "12", 12)],
)
def test_signed(text: str, number: int) -> None:
    assert parse_int(text) == number


@pytest.mark.parametrize("text", ["", "-", "+-1", "--5", "1_0", " 1", "1\n", "²", "٣", "0x1", "1.0"])
def test_no_integers(text: str) -> None:
    with pytest.raises(IntegerError, match=r"^strconv\.ParseInt: parsing .*: invalid syntax$"):
        parse_int(text)


@pytest.mark.parametrize("text", ["9223372036854775808", "-9223372036854775809", LONG, f"-{LONG}"])
def test_more_than_64_bits(text: str) -> None:
    with pytest.raises(IntegerError, match=r"^strconv\.Atoi: parsing .*: value out of range$"):
        parse_int(text, "Atoi")


def test_unsigned() -> None:
    assert parse_uint("18446744073709551615") == 2**64 - 1
    for text, problem in (("18446744073709551616", "out of range"), (LONG, "out of range"), ("+1", "syntax")):
        with pytest.raises(IntegerError, match=problem):
            parse_uint(text)
