"""Numbers that may be percentages: replicas that may be missing, surplus pods."""

from __future__ import annotations

from typing import Any

from cluster_shim.api import fields
from cluster_shim.api.fields import Path
from cluster_shim.api.integers import INT64_MAX, IntegerError, parse_int
from cluster_shim.api.validation import formats
from cluster_shim.api.validation.checks import IS_NEGATIVE, Errors, refuse


def number_or_percent(errors: Errors, value: Any, path: Path) -> None:
    """Check a number that is not negative, or a percentage."""
    if isinstance(value, str):
        refuse(errors, path, value, formats.percent(value))
    elif value < 0:
        errors.append(fields.invalid(path, value, IS_NEGATIVE))


def _percent(value: Any) -> int | None:
    if not isinstance(value, str) or formats.percent(value):
        return None
    try:
        return parse_int(value[:-1])
    except IntegerError:
        return INT64_MAX


def amount(value: Any) -> int:
    """Return the number, or that of a percentage; zero for a text that is neither."""
    if isinstance(value, str):
        percent = _percent(value)
        if percent is not None:
            return percent
        try:
            return parse_int(value)
        except IntegerError:
            return 0
    return int(value or 0)


def at_most_100_percent(errors: Errors, value: Any, path: Path) -> None:
    """Refuse a percentage above 100."""
    percent = _percent(value)
    if percent is not None and percent > 100:
        errors.append(fields.invalid(path, value, "must not be greater than 100%"))
