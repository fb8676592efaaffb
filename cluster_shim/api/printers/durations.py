"""Points in time as tables show them: how long ago, in at most two units."""

from __future__ import annotations

from datetime import datetime
from typing import Any

UNKNOWN = "<unknown>"
MINUTE, HOUR = 60, 3600
DAY = 24 * HOUR
YEAR = 365 * DAY

Json = dict[str, Any]


def human(seconds: float) -> str:
    """Return a duration in its short form: ``5s``, ``2m3s``, ``3h4m``, ``2d3h``, ``10d``, ``2y``.

    Two seconds into the future still count as now: clocks differ. Upstream: duration.HumanDuration.
    """
    whole = int(seconds)
    if whole < -1:
        return "<invalid>"
    if whole < 2 * MINUTE:
        return f"{max(whole, 0)}s"
    if whole < 10 * MINUTE:
        return _two(whole, MINUTE, "m", 1, "s", 60)
    if whole < 3 * HOUR:
        return f"{whole // MINUTE}m"
    if whole < 8 * HOUR:
        return _two(whole, HOUR, "h", MINUTE, "m", 60)
    if whole < 2 * DAY:
        return f"{whole // HOUR}h"
    if whole < 8 * DAY:
        return _two(whole, DAY, "d", HOUR, "h", 24)
    if whole < 2 * YEAR:
        return f"{whole // DAY}d"
    if whole < 8 * YEAR:
        return _two(whole, YEAR, "y", DAY, "d", 365)
    return f"{whole // YEAR}y"


def _two(seconds: int, large: int, large_name: str, small: int, small_name: str, smalls: int) -> str:
    rest = seconds // small % smalls
    return f"{seconds // large}{large_name}{rest}{small_name}" if rest else f"{seconds // large}{large_name}"


def seconds_of(text: str) -> float:
    """Return a time of RFC 3339 as seconds since 1970."""
    return datetime.fromisoformat(text).timestamp()


def since(text: str | None, now: float) -> str:
    """Return how long ago a time was; ``<unknown>`` if there is none."""
    return human(now - seconds_of(text)) if text else UNKNOWN


def age(obj: Json, now: float) -> str:
    """Return how long ago an object was created."""
    created = (obj.get("metadata") or {}).get("creationTimestamp")
    return human(now - seconds_of(created)) if created else UNKNOWN
