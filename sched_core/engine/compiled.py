"""Compiled: place many pods of one profile in compiled calls, and keep the scores of classes that come again.

Three ways with one result (design 2.3): a full pass for each pod (fused); a full pass that is brought up to date from
the change log (a slot); the same with a heap of subtree maxima (a tree), worth it when few classes share the work.
"""

from __future__ import annotations

from collections.abc import Hashable
from enum import Enum
from types import ModuleType
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from sched_core.cluster import Cluster
from sched_core.columns.classes import PodInfo
from sched_core.engine.cycle import nodes_to_find
from sched_core.engine.nominated_nodes import NominatedNodes
from sched_core.engine.nominated_pods import NominatedPods
from sched_core.engine.program import Program
from sched_core.engine.static import StaticResults
from sched_core.engine.terms import IRREGULAR, NONE, TermPlans
from sched_core.errors import PluginError
from sched_core.framework.profile import Profile
from sched_core.kernels.arithmetic import EXACT_BELOW
from sched_core.kernels.select import BLOCK
from sched_core.rows.sampled import STRETCH
from sched_core.rows.table import empty_node_rows, pod_rows
from sched_core.rows.tuples import LONE, Log, Out, Rivals, Slots, Tree, Work

SLOT_MEMORY = 512 << 20
TREE_MEMORY = 512 << 20
TREE_CLASSES = 64
"""A heap costs a climb per changed row: beyond so many classes in turn, looking at all totals is faster."""


class Way(Enum):
    """How the best node is found."""

    FUSED = "fused"
    SLOTS = "slots"
    TREE = "tree"
    SAMPLED = "sampled"
    """Not all nodes are looked at."""


class Places(NamedTuple):
    """Where the results of P pods go."""

    rows: NDArray[np.int32]
    """[P]: row of the node, -1: none."""
    ticks: NDArray[np.int64]
    """[P] or [0]: time stamp counter at the end of each decision."""
    placed: tuple[NDArray[Any], ...]
    """[P, ..] each: what plugins remember of the placements; zero before."""


