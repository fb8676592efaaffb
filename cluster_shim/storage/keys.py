"""What can be a key, in every driver."""

from __future__ import annotations

MOST_BYTES = 4096


def check(key: str) -> None:
    """Refuse what cannot be a key: ValueError, also for what is no text."""
    if len(key.encode()) > MOST_BYTES:
        raise ValueError(f"a key has at most {MOST_BYTES} bytes: {key[:100]!r}...")
