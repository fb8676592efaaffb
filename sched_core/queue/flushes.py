"""The two periodic jobs of the queue, as a function of time (upstream: PriorityQueue.Run)."""

from __future__ import annotations

from sched_core.objects.times import SECOND
from sched_core.queue.backoff_queue import align_to_window
from sched_core.queue.scheduling_queue import PriorityQueue

UNSCHEDULABLE_FLUSH_PERIOD = 30 * SECOND


class PeriodicFlushes:
    """Runs what is due: ends of back-offs at each whole second, pods left over every 30 s from the start on."""

    def __init__(self, queue: PriorityQueue, start: int) -> None:
        self._queue = queue
        self._backoff_due = align_to_window(start) + SECOND
        self._leftover_due = start

    @property
    def next_due(self) -> int:
        """When the next job is due."""
        return min(self._backoff_due, self._leftover_due)

    def advance_to(self, now: int) -> None:
        """Run all jobs that are due by now, each at its own time."""
        while self.next_due <= now:
            if self._backoff_due <= self._leftover_due:
                self._queue.flush_backoff_q_completed(self._backoff_due)
                self._backoff_due += SECOND
                if not self._queue.backoff_q:  # nothing comes in while time passes, but for what is left over
                    self._backoff_due = max(self._backoff_due, align_to_window(min(now, self._leftover_due)))
            else:
                self._queue.flush_unschedulable_pods_leftover(self._leftover_due)
                self._leftover_due += UNSCHEDULABLE_FLUSH_PERIOD
