"""Quantities: upstream's grammar, exact values, rounding."""

from __future__ import annotations

import math
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from sched_core.objects.quantity import (
    INT64_MAX,
    NANO,
    amount_text,
    milli_value,
    parse_quantity,
    resource_amount,
    value,
)

SUFFIXES = {
    "": Fraction(1),
    **{suffix: Fraction(10) ** (3 * power) for power, suffix in enumerate("num", -3)},
    **{suffix: Fraction(10) ** (3 * power) for power, suffix in enumerate("kMGTPE", 1)},
    **{f"{letter}i": Fraction(2) ** (10 * power) for power, letter in enumerate("KMGTPE", 1)},
}


@pytest.mark.parametrize(
    ("text", "nano"),
    [
        ("0", 0),
        ("0Ei", 0),
        ("000", 0),
        ("-0", 0),
        ("1", NANO),
        ("+1", NANO),
        ("-1", -NANO),
        ("007", 7 * NANO),
        ("100m", 10**8),
        ("4u", 4000),
        ("5n", 5),
        ("1k", 10**12),
        ("1E", 10**27),
        ("12E", 12 * 10**27),  # decimal suffixes are not capped
        ("1Ki", 1024 * NANO),
        ("3Ei", 3 * 2**60 * NANO),
        ("7.999Ei", math.ceil(Fraction("7.999") * 2**60 * NANO)),
        ("8Ei", INT64_MAX * NANO),  # binary ones are
        ("9223372036854775807Ki", INT64_MAX * NANO),
        ("-9Ei", -INT64_MAX * NANO),
        ("1e3", 1000 * NANO),
        ("1E6", 10**15),
        ("1E+6", 10**15),
        ("1.3E+06", 13 * 10**14),
        ("0.5e-2", 5 * 10**6),
        ("50e9", 50 * 10**18),
        ("1e-9", 1),
        ("0e1024", 0),
        ("1.", NANO),
        ("1.G", 10**18),
        (".001", 10**6),
        (".5Mi", 2**19 * NANO),
        ("0.025Ti", math.ceil(Fraction("0.025") * 2**40 * NANO)),
        ("100.035Ki", 10243584 * 10**7),
        ("3.001n", 4),  # finer than nano: away from zero
        ("-3.001n", -4),
        ("0.0000000001", 1),
        ("1e-1024", 1),
        ("0.00000012345", 124),
        ("0.000000000001Ki", 2),
        (" 1Gi\t", 2**30 * NANO),
        (2, 2 * NANO),
        (0.5, 5 * 10**8),
        (0.1, 10**8),  # as it was written, not as a binary fraction
        (1e21, 10**30),
        (1e-07, 100),
        (-3, -3 * NANO),
    ],
)
def test_value_is_exact(text: str | int | float, nano: int) -> None:
    assert parse_quantity(text) == nano


@pytest.mark.parametrize(
    "text",
    [
        *("", " ", ".", "-", "+.", "m", "Ki", "e3", "1.1.M", "1+1.0M", "0.1mi", "0.1am", "aoeu", ".5i", "1i", "-3.01i"),
        *("-3.01e-", "1e", "1ee3", "1K", "1ki", "1mi", "1KI", "1Ki5", "1e3k", "1 Gi", "--1", "0x10", "1_000", "1,5"),
        *("½", "١", "nan", "inf", float("nan"), float("inf"), "1\n1"),
    ],
)
def test_bad_text_is_refused_with_the_text(text: str | float) -> None:
    with pytest.raises(ValueError, match="is not a quantity: expected a number with an optional suffix") as caught:
        parse_quantity(text)
    assert repr(str(text).strip()) in str(caught.value)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("1e1025", "'1e1025' is not a quantity: its exponent is beyond 1024"),
        ("1e-99999", "'1e-99999' is not a quantity: its exponent is beyond 1024"),
        ("1" * 1025, "a quantity of 1025 characters is too long"),
    ],
)
def test_absurd_text_is_refused(text: str, message: str) -> None:
    with pytest.raises(ValueError) as caught:
        parse_quantity(text)
    assert str(caught.value) == message


