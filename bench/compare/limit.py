"""Limit: a number that no policy can beat, and how far from it the policies are."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import NamedTuple


class Limit(NamedTuple):
    """One bound of a trace, and the metric that it holds for."""

    key: str
    """Its name in the bounds."""
    metric: str
    """``{last}`` is the percent of arrival that the last number of what is allocated is taken at."""
    label: str
    unit: str
    decimals: int
    text: str
    """What it says, with its value as ``{value}``, and ``{served}``: until when all pods count as served."""
    sign: int
    """1: a policy has at most so much, -1: at least."""


LIMITS = (
    Limit(
        "allocated_any",
        "allocated_{last}",
        "allocated, whichever pods are served",
        "points below",
        2,
        "allocated, whichever pods are served: at most {value} %",
        1,
    ),
    Limit(
        "allocated_served",
        "allocated_{last}",
        "allocated, if the first pods are served",
        "points below",
        2,
        "allocated, if all pods are served until {served} have arrived: at most {value} %",
        1,
    ),
    Limit(
        "nodes",
        "nodes_at_50",
        "nodes at 50 %",
        "nodes above",
        1,
        "nodes for what has arrived at 50 %: at least {value}",
        -1,
    ),
)
SERVED = "served_percent"
"""Among the bounds of a seed: not a bound, but what one of them takes as given."""


def limits_of(bounds: Mapping[str, float]) -> list[Limit]:
    """Return the limits that some bounds have."""
    return [limit for limit in LIMITS if limit.key in bounds]


def distance(limit: Limit, bounds: Mapping[int, float], values: Mapping[int, float]) -> float | None:
    """Return how far the values of a policy are from its bounds, both by seed: the mean of the seeds that have both.

    Never below 0, unless a bound is wrong. None if no seed has both.
    """
    each = [limit.sign * (bounds[seed] - values[seed]) for seed in bounds if seed in values]
    return sum(each) / len(each) if each else None


def limit_lines(bounds: Mapping[str, float], seeds: Sequence[int]) -> list[str]:
    """Return what the bounds of a trace say, a line each."""
    least, most = bounds.get(f"{SERVED}_least", 0.0), bounds.get(f"{SERVED}_most", 0.0)
    served = f"{least:.0f} %" if least == most else f"{least:.0f} to {most:.0f} % (by seed)"
    lines = [
        limit.text.format(value=f"{bounds[limit.key]:.{limit.decimals}f}", served=served) for limit in limits_of(bounds)
    ]
    return [f"{line} on the average" for line in lines] if len(seeds) > 1 else lines
