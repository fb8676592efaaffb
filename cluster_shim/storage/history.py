"""What has happened, as far back as is kept: by resource, so that a question about one does not read all of them.

It is bounded three ways: by the number of events, by the bytes of the values that only the history holds, and by time,
for which the owner calls ``compact`` now and then.
"""

from __future__ import annotations

from bisect import bisect_right
from collections import deque
from typing import NamedTuple

from cluster_shim.storage.keys import bucket_of
from cluster_shim.storage.store import Compacted, Event

EVENT_BYTES = 250
"""What an event takes beside the value that it replaced."""

MARKS = 32
"""When a bound is reached, about a part in so many is forgotten."""


class Limits(NamedTuple):
    """How much history is kept at most."""

    events: int = 200_000
    bytes: int = 256 << 20


DEFAULT = Limits()


class _Mark(NamedTuple):
    """How much had been added in all when a revision was the newest."""

    revision: int
    events: int
    bytes: int


class History:
    """Events by revision. Those of a revision are added together."""

    def __init__(self, revision: int, limits: Limits) -> None:
        self.oldest = revision
        """The oldest revision that can be gone back to."""
        self._limits = limits
        self._buckets: dict[str, list[Event]] = {}
        self._added = self._forgotten = self._last_mark = _Mark(revision, 0, 0)
        self._marks: deque[_Mark] = deque()

    def add(self, event: Event) -> None:
        """Keep an event whose revision is not less than any before."""
        entry, previous, _ = event
        bucket = bucket_of(entry.key)
        events = self._buckets.get(bucket)
        if events is None:
            events = self._buckets[bucket] = []
        events.append(event)
        _, number, size = self._added
        size += EVENT_BYTES + (len(previous.value) if previous is not None else 0)
        self._added = _Mark(entry.revision, number + 1, size)

    def trim(self) -> None:
        """Forget the oldest events where there are too many; call it after all events of a revision."""
        added, last = self._added, self._last_mark
        limits = self._limits
        if added.events - last.events > limits.events // MARKS or added.bytes - last.bytes > limits.bytes // MARKS:
            self._marks.append(added)
            self._last_mark = added
            while self._marks and self._too_much():
                self.compact(self._marks[0].revision)

    def _too_much(self) -> bool:
        added, forgotten, limits = self._added, self._forgotten, self._limits
        return added.events - forgotten.events > limits.events or added.bytes - forgotten.bytes > limits.bytes

    def compact(self, revision: int) -> None:
        """Forget events up to a revision."""
        if revision <= self.oldest:
            return
        self.oldest = revision
        for bucket, events in list(self._buckets.items()):
            del events[: _position(events, revision)]
            if not events:
                del self._buckets[bucket]
        while self._marks and self._marks[0].revision <= revision:
            self._forgotten = self._marks.popleft()

    def after(self, prefix: str, revision: int) -> list[Event]:
        """Return the events of a prefix after a revision, oldest first. Raises Compacted."""
        if revision < self.oldest:
            raise Compacted(self.oldest)
        found: list[Event] = []
        buckets = 0
        for bucket in self._candidates(prefix):
            events = self._buckets[bucket]
            later = events[_position(events, revision) :]
            if len(prefix) > len(bucket):
                later = [event for event in later if event.entry.key.startswith(prefix)]
            if later:
                found += later
                buckets += 1
        if buckets > 1:
            found.sort(key=_revision)
        return found

    def _candidates(self, prefix: str) -> list[str]:
        bucket = bucket_of(prefix)
        if bucket.count("/") == 3:  # a whole resource or a part of one
            return [bucket] if bucket in self._buckets else []
        return [each for each in self._buckets if each.startswith(prefix) or prefix.startswith(each)]


def _revision(event: Event) -> int:
    """Return the revision of an event."""
    return event.entry.revision


def _position(events: list[Event], revision: int) -> int:
    """Return how many events there are up to a revision."""
    return bisect_right(events, revision, key=_revision)
