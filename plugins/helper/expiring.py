"""Keys that are remembered for a while."""

from __future__ import annotations

_FEW = 1024
"""So many keys are kept before those whose time is over are forgotten."""


class Expiring:
    """Keys with the time up to which each is remembered; times are nanoseconds since the Unix epoch."""

    def __init__(self) -> None:
        self._until: dict[str, int] = {}

    def add(self, key: str, now: int, duration: int) -> None:
        """Remember a key for so many nanoseconds; one that is remembered already keeps its time."""
        if self.has(key, now):
            return
        if len(self._until) >= _FEW:
            self._until = {known: until for known, until in self._until.items() if now <= until}
        self._until[key] = now + duration

    def has(self, key: str, now: int) -> bool:
        """Tell whether a key is remembered."""
        until = self._until.get(key)
        return until is not None and now <= until

    def discard(self, key: str) -> None:
        """Forget a key."""
        self._until.pop(key, None)
