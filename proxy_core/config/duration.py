"""Durations as Go writes them (``1m30s``, ``500ms``), in whole nanoseconds."""

from __future__ import annotations

import re

_UNITS = {"ns": 1, "us": 10**3, "µs": 10**3, "μs": 10**3, "ms": 10**6, "s": 10**9, "m": 60 * 10**9, "h": 3600 * 10**9}
_PART = re.compile(r"(?=\.?[0-9])([0-9]*)(?:\.([0-9]*))?(ns|us|µs|μs|ms|s|m|h)", re.ASCII)
_MOST = 2**63 - 1
_FIELDS = re.compile(r"(?:syncPeriod|minSyncPeriod|configSyncPeriod|\w+Timeout)$", re.ASCII)
_REASON = "is no duration, as 30s or 1m30s are: {!r}"


def is_duration(field: str) -> bool:
    """Tell whether a field of a KubeProxyConfiguration, by its name on the wire, is a duration."""
    return _FIELDS.search(field) is not None


def parse_duration(text: object) -> int:
    """Return the nanoseconds of a duration; raises ValueError, also for what is no text (0 is not 0s, as upstream)."""
    if not isinstance(text, str):
        raise ValueError(_REASON.format(text))
    rest = text[1:] if text[:1] in ("-", "+") else text
    if rest == "0":
        return 0
    total, position = 0, 0
    while position < len(rest):
        part = _PART.match(rest, position)
        if part is None:
            break
        unit, fraction = _UNITS[part[3]], part[2] or ""
        total += int(part[1] or "0") * unit + int(fraction or "0") * unit // 10 ** len(fraction)
        position = part.end()
    negative = text.startswith("-")
    if not rest or position < len(rest) or total > _MOST + negative:
        raise ValueError(_REASON.format(text))
    return -total if negative else total
