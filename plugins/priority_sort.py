"""PrioritySort: higher priority first, then first come, first served (upstream: plugins/queuesort)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from sched_core import Plugin

if TYPE_CHECKING:
    from sched_core import PodInfo


class PrioritySort(Plugin):
    """Order the queue by priority, then by the time at which a pod was queued (not created)."""

    name = "PrioritySort"
    reads_amounts = False

    def queue_sort_key(self, pod: PodInfo, timestamp: float, first: float) -> tuple[int, float]:
        return -pod.priority, timestamp
