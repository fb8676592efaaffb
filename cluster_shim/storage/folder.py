"""A data folder: its files, whose it is, and how its state is read.

::

    lock                  held by the server that uses the folder
    snapshot-<revision>   a whole state; the newest two are kept
    log-<revision>        what was written after that revision, up to where the next log begins

A start takes the newest snapshot that is good and the logs behind it. With a snapshot before it, and the logs since
then, one that has gone bad costs nothing.
"""

from __future__ import annotations

import contextlib
import fcntl
import logging
import os
from collections.abc import Iterator
from pathlib import Path

from cluster_shim.storage import record, snapshot
from cluster_shim.storage.expiry import FOREVER, Expiry
from cluster_shim.storage.memory import FIRST, Memory
from cluster_shim.storage.store import Corrupt, Entry, Event, Unavailable

LOGGER = logging.getLogger(__name__)
LOG_FORMAT = "stowage log 1"
DIGITS = 20
WAY_OUT = (
    "restore a snapshot into another folder (stowage snapshot restore), or save there what can be read up to here "
    "(stowage snapshot save --salvage)"
)


class Folder:
    """The paths of a data folder."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self._lock: int | None = None

    def log(self, base: int) -> Path:
        """Return the path of the log that goes on after a revision."""
        return self.path / f"log-{base:0{DIGITS}d}"

    def snapshot(self, revision: int) -> Path:
        """Return the path of the snapshot of a revision."""
        return self.path / f"snapshot-{revision:0{DIGITS}d}"

    def logs(self) -> list[int]:
        """Return the revisions after which logs go on, in order."""
        return self._numbers("log-")

    def snapshots(self) -> list[int]:
        """Return the revisions of the snapshots, in order."""
        return self._numbers("snapshot-")

    def _numbers(self, prefix: str) -> list[int]:
        names = (path.name.removeprefix(prefix) for path in self.path.glob(prefix + "*"))
        return sorted(int(name) for name in names if len(name) == DIGITS and name.isdecimal())

    def is_used(self) -> bool:
        """Tell whether there is a state."""
        return bool(self.logs() or self.snapshots())

    def bytes_since_snapshot(self) -> int:
        """Return how long the logs are that a start has to read."""
        newest = max(self.snapshots(), default=FIRST)
        logs = self.logs()
        first = max((base for base in logs if base <= newest), default=FIRST)
        return sum(self.log(base).stat().st_size for base in logs if base >= first)

    def remove_drafts(self) -> None:
        """Remove what a killed server had not finished."""
        for path in self.path.glob("snapshot-*.tmp"):
            with contextlib.suppress(OSError):  # a disk that can only be read
                path.unlink()

    def lock(self) -> None:
        """Make the folder and take hold of it. Raises Unavailable."""
        try:
            self.path.mkdir(mode=0o700, parents=True, exist_ok=True)
            descriptor = os.open(self.path / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise Unavailable(f"{self.path} cannot be used: {error.strerror}") from error
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            owner = os.read(descriptor, 20).decode(errors="replace").strip()
            os.close(descriptor)
            raise Unavailable(f"{self.path} is in use by another server (process {owner or 'unknown'})") from None
        self._lock = descriptor
        with contextlib.suppress(OSError):  # a full disk: the lock holds all the same
            os.ftruncate(descriptor, 0)
            os.pwrite(descriptor, f"{os.getpid()}\n".encode(), 0)

    def unlock(self) -> None:
        """Let go of the folder."""
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    def read(self, memory: Memory, expiry: Expiry, salvage: bool = False) -> None:
        """Read the state into an empty memory, or with `salvage` what comes before damage to a log.

        Raises Corrupt, Unavailable.
        """
        logs = self.logs()
        for revision in reversed(self.snapshots()):
            try:
                state = snapshot.load(self.snapshot(revision))
            except Corrupt as error:
                if not any(older < revision for older in self.snapshots()) and (not logs or logs[0] > FIRST):
                    raise Corrupt(f"{error}; {WAY_OUT}") from None
                LOGGER.warning("%s; the snapshot before it and the logs since then are used", error)
                continue
            memory.load(state.entries, state.revision)
            for key, life in state.lives.items():
                expiry.set(key, memory.entries[key].revision, life)
            break
        try:
            self._read_logs(logs, memory, expiry)
        except Corrupt as error:
            if not salvage:
                raise
            LOGGER.warning("%s", error)
        except OSError as error:
            raise Unavailable(f"{error.filename} cannot be read: {error.strerror}") from error

    def _read_logs(self, bases: list[int], memory: Memory, expiry: Expiry) -> None:
        ends: list[int | None] = [*bases[1:], None]
        needed = [each for each in zip(bases, ends, strict=False) if each[1] is None or each[1] > memory.revision]
        for base, following in needed:
            if base > memory.revision:
                raise Corrupt(f"{self.path} has no log of the revisions {memory.revision + 1:,} to {base:,}; {WAY_OUT}")
            for each in self._records(base, following):
                _replay(each, memory, expiry)
            if following is not None and following > memory.revision:
                raise Corrupt(f"{self.log(base)} ends at revision {memory.revision:,} of {following:,}; {WAY_OUT}")

    def _records(self, base: int, following: int | None) -> Iterator[record.Record]:
        """Yield the writes of a log up to the revision where the next goes on; leave out a torn end."""
        path, newest = self.log(base), base
        try:
            for each in record.read(path):
                if each.kind in (record.PUT, record.DELETE):
                    if following is not None and each.revision > following:
                        return  # writes that failed before there was another log
                    yield each
                    newest = each.revision
                elif each.kind == record.LOG and each.key != LOG_FORMAT:
                    raise Corrupt(f"{path} is of the format {each.key!r}; this version reads {LOG_FORMAT!r}")
        except record.Unreadable as error:
            if following is not None and newest >= following:
                return
            if following is not None or record.acknowledged_beyond(path, error.offset, error.size) > newest:
                raise Corrupt(f"{path}, {error}; {WAY_OUT}") from None
            lost = error.size - error.offset
            LOGGER.warning("%s: %d bytes of a write that was never acknowledged are left out", path, lost)


def _replay(each: record.Record, memory: Memory, expiry: Expiry) -> None:
    """Apply a write of a log, unless the snapshot has it."""
    if each.revision <= memory.revision:
        return
    previous = memory.entries.get(each.key)
    if each.kind == record.DELETE:
        if previous is None:
            raise Corrupt(f"revision {each.revision} deletes {each.key}, which is not there; {WAY_OUT}")
        event = Event(Entry(each.key, previous.value, each.revision, previous.created), previous, True)
        expiry.set(each.key, each.revision, FOREVER)
    else:
        event = Event(Entry(each.key, each.value, each.revision, each.created), previous, False)
        expiry.set(each.key, each.revision, each.life)
    memory.apply([event])
