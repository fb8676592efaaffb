"""Amounts: sums are exact and written as upstream writes them."""

from __future__ import annotations

import pytest

from cluster_shim.api import amounts


@pytest.mark.parametrize(
    ("text", "canonical"),
    [
        ("0.5", "500m"),
        ("1000m", "1"),
        ("1024Mi", "1Gi"),
        ("1.5Gi", "1536Mi"),
        ("512", "512"),
        ("0.5Ki", "512"),
        ("12000", "12k"),
        ("1e3", "1e3"),
        ("1E", "1E"),
        ("-3", "-3"),
        ("100n", "100n"),
        ("0", "0"),
    ],
)
def test_canonical_text(text: str, canonical: str) -> None:
    assert str(amounts.parse(text)) == canonical


def test_sums_keep_the_family_of_the_first() -> None:
    assert str(amounts.parse("1Gi").plus(amounts.parse("1Gi"))) == "2Gi"
    assert str(amounts.ZERO.plus(amounts.parse("1Gi"))) == "1Gi"
    assert str(amounts.parse("1").plus(amounts.parse("500m"))) == "1500m"
    assert str(amounts.parse("1Gi").minus(amounts.parse("1M"))) == "1072741824"
    assert str(amounts.parse("1Gi").minus(amounts.parse("1Gi"))) == "0"


@pytest.mark.parametrize("text", ["1e900000", "1e2147483647", "9" * 4000 + "e900000", "-1e900000", "1e-900000"])
def test_a_power_of_any_size_is_soon_computed(text: str) -> None:
    amount = amounts.parse(text)
    assert len(str(amount.plus(amount))) < 4300
    assert amount.nano != 0
