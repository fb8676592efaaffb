"""Times: RFC 3339 as Go parses it, with its complaints."""

from __future__ import annotations

import pytest

from cluster_shim.api import times

SECONDS = "2006-01-02T15:04:05Z07:00"


@pytest.mark.parametrize(
    ("text", "written"),
    [
        ("2020-01-02T03:04:05Z", "2020-01-02T03:04:05Z"),
        ("2020-01-02T3:04:05Z", "2020-01-02T03:04:05Z"),
        ("2020-01-02T03:04:05.999+02:00", "2020-01-02T01:04:05Z"),
        ("2020-01-02T03:04:05,5-00:30", "2020-01-02T03:34:05Z"),
        ("0001-01-01T00:00:00Z", None),
    ],
)
def test_times(text: str, written: str | None) -> None:
    assert times.canonical(text) == written


def test_micro_times() -> None:
    assert times.canonical("2020-01-02T03:04:05.000006Z", True) == "2020-01-02T03:04:05.000006Z"
    assert times.canonical("2020-01-02T03:04:05.000006+01:00", True) == "2020-01-02T02:04:05.000006Z"


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("x", f'parsing time "x" as "{SECONDS}": cannot parse "x" as "2006"'),
        ("2020", f'parsing time "2020" as "{SECONDS}": cannot parse "" as "-"'),
        ("2020-13-01T00:00:00Z", 'parsing time "2020-13-01T00:00:00Z": month out of range'),
        ("2020-02-30T00:00:00Z", 'parsing time "2020-02-30T00:00:00Z": day out of range'),
        ("2020-01-02T03:04:05", f'parsing time "2020-01-02T03:04:05" as "{SECONDS}": cannot parse "" as "Z07:00"'),
        ("2020-01-02T03:04:05Zé", 'parsing time "2020-01-02T03:04:05Z\\xc3\\xa9": extra text: "\\xc3\\xa9"'),
        ("2020-01-02T03:04:05+99:00", 'parsing time "2020-01-02T03:04:05+99:00": time zone offset hour out of range'),
    ],
)
def test_what_is_no_time(text: str, message: str) -> None:
    with pytest.raises(times.TimeError) as caught:
        times.parse(text)
    assert str(caught.value) == message
