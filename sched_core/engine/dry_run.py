"""Dry runs: the filters of a profile on one node, with some of its pods taken away or others added.

The columns and the pod table do change while a dry run lasts, since filters read them, and are put back byte for byte;
compiled batches hear nothing of it. Whether pods are evicted is decided elsewhere.
"""

from __future__ import annotations

from types import TracebackType
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.classes import PodInfo
from sched_core.columns.own import Moves
from sched_core.engine.answers import checked
from sched_core.engine.dry_run_rows import DryRunRows
from sched_core.engine.program import in_rows, is_signed
from sched_core.errors import PluginError, StowageError
from sched_core.framework.cycle_state import CycleState
from sched_core.framework.plugin import UNRESOLVABLE, Plugin, Verdicts
from sched_core.framework.preemption import PlacedPod
from sched_core.framework.status import SUCCESS, Code, Status, error
from sched_core.rows.table import NODE_FIELDS, NodeRows, empty_node_rows

if TYPE_CHECKING:
    from sched_core.engine.cycle import Cycle

_USAGE = ("requested", "nonzero_requested", "used_ports", "pod_count")


class FilterError(Exception):
    """A filter that failed; the text is upstream's."""


class Refusal(NamedTuple):
    """What the first filter that says no says of one node."""

    number: int
    """Its index among the filters of the profile."""
    bits: int
    reasons: tuple[str, ...]
    code: Code

    @property
    def status(self) -> Status:
        return Status(self.code, tuple(text for bit, text in enumerate(self.reasons) if self.bits >> bit & 1))


class DryRuns:
    """The dry runs of one attempt for one pod; what does not depend on placed pods is asked once."""

    def __init__(self, cycle: Cycle, state: CycleState, pod: PodInfo) -> None:
        self.cycle, self.state, self.pod = cycle, state, pod
        points = cycle.profile.points
        self.followers: list[Any] = [
            plugin
            for plugin in points["preFilter"]
            if hasattr(plugin, "add_pod") and plugin.name not in state.skip_filter
        ]
        """Plugins whose PreFilter state depends on placed pods."""
        self.filters = [
            (number, plugin) for number, plugin in enumerate(points["filter"]) if plugin.name not in state.skip_filter
        ]
        self._at_once: bool | None = None
        self._kept: dict[str, Verdicts] = {}
        self._row: NodeRows | None = None

    def on(self, row: int) -> DryRun:
        """Return a dry run on a node."""
        return DryRun(self, row)

    def on_rows(self, rows: NDArray[np.int64]) -> DryRunRows | None:
        """Return a dry run on many nodes at once; None if a filter reads more than the columns of a node, or fails."""
        if self._at_once is None:
            self._at_once = self._can_be_run_at_once()
        return DryRunRows(self, rows) if self._at_once else None

    def _can_be_run_at_once(self) -> bool:
        if self.cycle.nodes.owners.mover is not None:
            return False
        if self.followers or not all(in_rows(plugin, self.pod) or is_signed(plugin) for _, plugin in self.filters):
            return False
        try:
            for _, plugin in self.filters:
                self.check(plugin)
                if in_rows(plugin, self.pod):
                    self.row_bits(plugin, empty_node_rows(self.cycle.nodes, 0))
                elif self.verdicts(plugin).errors:
                    return False
        except FilterError:
            return False
        return True

    def refusal(self, row: int) -> Refusal | None:
        """Return the first refusal of a node as things stand; raises FilterError."""
        one: NodeRows | None = None
        for number, plugin in self.filters:
            self.check(plugin)
            if in_rows(plugin, self.pod):
                one = one if one is not None else self._columns_of(row)
                bits = int(self.row_bits(plugin, one)[0])
                code = Code.UnschedulableAndUnresolvable if bits & UNRESOLVABLE else Code.Unschedulable
                if bits:
                    return Refusal(number, bits & ~UNRESOLVABLE, plugin.reasons, code)
                continue
            verdicts = self.verdicts(plugin)
            if row in verdicts.errors:
                raise FilterError(f'running "{plugin.name}" filter plugin: {verdicts.errors[row]}')
            if bits := int(verdicts.bits[row]):
                unresolvable = verdicts.unresolvable is not None and verdicts.unresolvable[row]
                code = Code.UnschedulableAndUnresolvable if unresolvable else verdicts.code
                return Refusal(number, bits, verdicts.reasons, code)
        return None

    def check(self, plugin: Plugin) -> None:
        """Raise FilterError for a filter that the profile runs without the PreFilter that it needs."""
        if plugin.without_pre_filter and plugin.name not in self.cycle.profile.named["preFilter"]:
            raise FilterError(f'running "{plugin.name}" filter plugin: {plugin.without_pre_filter}')

    def verdicts(self, plugin: Plugin) -> Verdicts:
        """Return what a filter in array form says of all rows; kept if it reads no placed pods."""
        known = self._kept.get(plugin.name)
        if known is not None:
            return known
        text = f'running "{plugin.name}" filter plugin'
        nodes = self.cycle.nodes
        try:
            verdicts = checked(plugin.filter(self.state, self.pod, nodes), nodes.count)  # type: ignore[attr-defined]
        except StowageError:
            raise
        except Exception as reason:
            raise FilterError(f"{text}: {str(reason) or type(reason).__name__}") from reason
        if is_signed(plugin):
            self._kept[plugin.name] = verdicts
        return verdicts

    def row_bits(self, plugin: Plugin, rows: NodeRows) -> NDArray[np.int64]:
        """Return what a filter in row form says of some columns, int64[n]; raises FilterError."""
        try:
            return self.cycle.program.some(plugin, "filter_row", self.pod.row, rows)
        except PluginError as reason:
            raise FilterError(f'running "{plugin.name}" filter plugin: {reason.reason}') from reason

    def _columns_of(self, row: int) -> NodeRows:
        """Return the columns of one node in the form that compiled loops take."""
        nodes = self.cycle.nodes
        if self._row is None:
            self._row = empty_node_rows(nodes, 1)
        own = zip(nodes.owners.node, self._row.own, strict=True)
        shared = ((name, getattr(self._row, name)) for name in NODE_FIELDS)
        for name, column in (*shared, *own):
            column[..., 0] = nodes.full(name)[..., row]
        return self._row


