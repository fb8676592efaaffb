"""Quantities: canonical texts, numbers, and what is none."""

from __future__ import annotations

from fractions import Fraction

import pytest

from cluster_shim.api import quantity

CANONICAL = {
    "0": "0",
    "0m": "0",
    "-0": "0",
    ".": "0",
    "0.5": "500m",
    "1.5": "1500m",
    "1.500": "1.500",
    "05": "05",
    "+5": "+5",
    "1000m": "1",
    "1024Ki": "1Mi",
    "1Ki": "1Ki",
    "0.5Gi": "512Mi",
    "1.5Gi": "1536Mi",
    "1e3": "1e3",
    "12e2": "1200",
    "1E": "1E",
    "100E": "100E",
    "1000E": "1",
    "0.1n": "1n",
    "1e-12": "1e-9",
    "-1.5": "-1500m",
    "0.0000000001Ki": "103n",
    "123456789012345678901234567890": "123456789012345678901234567890",
    "9223372036854775807Ki": "9223372036854775807",
    "1e-2000000000": "1e-9",
}


@pytest.mark.parametrize("text", CANONICAL)
def test_canonical(text: str) -> None:
    assert quantity.canonical(text) == CANONICAL[text]
    assert quantity.parse(quantity.canonical(text)).text == CANONICAL[text]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", quantity.FORMAT_WRONG),
        ("abc", quantity.FORMAT_WRONG),
        ("1 Gi", quantity.FORMAT_WRONG),
        ("1.5.5", quantity.FORMAT_WRONG),
        ("1gi", quantity.FORMAT_WRONG),
        ("1mi", quantity.SUFFIX_WRONG),
        ("1e", quantity.SUFFIX_WRONG),
        ("9" * 5000, quantity.NUMERIC_WRONG),
    ],
)
def test_what_is_no_quantity(text: str, message: str) -> None:
    with pytest.raises(quantity.QuantityError) as caught:
        quantity.parse(text)
    assert str(caught.value) == message


def test_numbers() -> None:
    assert quantity.parse("1.5Gi").amount == Fraction(3, 2) * 2**30
    assert quantity.parse("100m").value == 1
    assert quantity.parse("100m").milli_value == 100
    assert quantity.parse("-100m").value == -1
    assert quantity.parse("1.5").milli_value == 1500
    assert quantity.written(Fraction(3, 2)) == "1500m"
    assert quantity.written(Fraction(2**30), quantity.BINARY_SI) == "1Gi"
