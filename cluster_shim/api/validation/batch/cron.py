"""Schedules of CronJobs: five fields or a descriptor. Errors are those of the parser that upstream uses."""

from __future__ import annotations

import re

from cluster_shim.api.fields import quoted
from cluster_shim.api.integers import IntegerError, parse_int

_MONTH_NAMES = ("jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec")
_DAY_NAMES = ("sun", "mon", "tue", "wed", "thu", "fri", "sat")
_MONTHS = {name: number for number, name in enumerate(_MONTH_NAMES, 1)}
_DAYS = {name: number for number, name in enumerate(_DAY_NAMES)}
_FIELDS: tuple[tuple[int, int, dict[str, int]], ...] = (
    (0, 59, {}),
    (0, 23, {}),
    (1, 31, {}),
    (1, 12, _MONTHS),
    (0, 6, _DAYS),
)
_DESCRIPTORS = ("@yearly", "@annually", "@monthly", "@weekly", "@daily", "@midnight", "@hourly")
_DURATION = re.compile(r"[-+]?(?:0|(?:(?:[0-9]++\.?[0-9]*+|\.[0-9]++)(?:ns|us|µs|μs|ms|s|m|h))++)")
_ZONE = re.compile("(?:CRON_)?TZ=([^ ]*)(.*)", re.DOTALL)


class _Wrong(ValueError):
    pass


def problem(schedule: str) -> str:
    """Return what is wrong with a schedule; empty if nothing is."""
    try:
        _parse(schedule)
    except _Wrong as error:
        return str(error)
    return ""


def _parse(schedule: str) -> None:
    if not schedule:
        raise _Wrong("empty spec string")
    if zoned := _ZONE.fullmatch(schedule):
        schedule = zoned[2].strip()
        if " " not in zoned[0]:
            bounds = f"slice bounds out of range [:{-1}]"
            raise _Wrong(f"invalid schedule format: runtime error: {bounds}")
    if schedule.startswith("@"):
        _descriptor(schedule)
        return
    parts = schedule.split()
    if len(parts) != len(_FIELDS):
        raise _Wrong(f"expected exactly 5 fields, found {len(parts)}: [{' '.join(parts)}]")
    for part, (low, high, names) in zip(parts, _FIELDS, strict=True):
        for expression in filter(None, part.split(",")):
            _range(expression, low, high, names)


def _descriptor(schedule: str) -> None:
    if schedule in _DESCRIPTORS:
        return
    duration = schedule.removeprefix("@every ")
    if duration == schedule:
        raise _Wrong(f"unrecognized descriptor: {schedule}")
    if not _DURATION.fullmatch(duration):
        raise _Wrong(f"failed to parse duration {schedule}: time: invalid duration {quoted(duration)}")


def _range(expression: str, low: int, high: int, names: dict[str, int]) -> None:
    span, *steps = expression.split("/")
    bounds = span.split("-")
    if bounds[0] in ("*", "?"):
        start, end = low, high
    else:
        start = end = _number(bounds[0], names)
        if len(bounds) == 2:
            end = _number(bounds[1], names)
        elif len(bounds) > 2:
            raise _Wrong(f"too many hyphens: {expression}")
    step = 1
    if len(steps) == 1:
        step = _number(steps[0], {})
        end = high if len(bounds) == 1 else end
    elif steps:
        raise _Wrong(f"too many slashes: {expression}")
    if start < low:
        raise _Wrong(f"beginning of range ({start}) below minimum ({low}): {expression}")
    if end > high:
        raise _Wrong(f"end of range ({end}) above maximum ({high}): {expression}")
    if start > end:
        raise _Wrong(f"beginning of range ({start}) beyond end of range ({end}): {expression}")
    if step == 0:
        raise _Wrong(f"step of range should be a positive number: {expression}")


def _number(text: str, names: dict[str, int]) -> int:
    if text.lower() in names:
        return names[text.lower()]
    try:
        number = parse_int(text, "Atoi")
    except IntegerError as error:
        raise _Wrong(f"failed to parse int from {text}: {error}") from None
    if number < 0:
        raise _Wrong(f"negative number ({number}) not allowed: {text}")
    return number
