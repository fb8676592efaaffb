"""Trial: the filters of a profile for one pod, each asked for itself, whatever the others say.

The cycle stops at the first filter that refuses a node; who explains wants to hear all of them. PreFilter runs as in
the cycle, nothing is scored, and nothing changes.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.engine.answers import CycleError
from sched_core.engine.diagnosis import Diagnosis
from sched_core.engine.dry_run import DryRuns, FilterError
from sched_core.engine.engine import Engine
from sched_core.errors import PluginError, StowageError
from sched_core.framework.cycle_state import CycleState
from sched_core.framework.obstacle import Obstacle
from sched_core.framework.plugin import Plugin, Verdicts
from sched_core.framework.status import Status
from sched_core.objects.records import Pod

PASSED, SKIPPED = "passed", "skipped"


class Refused(NamedTuple):
    """What one filter says against a node."""

    plugin: Plugin
    reasons: tuple[str, ...]


class Trial:
    """One pod against all nodes of an engine's cluster."""

    def __init__(self, engine: Engine, pod: Pod) -> None:
        """Run PreFilter, and the filters that it does not skip; what fails is in ``error``."""
        sides = engine.sides(pod.spec.scheduler_name)
        assert sides is not None
        self._cycle, self.nodes = sides.cycle, engine.cluster.nodes
        self.pod, self.state = engine.cluster.classes.info(pod), CycleState(all_nodes=True)
        self.filters = sides.profile.points["filter"]
        self.refusal: Status | None = None
        """Why PreFilter refused the pod as a whole."""
        self.error = ""
        self.verdicts: list[Verdicts | None] = []
        """Of each filter; None where PreFilter skips it."""
        diagnosis = Diagnosis.of(self.nodes, self.filters)
        self.named: NDArray[np.bool_] = self.nodes.alive
        """The nodes that PreFilter leaves, bool[N]."""
        try:
            named = self._cycle.pre_filter(self.state, self.pod, diagnosis)
            if named is None:
                self.refusal = diagnosis.absent
                return
            self.named = named
            self.verdicts = [
                None if plugin.name in self.state.skip_filter else self._cycle.verdicts(plugin, self.state, self.pod)
                for plugin in self.filters
            ]
        except CycleError as reason:
            self.error = str(reason)

    def refused(self, row: int) -> list[Refused]:
        """Return all filters that refuse a node, or fail on it, in their order."""
        found = []
        for plugin, verdicts in zip(self.filters, self.verdicts, strict=False):
            if verdicts is None:
                continue
            bits = int(verdicts.bits[row])
            reasons = tuple(text for bit, text in enumerate(verdicts.reasons) if bits >> bit & 1)
            if row in verdicts.errors:
                reasons = (verdicts.errors[row],)
            if reasons:
                found.append(Refused(plugin, reasons))
        return found

    def refusals(self) -> NDArray[np.int64]:
        """Return how many filters refuse each node, int64[N]."""
        counts = np.zeros(self.nodes.count, np.int64)
        for verdicts in self.verdicts:
            if verdicts is not None:
                counts += verdicts.bits != 0
        return counts

    def fits(self, row: int) -> bool:
        """Tell whether a node passes all filters, as the cycle asks them: also with the pods nominated to it."""
        if self.error or self.refusal is not None or not self.named[row]:
            return False
        try:
            with DryRuns(self._cycle, self.state, self.pod).on(row) as dry_run:
                return dry_run.refusal() is None
        except FilterError:
            return False

    def obstacles(self, row: int) -> Iterator[Obstacle]:
        """Yield what stands between the pod and a node: in detail where the plugin explains it, else its reasons.

        Raises PluginError for a plugin that raises.
        """
        refused = self.refused(row)
        for plugin, reasons in refused:
            yield from self._explained(plugin, row) or [Obstacle(", ".join(reasons))]
        if not refused and not self.named[row]:
            yield Obstacle("PreFilter names other nodes")
        elif not refused:
            keys = [rival.key for rival in self._cycle.nominator.rivals(self.nodes.names[row], self.pod)]
            yield Obstacle(f"there is no room beside the pods that are nominated to it: {', '.join(keys)}")

    def _explained(self, plugin: Plugin, row: int) -> Sequence[Obstacle]:
        """Ask a plugin what stands in the way; nothing if it explains nothing. Raises PluginError."""
        if not hasattr(plugin, "explain"):
            return ()
        try:
            answer: Sequence[Obstacle] = plugin.explain(self.state, self.pod, self.nodes, row)
        except StowageError:
            raise
        except Exception as reason:
            text = f"{type(reason).__name__}: {reason}"
            raise PluginError(plugin.name, "explain", text, self.pod.key, self.nodes.names[row]) from reason
        return answer
