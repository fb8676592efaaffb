"""The driver for etcd: writes are transactions there, reads are answered from a copy in memory that a watch feeds.

Keys and values are etcd's, so that other programs see what they expect. The watch is on all keys, not only on ours:
then each revision of etcd shows up in it, and a revision that etcd names can be waited for.

A write whose answer was lost is sent again: it names the revision that it expects, so it cannot happen twice, and if
it happened the first time the key holds our value.
"""

from __future__ import annotations

import asyncio
import contextlib
import heapq
import itertools
import logging
import time
from collections.abc import Sequence
from typing import Any

import grpc.aio

from cluster_shim.storage.etcd.client import PATIENCE_SECONDS, PLAIN, Answer, Client, Rejected, Tls, target_of
from cluster_shim.storage.etcd.leases import Leases
from cluster_shim.storage.etcd.messages import CLASSES, DELETE_EVENT, EQUAL, MOD, VERSION, range_end
from cluster_shim.storage.expiry import Lifetime
from cluster_shim.storage.history import DEFAULT, Limits
from cluster_shim.storage.keys import check
from cluster_shim.storage.local import COMPACT_SECONDS
from cluster_shim.storage.memory import FIRST, Memory
from cluster_shim.storage.snapshot import State
from cluster_shim.storage.store import Changed, Entry, Event, KeyExists, StoreError, Unavailable

LOGGER = logging.getLogger(__name__)
PREFIX = "/registry/"
PAGE = 2000
PAGE_SECONDS = 10.0
HISTORY = 2000
"""How many revisions a start goes back, so that those who watched through another server can go on here."""

SEEN_SECONDS = 1.0
"""How long the watch may say nothing, though there is something to say, before it is opened at another endpoint."""

SEEN_ATTEMPTS = 10
PAUSE_SECONDS = 0.1
COMPACT_KEY = b"compact_rev_key"
"""Under which kube-apiserver notes its compactions: servers of both kinds share the work."""


