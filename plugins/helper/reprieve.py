"""Reprieve: the fewest pods of lower priority that would have to leave each of some nodes (upstream: defaultpreemption,
SelectVictimsOnNode).

All of them are taken away; then as many as possible come back, those first that would break a disruption budget. Where
the filters allow it this is done on many nodes at once, else node by node.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from plugins.helper.victims import LowerPods, Victims, by_importance, victims_of
from sched_core import Status, error, unresolvable

if TYPE_CHECKING:
    from plugins.helper.disruption_budgets import Budgets
    from sched_core import DryRun, DryRunRows, DryRuns, NodeColumns, PlacedPods

NO_VICTIMS = "No preemption victims found for incoming pod"

ALONE = 16
"""So many nodes that have to be tried alone are tried before somebody asks whether they are enough."""
PART = 64
"""So many more nodes are looked at than seem to be needed."""


class Promising(NamedTuple):
    """Nodes where evicting all pods of lower priority may help, with these pods."""

    rows: NDArray[np.int64]
    """int64[C]."""
    at: NDArray[np.int64]
    """int64[P]: indices of the nodes of these pods, ascending."""
    numbers: NDArray[np.int64]
    """int64[P]: the pods, by their numbers in the pod table."""

    def part(self, first: int, size: int) -> Promising:
        """Return some of the nodes with their pods."""
        begin, end = np.searchsorted(self.at, [first, first + size]).tolist()
        return Promising(self.rows[first : first + size], self.at[begin:end] - first, self.numbers[begin:end])

    def those(self, kept: NDArray[np.bool_]) -> Promising:
        """Return the nodes of ``kept`` bool[C] with their pods."""
        mine = kept[self.at]
        return Promising(self.rows[kept], (np.cumsum(kept) - 1)[self.at[mine]], self.numbers[mine])


def find_victims(
    nodes: NodeColumns, runs: DryRuns, placed: PlacedPods, rows: NDArray[np.int64], budgets: Budgets, wanted: int
) -> Iterator[tuple[Victims, Counter[Status]]]:
    """Yield the victims on the first of the nodes, then on more; and what is said of how many nodes that have none.

    ``rows`` int64[C] are the nodes in their order; it is expected that ``wanted`` of them are enough.
    """
    first, found, size = 0, 0, wanted
    while first < len(rows):
        part = rows[first : first + size]
        first += len(part)
        there = Promising(part, *placed.on(part))
        run = runs.on_rows(part)
        some = np.bincount(there.at, minlength=len(part)) > 0
        said = Counter({unresolvable(NO_VICTIMS): len(part) - int(np.count_nonzero(some))})
        if run is not None:
            run.remove(there.at, there.numbers)
            refusals = run.refusals()
            said.update(refusals.statuses(some))
            some &= refusals.passed
        there = there if some.all() else there.those(some)
        begin = 0
        while begin < len(there.rows) or said:  # also once for nothing but what is said
            step = ALONE if run is None else max(wanted - found, ALONE)
            victims, refused = _reprieve(nodes, runs, placed, there.part(begin, step), budgets)
            yield victims, said + refused
            said.clear()
            begin, found = begin + step, found + len(victims.rows)
        size = max(wanted - found, 0) * first // max(found, 1) + PART  # if the others are like these


def lower_pods(placed: PlacedPods, nodes: Promising, budgets: Budgets) -> LowerPods:
    """Return the pods on some nodes in the order in which they come back."""
    at, number = nodes.at, nodes.numbers
    priority, start_time = placed.priorities(number), placed.start_times(number)
    order = by_importance(at, priority, start_time)
    number, priority, start_time = number[order], priority[order], start_time[order]
    breaking = budgets.breaking(placed, at, number)
    if breaking.any():
        order = np.lexsort((~breaking, at))
        number, priority, start_time, breaking = number[order], priority[order], start_time[order], breaking[order]
    return LowerPods(at, number, priority, start_time, breaking)


def _reprieve(
    nodes: NodeColumns, runs: DryRuns, placed: PlacedPods, there: Promising, budgets: Budgets
) -> tuple[Victims, Counter[Status]]:
    pods = lower_pods(placed, there, budgets)
    run = runs.on_rows(there.rows)
    refused: dict[int, Status] = {}
    if run is not None:
        victim = _at_once(run, pods)
    else:
        victim, refused = _one_by_one(runs, placed, there.rows, pods)
    victims = victims_of(there.rows, pods, victim)
    if len(victims.rows) < len(there.rows):
        for row in np.setdiff1d(there.rows, victims.rows).tolist():
            refused.setdefault(row, error(f'expected at least one victim pod on node "{nodes.names[row]}"'))
    return victims, Counter(refused.values())


def _at_once(run: DryRunRows, pods: LowerPods) -> NDArray[np.bool_]:
    """Return the victims, bool[P]: in each round the next pod of every node comes back and leaves again if it must."""
    run.remove(pods.at, pods.number)
    victim = np.zeros(len(pods.at), np.bool_)
    round_of = np.arange(len(pods.at)) - np.searchsorted(pods.at, pods.at)
    for number in range(int(round_of.max(initial=-1)) + 1):
        back = np.flatnonzero(round_of == number)
        run.put_back(pods.at[back], pods.number[back])
        leaving = back[~run.refusals().passed[pods.at[back]]]
        run.remove(pods.at[leaving], pods.number[leaving])
        victim[leaving] = True
    return victim


def _one_by_one(
    runs: DryRuns, placed: PlacedPods, rows: NDArray[np.int64], pods: LowerPods
) -> tuple[NDArray[np.bool_], dict[int, Status]]:
    """Return the victims, bool[P], and by row why evicting all pods would not help there."""
    victim = np.zeros(len(pods.at), np.bool_)
    refused = {}
    bounds = np.searchsorted(pods.at, np.arange(len(rows) + 1)).tolist()
    for index, row in enumerate(rows.tolist()):
        mine = slice(bounds[index], bounds[index + 1])
        with runs.on(row) as run:
            status = _try(run, placed, pods.number[mine], victim[mine])
        if not status.is_success:
            refused[row] = status
    return victim, refused


def _try(run: DryRun, placed: PlacedPods, numbers: NDArray[np.int64], victim: NDArray[np.bool_]) -> Status:
    """Mark the victims on one node and return why evicting all pods would not help; Success if it would."""
    pods = [placed.placed(number) for number in numbers.tolist()]
    for pod in pods:
        run.remove(pod)
    status = run.status()
    for position, pod in enumerate(pods if status.is_success else ()):
        run.put_back(pod)
        if not run.status().is_success:
            run.remove(pod)
            victim[position] = True
    return status
