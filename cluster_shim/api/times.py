"""Times as the API reads and writes them: RFC 3339 in UTC, whole seconds (Time) or microseconds (MicroTime).

What Go's time.Parse refuses is refused with the same words, for they reach the client.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta

from cluster_shim.api.remembered import remembered

LONGEST_SECONDS = 2**63 // 10**9
"""What Go's durations count, 292 years: so far ahead can something lie whose seconds a client chooses."""

_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", re.ASCII)
_MICRO_TIME = re.compile(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{6}Z", re.ASCII)
_ZEROES = ("0001-01-01T00:00:00Z", "0001-01-01T00:00:00.000000Z")  # Go's zero time, which is written as null
_LAYOUT = "2006-01-02T15:04:05Z07:00"
_MICRO_LAYOUT = "2006-01-02T15:04:05.000000Z07:00"

# What comes before an element, the element as the layout has it, its name in errors, fewest digits, range.
_ELEMENTS = (
    ("", "2006", "year", 4, range(10000)),
    ("-", "01", "month", 2, range(1, 13)),
    ("-", "02", "", 2, range(100)),
    ("T", "15", "hour", 1, range(24)),
    (":", "04", "minute", 2, range(60)),
    (":", "05", "second", 2, range(60)),
)


class TimeError(ValueError):
    """A text that is no time; what it says is what clients see."""


@remembered(4096)
def canonical(text: str, micro: bool = False) -> str | None:
    """Return a time as the API writes it; None for Go's zero time. Raise TimeError."""
    if (_MICRO_TIME if micro else _TIME).fullmatch(text):
        try:
            datetime.fromisoformat(text)
            return None if text in _ZEROES else text
        except ValueError:
            pass  # the long way knows what is wrong with it
    written = written_time(parse(text, micro), micro)
    return None if written in _ZEROES else written


def written_time(moment: datetime, micro: bool = False) -> str:
    """Return a moment in UTC as the API writes it."""
    text = moment.replace(tzinfo=None).isoformat(timespec="microseconds" if micro else "seconds")
    return f"{text}Z"


def parse(text: str, micro: bool = False) -> datetime:
    """Return the moment, in UTC. Raise TimeError."""
    numbers, rest = [], text
    for prefix, element, name, digits, allowed in _ELEMENTS:
        rest = _skip(text, rest, prefix, micro)
        found = re.match(r"\d{4}" if digits == 4 else rf"\d{{{digits},2}}", rest, re.ASCII)
        if found is None:
            raise _unlike(text, rest, element, micro)
        if int(found[0]) not in allowed:
            raise TimeError(f"parsing time {_quoted(text)}: {name} out of range")
        numbers.append(int(found[0]))
        rest = rest[found.end() :]
    microseconds, rest = _fraction(text, rest, micro)
    offset, rest = _offset(text, rest, micro)
    if rest:
        raise TimeError(f"parsing time {_quoted(text)}: extra text: {_quoted(rest)}")
    try:
        return datetime(*numbers, microseconds, tzinfo=UTC) - offset  # type: ignore[misc,arg-type]
    except (ValueError, OverflowError):
        raise TimeError(f"parsing time {_quoted(text)}: day out of range") from None


def _skip(text: str, rest: str, prefix: str, micro: bool) -> str:
    if not rest.startswith(prefix):
        raise _unlike(text, rest, prefix, micro)
    return rest[len(prefix) :]


def _fraction(text: str, rest: str, micro: bool) -> tuple[int, str]:
    """Return microseconds: any number of digits may follow the second, exactly six where the layout asks for them."""
    found = re.match(r"[.,](\d{6})" if micro else r"[.,](\d+)", rest, re.ASCII)
    if found is None:
        if micro:
            raise _unlike(text, rest, ".000000", micro)
        return 0, rest
    return int(found[1][:6].ljust(6, "0")), rest[found.end() :]


def _offset(text: str, rest: str, micro: bool) -> tuple[timedelta, str]:
    if rest.startswith("Z"):
        return timedelta(), rest[1:]
    found = re.match(r"([+-])(\d\d):(\d\d)", rest, re.ASCII)
    if found is None:
        raise _unlike(text, rest, "Z07:00", micro)
    hours, minutes = int(found[2]), int(found[3])
    for value, limit, name in ((hours, 24, "hour"), (minutes, 60, "minute")):
        if value > limit:
            raise TimeError(f"parsing time {_quoted(text)}: time zone offset {name} out of range")
    offset = timedelta(hours=hours, minutes=minutes)
    return (-offset if found[1] == "-" else offset), rest[found.end() :]


def _unlike(text: str, rest: str, element: str, micro: bool) -> TimeError:
    layout = _MICRO_LAYOUT if micro else _LAYOUT
    return TimeError(
        f"parsing time {_quoted(text)} as {_quoted(layout)}: cannot parse {_quoted(rest)} as {_quoted(element)}"
    )


def _quoted(text: str) -> str:
    """Return a text in quotes as Go's package time writes it: all but printable ASCII as bytes."""
    parts = []
    for byte in text.encode(errors="surrogatepass"):
        if byte in b'"\\':
            parts.append(f"\\{byte:c}")
        else:
            parts.append(chr(byte) if 0x20 <= byte < 0x80 else f"\\x{byte:02x}")
    return f'"{"".join(parts)}"'
