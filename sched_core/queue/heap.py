"""A heap of pods by key from which any pod can be taken (upstream: backend/heap).

A pod that leaves from the middle, or whose place changes, leaves a dead entry behind, which is passed over later.
"""

from __future__ import annotations

import heapq
from collections.abc import Callable, Iterable, Iterator
from itertools import count
from typing import Any

from sched_core.queue.queued_pod_info import QueuedPodInfo

_SPARE = 64
"""So many dead entries are kept at least before the heap is made anew."""
_SORTED_SHARE = 8
"""From this part of the entries on it is cheaper to sort them than to take them one by one."""


Place = tuple[Any, int, int, QueuedPodInfo]
"""An entry of the heap: order, number, a serial number that keeps pods from being compared, and the pod."""


class PodHeap:
    """Pods by ``namespace/name``, smallest ``order`` first; equals leave in the order of their numbers."""

    def __init__(self, order: Callable[[QueuedPodInfo], Any]) -> None:
        self._order = order
        self._entries: list[Place] = []
        self._places: dict[str, Place] = {}
        self._serials = count()
        self.arrivals = 0
        """How many entries have come so far: tells whether anything has."""

    def __len__(self) -> int:
        return len(self._places)

    def __contains__(self, key: str) -> bool:
        return key in self._places

    def __iter__(self) -> Iterator[QueuedPodInfo]:
        return (place[-1] for place in self._places.values())

    def get(self, key: str) -> QueuedPodInfo | None:
        place = self._places.get(key)
        return place[-1] if place is not None else None

    def add_or_update(self, info: QueuedPodInfo) -> None:
        """Add a pod, or find a pod that has changed its new place."""
        order = self._order(info)
        known = self._places.get(info.key)
        if known is not None and known[-1] is info and known[0] == order:
            return
        place = self._places[info.key] = (order, info.number, next(self._serials), info)
        heapq.heappush(self._entries, place)
        self.arrivals += 1
        if len(self._entries) > 2 * len(self._places) + _SPARE:
            self._entries = list(self._places.values())
            heapq.heapify(self._entries)

    def clear(self) -> None:
        """Take all pods out."""
        self._entries, self._places = [], {}

    def delete(self, key: str) -> QueuedPodInfo | None:
        """Take a pod out; None if it is not there."""
        place = self._places.pop(key, None)
        return place[-1] if place is not None else None

    def peek(self) -> QueuedPodInfo | None:
        """Return the first pod; None if there is none."""
        while self._entries:
            place = self._entries[0]
            if self._places.get(place[-1].key) is place:
                return place[-1]
            heapq.heappop(self._entries)
        return None

    def pop(self) -> QueuedPodInfo | None:
        """Take the first pod out; None if there is none."""
        info = self.peek()
        if info is not None:
            heapq.heappop(self._entries)
            del self._places[info.key]
        return info

    def lend(self, limit: int) -> list[Place]:
        """Return the places of the first pods in order, at most ``limit``.

        They stay in the heap for everybody who asks for them by key, but `peek` and `pop` do not see them until they
        are given back.
        """
        if limit * _SORTED_SHARE < len(self._entries):
            lent: list[Place] = []
            while len(lent) < limit and self.peek() is not None:
                lent.append(heapq.heappop(self._entries))
            return lent
        self._entries.sort()  # which leaves a heap
        lent, self._entries = self._entries[:limit], self._entries[limit:]
        return lent

    def is_lent(self, place: Place) -> bool:
        """Tell whether a lent pod has not left since, nor got another place."""
        return self._places.get(place[-1].key) is place

    def take(self, place: Place) -> bool:
        """Take a lent pod out; False if it has left, or has got another place, since it was lent."""
        key = place[-1].key
        if self._places.get(key) is not place:
            return False
        del self._places[key]
        return True

    def give_back(self, lent: Iterable[Place]) -> None:
        """Take lent places back."""
        for place in lent:
            heapq.heappush(self._entries, place)

    def list(self) -> list[QueuedPodInfo]:
        """Return all pods in the order in which they would be popped."""
        return [place[-1] for place in sorted(self._places.values())]
