"""The write-ahead log: writes are appended to a file and synced together; now and then a snapshot takes its place.

What ``durability`` trades:

========  ==============================  =========================================================================
commit    acknowledged when on the disk   nothing that was acknowledged is ever lost
interval  acknowledged when written,      a crash of the machine loses up to 0.1 s, and may use its revisions again
          synced after 50 ms
none      acknowledged when written,      a crash of the machine loses what it had not written yet
          never synced
========  ==============================  =========================================================================

A crash of the process alone loses nothing in any of them. After an error the log is not trusted: a write that could
not be synced may be lost though the next sync succeeds. Another file goes on from what was acknowledged.

``commit`` opens the log with O_DSYNC: a batch is one system call, after which the thread waits for the interpreter
once and not twice.
"""

from __future__ import annotations

import asyncio
import contextlib
import gc
import itertools
import logging
import os
import time
from collections.abc import Callable, Sequence
from pathlib import Path

from cluster_shim.storage import record, snapshot
from cluster_shim.storage.expiry import Expiry
from cluster_shim.storage.folder import LOG_FORMAT, Folder
from cluster_shim.storage.log import Write
from cluster_shim.storage.memory import Memory
from cluster_shim.storage.snapshot import Draft, sync_folder, write_all
from cluster_shim.storage.worker import Worker

LOGGER = logging.getLogger(__name__)
DURABILITIES = ("commit", "interval", "none")
INTERVAL_SECONDS = 0.05
SNAPSHOT_BYTES = 64 << 20
"""How long a log grows at least before a snapshot takes its place; with a larger state, half of that."""
RETRY_SECONDS = 10.0
PAUSE_SECONDS = 0.002
"""The rest that a snapshot gives to the event loop between two slices."""


