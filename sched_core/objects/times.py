"""Times as the API writes them (RFC 3339), in nanoseconds since 1970. No clock is read here."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

SECOND = 10**9
"""Nanoseconds."""
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)


def nanoseconds(text: str) -> int:
    """Return the nanoseconds from 1970 to a time such as ``2026-01-01T12:00:00Z``; raises ValueError if it is none."""
    moment = datetime.fromisoformat(text)
    if moment.tzinfo is None:
        raise ValueError(f"{text!r} names no time zone")
    since = moment - _EPOCH
    return (since.days * 86_400 + since.seconds) * SECOND + since.microseconds * 1_000


def rfc3339(time_ns: int) -> str:
    """Return a time in nanoseconds since 1970 as the API writes it: whole seconds, in UTC."""
    return (_EPOCH + timedelta(seconds=time_ns // SECOND)).strftime("%Y-%m-%dT%H:%M:%SZ")
