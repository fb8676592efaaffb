"""Pods that wait for the end of their back-off, after a rejection or after an error (upstream: backoff_queue.go).

Times are cut to whole seconds, so that all pods of one second leave together and in the order of the active queue.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from sched_core.objects.times import SECOND
from sched_core.queue.heap import PodHeap
from sched_core.queue.queued_pod_info import QueuedPodInfo

ORDERING_WINDOW = SECOND
INITIAL_BACKOFF = 1 * SECOND
MAX_BACKOFF = 10 * SECOND

_NO_BACKOFF = -1


def align_to_window(time: int) -> int:
    """Cut a time to the whole second."""
    return time // ORDERING_WINDOW * ORDERING_WINDOW


class BackoffQueue:
    """Two heaps: of pods that plugins rejected, and of pods whose attempt ended with an error."""

    def __init__(self, initial_backoff: int, max_backoff: int, order: Callable[[QueuedPodInfo], Any]) -> None:
        self.initial_backoff, self.max_backoff = initial_backoff, max_backoff
        self.pod_backoff_q = PodHeap(lambda info: (self.backoff_time(info), order(info)))
        self.pod_error_backoff_q = PodHeap(self.backoff_time)

    def __contains__(self, key: str) -> bool:
        return key in self.pod_backoff_q or key in self.pod_error_backoff_q

    def __len__(self) -> int:
        return len(self.pod_backoff_q) + len(self.pod_error_backoff_q)

    def is_pod_backing_off(self, info: QueuedPodInfo, now: int) -> bool:
        """Tell whether a pod may not be tried yet; in the second in which its time is over it still may not."""
        return self.backoff_time(info) >= align_to_window(now)

    def backoff_time(self, info: QueuedPodInfo) -> int:
        """Return when the back-off of a pod ends; before all times if it has none."""
        count = info.consecutive_errors_count or info.unschedulable_count
        if count == 0 or self.max_backoff == 0:
            return _NO_BACKOFF
        if info.backoff_expiration is None:
            info.backoff_expiration = align_to_window(info.timestamp + self.backoff_duration(count))
        return info.backoff_expiration

    def backoff_duration(self, count: int) -> int:
        """Return the back-off after so many failures: doubled each time, up to the longest."""
        shift = count - 1
        return self.max_backoff if self.initial_backoff > self.max_backoff >> shift else self.initial_backoff << shift

    def add(self, info: QueuedPodInfo) -> None:
        """Add a pod to the one heap, and take it out of the other."""
        errors = not info.unschedulable_plugins and not info.pending_plugins
        here, there = self.pod_backoff_q, self.pod_error_backoff_q
        if errors:
            here, there = there, here
        here.add_or_update(info)
        there.delete(info.key)

    def clear(self, initial_backoff: int, max_backoff: int) -> None:
        """Take all pods out, and go on with other back-offs."""
        self.initial_backoff, self.max_backoff = initial_backoff, max_backoff
        self.pod_backoff_q.clear()
        self.pod_error_backoff_q.clear()

    def update(self, info: QueuedPodInfo) -> None:
        """Find a pod that is here its new place."""
        for heap in (self.pod_backoff_q, self.pod_error_backoff_q):
            if info.key in heap:
                heap.add_or_update(info)

    def get(self, key: str) -> QueuedPodInfo | None:
        return self.pod_backoff_q.get(key) or self.pod_error_backoff_q.get(key)

    def delete(self, key: str) -> QueuedPodInfo | None:
        """Take a pod out; None if it is not there."""
        return self.pod_backoff_q.delete(key) or self.pod_error_backoff_q.delete(key)

    def pop_all_backoff_completed(self, now: int) -> list[QueuedPodInfo]:
        """Take out all pods whose back-off is over."""
        found = []
        for heap in (self.pod_backoff_q, self.pod_error_backoff_q):
            while (info := heap.peek()) is not None and not self.is_pod_backing_off(info, now):
                heap.pop()
                found.append(info)
        return found