class DryRun:
    """One node while other pods are on it; a context manager that leaves no trace."""

    def __init__(self, runs: DryRuns, row: int) -> None:
        self._runs, self._row = runs, row
        cycle = runs.cycle
        cycle.cluster.classes.fit_resources()
        self._cluster, self._nodes, self._classes = cycle.cluster, cycle.nodes, cycle.cluster.classes
        self._names = (*_USAGE, *self._nodes.owners.node)
        self._before = [self._nodes.full(name)[..., row].copy() for name in self._names]
        self._removed: dict[int, PlacedPod] = {}
        self._rivals = cycle.nominator.rivals(self._nodes.names[row], runs.pod)

    def __enter__(self) -> DryRun:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, reason: BaseException | None, trace: TracebackType | None
    ) -> None:
        for placed in reversed(list(self._removed.values())):
            self.put_back(placed)
        self._write(self._before)

    def remove(self, placed: PlacedPod) -> None:
        """Take a pod of the node away."""
        self._nodes.pods.hide(placed.number)
        self._use(placed.info, placed.number, -1)
        self._removed[placed.number] = placed
        for plugin in self._runs.followers:
            plugin.remove_pod(self._runs.state, self._runs.pod, placed.info, self._row)

    def put_back(self, placed: PlacedPod) -> None:
        """Bring back a pod that was taken away."""
        del self._removed[placed.number]
        self._nodes.pods.show(placed.number, self._row)
        self._use(placed.info, placed.number, 1)
        for plugin in self._runs.followers:
            plugin.add_pod(self._runs.state, self._runs.pod, placed.info, self._row)

    def status(self) -> Status:
        """Run the filters of the profile; twice if pods are nominated to the node, with them and without."""
        try:
            refusal = self.refusal()
        except FilterError as reason:
            return error(str(reason))
        return SUCCESS if refusal is None else refusal.status

    def refusal(self) -> Refusal | None:
        """Return the first refusal, as of `status`; raises FilterError."""
        return self.refusal_with_nominated() or self._runs.refusal(self._row)

    def refusal_with_nominated(self) -> Refusal | None:
        """Return the first refusal with the pods that are nominated to the node on it; None if there are no such pods.

        Only those of the pod's own priority or a higher one count. Raises FilterError.
        """
        if not self._rivals:
            return None
        table, runs = self._nodes.pods, self._runs
        before = [self._nodes.full(name)[..., self._row].copy() for name in self._names]
        first = table.count
        for rival in self._rivals:
            rows = np.array([self._row], np.int32)
            of = self._classes.priority[[rival.row]]
            self._use(rival, table.add([rival.key], np.array([rival.row], np.int32), rows, of), 1)
            for plugin in runs.followers:
                plugin.add_pod(runs.state, runs.pod, rival, self._row)
        try:
            return runs.refusal(self._row)
        finally:
            for number, rival in reversed(list(enumerate(self._rivals, first))):
                for plugin in runs.followers:
                    plugin.remove_pod(runs.state, runs.pod, rival, self._row)
                self._use_rare(rival, -1)
                table.withdraw(number)
            self._write(before)

    def _use(self, pod: PodInfo, placed: int, sign: int) -> None:
        """Add or subtract what a pod uses, as `Cluster` does, but without telling the change log.

        ``placed`` is its number in the pod table.
        """
        nodes, classes, row, number = self._nodes, self._classes, self._row, pod.row
        move = Moves(np.array([row]), np.array([number], np.int32), np.array([placed]))
        if sign > 0 and nodes.owners.mover is not None:
            nodes.owners.mover(self._cluster, move, sign)
        nodes.requested[:, row] += sign * classes.usage[number]
        nodes.nonzero_requested[:, row] += sign * classes.nonzero_usage[number]
        nodes.pod_count[row] += sign
        if sign > 0:
            nodes.used_ports[:, row] |= classes.port_bits[number]
        else:
            nodes.used_ports[:, row] &= ~classes.port_bits[number]
        self._use_rare(pod, sign)
        if sign < 0 and nodes.owners.mover is not None:
            nodes.owners.mover(self._cluster, move, sign)

    def _use_rare(self, pod: PodInfo, sign: int) -> None:
        """Add or subtract what a pod uses of rare resources; that undoes itself and needs no copy."""
        rare = self._classes.rare.get(pod.row)
        if rare is not None:
            self._nodes.rare_requested.add(rare.usage, self._row, sign)

    def _write(self, columns: list[Any]) -> None:
        for name, column in zip(self._names, columns, strict=True):
            self._nodes.full(name)[..., self._row] = column
