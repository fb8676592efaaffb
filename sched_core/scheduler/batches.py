"""Attempts of many pods at once, in the order in which they would be popped one by one.

Pods are lent from the queue, and those that compiled code can place are decided on in one call. That is the same as one
by one as long as nothing comes into the queue that might be first: then the rest goes back.
"""

from __future__ import annotations

from sched_core.columns.classes import PodInfo, pod_uid
from sched_core.engine.engine import Engine
from sched_core.queue.event_handlers import EventHandlers
from sched_core.queue.scheduling_queue import Lent
from sched_core.scheduler.attempts import Attempts
from sched_core.scheduler.binding_cycles import BindingCycles
from sched_core.scheduler.failures import AttemptFailure, Failures

SMALLEST, LARGEST = 1, 4096
"""Pods that are lent at a time: twice as many when all were regular, fewer when not."""


class Batches:
    """Makes attempts of lent pods."""

    def __init__(
        self, engine: Engine, handlers: EventHandlers, failures: Failures, cycles: BindingCycles, attempts: Attempts
    ) -> None:
        self._engine, self._handlers, self._queue = engine, handlers, handlers.queue
        self._failures, self._cycles, self._attempts = failures, cycles, attempts
        self._size = 64
        self._known: dict[int, AttemptFailure] = {}
        """By class, why the cycle found no node for its last pod."""
        self._epoch = 0

    def forget(self) -> None:
        """Forget why pods have failed: other profiles are in force."""
        self._known.clear()
        self._size = 64

    def run(self, now: int, limit: int | None) -> int:
        """Make attempts, at most ``limit``; return how many: fewer than there are pods, and 0 if there are none."""
        size = self._size if limit is None else min(self._size, limit)
        lent = self._queue.lend(size, now)
        position, made, total = 0, 0, len(lent.infos)
        while position < total:
            done = self._place_regular(lent, position, now)
            position, made = position + done, made + done
            if position < total:
                made += self._attempt(lent, position, now)
                position += 1
                if self._queue.is_disturbed(lent):
                    break
        self._queue.give_back(lent, position)
        return made

    def _place_regular(self, lent: Lent, start: int, now: int) -> int:
        """Place pods from ``start`` on in compiled code, as far as that goes; return how many were dealt with."""

        def deal(number: int, row: int) -> None:
            self._deal(lent, start + number, row, now)

        wanted = self._ready(lent, start)
        done = self._engine.place_regular(wanted, deal)
        full = done == len(wanted)
        self._size = min(2 * self._size, LARGEST) if full else max(done, SMALLEST)
        return done

    def _deal(self, lent: Lent, position: int, row: int, now: int) -> None:
        """Let a lent pod go on that was placed on a row, or (-1) fail as one of its class did."""
        if self._epoch != self._engine.cluster.classes.epoch:  # no pod has failed as before
            self._epoch = self._engine.cluster.classes.epoch
            self._known.clear()
        info = lent.infos[position]
        if row >= 0:
            name = self._engine.cluster.nodes.names[row]
            self._queue.take_for_good(lent, position)
            self._handlers.assume(info.pod_info.pod, name)
            self._cycles.bind_later(info, name)
        else:
            self._queue.take(lent, position)
            self._failures.handle(info, self._known[info.pod_info.row], now)

    def _ready(self, lent: Lent, start: int) -> list[PodInfo]:
        """Return the lent pods from ``start`` on up to one that is not to be tried, not more than are worth a call."""
        found = []
        assumed, in_flight, is_lent = self._handlers.assumed, self._queue.in_flight, lent.heap.is_lent
        for position in range(start, min(start + self._size, len(lent.infos))):
            info = lent.infos[position].pod_info
            uid = pod_uid(info.pod)
            unfit = info.pod.metadata.deletion_timestamp is not None or uid in assumed or uid in in_flight
            if unfit or not is_lent(lent.places[position]):
                break
            found.append(info)
        return found

    def _attempt(self, lent: Lent, position: int, now: int) -> int:
        """Make an attempt of one pod in the cycle; return 0 if it has left the queue."""
        if not self._queue.take(lent, position):
            return 0
        info = lent.infos[position]
        pod = info.pod_info
        failure = self._attempts.make(info, now)
        self._cycles.settle(now)
        if failure is None:
            self._engine.forget_failure(pod)
        else:
            self._known[pod.row] = failure
        return 1
