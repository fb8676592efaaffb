"""Hub: one subscription to the store for each resource; who watches it gets frames that are made once.

A change is encoded when the first watcher needs it in a form, and that very bytes object goes to all others. A watcher
that does not read is ended when too much waits for it: it must list again, and others do not feel it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import NamedTuple

from cluster_shim.api.resources import Resource
from cluster_shim.apiserver.registry.selection import Selection
from cluster_shim.storage.store import Entry, Event, Store

PENDING_MAX_BYTES = 16 << 20
"""What may wait for one watcher; it is ended when more does."""

ADDED, MODIFIED, DELETED, BOOKMARK, ERROR = "ADDED", "MODIFIED", "DELETED", "BOOKMARK", "ERROR"


class Change(NamedTuple):
    """One event of a watch before it is encoded."""

    type: str
    entry: Entry


Encode = Callable[[Change], bytes]


class Form:
    """A form in which changes of one resource go out, with what has been encoded in it of the event at hand."""

    __slots__ = ("_encode", "_frame", "_of", "key", "users")

    def __init__(self, key: object, encode: Encode) -> None:
        self.key = key
        self._encode = encode
        self._of: tuple[str, Entry] | None = None
        self._frame = b""
        self.users = 0

    def frame(self, kind: str, entry: Entry) -> bytes:
        """Return an event in this form; the last one is kept, for all who watch get it one after the other."""
        last = self._of
        if last is None or last[0] != kind or last[1] is not entry:
            self._frame = self._encode(Change(kind, entry))
            self._of = (kind, entry)
        return self._frame


class Watcher:
    """Whoever watches: what waits for it, and how it is told."""

    __slots__ = ("_bytes", "_frames", "_wake", "after", "form", "is_ended", "prefix", "selection")

    def __init__(self, prefix: str, selection: Selection | None, form: Form, after: int) -> None:
        self.prefix = prefix
        self.selection = selection
        self.form = form
        self.after = after
        """The revision from which on it wants to know; the store may not have reached it."""
        self.is_ended = False
        self._frames: list[bytes] = []
        self._bytes = 0
        self._wake: asyncio.Future[None] | None = None

    def offer(self, event: Event) -> None:
        """Take an event, if it is one for this watcher."""
        entry = event.entry
        if self.is_ended or entry.revision <= self.after or not entry.key.startswith(self.prefix):
            return
        if (frame := self.frame_of(event)) is not None:
            self.put(frame)

    def frame_of(self, event: Event) -> bytes | None:
        """Return what this watcher is told of an event; None if nothing."""
        entry, previous, is_delete = event
        selection = self.selection
        if selection is None:
            kind = DELETED if is_delete else ADDED if previous is None else MODIFIED
        else:
            now = not is_delete and selection.matches(entry)
            before = previous is not None and selection.matches(previous)
            if not now and not before:
                return None
            kind = MODIFIED if now and before else ADDED if now else DELETED
            if kind == DELETED and not is_delete and previous is not None:
                # It is still there, but no longer selected: the last state that was, at the revision of now.
                entry = _departed.at(previous, entry.revision)
        return self.form.frame(kind, entry)

    def put(self, frame: bytes) -> None:
        """Add a frame to what waits; too much of it ends the watch."""
        self._frames.append(frame)
        self._bytes += len(frame)
        if self._bytes > PENDING_MAX_BYTES:
            self.end()
            self._frames.clear()
        self._notify()

    def end(self) -> None:
        """End the watch after what waits."""
        self.is_ended = True
        self._notify()

    def _notify(self) -> None:
        if self._wake is not None and not self._wake.done():
            self._wake.set_result(None)

    def take(self) -> list[bytes]:
        """Return what waits, and forget it."""
        frames, self._frames, self._bytes = self._frames, [], 0
        return frames

    async def wait(self, timeout_seconds: float | None) -> None:
        """Wait until something does, or for a time."""
        if self._frames or self.is_ended:
            return
        self._wake = asyncio.get_running_loop().create_future()
        try:
            await asyncio.wait_for(self._wake, timeout_seconds)
        except TimeoutError:
            pass
        finally:
            self._wake = None


class _Departed:
    """An object that somebody no longer selects, as it last was, at the revision of now; the same for all of them."""

    def __init__(self) -> None:
        self._previous: Entry | None = None
        self._made = Entry("", b"", 0, 0)

    def at(self, previous: Entry, revision: int) -> Entry:
        """Return an entry as it was, at another revision."""
        if previous is not self._previous or self._made.revision != revision:
            self._previous = previous
            self._made = Entry(previous.key, previous.value, revision, previous.created)
        return self._made


_departed = _Departed()


class Hub:
    """All who watch."""

    def __init__(self, store: Store) -> None:
        self._store = store
        self._watchers: dict[str, list[Watcher]] = {}
        self._forms: dict[object, Form] = {}
        self._unsubscribe: dict[str, Callable[[], None]] = {}
        self.watching = 0
        """How many watch."""

    def form(self, resource: Resource, key: object, encode: Encode) -> Form:
        """Return the form of a resource's changes that a key names; made if nobody uses it yet."""
        whole = (resource.prefix, resource.version, key)
        return self._forms.get(whole) or Form(whole, encode)

    def add(self, resource: Resource, watcher: Watcher) -> None:
        """Tell a watcher of what happens from now on."""
        prefix = resource.prefix
        if prefix not in self._watchers:
            self._watchers[prefix] = []
            self._unsubscribe[prefix] = self._store.subscribe(prefix, lambda events: self._deliver(prefix, events))
        self._watchers[prefix].append(watcher)
        self.watching += 1
        watcher.form.users += 1
        self._forms.setdefault(watcher.form.key, watcher.form)

    def remove(self, resource: Resource, watcher: Watcher) -> None:
        """Tell a watcher nothing more."""
        watchers = self._watchers[resource.prefix]
        watchers.remove(watcher)
        self.watching -= 1
        watcher.form.users -= 1
        if not watcher.form.users and self._forms.get(watcher.form.key) is watcher.form:
            del self._forms[watcher.form.key]
        if not watchers:
            del self._watchers[resource.prefix]
            self._unsubscribe.pop(resource.prefix)()

    def _deliver(self, prefix: str, events: Sequence[Event]) -> None:
        watchers = self._watchers.get(prefix, ())
        for event in events:
            for watcher in watchers:
                watcher.offer(event)

    def end_all(self) -> None:
        """End every watch: the server stops."""
        for watchers in list(self._watchers.values()):
            for watcher in watchers:
                watcher.end()

    def counts(self) -> dict[str, int]:
        """Return how many watch, by the prefix of what they watch."""
        return {prefix: len(watchers) for prefix, watchers in self._watchers.items()}
