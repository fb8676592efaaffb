"""Durations as tables show them."""

from __future__ import annotations

import pytest

from cluster_shim.api.printers.durations import age, human, since

MINUTE, HOUR, DAY, YEAR = 60, 3600, 86400, 365 * 86400


@pytest.mark.parametrize(
    ("seconds", "text"),
    [
        (-2, "<invalid>"),
        (-1.9, "0s"),
        (0, "0s"),
        (119.9, "119s"),
        (2 * MINUTE, "2m"),
        (2 * MINUTE + 3, "2m3s"),
        (10 * MINUTE + 5, "10m"),
        (3 * HOUR - 1, "179m"),
        (3 * HOUR, "3h"),
        (3 * HOUR + 4 * MINUTE, "3h4m"),
        (8 * HOUR + 59 * MINUTE, "8h"),
        (2 * DAY, "2d"),
        (2 * DAY + 3 * HOUR, "2d3h"),
        (8 * DAY + 5 * HOUR, "8d"),
        (2 * YEAR - 1, "729d"),
        (2 * YEAR, "2y"),
        (2 * YEAR + 3 * DAY, "2y3d"),
        (8 * YEAR + 300 * DAY, "8y"),
    ],
)
def test_a_duration_has_at_most_two_units(seconds: float, text: str) -> None:
    assert human(seconds) == text


def test_times_that_are_not_there_are_unknown() -> None:
    assert since(None, 0) == age({}, 0) == age({"metadata": {"creationTimestamp": None}}, 0) == "<unknown>"


def test_an_age_counts_from_the_creation() -> None:
    assert age({"metadata": {"creationTimestamp": "1970-01-01T00:01:00Z"}}, 65.5) == "5s"
    assert since("1970-01-01T00:00:10.500000Z", 20) == "9s"
