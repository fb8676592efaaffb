"""Victims: in which order pods come back, what those that do not come back cost, and which node is cheapest (upstream:
util, MoreImportantPod; framework/preemption, pickOneNodeForPreemption).

Pods that the kubelet has not started count as just started; upstream's sort leaves those of one priority in reverse
order, here too (for more than twelve upstream's order follows no rule).
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core import NOT_STARTED

if TYPE_CHECKING:
    from sched_core import PlacedPod

BIAS = 1 << 31
"""What is added to each victim's priority, so that more victims never sum up to less."""


class LowerPods(NamedTuple):
    """The pods of lower priority on C nodes: node by node, in the order in which they are to come back."""

    at: NDArray[np.int64]
    """int64[P]: index of the node."""
    number: NDArray[np.int64]
    """int64[P]: number in the pod table."""
    priority: NDArray[np.int64]
    start_time: NDArray[np.int64]
    breaking: NDArray[np.bool_]
    """bool[P]: whether evicting the pod would break a disruption budget; these come back first."""


class Victims(NamedTuple):
    """The pods that would have to leave each of F nodes."""

    rows: NDArray[np.int64]
    """int64[F]."""
    first: NDArray[np.int64]
    """int64[F]: where the victims of a node begin in ``numbers``; they end where those of the next one begin."""
    numbers: NDArray[np.int64]
    """int64[V]: numbers in the pod table, the most important first."""
    price: NDArray[np.int64]
    """int64[F, 5]: what is compared between nodes, column by column, the lowest is best: broken budgets, priority of
    the most important victim, sum of priorities, number of victims, and the negative of the earliest start among the
    victims of the highest priority."""


_NONE = np.zeros(0, np.int64)
NOBODY = Victims(_NONE, _NONE, _NONE, np.zeros((0, 5), np.int64))


def by_importance(
    at: NDArray[np.int64], priority: NDArray[np.int64], start_time: NDArray[np.int64]
) -> NDArray[np.int64]:
    """Return the order, int64[P], by node, then priority, the highest first, then start time, the earliest first."""
    position = np.arange(len(at))
    position = np.where(start_time == NOT_STARTED, -position, position)
    return np.lexsort((position, start_time, -priority, at))


def victims_of(rows: NDArray[np.int64], pods: LowerPods, victim: NDArray[np.bool_]) -> Victims:
    """Return the victims on those of the nodes, int64[C], that have any."""
    mixed = _counts(pods.at, pods.breaking, len(rows)) * _counts(pods.at, ~pods.breaking, len(rows)) > 0
    chosen = np.flatnonzero(victim)
    again = np.flatnonzero(mixed[pods.at[chosen]])  # upstream sorts once more where there were pods of both kinds
    both = chosen[again]
    chosen[again] = both[by_importance(pods.at[both], pods.priority[both], pods.start_time[both])]
    at, priority = pods.at[chosen], pods.priority[chosen]
    nodes, first, counts = np.unique(at, return_index=True, return_counts=True)
    price = np.zeros((len(nodes), 5), np.int64)
    if len(nodes):
        highest = priority[first]
        start_time = np.where(priority == np.repeat(highest, counts), pods.start_time[chosen], NOT_STARTED)
        price[:, 0] = _counts(at, pods.breaking[chosen], len(rows))[nodes]
        price[:, 1] = highest
        price[:, 2] = np.add.reduceat(priority + BIAS, first)
        price[:, 3] = counts
        price[:, 4] = -np.minimum.reduceat(start_time, first)
    return Victims(rows[nodes], first, pods.number[chosen], price)


def price_of(pods: Sequence[PlacedPod], pdb_violations: int) -> tuple[int, ...]:
    """Return the price of evicting some pods, the most important first, in the order of the columns of `Victims`."""
    highest = pods[0].priority
    earliest = min(pod.start_time for pod in pods if pod.priority == highest)
    return pdb_violations, highest, sum(pod.priority + BIAS for pod in pods), len(pods), -earliest


def _counts(at: NDArray[np.int64], mask: NDArray[np.bool_], nodes: int) -> NDArray[np.int64]:
    return np.bincount(at[mask], minlength=nodes)


def joined(some: Victims, more: Victims) -> Victims:
    """Return the victims of two groups of nodes as those of one."""
    if not len(some.rows):
        return more
    first = np.concatenate([some.first, more.first + len(some.numbers)])
    rows, numbers = np.concatenate([some.rows, more.rows]), np.concatenate([some.numbers, more.numbers])
    return Victims(rows, first, numbers, np.concatenate([some.price, more.price]))


def enough(victims: Victims, wanted: int) -> tuple[NDArray[np.int64], bool]:
    """Return the candidates that count, int64[K], those that break no budget first; and whether they are enough.

    Of either kind no more than ``wanted`` are kept. No more are looked for once there are so many of both together, and
    one of the first kind.
    """
    clean = victims.price[:, 0] == 0
    kept, costly = np.cumsum(clean), np.cumsum(~clean)
    kept_until, costly_until = np.minimum(kept, wanted), np.minimum(costly, wanted)
    done = (kept_until > 0) & (kept_until + costly_until >= wanted)
    count = int(np.argmax(done)) + 1 if done.any() else len(done)
    kinds = (clean & (kept <= wanted), ~clean & (costly <= wanted))
    return np.concatenate([np.flatnonzero(kind[:count]) for kind in kinds]), bool(done.any())


def cheapest(price: NDArray[np.int64]) -> list[int]:
    """Return which of some candidates, int64[K, 5], remain after all comparisons."""
    left = np.arange(len(price))
    for column in price.T:
        mine = column[left]
        left = left[mine == mine.min()]
    return left.tolist()