@pytest.mark.parametrize(
    ("nano", "milli", "whole"),
    [
        (0, 0, 0),
        (1, 1, 1),
        (10**6, 1, 1),
        (10**6 + 1, 2, 1),
        (NANO, 1000, 1),
        (NANO + 1, 1001, 2),
        (-1, -1, -1),
        (-NANO - 1, -1001, -2),
    ],
)
def test_amounts_are_rounded_away_from_zero(nano: int, milli: int, whole: int) -> None:
    assert (milli_value(nano), value(nano)) == (milli, whole)


def test_cpu_is_counted_in_thousandths_and_all_else_in_units() -> None:
    half = parse_quantity("0.5")
    assert [resource_amount(name, half) for name in ("cpu", "memory", "example.com/cpu")] == [500, 1, 1]


@given(
    sign=st.sampled_from(["", "+", "-"]),
    whole=st.integers(0, 10**21).map(str) | st.just(""),
    fraction=st.none() | st.from_regex(r"[0-9]{0,15}", fullmatch=True),
    suffix=st.sampled_from(sorted(SUFFIXES)),
)
def test_agrees_with_fractions(sign: str, whole: str, fraction: str | None, suffix: str) -> None:
    if not whole and not fraction:
        whole = "0"
    text = whole if fraction is None else f"{whole}.{fraction}"
    exact = Fraction(int(whole + (fraction or "")), 10 ** len(fraction or "")) * SUFFIXES[suffix]
    expected = math.ceil(exact * NANO)
    if suffix.endswith("i"):
        expected = min(expected, INT64_MAX * NANO)
    assert parse_quantity(f"{sign}{text}{suffix}") == (-expected if sign == "-" else expected)


@given(mantissa=st.integers(0, 10**12), exponent=st.integers(-30, 30), letter=st.sampled_from("eE"), plus=st.booleans())
def test_exponents_agree_with_fractions(mantissa: int, exponent: int, letter: str, plus: bool) -> None:
    sign = "+" if plus and exponent >= 0 else ""
    expected = math.ceil(mantissa * Fraction(10) ** exponent * NANO)
    assert parse_quantity(f"{mantissa}{letter}{sign}{exponent}") == expected


@given(st.text(alphabet="0123456789.+-eEinumkKMGTP", max_size=8))
def test_any_text_parses_or_raises_value_error(text: str) -> None:
    try:
        parse_quantity(text)
    except ValueError as error:
        assert str(error)
    else:
        assert any(letter.isdigit() for letter in text)


@pytest.mark.parametrize(
    ("name", "amount", "text"),
    [
        ("cpu", 0, "0"),
        ("cpu", 250, "250m"),
        ("cpu", 1000, "1"),
        ("cpu", 1500, "1.5"),
        ("cpu", 1234, "1.234"),
        ("cpu", -300, "-300m"),
        ("cpu", -1500, "-1.5"),
        ("memory", 0, "0"),
        ("memory", 1023, "1023"),
        ("memory", 1024, "1Ki"),
        ("memory", 3 << 29, "1.5Gi"),
        ("memory", (1 << 30) + 1, "1.01Gi"),
        ("memory", (1 << 30) - 1, "1024Mi"),
        ("ephemeral-storage", 5 << 40, "5Ti"),
        ("hugepages-2Mi", 4 << 20, "4Mi"),
        ("example.com/gpu", 2048, "2048"),
        ("pods", 110, "110"),
    ],
)
def test_amounts_are_written_as_people_write_them(name: str, amount: int, text: str) -> None:
    assert amount_text(name, amount) == text
    assert resource_amount(name, parse_quantity(text)) >= amount


@given(st.sampled_from(["cpu", "memory", "example.com/gpu"]), st.integers(0, 2**62))
def test_a_written_amount_is_never_less(name: str, amount: int) -> None:
    read = resource_amount(name, parse_quantity(amount_text(name, amount)))
    assert amount <= read <= amount * 1.01 + 1
