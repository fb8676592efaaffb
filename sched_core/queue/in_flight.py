"""Pods whose attempt is going on, and the events since the first of them was popped (upstream: active_queue.go).

Upstream keeps one linked list of pods and events. Here a pod has the number of the event that was next when it was
popped: attempts begin in the order of these numbers, so the first pod tells how far back events are needed.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Iterator
from itertools import islice
from typing import Any, NamedTuple

from sched_core.columns.classes import pod_uid
from sched_core.framework.events import ClusterEvent
from sched_core.objects.records import Pod


class HappenedEvent(NamedTuple):
    """An event with the object before and after."""

    event: ClusterEvent
    old: Any
    new: Any


class InFlightPods:
    """In-flight pods by uid; there are no events while there are no pods."""

    def __init__(self) -> None:
        self._pods: dict[str, tuple[Pod, int]] = {}
        self._events: deque[HappenedEvent] = deque()
        self._first = 0
        """The number of the first event that is kept."""

    def __contains__(self, uid: str) -> bool:
        return uid in self._pods

    def __len__(self) -> int:
        return len(self._pods)

    @property
    def event_count(self) -> int:
        """How many events are kept."""
        return len(self._events)

    def add(self, pod: Pod) -> bool:
        """Note that the attempt of a pod begins; False if it is in flight already."""
        uid = pod_uid(pod)
        if uid in self._pods:
            return False
        self._pods[uid] = (pod, self._first + len(self._events))
        return True

    def done(self, uid: str) -> None:
        """Note that the attempt is over, and forget the events that no other pod needs."""
        if self._pods.pop(uid, None) is None:
            return
        oldest = next(iter(self._pods.values()), None)
        needed = oldest[1] if oldest is not None else self._first + len(self._events)
        for _ in range(needed - self._first):
            self._events.popleft()
        self._first = needed

    def record(self, events: Iterable[HappenedEvent]) -> None:
        """Keep events for the ends of the attempts that are going on."""
        if self._pods:
            self._events.extend(events)

    def events_since(self, uid: str) -> Iterator[HappenedEvent]:
        """Yield what has happened since a pod was popped; raises KeyError if it is not in flight."""
        return islice(self._events, self._pods[uid][1] - self._first, None)

    def pods(self) -> list[Pod]:
        """Return the pods as they were when they were popped, in that order."""
        return [pod for pod, _ in self._pods.values()]