class Compiled:
    """The compiled side of one profile on one cluster."""

    def __init__(self, profile: Profile, cluster: Cluster, program: Program, nominated: NominatedPods) -> None:
        self.profile, self.cluster, self.program = profile, cluster, program
        self.nodes, self.classes = cluster.nodes, cluster.classes
        self.static = StaticResults(profile, self.nodes, self.classes, program)
        self.terms = TermPlans(profile, cluster, program.plugins.by_domain, program.order)
        self.nominated = NominatedNodes(nominated)
        self.failed_at = np.zeros(0, np.int64)
        self._nominations: Hashable = None
        self._normalized = len(program.plugins.normalized)
        self._version = (-1, -1)
        self._amounts, self._exact = (-1, -1), True
        self._namespaces: dict[str, dict[str, str]] = {}
        self._objects_version = -1
        self._reset()

    def is_usable(self) -> bool:
        """Tell whether batches can be compiled as things stand; the cycle says why not."""
        if self.nodes.faults or self.nodes.owners.in_python:
            return False
        try:
            self.module()
            return bool(len(self.program.order()))
        except PluginError:
            return False

    def prepare(self) -> None:
        """Forget what changes of nodes and other objects have made wrong."""
        handle, kinds = self.profile.handle, self.static.kinds
        told = handle.objects_version if kinds is None else handle.version(*kinds, assumed=False)
        version, namespaces = (self.nodes.object_version, told), self.cluster.namespaces
        if self._version != version or self._namespaces != namespaces:
            self._version, self._namespaces = version, {name: dict(labels) for name, labels in namespaces.items()}
            self.static.clear()
            self.terms.clear()
            self._reset()
        if self._objects_version != handle.objects_version:  # whom preemption would evict may depend on any of them
            self._objects_version = handle.objects_version
            self.failed_at[:] = -1

    def _reset(self) -> None:
        size = len(self.nodes.full("alive"))
        self._none = _empty_slots(0, 0, 0, self._normalized)
        self._slots = _empty_slots(0, size, len(self.classes), self._normalized)
        self._tree_slots = _empty_slots(0, size, len(self.classes), self._normalized)
        self._tree = _empty_tree(0, size)
        self._work: Work | None = None
        self._widths = (0, 0)
        self.failed_at[:] = -1

    def plan_terms(self, distinct: NDArray[np.int32]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
        """Find out which of some classes int32[D] have terms, and which are irregular for theirs; bool[D] each."""
        found = self.terms.plan(distinct)
        if self.terms.tallies.full:  # with what other batches left
            self.terms.clear()
            found = self.terms.plan(distinct)
        if self.terms.tallies.full:
            self.terms.clear()
            found = np.where(found == NONE, NONE, IRREGULAR)
        return found >= 0, found == IRREGULAR

    def run(
        self, classes: NDArray[np.int32], start: int, stop: int, out: Places, way: Way, scan_start: int, *,
        asks: bool = True,
    ) -> tuple[int, int]:  # fmt: skip
        """Place pods ``start`` to ``stop`` of ``classes`` int32[P]; all of these classes are planned.

        ``scan_start`` is the index at which the scan begins. Returns where it ended (``stop``, or the position of a pod
        that no node takes) and where the next scan begins. Without ``asks`` it goes on behind such pods.
        """
        self._fit(len(self.classes))
        if self._nominations != self.nominated.pods.version:  # what failed may fit now, or fail for other reasons
            self._nominations = self.nominated.pods.version
            self.failed_at[:] = -1
        module = self.module()
        work = self._working()._replace(rivals=self._rivals())
        counted = (self.terms.terms(), self.terms.tallies.settle(work.position))
        rows = (pod_rows(self.classes), self.program.rows(self.nodes))
        common = (*rows, self.static.static(), self.static.switches(), *counted)
        log = Log(self.nodes.log, self.nodes.log_head)
        results = Out(out.rows, out.ticks, self.failed_at, out.placed, asks)
        work.start[0] = scan_start % len(work.order)
        count = self.nodes.count
        if way is Way.TREE:
            present = np.unique(classes[start:stop])
            slots = self._give_slots(present[self.static.plans(present) != LONE])
            end = module.place_tree(classes, start, stop, count, *common, slots, self._tree, work, log, results)
        elif way is Way.SAMPLED:
            wanted = nodes_to_find(self.profile.percentage_of_nodes_to_score, len(work.order))
            end = module.place_sampled(classes, start, stop, wanted, *common, work, log, results)
        else:
            slots = self._slots if way is Way.SLOTS else self._none
            end = module.place_scan(classes, start, stop, count, *common, slots, work, log, results)
        self.nominated.note()
        if not asks:  # nobody knows why these have failed
            self.failed_at[:] = -1
        return int(end), int(work.start[0])

    def run_live(
        self, pod: PodInfo, position: int, classes: NDArray[np.int32], out: Places, way: Way, scan_start: int, *,
        asks: bool = True,
    ) -> tuple[int, int] | None:  # fmt: skip
        """Place the pod at a position as `run` does, with what live plugins say of it; None: only the cycle can."""
        plan = int(self.static.plans(classes[position : position + 1])[0])
        if plan == LONE:
            return self.run(classes, position, position + 1, out, way, scan_start, asks=asks)
        answered = self.static.live.ask(pod, plan)
        if answered is None:
            return None
        self.forget_failure(pod.row)
        with self.static.planned_as(pod.row, answered):
            return self.run(classes, position, position + 1, out, way, scan_start, asks=asks)

    def _rivals(self) -> Rivals:
        rivals = self.nominated.settle()
        return rivals._replace(nodes=self.program.with_tables(rivals.nodes))

    def forget_failure(self, pod_class: int) -> None:
        """Look at the nodes again for the next pod of a class, even if nothing has changed since one has failed."""
        if pod_class < len(self.failed_at):
            self.failed_at[pod_class] = -1

    def module(self) -> ModuleType:
        """Return the generated module, in float64 where that is exact."""
        version = self.nodes.object_version, self.nodes.resource_count
        if self._amounts != version:
            self._amounts = version
            self._exact = self.nodes.count == 0 or int(self.nodes.allocatable.max()) < EXACT_BELOW
        return self.program.module(in_float=self._exact)

    def tree_fits(self, classes: int) -> bool:
        """Tell whether so many classes may have a heap each."""
        return classes <= TREE_CLASSES and classes * 20 * len(self.nodes.full("alive")) <= TREE_MEMORY

    def keep(self, classes: NDArray[np.int32]) -> None:
        """Give classes a slot each, as long as memory allows."""
        self._fit(len(self.classes))
        wanted = classes[self._slots.slot_of[classes] < 0]
        size = len(self.nodes.full("alive"))
        room = SLOT_MEMORY // max(1, 4 * size)
        used = int(np.count_nonzero(self._slots.slot_of >= 0))
        wanted = wanted[: max(0, room - used)]
        if not len(wanted):
            return
        if used + len(wanted) > len(self._slots.version):
            grown = min(room, max(used + len(wanted), 2 * len(self._slots.version)))
            slots = _empty_slots(grown, size, len(self._slots.slot_of), self._normalized)
            slots.slot_of[:] = self._slots.slot_of
            for field in Slots._fields[1:]:
                getattr(slots, field)[:used] = getattr(self._slots, field)[:used]
            self._slots = slots
        self._slots.slot_of[wanted] = np.arange(used, used + len(wanted))

    def _give_slots(self, classes: NDArray[np.int32]) -> Slots:
        """Return the slots with heaps; classes that have none take those of others."""
        slots = self._tree_slots
        wanted = classes[slots.slot_of[classes] < 0]
        if not len(wanted):
            return slots
        taken = set(slots.slot_of[classes].tolist())
        size = len(self.nodes.full("alive"))
        free = [slot for slot in range(len(slots.version)) if slot not in taken]
        if len(free) < len(wanted):
            count = len(classes)
            self._tree_slots = slots = _empty_slots(count, size, len(slots.slot_of), self._normalized)
            self._tree = _empty_tree(count, size)
            wanted, free = classes, list(range(count))
        for pod_class, slot in zip(wanted.tolist(), free, strict=False):
            slots.slot_of[slots.slot_of == slot] = -1
            slots.slot_of[pod_class] = slot
            slots.version[slot] = -1
            self._tree.start[slot] = -1
        return slots

    def _working(self) -> Work:
        order = self.program.order()
        widths = (len(self.nodes.full("requested")), len(self.nodes.full("used_ports")))
        if self._work is None or self._work.order is not order or self._widths != widths:
            self._widths = widths
            size = len(self.nodes.full("alive"))
            identity = len(order) == self.nodes.count and bool(np.all(order == np.arange(len(order))))
            ring = len(self.nodes.log)
            self._work = Work(
                order=order,
                position=_inverse(order, size),
                identity=identity,
                start=np.zeros(1, np.int64),
                sums=np.zeros(ring),
                score=np.zeros(size, np.int32),
                dirty=np.zeros(_blocks(size), np.uint8),
                blocks=np.zeros((3, _blocks(size) + 1), np.int32),
                changed=np.zeros(ring, np.int32),
                counts=np.zeros(3, np.int64),
                bounds=np.zeros((self._normalized, 2)),
                ring=self.program.with_tables(empty_node_rows(self.nodes, ring)),
                position_at=np.zeros(ring, np.int32),
                base=np.zeros(ring, np.int32),
                stretch=self.program.with_tables(empty_node_rows(self.nodes, STRETCH)),
                stretch_base=np.zeros(STRETCH, np.int32),
                every=np.arange(len(order), dtype=np.int32),
                allowed=np.zeros(size, np.uint8),
                raw=np.zeros(size),
                term_bounds=np.zeros((len(self.program.plugins.by_domain), 2)),
                synced=np.full(1, self.nodes.log_head[0] - ring),
                latest=np.full(size, -2 * ring, np.int64),
                superseded=np.zeros(ring, np.uint8),
                rivals=self._rivals(),
            )
            self._tree.start[:] = -1
        return self._work

    def _fit(self, count: int) -> None:
        """Make room for classes that came since."""
        if count > len(self.failed_at):
            more = max(count, 2 * len(self.failed_at), 64) - len(self.failed_at)
            self.failed_at = np.concatenate([self.failed_at, np.full(more, -1, np.int64)])
        size = len(self.failed_at)
        for name in ("_none", "_slots", "_tree_slots"):
            slots: Slots = getattr(self, name)
            if len(slots.slot_of) < size:
                more = size - len(slots.slot_of)
                setattr(
                    self, name, slots._replace(slot_of=np.concatenate([slots.slot_of, np.full(more, -1, np.int32)]))
                )


def _empty_slots(count: int, nodes: int, classes: int, normalized: int) -> Slots:
    blocks = (count, _blocks(nodes))
    return Slots(
        np.full(classes, -1, np.int32), np.full(count, -1, np.int64), np.zeros((count, nodes), np.int32),
        np.zeros((count, normalized, 2)), np.zeros(blocks, np.int32), np.zeros(blocks, np.int32),
    )  # fmt: skip


def _blocks(nodes: int) -> int:
    return (nodes + BLOCK - 1) // BLOCK


def _inverse(order: NDArray[np.int32], size: int) -> NDArray[np.int32]:
    position = np.zeros(size, np.int32)
    position[order] = np.arange(len(order))
    return position


def _empty_tree(count: int, nodes: int) -> Tree:
    shape = (count, nodes)
    return Tree(
        np.full(count, -1, np.int64), np.zeros(count, np.int64), np.zeros(shape, np.int32), np.zeros(shape, np.int32),
        np.zeros(shape, np.int32), np.zeros(shape, np.int32),
    )  # fmt: skip
