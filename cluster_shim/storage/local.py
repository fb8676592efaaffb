"""The store of one process: who may write, in which order, and when it is seen. What makes it durable is a `Log`.

Writes are collected while the log is busy and go to it together (group commit). Until a write is durable its key
belongs to it: another write of the same key waits, so that nothing is ever decided by a value that may yet fail.
Revisions are given out when a write is accepted; one that failed leaves a gap.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from typing import Any

from cluster_shim.storage.expiry import FOREVER, Expiry, Lifetime, lifetime
from cluster_shim.storage.history import DEFAULT, Limits
from cluster_shim.storage.keys import check
from cluster_shim.storage.log import Log, Write
from cluster_shim.storage.memory import Memory
from cluster_shim.storage.store import (
    Changed,
    Entry,
    Event,
    KeyExists,
    StoreError,
    Unavailable,
)
from cluster_shim.storage.worker import Worker

LOGGER = logging.getLogger(__name__)
COMPACT_SECONDS = 300.0
IDLE_SECONDS = 0.1
EXPIRED_AT_ONCE = 1000
BATCH_MAX = 64
GATHER_SECONDS = 0.002
"""How long a write waits at most for others while the loop is busy."""
IDLE_TURN_SECONDS = 0.00005
"""A turn of the loop that took less had nothing else in it."""
RETRY_SECONDS = 1.0


class LocalStore(Memory):
    """A `Store` on a `Log`. What it reads is `Memory`."""

    def __init__(self, log: Log, limits: Limits = DEFAULT, compact_seconds: float = COMPACT_SECONDS) -> None:
        super().__init__(limits)
        self._log = log
        self._compact_seconds = compact_seconds
        self._compact_to = 0
        self._expiry = Expiry()
        self._next = 0
        self._pending: set[str] = set()
        self._batch: list[Write] = []
        self._writing = False
        self._settled: list[asyncio.Future[None]] = []
        self._closed = True
        self._timers: dict[str, asyncio.TimerHandle] = {}
        self._tidying: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Read the state. Raises Corrupt, Unavailable."""
        self._loop = asyncio.get_running_loop()
        self._worker = Worker("stowage-store")
        try:
            await self._worker.run(lambda: self._log.open(self, self._expiry))
        except BaseException:
            await self._worker.close()
            raise
        self._closed = False
        self._next = self.revision + 1
        self._compact_to = self.revision
        if self._compact_seconds:
            self._later("compact", self._compact_seconds, self._compact_by_time)
        self._wait_for_expiry()
        self._tidy_if_due()

    async def close(self) -> None:
        """Finish what was begun, and let go of the files."""
        if self._closed:
            return
        self._closed = True
        for timer in self._timers.values():
            timer.cancel()
        while self._writing:
            await self._settle()
        if self._tidying is not None:
            self._tidying.cancel()  # the next start has time for it
            await asyncio.wait([self._tidying])
        await self._worker.run(lambda: self._log.close(self.revision))
        await self._worker.close()

    async def create(self, key: str, value: bytes, ttl_seconds: int = 0) -> Entry:
        """Write a key that is not there. Raises KeyExists, Unavailable."""
        while key in self._pending:
            await self._settle()
        if key in self.entries:
            raise KeyExists(key)
        check(key)
        revision = self._take()
        return await self._write(Event(Entry(key, value, revision, revision), None, False), lifetime(ttl_seconds))

    async def update(self, key: str, value: bytes, expected: int, ttl_seconds: int = 0) -> Entry:
        """Write a key that is at revision `expected`. Raises Changed, Unavailable."""
        previous = await self._expect(key, expected)
        entry = Entry(key, value, self._take(), previous.created)
        return await self._write(Event(entry, previous, False), lifetime(ttl_seconds))

    async def delete(self, key: str, expected: int) -> Entry:
        """Delete a key that is at revision `expected`; return its last value with the revision of now."""
        previous = await self._expect(key, expected)
        entry = Entry(key, previous.value, self._take(), previous.created)
        return await self._write(Event(entry, previous, True), FOREVER)

    async def current(self) -> int:
        """Return the newest revision: nothing is acknowledged here before it can be seen."""
        return self.revision

    async def compact(self, revision: int) -> None:
        """Forget what came before a revision."""
        self.forget(revision)
        self._tidy_if_due()

    async def _expect(self, key: str, expected: int) -> Entry:
        while key in self._pending:
            await self._settle()
        entry = self.entries.get(key)
        if entry is None or entry.revision != expected:
            raise Changed(entry)
        return entry

    def _take(self) -> int:
        if self._closed:
            raise Unavailable("the store is closed")
        revision = self._next
        self._next = revision + 1
        return revision

    async def _write(self, event: Event, life: Lifetime) -> Entry:
        waiter: asyncio.Future[Entry] = self._loop.create_future()
        self._accept(Write(event, life, waiter))
        return await waiter

    def _accept(self, write: Write) -> None:
        self._pending.add(write.event.entry.key)
        self._batch.append(write)
        if not self._writing:
            self._writing = True
            self._gather()

    def _gather(self) -> None:
        """Write what has come once the loop has nothing else to do, or soon: larger batches cost less for each."""
        now = time.perf_counter()
        self._loop.call_soon(self._gathered, now, now)

    def _gathered(self, began: float, turned: float) -> None:
        now = time.perf_counter()
        is_busy = now - turned > IDLE_TURN_SECONDS
        if is_busy and now - began < GATHER_SECONDS and len(self._batch) < BATCH_MAX:
            self._loop.call_soon(self._gathered, began, now)
        else:
            self._flush()

    def _flush(self) -> None:
        batch, self._batch = self._batch, []
        prepared = self._log.prepare(batch, self.revision)
        self._worker.submit(lambda: self._log.append(prepared), lambda _, error: self._written(batch, error))

    def _written(self, batch: list[Write], error: BaseException | None) -> None:
        """Show what is durable, then tell whoever waits: a writer finds its own write when it reads."""
        self._pending.difference_update([write.event.entry.key for write in batch])
        if error is None:
            for event, life, _ in batch:
                self._expiry.set(event.entry.key, event.entry.revision, life, is_new=True)
            self.apply([write.event for write in batch])
        for event, _, waiter in batch:
            if waiter is None:
                if error is not None and event.previous is not None:
                    self._expiry.again(event.entry.key, event.previous.revision, RETRY_SECONDS)
            elif not waiter.done():  # else it was cancelled; the write stands
                if error is None:
                    waiter.set_result(event.entry)
                else:
                    waiter.set_exception(_refusal(error))
        if any(life.ttl_seconds or waiter is None for _, life, waiter in batch):
            self._wait_for_expiry()
        if self._batch:
            self._gather()
        else:
            self._writing = False
            self._later("idle", IDLE_SECONDS, self._use_idle_time)
        settled, self._settled = self._settled, []
        for future in settled:
            if not future.done():
                future.set_result(None)
        self._tidy_if_due()

    async def _settle(self) -> None:
        """Wait for the end of the batch that is being written."""
        future: asyncio.Future[None] = self._loop.create_future()
        self._settled.append(future)
        await future

    def _later(self, name: str, seconds: float, action: Callable[[], Any]) -> None:
        if (timer := self._timers.pop(name, None)) is not None:
            timer.cancel()
        if not self._closed:
            self._timers[name] = self._loop.call_later(seconds, action)

    def _use_idle_time(self) -> None:
        if not self._writing:
            acknowledged = self.revision
            self._worker.submit(lambda: self._log.idle(acknowledged), _log_error)

    def _compact_by_time(self) -> None:
        """Forget what was there at the time before last: history reaches back one to two intervals."""
        self.forget(self._compact_to)
        self._compact_to = self.revision
        self._later("compact", self._compact_seconds, self._compact_by_time)
        self._tidy_if_due()

    def _wait_for_expiry(self) -> None:
        seconds = self._expiry.next_in()
        if seconds is not None:
            self._later("expiry", seconds, self._expire)

    def _expire(self) -> None:
        for key, revision in self._expiry.due(EXPIRED_AT_ONCE):
            entry = self.entries.get(key)
            if key in self._pending:
                self._expiry.again(key, revision, RETRY_SECONDS)
            elif entry is not None and entry.revision == revision:
                last = Entry(key, entry.value, self._take(), entry.created)
                self._accept(Write(Event(last, entry, True), FOREVER, None))
        self._wait_for_expiry()

    def _tidy_if_due(self) -> None:
        if self._tidying is None and not self._closed and self._log.due(self):
            self._tidying = self._loop.create_task(self._tidy())

    async def _tidy(self) -> None:
        try:
            await self._log.tidy(self, self._expiry, self._worker)
        except (OSError, StoreError) as error:
            LOGGER.warning("the store could not be tidied: %s", error)
        finally:
            self._tidying = None


def _log_error(_: Any, error: BaseException | None) -> None:
    """Say that a mark could not be written; nothing depends on it."""
    if error is not None:
        LOGGER.warning("the store could not be marked as written: %s", error)


def _refusal(error: BaseException) -> StoreError:
    """Return what a writer is told."""
    if isinstance(error, StoreError):
        return error
    return Unavailable(f"nothing can be written: {error}")
