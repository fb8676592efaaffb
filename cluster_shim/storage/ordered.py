"""Keys in bytewise order, in chunks: adding one among a million moves a thousand pointers at most.

Python compares strings by code point, which is the order of their UTF-8 bytes.
"""

from __future__ import annotations

from bisect import bisect_left, insort
from collections.abc import Iterator

CHUNK = 1024
"""How many keys a chunk holds when it is full; then it is cut in two."""


def after_all(prefix: str) -> str | None:
    """Return the first string that is greater than all that begin with a prefix; None if there is none."""
    stem = prefix.rstrip("\U0010ffff")
    return stem[:-1] + chr(ord(stem[-1]) + 1) if stem else None


class OrderedKeys:
    """A sorted set of strings."""

    def __init__(self) -> None:
        self._chunks: list[list[str]] = []
        self._last: list[str] = []  # the greatest key of each chunk

    def __len__(self) -> int:
        return sum(map(len, self._chunks))

    def __iter__(self) -> Iterator[str]:
        for chunk in self._chunks:
            yield from chunk

    def add(self, key: str) -> None:
        """Add a key that is not there."""
        last = self._last
        if not last or key > last[-1]:
            self._append(key)
            return
        at = bisect_left(last, key)
        chunk = self._chunks[at]
        insort(chunk, key)
        if len(chunk) > CHUNK:
            half = len(chunk) // 2
            self._chunks.insert(at, chunk[:half])
            last.insert(at, chunk[half - 1])
            del chunk[:half]

    def _append(self, key: str) -> None:
        if self._chunks and len(self._chunks[-1]) < CHUNK:
            self._chunks[-1].append(key)
            self._last[-1] = key
        else:
            self._chunks.append([key])
            self._last.append(key)

    def remove(self, key: str) -> None:
        """Remove a key that is there."""
        at = bisect_left(self._last, key)
        chunk = self._chunks[at]
        del chunk[bisect_left(chunk, key)]
        if not chunk:
            del self._chunks[at], self._last[at]
        elif key == self._last[at]:
            self._last[at] = chunk[-1]

    def between(self, low: str, high: str | None, limit: int = 0) -> list[str]:
        """Return keys from `low` on and before `high` (None: to the end), the first `limit` of them (0: all)."""
        found: list[str] = []
        if high is not None and low >= high:
            return found
        first, start = self._position(low)
        end, stop = self._position(high)
        for at in range(first, min(end + 1, len(self._chunks))):
            begin = start if at == first else 0
            chunk = self._chunks[at]
            found += chunk[begin : stop if at == end else len(chunk)]
            if limit and len(found) >= limit:
                return found[:limit]
        return found

    def count(self, low: str, high: str | None) -> int:
        """Return how many keys there are from `low` on and before `high` (None: to the end)."""
        if high is not None and low >= high:
            return 0
        first, start = self._position(low)
        end, stop = self._position(high)
        return sum(map(len, self._chunks[first:end])) - start + stop

    def _position(self, key: str | None) -> tuple[int, int]:
        """Return chunk and index of the first key that is not less than `key`."""
        if key is None:
            return len(self._chunks), 0
        at = bisect_left(self._last, key)
        return at, bisect_left(self._chunks[at], key) if at < len(self._chunks) else 0
