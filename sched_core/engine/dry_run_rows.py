"""Dry runs on many nodes at once: their columns are copied, pods come and go in the copy, row filters run over it.

Only for pods whose filters read nothing of placed pods but the columns; `dry_run` is the way for all others, and the
reference.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.engine.program import in_rows
from sched_core.framework.plugin import UNRESOLVABLE, Plugin
from sched_core.framework.preemption import Refusals
from sched_core.framework.status import Code
from sched_core.rows.table import NodeRows, node_rows, pod_rows, some_rows
from sched_core.rows.usage import add_usage, subtract_usage

if TYPE_CHECKING:
    from sched_core.engine.dry_run import DryRuns


class _Rivals(NamedTuple):
    """The pods nominated to some of the nodes that count for the pod."""

    nodes: NDArray[np.int64]
    """Indices of the nodes that have any."""
    at: NDArray[np.int64]
    """Of each rival, the index of its node in ``nodes``."""
    classes: NDArray[np.int32]


class DryRunRows:
    """The nodes of some rows, int64[C]; see `sched_core.framework.preemption.DryRunRows`."""

    def __init__(self, runs: DryRuns, rows: NDArray[np.int64]) -> None:
        self._runs, self._table = runs, runs.cycle.nodes.pods
        self._pods = pod_rows(runs.cycle.cluster.classes)
        self._nodes = some_rows(node_rows(runs.cycle.nodes), rows)
        self._filters: list[tuple[int, Plugin, NDArray[np.int64] | None]] = []
        """Number, plugin and, unless it is in row form, what it says; those that pass everywhere are left out."""
        for number, plugin in runs.filters:
            bits = None if in_rows(plugin, runs.pod) else _bits(runs, plugin, rows)
            if bits is None or bits.any():
                self._filters.append((number, plugin, bits))
        self._words = {number: _words(runs, plugin) for number, plugin, _ in self._filters}
        self._rivals = self._find_rivals(rows)

    def remove(self, at: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
        """Take pods away, each from the node that it is on."""
        subtract_usage(at, self._table.class_of[numbers], self._pods, self._nodes)

    def put_back(self, at: NDArray[np.int64], numbers: NDArray[np.int64]) -> None:
        """Bring back pods that were taken away."""
        add_usage(at, self._table.class_of[numbers], self._pods, self._nodes)

    def refusals(self) -> Refusals:
        """Run the filters of the profile; twice where pods are nominated to a node, with them and without."""
        first = self.refusals_with_nominated()
        number, bits = self._ask(self._nodes, slice(None))
        number, bits = np.where(first.passed, number, first.number), np.where(first.passed, bits, first.bits)
        return Refusals(number, bits, self._words)

    def refusals_with_nominated(self) -> Refusals:
        """Run the filters on the nodes that pods are nominated to, with these on them; the others pass."""
        count, rivals = len(self._nodes.pod_count), self._rivals
        number, bits = np.full(count, -1, np.int16), np.zeros(count, np.int64)
        if len(rivals.nodes):
            crowded = some_rows(self._nodes, rivals.nodes)
            add_usage(rivals.at, rivals.classes, self._pods, crowded)
            number[rivals.nodes], bits[rivals.nodes] = self._ask(crowded, rivals.nodes)
        return Refusals(number, bits, self._words)

    def _ask(self, nodes: NodeRows, of: NDArray[np.int64] | slice) -> tuple[NDArray[np.int16], NDArray[np.int64]]:
        """Return the first filter that says no, int16[n], and its bits, int64[n], for all nodes or those in ``of``."""
        number, found = np.full(len(nodes.pod_count), -1, np.int16), np.zeros(len(nodes.pod_count), np.int64)
        for filter_number, plugin, fixed in self._filters:
            bits = self._runs.row_bits(plugin, nodes) if fixed is None else fixed[of]
            new = (number < 0) & (bits != 0)
            number[new], found[new] = filter_number, bits[new]
        return number, found

    def _find_rivals(self, rows: NDArray[np.int64]) -> _Rivals:
        cycle = self._runs.cycle
        claimed, classes = cycle.nominated.rivals(self._runs.pod)
        index = np.full(cycle.nodes.count, -1)
        index[rows] = np.arange(len(rows))
        there = index[claimed] >= 0
        nodes, at = np.unique(index[claimed[there]], return_inverse=True)
        return _Rivals(nodes, at, classes[there])


def _bits(runs: DryRuns, plugin: Plugin, rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """Return what a filter that reads no placed pods says of some rows, as a row filter would."""
    verdicts = runs.verdicts(plugin)
    bits = verdicts.bits[rows].astype(np.int64)
    if verdicts.unresolvable is not None:
        bits[verdicts.unresolvable[rows] & (bits != 0)] |= UNRESOLVABLE
    return bits


def _words(runs: DryRuns, plugin: Plugin) -> tuple[tuple[str, ...], Code]:
    """Return the reasons of a filter, and the code of what can be resolved."""
    if in_rows(plugin, runs.pod):
        return plugin.reasons, Code.Unschedulable
    verdicts = runs.verdicts(plugin)
    return verdicts.reasons, verdicts.code
