"""Snapshots: a whole state in one file, as a folder keeps it beside its log and as ``stowage snapshot`` writes it.

The file appears under its name when it is whole and on the disk.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterable, Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

from cluster_shim.storage import record
from cluster_shim.storage.expiry import Lifetime
from cluster_shim.storage.store import Corrupt, Entry, Unavailable

FORMAT = "stowage snapshot 1"
SLICE = 128
"""How many entries are encoded in one go: a quarter of a millisecond."""

SYNC_BYTES = 8 << 20
"""How much is written between two syncs: one sync of all would hold up the log for as long as it takes."""

IOV_MAX = 1024
"""How many buffers a system call takes."""


class State(NamedTuple):
    """What a snapshot holds."""

    entries: list[Entry]
    revision: int
    lives: dict[str, Lifetime]
    """Of the keys that end by themselves."""


def slices(entries: Sequence[Entry], revision: int, life_of: Callable[[str], Lifetime]) -> Iterator[list[bytes]]:
    """Yield the bytes of a snapshot, a slice of the entries at a time."""
    yield [record.encode(record.SNAPSHOT, FORMAT, b"", revision)]
    for at in range(0, len(entries), SLICE):
        buffers: list[bytes] = []
        for entry in entries[at : at + SLICE]:
            key, value = entry.key, entry.value
            head = record.encode(record.PUT, key, value, entry.revision, entry.created, 0, life_of(key))
            buffers += (head, value)
        yield buffers
    yield [record.encode(record.MARK, "", b"", len(entries))]


def write(path: Path, content: Iterable[list[bytes]]) -> None:
    """Write a file from slices. Raises Unavailable; then there is no file."""
    draft = Draft(path)
    try:
        for buffers in content:
            draft.add(buffers)
        draft.finish()
    except OSError as error:
        draft.abandon()
        raise Unavailable(f"{path} cannot be written: {error.strerror}") from error


class Draft:
    """A file that has no name yet. Its methods raise OSError."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._draft = path.with_name(path.name + ".tmp")
        self._descriptor = -1
        self._unsynced = 0

    def add(self, buffers: list[bytes]) -> None:
        """Write more."""
        if self._descriptor < 0:
            self._descriptor = os.open(self._draft, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        self._unsynced += write_all(self._descriptor, buffers)
        if self._unsynced > SYNC_BYTES:
            os.fdatasync(self._descriptor)
            self._unsynced = 0

    def finish(self) -> None:
        """Give the file its name, once all of it is on the disk."""
        os.fsync(self._descriptor)
        self._close()
        self._draft.replace(self._path)
        sync_folder(self._path.parent)

    def abandon(self) -> None:
        """Leave nothing behind."""
        self._close()
        self._draft.unlink(missing_ok=True)

    def _close(self) -> None:
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor = -1


def load(path: Path) -> State:
    """Read a snapshot. Raises Corrupt, Unavailable."""
    entries: list[Entry] = []
    lives: dict[str, Lifetime] = {}
    revision, count = 0, -1
    try:
        for kind, key, value, number, created, _, life, offset in record.read(path):
            if count >= 0 or (revision == 0) != (kind == record.SNAPSHOT):
                raise record.Unreadable(offset, "this is not the order of a snapshot")
            if kind == record.PUT:
                entries.append(Entry(key, value, number, created))
                if life.ttl_seconds:
                    lives[key] = life
            elif kind == record.SNAPSHOT:
                if key != FORMAT:
                    raise record.Unreadable(offset, f"the format is {key!r}; this version reads {FORMAT!r}")
                revision = number
            else:
                count = number
    except record.Unreadable as error:
        raise Corrupt(f"{path}, {error}") from None
    except OSError as error:
        raise Unavailable(f"{path} cannot be read: {error.strerror}") from error
    if count != len(entries):
        raise Corrupt(f"{path} is not whole: it ends after {len(entries):,} entries")
    return State(entries, revision, lives)


def write_all(descriptor: int, buffers: list[bytes]) -> int:
    """Write buffers to a file, whatever it takes at a time; return their size. Raises OSError."""
    total = 0
    for at in range(0, len(buffers), IOV_MAX):
        some = buffers[at : at + IOV_MAX]
        size = sum(map(len, some))
        written = os.writev(descriptor, some)
        if written < size:  # what a disk without room does before it says so
            rest = memoryview(b"".join(some))[written:]
            while rest:
                rest = rest[os.write(descriptor, rest) :]
        total += size
    return total


def sync_folder(folder: Path) -> None:
    """Make the names in a folder durable. Raises OSError."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
