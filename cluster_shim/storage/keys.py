"""What can be a key, in every driver, and what a key says of its resource."""

from __future__ import annotations

MOST_BYTES = 4096


def check(key: str) -> None:
    """Refuse what cannot be a key: ValueError, also for what is no text."""
    if len(key.encode()) > MOST_BYTES:
        raise ValueError(f"a key has at most {MOST_BYTES} bytes: {key[:100]!r}...")


def bucket_of(key: str) -> str:
    """Return the resource prefix of a key: ``/registry/pods/`` of ``/registry/pods/default/web``."""
    return key[: key.find("/", key.find("/", 1) + 1) + 1]
