"""Times: durations and timestamps as texts, and the parts of a timestamp in a time zone.

Upstream: Go's time.ParseDuration and cel-go/common/types/timestamp.go.
"""

from __future__ import annotations

import re
from datetime import UTC, date, datetime, timedelta, tzinfo
from typing import Any
from zoneinfo import ZoneInfo

from cluster_shim.api.cel.errors import NO_OVERLOAD, EvaluationError
from cluster_shim.api.cel.values import INT_MAX, NANOSECONDS, Duration, Timestamp

_UNITS = {
    "ns": 1,
    "us": 1_000,
    "µs": 1_000,
    "μs": 1_000,
    "ms": 1_000_000,
    "s": NANOSECONDS,
    "m": 60 * NANOSECONDS,
    "h": 3600 * NANOSECONDS,
}
_PART = re.compile(r"([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)")
_STAMP = re.compile(r"(\d{4})-(\d\d)-(\d\d)[Tt](\d\d):(\d\d):(\d\d)(?:[.,](\d+))?([Zz]|[+-]\d\d:\d\d)$")
_OFFSET = re.compile(r"([+-]?)(\d\d):(\d\d)$")
_NO_TIMESTAMP = "type conversion error from 'string' to 'google.protobuf.Timestamp'"
_MOST_DIGITS = 30
"""Of a part of a duration: more make it too long, or are behind what counts."""
_EPOCH = date(1970, 1, 1).toordinal()


def parse_duration(text: str) -> Duration:
    """Return a duration such as ``1h30m`` or ``-1.5s``. Raises EvaluationError."""
    sign = -1 if text.startswith("-") else 1
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return Duration(0)
    total = position = 0
    while position < len(rest):
        match = _PART.match(rest, position)
        if match is None or not (match[1] or match[2]):
            break
        unit = _UNITS[match[3]]
        whole = (match[1] or "").lstrip("0")[:_MOST_DIGITS]
        fraction = (match[2] or "")[:_MOST_DIGITS]
        total += int(whole or 0) * unit
        total += int(fraction or 0) * unit // 10 ** len(fraction)
        position = match.end()
    if position < len(rest) or not rest or total > INT_MAX:
        raise EvaluationError("type conversion error from 'string' to 'google.protobuf.Duration'")
    return Duration(sign * total)


def parse_timestamp(text: str) -> Timestamp:
    """Return a moment that is written as RFC 3339 says, or a day. Raises EvaluationError."""
    match = _STAMP.match(text if len(text) != 10 else f"{text}T00:00:00Z")
    if match is None:
        raise EvaluationError(_NO_TIMESTAMP)
    try:
        days = date(int(match[1]), int(match[2]), int(match[3])).toordinal() - _EPOCH
    except ValueError:
        raise EvaluationError(_NO_TIMESTAMP) from None
    hour, minute, second = int(match[4]), int(match[5]), int(match[6])
    if hour > 23 or minute > 59 or second > 59:
        raise EvaluationError(_NO_TIMESTAMP)
    seconds = days * 86400 + hour * 3600 + minute * 60 + second
    if match[8] not in "Zz":
        offset = int(match[8][1:3]) * 3600 + int(match[8][4:6]) * 60
        seconds -= offset if match[8][0] == "+" else -offset
    fraction = (match[7] or "")[:9].ljust(9, "0")
    return Timestamp(seconds * NANOSECONDS + int(fraction))


def shown_timestamp(value: Timestamp) -> str:
    """Return a moment as RFC 3339 writes it, in UTC."""
    seconds, fraction = divmod(value.nanoseconds, NANOSECONDS)
    moment = datetime(1970, 1, 1) + timedelta(seconds=seconds)
    digits = f".{fraction:09d}".rstrip("0") if fraction else ""
    return f"{moment.isoformat()}{digits}Z"


def _moved(moment: datetime, zone: str) -> datetime:
    """Return a moment as clocks in a zone show it; an offset may be more than a day."""
    match = _OFFSET.match(zone)
    if match is not None:
        minutes = int(match[2]) * 60 + int(match[3])
        return moment + timedelta(minutes=-minutes if match[1] == "-" else minutes)
    return moment.astimezone(_zone(zone))


def _zone(name: str) -> tzinfo:
    try:
        return ZoneInfo(name)
    except (ValueError, OSError, KeyError):
        raise EvaluationError(f"unknown time zone {name}") from None


def part(name: str, value: Any, zone: str = "") -> int:
    """Return a part of a moment (``getHours``), or of a duration the whole of it in that unit."""
    if isinstance(value, Duration):
        if zone or name not in _DURATION_PARTS:
            raise EvaluationError(NO_OVERLOAD)
        whole = abs(value.nanoseconds) // _DURATION_PARTS[name]
        return -whole if value.nanoseconds < 0 else whole
    seconds, fraction = divmod(value.nanoseconds, NANOSECONDS)
    moment = datetime(1970, 1, 1, tzinfo=UTC) + timedelta(seconds=seconds)
    try:
        return _parts(name, _moved(moment, zone) if zone else moment, fraction)
    except OverflowError:
        raise EvaluationError("timestamp overflow") from None


_DURATION_PARTS = {
    "getHours": 3600 * NANOSECONDS,
    "getMinutes": 60 * NANOSECONDS,
    "getSeconds": NANOSECONDS,
    "getMilliseconds": NANOSECONDS // 1000,
}


def _parts(name: str, moment: datetime, fraction: int) -> int:
    match name:
        case "getFullYear":
            return moment.year
        case "getMonth":
            return moment.month - 1
        case "getDayOfYear":
            return moment.timetuple().tm_yday - 1
        case "getDayOfMonth":
            return moment.day - 1
        case "getDate":
            return moment.day
        case "getDayOfWeek":
            return moment.isoweekday() % 7
        case "getHours":
            return moment.hour
        case "getMinutes":
            return moment.minute
        case "getSeconds":
            return moment.second
        case _:
            return fraction // 1_000_000
