"""Many: one call of `Engine.schedule_many`; pods go through compiled code in runs, the rest through the cycle."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from sched_core.columns.arrays import PodArray
from sched_core.columns.classes import PodInfo, pod_key
from sched_core.columns.pods import ArrayKeys
from sched_core.engine.batch import Batch, Failure
from sched_core.engine.bind import bind
from sched_core.engine.compiled import TREE_CLASSES, Compiled, Places, Way
from sched_core.engine.cycle import nodes_to_find
from sched_core.engine.decision import Decision
from sched_core.engine.static import IRREGULAR, UNPLANNED
from sched_core.errors import NotSupported
from sched_core.framework.status import Code
from sched_core.kernels.clock import read_ticks
from sched_core.kernels.jit import CompileError
from sched_core.objects.records import Pod
from sched_core.rows.tuples import LONE

if TYPE_CHECKING:
    from sched_core.engine.engine import Engine

BLOCK = 1 << 16
"""Pods that are planned together, at most."""
RECURRENCE = 2
"""How often a class must come, on the average over a batch and all before it, for its scores to be worth keeping."""


class Many:
    """The state of one call."""

    def __init__(
        self, engine: Engine, pods: Sequence[Pod] | PodArray, *, measure: bool = False, asks: bool = True
    ) -> None:
        self.engine, self.cluster, self.pods, self.measure = engine, engine.cluster, pods, measure
        self._asks = asks
        """Whether the cycle is asked why a pod fits nowhere."""
        self.classes = self._classes()
        self._nominate()
        self._nominated = self._find_nominated()
        """Positions of the pods that are nominated to a node, bool[P]."""
        total = len(self.classes)
        self.rows = np.full(total, -1, np.int32)
        self.ticks = np.zeros(total if measure else 0, np.int64)
        columns = self.cluster.nodes.owners.placed
        self.placed = {name: column.empty(total, rows_last=False) for name, column in columns.items()}
        self.places = Places(self.rows, self.ticks, tuple(self.placed.values()))
        self.batch = Batch(self.rows, placed=self.placed)
        self.placed_until = 0
        self._side: Compiled | None = None
        """Who has placed what is not in the pod table yet."""

    def run(self) -> Batch:
        """Decide on all pods."""
        total = len(self.classes)
        began, first = time.perf_counter_ns(), read_ticks()
        start = 0
        try:
            while start < total:
                start = self._block(start)
        finally:  # also when interrupted: what was placed counts on its node already
            self._flush(total)
        if self.measure:
            per_tick = (time.perf_counter_ns() - began) / max(read_ticks() - first, 1)
            self.batch.latency_ns = np.diff(self.ticks, prepend=first) * per_tick
        return self.batch

    def _classes(self) -> NDArray[np.int32]:
        """Return the class of each pod, int32[P]."""
        intern = self.cluster.classes.intern
        if not isinstance(self.pods, PodArray):
            return np.array([intern(pod) for pod in self.pods], np.int32)
        class_of = np.full(len(self.pods.templates), -1, np.int32)
        for template in np.unique(self.pods.template_of).tolist():
            class_of[template] = intern(self.pods.templates[template])
        return class_of[self.pods.template_of]

    def _nominate(self) -> None:
        """Let the nominations that pods of the call bring along count for the others, as they do in the queue."""
        records, nominator = self.cluster.classes.pods, self.engine.nominator
        bring = [number for number in np.unique(self.classes).tolist() if records[number].status.nominated_node_name]
        for position in np.flatnonzero(np.isin(self.classes, bring)).tolist() if bring else ():
            pod = self._info(position)
            if self._is_tried(pod):
                nominator.add(pod, nominator.node_of(pod))

    def _find_nominated(self) -> NDArray[np.bool_]:
        found, nominator = np.zeros(len(self.classes), np.bool_), self.engine.nominator
        if len(nominator):
            keys = self._keys(np.arange(len(self.classes)))
            found[[position for position, key in enumerate(keys) if key in nominator]] = True
        return found

    def _is_tried(self, pod: PodInfo) -> bool:
        try:
            return self.engine.admit(pod).is_success
        except NotSupported:  # its failure will say so
            return False

    def _info(self, position: int) -> PodInfo:
        """Return a pod of the call as plugins see it."""
        classes, number = self.cluster.classes, int(self.classes[position])
        if isinstance(self.pods, PodArray):
            template = self.pods.templates[self.pods.template_of[position]]
            key = f"{template.metadata.namespace or 'default'}/{self.pods.names[position]}"
            return PodInfo(template, number, classes, key)
        return PodInfo(self.pods[position], number, classes, pod_key(self.pods[position]))

    def _block(self, start: int) -> int:
        """Decide on pods with one profile from ``start`` on and return where they end."""
        records = self.cluster.classes.pods
        name = records[self.classes[start]].spec.scheduler_name
        stop = min(start + BLOCK, len(self.classes))
        distinct = np.unique(self.classes[start:stop])
        others = [number for number in distinct.tolist() if records[number].spec.scheduler_name != name]
        if others:
            stop = start + int(np.argmax(np.isin(self.classes[start:stop], others)))
        sides = self.engine.sides(name)
        compiled = sides.compiled if sides is not None else None
        if compiled is None or not compiled.is_usable():
            for position in range(start, stop):
                self._cycle(position)
            return stop
        try:
            return self._compiled(compiled, start, stop)
        except CompileError:  # numba refuses a row function: the cycle, which compiles them one by one, names it
            self.engine.give_up_compiled(name)
            return start

    def _compiled(self, compiled: Compiled, start: int, stop: int) -> int:
        stop, alone, way = self._plan_block(compiled, start, stop)
        position = start
        for end in (start + np.flatnonzero(alone)).tolist():
            self._run_all(compiled, position, end, way)
            self._cycle(end)
            position = end + 1
        self._run_all(compiled, position, stop, way)
        self._flush(stop)  # before a profile that has tallies of its own takes over
        return stop

    def _plan_block(self, compiled: Compiled, start: int, stop: int) -> tuple[int, NDArray[np.bool_], Way]:
        """Plan the classes of a block; return how far it reaches, which of its pods need the cycle, and the way."""
        compiled.prepare()
        self._side = compiled
        static = compiled.static
        distinct = np.unique(self.classes[start:stop])
        while len(distinct) > static.limit:  # so many different pods: as many as memory allows at a time
            stop = start + max(1, (stop - start) // 2)
            distinct = np.unique(self.classes[start:stop])
        unplanned = distinct[static.plans(distinct) == UNPLANNED]
        representatives = static.representatives(unplanned)
        if static.count + len(representatives) > static.limit:
            static.clear()
            unplanned, representatives = distinct, static.representatives(distinct)
        for number in representatives.tolist():
            self._plan(compiled, number)
        static.spread(unplanned, representatives)
        plans = static.plans(distinct)
        judged, unjudged = compiled.plan_terms(distinct)
        crowded = compiled.nominated.count_for(distinct)  # other pods may add to tallies, too: the cycle minds that
        irregular = np.zeros(len(self.cluster.classes), np.bool_)
        minding = bool(static.live.filters) or self.cluster.nodes.owners.mover is not None
        alone = compiled.terms.filter(distinct) | minding
        irregular[distinct[(plans == IRREGULAR) | unjudged | crowded & alone]] = True
        irregular[static.concerned_classes(distinct)] = True
        irregular[list(self.cluster.classes.faults)] = True
        if self.engine.extenders:
            records = self.cluster.classes.pods
            asked = [number for number in distinct.tolist() if self.engine.extenders.interested(records[number])]
            irregular[asked] = True
        several = plans != LONE  # one node is looked at, whatever the way
        way = self._way(compiled, distinct[several], judged[several], bool(crowded.any()), stop - start)
        if way is Way.SAMPLED:  # a scan of the nodes that PreFilter names has a sample of its own
            planned = plans >= 0
            irregular[distinct[planned][static.step[plans[planned]] > 0]] = True
        return stop, irregular[self.classes[start:stop]] | self._nominated[start:stop], way

    def _plan(self, compiled: Compiled, number: int) -> None:
        """Plan a class; IRREGULAR is also what is not tried at all."""
        pod = self.cluster.classes.info_of(number)
        try:
            if self._is_admitted(pod):
                compiled.static.plan(number)
                return
        except Exception:  # whatever a plugin raised, the cycle meets it again and words it
            pass
        compiled.static.set_aside(number)

    def _is_admitted(self, pod: PodInfo) -> bool:
        return self.engine.admit(pod).is_success

    def _way(
        self, compiled: Compiled, distinct: NDArray[np.int32], judged: NDArray[np.bool_], crowded: bool, pods: int
    ) -> Way:
        """Choose the way for classes of which those that are ``judged`` by terms keep no scores.

        Kept scores know nothing of nominated pods, so if any count (``crowded``) there are none.
        """
        nodes = len(self.cluster.nodes.order())
        if nodes_to_find(compiled.profile.percentage_of_nodes_to_score, nodes) < nodes:
            return Way.SAMPLED
        if crowded or self.engine.speed == "fused" or compiled.static.live:
            return Way.FUSED
        by_rank = compiled.program.order.by_rank  # then the first block that has the best is all that is looked at
        if not by_rank and not judged.any() and compiled.tree_fits(len(distinct)):
            return Way.TREE
        seen = self.engine.seen
        seen[0], seen[1] = seen[0] + pods, max(seen[1], len(self.cluster.classes))
        few = by_rank and len(distinct) <= TREE_CLASSES
        if self.engine.speed == "auto" and not few and seen[0] < RECURRENCE * seen[1]:
            return Way.FUSED
        compiled.keep(distinct[~judged])
        return Way.SLOTS

    def _run_all(self, compiled: Compiled, start: int, stop: int, way: Way) -> None:
        run = self._run_live if compiled.static.live else self._run
        while start < stop:
            start = run(compiled, start, stop, way)

    def _run_live(self, compiled: Compiled, start: int, stop: int, way: Way) -> int:
        """Place one pod about which live plugins are asked; return the next position."""
        self._flush(start)
        found = compiled.run_live(
            self._info(start), start, self.classes, self.places, way, self.engine.start, asks=self._asks
        )
        if found is None:
            self._cycle(start)
            return start + 1
        return self._note_run(start, start + 1, found, way)

    def _run(self, compiled: Compiled, start: int, stop: int, way: Way) -> int:
        """Place pods in compiled code up to ``stop`` or behind a pod that fails; return the next position."""
        found = compiled.run(self.classes, start, stop, self.places, way, self.engine.start, asks=self._asks)
        return self._note_run(start, stop, found, way)

    def _note_run(self, start: int, stop: int, found: tuple[int, int], way: Way) -> int:
        """Note what came of a run that was to end at ``stop``."""
        end, self.engine.start = found
        self._count("fused" if way in (Way.FUSED, Way.SAMPLED) else "incremental", min(end + 1, stop) - start)
        failed = np.flatnonzero(self.rows[start:end] < 0).tolist() if self._asks else ()
        for position in failed:  # as a pod of the same class just before
            self.batch.failures[start + position] = self.engine.known[int(self.classes[start + position])]
        if end < stop:
            self._flush(end)
            self._fail(end, way)
            return end + 1
        return end

    def _fail(self, position: int, way: Way) -> None:
        """Let the cycle say why a pod that compiled code did not place fits nowhere."""
        pod = self._info(position)
        failure = self._explain(position, pod, way)
        if failure is not None:
            self.engine.known[pod.row] = failure

    def _explain(self, position: int, pod: PodInfo, way: Way) -> Failure | None:
        sides = self.engine.sides(pod.pod.spec.scheduler_name)
        assert sides is not None
        try:
            decision = self.engine.decide(pod, sides)
        except NotSupported as reason:
            failure = Failure(str(reason), {}, error=True)
        else:
            if way is Way.SAMPLED:
                self.engine.advance(decision)
            if decision.row >= 0:  # a score out of range where it does not count stops compiled code, not the cycle
                bind(self.engine, sides.profile, decision)
            if decision.row >= 0:
                self._note_placed(position, decision)
                self.placed_until = position + 1
                self._tick(position)
                return None
            failure = _failure(decision)
        self.batch.failures[position] = failure
        self._tick(position)
        return failure

    def _cycle(self, position: int) -> None:
        """Decide on one pod in the cycle and place it."""
        pod = self._info(position)
        self._flush(position)
        self.placed_until = position + 1
        self._count("cycle", 1)
        try:
            admitted = self.engine.admit(pod)
            if not admitted.is_success:
                self.batch.failures[position] = Failure(admitted.message, {}, admitted.code == Code.Error)
                return
            sides = self.engine.sides(pod.pod.spec.scheduler_name)
            assert sides is not None
            decision = self.engine.decide(pod, sides)
        except NotSupported as refusal:
            self.batch.failures[position] = Failure(str(refusal), {}, error=True)
            return
        finally:
            self._tick(position)
        self.engine.advance(decision)
        if decision.row >= 0:
            bind(self.engine, sides.profile, decision)
        if decision.row < 0:
            self.batch.failures[position] = _failure(decision)
        else:
            self._note_placed(position, decision)
        self._tick(position)

    def _note_placed(self, position: int, decision: Decision) -> None:
        self.rows[position] = decision.row
        for name, column in self.placed.items():
            column[position] = self.cluster.nodes.pods.own(name)[decision.placed_as]

    def _flush(self, stop: int) -> None:
        """Enter the pods that compiled code placed into the pod table."""
        start, self.placed_until = self.placed_until, max(stop, self.placed_until)
        positions = start + np.flatnonzero(self.rows[start:stop] >= 0)
        if not len(positions):
            return
        keys, uids = self._keys(positions), self._uids(positions)
        remembered = {name: column[positions] for name, column in self.placed.items()}
        first = self.cluster.place(keys, self.classes[positions], self.rows[positions], placed=remembered)
        self.cluster.uids.update((key, uid) for key, uid in zip(keys, uids, strict=False) if uid)
        if self._side is not None:
            self._side.terms.tallies.note(first, self.rows[positions])

    def _keys(self, positions: NDArray[np.int64]) -> Sequence[str]:
        if isinstance(self.pods, PodArray):
            return ArrayKeys(self.pods, positions)
        return [pod_key(self.pods[position]) for position in positions.tolist()]

    def _uids(self, positions: NDArray[np.int64]) -> Sequence[str]:
        if isinstance(self.pods, PodArray):
            return ()
        return [self.pods[position].metadata.uid for position in positions.tolist()]

    def _count(self, speed: str, pods: int) -> None:
        self.batch.speed_used[speed] = self.batch.speed_used.get(speed, 0) + pods

    def _tick(self, position: int) -> None:
        if self.measure:
            self.ticks[position] = read_ticks()


def _failure(decision: Decision) -> Failure:
    """Return why a decision found no node, and whom preemption would evict."""
    node = decision.nominated_node or "" if decision.victims else ""
    error = decision.status.code == Code.Error
    return Failure(decision.message, decision.reasons, error, node, decision.victims)
