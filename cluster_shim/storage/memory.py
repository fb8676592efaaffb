"""The state in memory, as every driver shows it: entries by key in order, their history, and who is told of changes.

It holds what is durable and nothing else. It does no I/O and knows no clock; a driver applies events to it.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from cluster_shim.storage.fanout import Fanout
from cluster_shim.storage.history import DEFAULT, History, Limits
from cluster_shim.storage.ordered import OrderedKeys, after_all
from cluster_shim.storage.store import Deliver, Entry, Event, FutureRevision, Page

FIRST = 1
"""The revision of a store that nothing has been written to."""


class Memory:
    """Entries and history; what `Store` says about reads is said there."""

    def __init__(self, limits: Limits = DEFAULT) -> None:
        self.revision = FIRST
        self.entries: dict[str, Entry] = {}
        self._limits = limits
        self._keys = OrderedKeys()
        self._history = History(FIRST, limits)
        self._fanout = Fanout()

    @property
    def is_shared(self) -> bool:
        """Tell whether others write, too."""
        return False

    @property
    def oldest(self) -> int:
        """Return the oldest revision whose state and following events are kept."""
        return self._history.oldest

    def get(self, key: str) -> Entry | None:
        """Return what a key has now."""
        return self.entries.get(key)

    def range(self, prefix: str, start: str = "", limit: int = 0, revision: int = 0) -> Page:
        """Return entries of a prefix in order, from key `start` on, at a revision (0: now)."""
        if revision > self.revision:
            raise FutureRevision(self.revision)
        low, high = max(prefix, start), after_all(prefix)
        changes = self._history.after(prefix, revision) if revision else ()
        if changes:
            return self._past(changes, low, high, limit, revision)
        entries = self.entries
        found = list(map(entries.__getitem__, self._keys.between(low, high, limit)))
        remaining = self._keys.count(low, high) - len(found) if limit else 0
        return Page(found, remaining, revision or self.revision)

    def _past(self, changes: Sequence[Event], low: str, high: str | None, limit: int, revision: int) -> Page:
        """Return a page of the state of before some changes: what has come since is left out, what has gone is back."""
        entries = self.entries
        before = {event.entry.key: event.previous for event in reversed(changes)}  # the first change of a key wins
        before = {key: was for key, was in before.items() if key >= low and (high is None or key < high)}
        new = {key for key, was in before.items() if was is None and key in entries}
        gone = {key for key, was in before.items() if was is not None and key not in entries}
        keys = [key for key in self._keys.between(low, high, limit and limit + len(new)) if key not in new]
        keys = sorted([*keys, *gone])
        if limit:
            del keys[limit:]
        total = self._keys.count(low, high) - len(new) + len(gone)
        found = [entry for key in keys if (entry := before.get(key) or entries.get(key)) is not None]
        return Page(found, total - len(found), revision)

    def count(self, prefix: str) -> int:
        """Return how many keys begin with `prefix`."""
        return self._keys.count(prefix, after_all(prefix))

    def events(self, prefix: str, after: int) -> list[Event]:
        """Return what has happened to keys with a prefix since a revision. Raises Compacted."""
        return self._history.after(prefix, after)

    def subscribe(self, prefix: str, deliver: Deliver) -> Callable[[], None]:
        """Call `deliver` with every later event of the prefix; return what ends it."""
        return self._fanout.subscribe(prefix, deliver)

    def apply(self, events: Sequence[Event], revision: int = 0) -> None:
        """Make events visible and publish them. The revision is that of the last, or a later one."""
        entries, keys, history = self.entries, self._keys, self._history
        for event in events:
            entry, previous, is_delete = event
            if is_delete:
                del entries[entry.key]
                keys.remove(entry.key)
            else:
                if previous is None:
                    keys.add(entry.key)
                entries[entry.key] = entry
            history.add(event)
        self.revision = max(revision, events[-1].entry.revision if events else 0, self.revision)
        history.trim()
        self._fanout.publish(events)

    def load(self, entries: Iterable[Entry], revision: int) -> None:
        """Become a state without a history; subscribers are not told."""
        self.entries = {entry.key: entry for entry in entries}
        self._keys = OrderedKeys()
        for key in sorted(self.entries):
            self._keys.add(key)
        self._history = History(revision, self._limits)
        self.revision = revision

    def forget(self, revision: int) -> None:
        """Forget what came before a revision. Raises FutureRevision."""
        if revision > self.revision:
            raise FutureRevision(self.revision)
        self._history.compact(revision)
