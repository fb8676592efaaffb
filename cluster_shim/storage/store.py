"""Store: the contract in one page. Drivers: memory with a write-ahead log, SQLite, etcd.

All of the state is in memory, whatever the driver: reads never wait, and see only what is durable. A write waits until
it is (group commit). One event loop uses a store; a driver does its I/O elsewhere.

::

    StoreError
    ├── KeyExists        create: there is such a key
    ├── Changed          update, delete: the key is not at the revision that was expected, or not there
    ├── Compacted        a revision that is no longer kept
    ├── FutureRevision   a revision that the store has not reached
    ├── Corrupt          what is on disk is not what was written; says where, and what to do
    └── Unavailable      nothing can be written (disk full, read-only, etcd away); nothing was
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import NamedTuple, Protocol


class StoreError(Exception):
    """Anything that a store cannot do."""


class KeyExists(StoreError):
    """There is such a key."""


class Changed(StoreError):
    """The key is not at the revision that was expected; `current` is what it has, None if it is not there."""

    def __init__(self, current: Entry | None) -> None:
        super().__init__("the key is not at the revision that was expected")
        self.current = current


class Compacted(StoreError):
    """The revision is no longer kept; `oldest` is the first that is."""

    def __init__(self, oldest: int) -> None:
        super().__init__(f"revisions before {oldest} are not kept")
        self.oldest = oldest


class FutureRevision(StoreError):
    """The store has not reached the revision; `current` is the newest."""

    def __init__(self, current: int) -> None:
        super().__init__(f"the newest revision is {current}")
        self.current = current


class Corrupt(StoreError):
    """What is on disk is not what was written."""


class Unavailable(StoreError):
    """Nothing can be written now."""


class Entry:
    """A key at a revision. Never changes; `memo` is for whoever reads it often (decoded labels, encodings)."""

    __slots__ = ("created", "key", "memo", "revision", "value")

    def __init__(self, key: str, value: bytes, revision: int, created: int) -> None:
        self.key = key
        self.value = value
        self.revision = revision
        """The revision of the write that made it (etcd: mod_revision)."""
        self.created = created
        """The revision at which the key came into being (etcd: create_revision)."""
        self.memo: object = None


class Event(NamedTuple):
    """One change. Of a deletion, `entry` is the last value with the revision of the deletion."""

    entry: Entry
    previous: Entry | None
    """What it was before; None for a new key."""
    is_delete: bool


class Page(NamedTuple):
    """A part of a range."""

    entries: list[Entry]
    remaining: int
    """How many follow."""
    revision: int
    """The revision at which this is the state."""


Deliver = Callable[[Sequence[Event]], None]
"""Takes events, oldest first, in the event loop; must not wait."""


class Source(Protocol):
    """What those need of a store who follow a part of it: what is there, then every change."""

    def range(self, prefix: str, start: str = "", limit: int = 0, revision: int = 0) -> Page:
        """Return entries whose keys begin with `prefix`, bytewise sorted, from key `start` on, at a revision (0: now).

        Raises Compacted and FutureRevision.
        """

    def subscribe(self, prefix: str, deliver: Deliver) -> Callable[[], None]:
        """Call `deliver` with every later event of the prefix; return what ends it."""


class Store(Source, Protocol):
    """What every driver offers."""

    @property
    def revision(self) -> int:
        """Return the newest revision that can be seen; at least 1."""

    @property
    def is_shared(self) -> bool:
        """Tell whether others write, too: what can be seen may then be older than what they have been acknowledged."""

    @property
    def oldest(self) -> int:
        """Return the oldest revision whose state and following events are kept."""

    def get(self, key: str) -> Entry | None:
        """Return what a key has now."""

    def count(self, prefix: str) -> int:
        """Return how many keys begin with `prefix`."""

    def events(self, prefix: str, after: int) -> list[Event]:
        """Return what has happened to keys with a prefix since a revision. Raises Compacted."""

    async def create(self, key: str, value: bytes, ttl_seconds: int = 0) -> Entry:
        """Write a key that is not there. Raises KeyExists, Unavailable."""

    async def update(self, key: str, value: bytes, expected: int, ttl_seconds: int = 0) -> Entry:
        """Write a key that is at revision `expected`. Raises Changed, Unavailable."""

    async def delete(self, key: str, expected: int) -> Entry:
        """Delete a key that is at revision `expected`; return its last value with the revision of now."""

    async def current(self) -> int:
        """Wait until everything that anyone has been acknowledged can be seen; return the newest revision."""

    async def compact(self, revision: int) -> None:
        """Forget what came before a revision."""

    async def start(self) -> None:
        """Read the state. Raises Corrupt, Unavailable."""

    async def close(self) -> None:
        """Finish what was begun, and let go of files and connections."""