class WriteAheadLog:
    """A `Log` in a folder."""

    def __init__(self, folder: Path, durability: str = "commit", snapshot_bytes: int = SNAPSHOT_BYTES) -> None:
        if durability not in DURABILITIES:
            raise ValueError(f"durability is one of {', '.join(DURABILITIES)}, not {durability!r}")
        self._folder = Folder(folder)
        self._durability = durability
        self._snapshot_bytes = snapshot_bytes
        self._descriptor = -1
        self._base = 0
        self._written = 0
        """The newest revision that was acknowledged out of this log's hands."""
        self._end = 0
        self._bytes_since_snapshot = 0
        self._state_bytes = 0
        self._synced_at = 0.0
        self._unsynced = False
        self._must_snapshot = False
        self._not_before = 0.0

    def open(self, memory: Memory, expiry: Expiry) -> None:
        """Read the folder. Raises Corrupt, Unavailable."""
        self._folder.lock()
        self._folder.remove_drafts()
        collecting = gc.isenabled()
        gc.disable()  # a hundred thousand new objects, and none of them is garbage
        try:
            self._folder.read(memory, expiry)
        except BaseException:
            self._folder.unlock()
            raise
        finally:
            if collecting:
                gc.enable()
        self._written = memory.revision
        self._bytes_since_snapshot = self._folder.bytes_since_snapshot()
        self._state_bytes = sum(len(entry.value) for entry in memory.entries.values())
        with contextlib.suppress(OSError):  # a disk that is full or read-only can be read all the same
            self._begin()

    def _begin(self) -> None:
        """Go on in another file. Raises OSError."""
        self._abandon()
        path = self._folder.log(self._written)
        flags = os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC
        descriptor = os.open(path, flags | (os.O_DSYNC if self._durability == "commit" else 0), 0o600)
        try:
            header = record.encode(record.LOG, LOG_FORMAT, b"", self._written, acknowledged=self._written)
            self._end = write_all(descriptor, [header])
            os.fdatasync(descriptor)
            sync_folder(self._folder.path)
        except BaseException:
            os.close(descriptor)
            raise
        self._descriptor, self._base = descriptor, self._written

    def _abandon(self) -> None:
        if self._descriptor >= 0:
            with contextlib.suppress(OSError):  # the next file says where this one ends, if this does not
                os.ftruncate(self._descriptor, self._end)
            with contextlib.suppress(OSError):
                os.close(self._descriptor)
            self._descriptor = -1

    def prepare(self, writes: Sequence[Write], acknowledged: int) -> tuple[list[bytes], int]:
        """Encode writes; every revision up to `acknowledged` is durable."""
        buffers: list[bytes] = []
        encode, put, delete = record.encode, record.PUT, record.DELETE
        for (entry, _, is_delete), life, _ in writes:
            if is_delete:
                buffers.append(encode(delete, entry.key, b"", entry.revision, entry.created, acknowledged))
            else:
                value = entry.value
                head = encode(put, entry.key, value, entry.revision, entry.created, acknowledged, life)
                buffers += (head, value)
        return buffers, writes[-1].event.entry.revision

    def append(self, prepared: tuple[list[bytes], int]) -> None:
        """Make writes durable. Raises OSError: then none of them is."""
        buffers, revision = prepared
        if self._descriptor < 0:
            self._begin()
        try:
            size = write_all(self._descriptor, buffers)
            self._sync()
        except OSError:
            self._must_snapshot |= self._unsynced
            self._abandon()
            raise
        self._end += size
        self._bytes_since_snapshot += size
        self._written = revision

    def _sync(self) -> None:
        if self._durability == "interval":
            now = time.monotonic()
            self._unsynced = True
            if now - self._synced_at >= INTERVAL_SECONDS:
                os.fdatasync(self._descriptor)
                self._synced_at, self._unsynced = now, False

    def idle(self, acknowledged: int) -> None:
        """Say in the log that its last writes were acknowledged, so that damage to them is not taken for a torn end."""
        if self._descriptor < 0:
            return
        try:
            mark = record.encode(record.MARK, "", b"", 0, acknowledged=acknowledged)
            self._end += write_all(self._descriptor, [mark])
            if self._unsynced:
                os.fdatasync(self._descriptor)
                self._unsynced = False
        except OSError:
            self._must_snapshot |= self._unsynced
            self._abandon()
            raise

    def due(self, memory: Memory) -> bool:
        """Tell whether it is time for a snapshot."""
        enough = self._bytes_since_snapshot > max(self._snapshot_bytes, self._state_bytes // 2)
        return (enough or self._must_snapshot) and time.monotonic() >= self._not_before

    async def tidy(self, memory: Memory, expiry: Expiry, worker: Worker) -> None:
        """Write a snapshot beside the writes, and remove the files that it replaces. Raises OSError."""
        self._not_before = time.monotonic() + RETRY_SECONDS
        logged = self._bytes_since_snapshot
        await worker.run(self._begin)  # what is written from here on is in the new log
        entries, revision = list(memory.entries.values()), memory.revision
        entries.sort(key=lambda entry: entry.key)
        draft = Draft(self._folder.snapshot(revision))
        size = 0
        try:
            for buffers in snapshot.slices(entries, revision, expiry.get):
                await _in_thread(draft.add, buffers)
                size += sum(map(len, buffers))
                await asyncio.sleep(PAUSE_SECONDS)
            await _in_thread(draft.finish)
        except BaseException:
            draft.abandon()
            raise
        self._must_snapshot = False
        self._not_before = 0.0
        await worker.run(lambda: self._replaced(logged, size))

    def _replaced(self, logged: int, state_bytes: int) -> None:
        """Remove snapshots before the last two, and the logs that neither needs."""
        self._state_bytes = state_bytes
        self._bytes_since_snapshot -= logged
        snapshots, logs = self._folder.snapshots(), self._folder.logs()
        for revision in snapshots[:-2]:
            self._folder.snapshot(revision).unlink()
        if len(snapshots) < 2:
            return
        for base, following in itertools.pairwise(logs):
            if following <= snapshots[-2]:
                self._folder.log(base).unlink()

    def close(self, acknowledged: int) -> None:
        """Sync what is not, and let go of the files."""
        try:
            if self._descriptor >= 0:
                with contextlib.suppress(OSError):
                    self.idle(acknowledged)
            if self._descriptor >= 0:
                with contextlib.suppress(OSError):
                    os.fdatasync(self._descriptor)
                os.close(self._descriptor)
                self._descriptor = -1
        finally:
            self._folder.unlock()


async def _in_thread(function: Callable[..., None], *arguments: object) -> None:
    """Call a function in a thread, and leave it only when it has returned, even if nobody wants its result any more."""
    task = asyncio.ensure_future(asyncio.to_thread(function, *arguments))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait([task])
        raise
