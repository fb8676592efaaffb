"""Changes: which objects of one kind have changed since somebody last looked."""

from __future__ import annotations

from collections.abc import Sequence

KEPT = 1 << 16
"""Changes that can be asked for; who comes later looks at all objects."""


class Changes:
    """The keys of the objects that have changed, in order; ``version`` counts all changes ever."""

    def __init__(self) -> None:
        self.version = 0
        self._keys: list[str] = []

    def add(self, key: str) -> None:
        """Note that an object came, changed or went."""
        self.version += 1
        self._keys.append(key)
        if len(self._keys) > 2 * KEPT:
            del self._keys[:KEPT]

    def add_all(self) -> None:
        """Note that any object may have changed."""
        self.version += 1
        self._keys.clear()

    def since(self, version: int) -> Sequence[str] | None:
        """Return the keys of what changed after ``version``; None if that is no longer known."""
        missed = self.version - version
        if missed == 0:
            return ()
        return self._keys[-missed:] if missed <= len(self._keys) else None