class EtcdStore(Memory):
    """A `Store` in etcd. What it reads is `Memory`."""

    def __init__(
        self,
        urls: Sequence[str],
        tls: Tls = PLAIN,
        limits: Limits = DEFAULT,
        compact_seconds: float = COMPACT_SECONDS,
        prefix: str = PREFIX,
        patience_seconds: float = PATIENCE_SECONDS,
    ) -> None:
        """Raise ValueError for an endpoint that cannot be one."""
        super().__init__(limits)
        if not urls:
            raise ValueError("etcd needs at least one endpoint")
        for url in urls:
            target_of(url)
        self._urls, self._tls = urls, tls
        self._prefix = prefix
        self._patience_seconds = patience_seconds
        self._compact_seconds = compact_seconds
        self._tasks: list[asyncio.Task[None]] = []
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._tie = itertools.count()
        self._stream: Any = None
        self._heard_at = 0.0

    @property
    def is_shared(self) -> bool:
        """Tell whether others write, too."""
        return True

    async def start(self) -> None:
        """Read the state. Raises Unavailable."""
        self._client = Client(self._urls, self._tls, self._patience_seconds)
        self._leases = Leases(self._client)
        try:
            now = await self._revision()
            try:
                entries, revision = await self._read_all(revision=max(FIRST, now - HISTORY))
            except Rejected:
                entries, revision = await self._read_all(revision=await self._compacted())
        except BaseException:
            await self._client.close()
            raise
        self.load(entries, revision)
        self._tasks = [asyncio.create_task(self._follow())]
        await self._seen(now)
        if self._compact_seconds:
            self._tasks.append(asyncio.create_task(self._compact_by_time()))

    async def close(self) -> None:
        """Let go of the connections."""
        tasks, self._tasks = self._tasks, []
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        for _, _, future in self._waiting:
            if not future.done():
                future.set_exception(Unavailable("the store is closed"))
        if tasks:
            await self._client.close()

    async def create(self, key: str, value: bytes, ttl_seconds: int = 0) -> Entry:
        """Write a key that is not there. Raises KeyExists, Unavailable."""
        check(key)
        answer = await self._put(key, value, 0, ttl_seconds)
        if (revision := await self._done(answer, key, 0, value)) is None:
            raise KeyExists(key)
        return self._entry(key, revision)

    async def update(self, key: str, value: bytes, expected: int, ttl_seconds: int = 0) -> Entry:
        """Write a key that is at revision `expected`. Raises Changed, Unavailable."""
        check(key)
        self._compare(key, expected)
        answer = await self._put(key, value, expected, ttl_seconds)
        if (revision := await self._done(answer, key, expected, value)) is None:
            raise Changed(self.get(key))
        return self._entry(key, revision)

    async def delete(self, key: str, expected: int) -> Entry:
        """Delete a key that is at revision `expected`; return its last value with the revision of now."""
        check(key)
        self._compare(key, expected)
        there = self._there(key)
        operation = CLASSES["RequestOp"](request_delete_range=CLASSES["DeleteRangeRequest"](key=there))
        answer = await self._client.call("txn", _transaction(there, expected, operation))
        if (revision := await self._done(answer, key, expected, None)) is None:
            raise Changed(self.get(key))
        return self._entry(key, revision)

    async def current(self) -> int:
        """Ask etcd for its revision and wait until it can be seen."""
        await self._seen(await self._revision())
        return self.revision

    async def _revision(self) -> int:
        answer = await self._client.call("range", CLASSES["RangeRequest"](key=COMPACT_KEY, count_only=True))
        return int(answer.message.header.revision)

    async def _compacted(self) -> int:
        """Return the revision that etcd has been compacted to; only a watch is told. Of one that has not, 0."""
        create = CLASSES["WatchCreateRequest"](key=COMPACT_KEY, start_revision=FIRST)
        stream = self._client.watch(self._client.active, create)
        try:
            async with asyncio.timeout(SEEN_SECONDS):
                async for response in stream:
                    if response.canceled:
                        return int(response.compact_revision)
        except (grpc.aio.AioRpcError, TimeoutError) as error:
            LOGGER.warning("etcd does not say what it has compacted: %s", error)
        finally:
            stream.cancel()
        return 0

    async def compact(self, revision: int) -> None:
        """Forget what came before a revision, also in etcd."""
        self.forget(revision)
        with contextlib.suppress(Rejected):  # another server has compacted further
            await self._client.call("compact", CLASSES["CompactionRequest"](revision=revision))

    async def state(self) -> State:
        """Read all keys anew, with how long those live that end by themselves. Raises Unavailable."""
        leases: dict[str, int] = {}
        entries, revision = await self._read_all(leases)
        lives: dict[int, Lifetime] = {}
        for lease in set(leases.values()):
            request = CLASSES["LeaseTimeToLiveRequest"](ID=lease)
            answer = (await self._client.call("time_to_live", request)).message
            lives[lease] = Lifetime(answer.grantedTTL, int((time.time() + max(answer.TTL, 0)) * 1000))
        return State(entries, revision, {key: lives[lease] for key, lease in leases.items()})

    def _compare(self, key: str, expected: int) -> None:
        """Refuse at once what etcd would refuse; to it revision 0 is that of a key that is not there."""
        known = self.get(key)
        if expected <= 0 or (known is not None and known.revision > expected):
            raise Changed(known)

    async def _put(self, key: str, value: bytes, expected: int, ttl_seconds: int) -> Answer:
        there = self._there(key)
        put = CLASSES["PutRequest"](key=there, value=value)
        if ttl_seconds:
            put.lease = await self._leases.of(ttl_seconds)
        return await self._client.call("txn", _transaction(there, expected, CLASSES["RequestOp"](request_put=put)))

    def _there(self, key: str) -> bytes:
        """Return a key as etcd has it: with our prefix in place of the usual one."""
        return (self._prefix + key.removeprefix(PREFIX)).encode()

    def _here(self, key: bytes) -> str:
        return PREFIX + key[len(self._prefix.encode()) :].decode()

    async def _done(self, answer: Answer, key: str, expected: int, value: bytes | None) -> int | None:
        """Wait until the outcome of a transaction can be seen; return the revision of the write, None if there is none.

        Of one that was sent more than once, an earlier attempt may be the one that wrote.
        """
        await self._seen(answer.message.header.revision)
        if answer.message.succeeded:
            return int(answer.message.header.revision)
        if answer.repeated:
            for entry, previous, is_delete in self.events(key, max(expected, self.oldest)):
                if entry.key == key and (previous.revision if previous else 0) == expected:
                    same = is_delete if value is None else entry.value == value and not is_delete
                    return entry.revision if same else None
        return None

    def _entry(self, key: str, revision: int) -> Entry:
        """Return what a write at a revision has made; by now the key may be at another."""
        entry = self.get(key)
        if entry is not None and entry.revision == revision:
            return entry
        for event in self.events(key, revision - 1):
            if event.entry.key == key:
                return event.entry
        raise Unavailable(f"{key} was written at revision {revision}, which has gone by")

    async def _seen(self, revision: int) -> None:
        """Wait until a revision can be seen; a watch that does not get there is opened anew. Raises Unavailable."""
        for _ in range(SEEN_ATTEMPTS):
            if self.revision >= revision:
                return
            future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            heapq.heappush(self._waiting, (revision, next(self._tie), future))
            timer = asyncio.get_running_loop().call_later(SEEN_SECONDS, _give_up, future)
            try:
                await future
                return
            except TimeoutError:
                if time.monotonic() - self._heard_at > SEEN_SECONDS / 2:
                    LOGGER.warning("the watch of etcd is behind; it is opened anew")
                    self._reopen()
            finally:
                timer.cancel()
        raise Unavailable(f"etcd is at revision {revision}, and its watch does not get there")

    def _reopen(self) -> None:
        self._heard_at = time.monotonic()  # whoever else waits gives the next stream its time
        if self._stream is not None:
            self._stream.cancel()

    def _show(self, events: Sequence[Event], revision: int) -> None:
        """Make events visible, and wake whoever waits for their revision."""
        self.apply(events, revision)
        waiting = self._waiting
        while waiting and waiting[0][0] <= self.revision:
            future = heapq.heappop(waiting)[2]
            if not future.done():
                future.set_result(None)

    async def _read_all(self, leases: dict[str, int] | None = None, revision: int = 0) -> tuple[list[Entry], int]:
        """Read the keys of our prefix at a revision (0: now), and if wanted which of them have a lease."""
        key, end = self._prefix.encode(), range_end(self._prefix.encode())
        entries: list[Entry] = []
        while True:
            request = CLASSES["RangeRequest"](key=key, range_end=end, limit=PAGE, revision=revision)
            response = (await self._client.call("range", request, PAGE_SECONDS)).message
            revision = revision or response.header.revision
            for kv in response.kvs:
                name = self._here(kv.key)
                entries.append(Entry(name, kv.value, kv.mod_revision, kv.create_revision))
                if leases is not None and kv.lease:
                    leases[name] = kv.lease
            if not response.more:
                return entries, revision
            key = response.kvs[-1].key + b"\0"

    async def _follow(self) -> None:
        """Watch etcd for as long as the store is open, from one endpoint after the other."""
        while True:
            endpoint = self._client.active
            try:
                if (compacted := await self._watch(endpoint)) is not None:
                    LOGGER.warning("etcd has compacted revision %d, which the watch had not reached", compacted)
                    await self._catch_up()
                    continue
            except (grpc.aio.AioRpcError, StoreError) as error:
                LOGGER.info("the watch of etcd ended: %s", error)
            except asyncio.CancelledError:
                if (task := asyncio.current_task()) is None or task.cancelling():
                    raise  # else it was the stream that was cancelled, and not this task
            except Exception:
                LOGGER.exception("the watch of etcd failed")
            self._client.leave(endpoint)
            await asyncio.sleep(PAUSE_SECONDS)

    async def _watch(self, endpoint: int) -> int | None:
        """Show what a watch says until it ends; return the revision of a compaction that it cannot go back before."""
        create = CLASSES["WatchCreateRequest"](
            key=b"\0", range_end=b"\0", start_revision=self.revision + 1, fragment=True
        )
        self._stream = stream = self._client.watch(endpoint, create)
        try:
            events: list[Any] = []
            async for response in stream:
                self._heard_at = time.monotonic()
                if response.canceled:
                    return response.compact_revision or None
                events += response.events
                if events and not response.fragment:
                    self._show(self._translated(events), events[-1].kv.mod_revision)
                    events = []
            return None
        finally:
            stream.cancel()

    def _translated(self, events: Sequence[Any]) -> list[Event]:
        """Return events of ours; what a key was before is what it is in memory, or in an event just before."""
        found: list[Event] = []
        fresh: dict[str, Entry | None] = {}
        prefix = self._prefix.encode()
        for event in events:
            kv = event.kv
            if not kv.key.startswith(prefix):
                continue
            key = self._here(kv.key)
            previous = fresh[key] if key in fresh else self.get(key)
            if event.type == DELETE_EVENT:
                if previous is not None:
                    entry = Entry(key, previous.value, kv.mod_revision, previous.created)
                    found.append(Event(entry, previous, True))
                fresh[key] = None
            else:
                entry = fresh[key] = Entry(key, kv.value, kv.mod_revision, kv.create_revision)
                found.append(Event(entry, previous, False))
        return found

    async def _catch_up(self) -> None:
        """Read all again and show the difference; what happened in between is not known, so history begins here."""
        entries, revision = await self._read_all()
        known = {entry.key: entry for entry in entries}
        gone = [each for each in self.entries.values() if each.key not in known]
        events = [Event(Entry(each.key, each.value, revision, each.created), each, True) for each in gone]
        for entry in entries:
            previous = self.get(entry.key)
            if previous is None or previous.revision != entry.revision:
                events.append(Event(entry, previous, False))
        events.sort(key=lambda event: event.entry.revision)
        self._show(events, revision)
        self.forget(revision)

    async def _compact_by_time(self) -> None:
        """Compact etcd to where it was an interval ago, in turns with the other servers."""
        version, revision = 0, self.revision
        while True:
            await asyncio.sleep(self._compact_seconds)
            self.forget(revision)
            put = CLASSES["PutRequest"](key=COMPACT_KEY, value=str(revision).encode())
            compare = CLASSES["Compare"](result=EQUAL, target=VERSION, key=COMPACT_KEY, version=version)
            look = CLASSES["RequestOp"](request_range=CLASSES["RangeRequest"](key=COMPACT_KEY))
            request = CLASSES["TxnRequest"](
                compare=[compare], success=[CLASSES["RequestOp"](request_put=put)], failure=[look]
            )
            try:
                answer = (await self._client.call("txn", request)).message
                if answer.succeeded:
                    version += 1
                    await self._client.call("compact", CLASSES["CompactionRequest"](revision=revision))
                else:
                    version = answer.responses[0].response_range.kvs[0].version
            except StoreError as error:
                LOGGER.warning("etcd could not be compacted: %s", error)
                continue
            revision = self.revision


def _transaction(key: bytes, expected: int, operation: Any) -> Any:
    """Return a request to do something if a key is at a revision."""
    compare = CLASSES["Compare"](result=EQUAL, target=MOD, key=key, mod_revision=expected)
    return CLASSES["TxnRequest"](compare=[compare], success=[operation])


def _give_up(future: asyncio.Future[None]) -> None:
    """End a wait."""
    if not future.done():
        future.set_exception(TimeoutError())
