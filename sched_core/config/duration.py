"""Durations as Go writes them (``1m30s``, ``500ms``), to and from whole nanoseconds.

The rules are those of Go's time.ParseDuration and Duration.String.
"""

from __future__ import annotations

import json
import re

_UNIT_NS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,  # micro sign
    "μs": 1_000,  # Greek mu
    "ms": 1_000_000,
    "s": 1_000_000_000,
    "m": 60_000_000_000,
    "h": 3_600_000_000_000,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?([^0-9.]*)")
_MAX_NS = 2**63 - 1


def parse_duration(text: str) -> int:
    """Return the nanoseconds of a Go duration.

    Raises ValueError with Go's message for what time.ParseDuration refuses.
    """
    quoted = json.dumps(text, ensure_ascii=False)
    negative = text.startswith("-")
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    if not rest:
        raise ValueError(f"time: invalid duration {quoted}")
    total = 0
    while rest:
        part = _PART.match(rest)
        assert part is not None  # the pattern matches the empty string
        whole, fraction, unit = part[1], part[2] or "", part[3]
        if not whole and not fraction:
            raise ValueError(f"time: invalid duration {quoted}")
        if not unit:
            raise ValueError(f"time: missing unit in duration {quoted}")
        if unit not in _UNIT_NS:
            raise ValueError(f"time: unknown unit {json.dumps(unit, ensure_ascii=False)} in duration {quoted}")
        total += int(whole or "0") * _UNIT_NS[unit]
        total += int(fraction or "0") * _UNIT_NS[unit] // 10 ** len(fraction)
        rest = rest[part.end() :]
    if total > _MAX_NS + negative:
        raise ValueError(f"time: invalid duration {quoted}")
    return -total if negative else total


def format_duration(nanoseconds: int) -> str:
    """Return a duration as Go prints it: ``15s``, ``10m0s``, ``1.5ms``, ``0s``."""
    sign, rest = ("-", -nanoseconds) if nanoseconds < 0 else ("", nanoseconds)
    if rest == 0:
        return "0s"
    for unit, size in (("ns", 1), ("µs", 1_000), ("ms", 1_000_000)):
        if rest < size * 1_000:
            return f"{sign}{_decimal(rest, size)}{unit}"
    minutes, seconds = divmod(rest, _UNIT_NS["m"])
    text = f"{_decimal(seconds, _UNIT_NS['s'])}s"
    if minutes:
        hours, minutes = divmod(minutes, 60)
        text = f"{hours}h{minutes}m{text}" if hours else f"{minutes}m{text}"
    return sign + text


def _decimal(value: int, size: int) -> str:
    whole, rest = divmod(value, size)
    digits = str(rest).zfill(len(str(size)) - 1).rstrip("0") if rest else ""
    return f"{whole}.{digits}" if digits else str(whole)
