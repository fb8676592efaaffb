"""Keys that end by themselves: when, and which are due.

Inside a process only the monotonic clock counts. For the time when no process runs, the wall clock of the end is kept
beside the value; what a restart makes of it is never more than the whole time to live, so that a clock that jumps back
keeps nothing alive for longer than that twice.
"""

from __future__ import annotations

import heapq
import time
from typing import NamedTuple


class Lifetime(NamedTuple):
    """How long a key lives."""

    ttl_seconds: int
    ends_at_ms: int
    """By the wall clock, in milliseconds since 1970."""


FOREVER = Lifetime(0, 0)


def lifetime(ttl_seconds: int) -> Lifetime:
    """Return the life of a key that is written now; 0 seconds: it does not end."""
    return Lifetime(ttl_seconds, int((time.time() + ttl_seconds) * 1000)) if ttl_seconds else FOREVER


class Expiry:
    """The keys that end, by the time that they do."""

    def __init__(self) -> None:
        self._lifetimes: dict[str, tuple[int, Lifetime]] = {}
        self._heap: list[tuple[float, int, str]] = []

    def set(self, key: str, revision: int, life: Lifetime, is_new: bool = False) -> None:
        """Note how long a key lives that was written at a revision; FOREVER, and its deletion, take the note away.

        Of a write that was made in this process the wall clock is not asked.
        """
        if not life.ttl_seconds:
            if self._lifetimes:
                self._lifetimes.pop(key, None)
            return
        self._lifetimes[key] = revision, life
        left: float = life.ttl_seconds
        if not is_new:
            left = min(max(life.ends_at_ms / 1000 - time.time(), 0), left)
        heapq.heappush(self._heap, (time.monotonic() + left, revision, key))

    def get(self, key: str) -> Lifetime:
        """Return how long a key lives."""
        return self._lifetimes[key][1] if key in self._lifetimes else FOREVER

    def all(self) -> dict[str, Lifetime]:
        """Return how long keys live that end."""
        return {key: life for key, (_, life) in self._lifetimes.items()}

    def due(self, most: int) -> list[tuple[str, int]]:
        """Take keys that have ended, each with the revision of the write that said so."""
        now = time.monotonic()
        found: list[tuple[str, int]] = []
        while self._heap and self._heap[0][0] <= now and len(found) < most:
            _, revision, key = heapq.heappop(self._heap)
            if self._lifetimes.get(key, (0, FOREVER))[0] == revision:
                found.append((key, revision))
        return found

    def again(self, key: str, revision: int, seconds: float) -> None:
        """Make a key due a little later, because it could not be deleted now."""
        heapq.heappush(self._heap, (time.monotonic() + seconds, revision, key))

    def next_in(self) -> float | None:
        """Return in how many seconds the next key ends; None if none does."""
        return max(0.0, self._heap[0][0] - time.monotonic()) if self._heap else None
