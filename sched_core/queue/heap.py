"""A heap of pods by key from which any pod can be taken (upstream: backend/heap).

A pod that leaves from the middle, or whose place changes, leaves a dead entry behind, which is passed over later.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable
from typing import Any

from sched_core.queue.queued_pod_info import QueuedPodInfo

_SPARE = 64
"""So many dead entries are kept at least before the heap is made anew."""


class PodHeap:
    """Pods by ``namespace/name``, smallest ``order`` first; equals leave in the order of their numbers."""

    def __init__(self, order: Callable[[QueuedPodInfo], Any]) -> None:
        self._order = order
        self._entries: list[tuple[Any, int, QueuedPodInfo]] = []
        self._places: dict[str, tuple[Any, int, QueuedPodInfo]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def get(self, key: str) -> QueuedPodInfo | None:
        place = self._places.get(key)
        return place[2] if place is not None else None

    def add_or_update(self, info: QueuedPodInfo) -> None:
        """Add a pod, or find a pod that has changed its new place."""
        place = (self._order(info), info.number, info)
        known = self._places.get(info.key)
        if known is not None and known[:2] == place[:2] and known[2] is info:
            return
        self._places[info.key] = place
        heapq.heappush(self._entries, place)
        if len(self._entries) > 2 * len(self._places) + _SPARE:
            self._entries = list(self._places.values())
            heapq.heapify(self._entries)

    def delete(self, key: str) -> QueuedPodInfo | None:
        """Take a pod out; None if it is not there."""
        place = self._places.pop(key, None)
        return place[2] if place is not None else None

    def peek(self) -> QueuedPodInfo | None:
        """Return the first pod; None if there is none."""
        while self._entries:
            place = self._entries[0]
            if self._places.get(place[2].key) is place:
                return place[2]
            heapq.heappop(self._entries)
        return None

    def pop(self) -> QueuedPodInfo | None:
        """Take the first pod out; None if there is none."""
        info = self.peek()
        if info is not None:
            heapq.heappop(self._entries)
            del self._places[info.key]
        return info

    def list(self) -> list[QueuedPodInfo]:
        """Return all pods in the order in which they would be popped."""
        return [place[2] for place in sorted(self._places.values(), key=lambda place: place[:2])]
