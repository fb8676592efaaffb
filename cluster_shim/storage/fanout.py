"""Who is told of what: subscriptions by prefix. An event costs one look-up, and one for each length of prefixes in use
that not all objects of its resource have."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from cluster_shim.storage.keys import bucket_of
from cluster_shim.storage.store import Deliver, Event

LOG = logging.getLogger(__name__)


class Fanout:
    """Subscriptions, and the delivery of events to them."""

    def __init__(self) -> None:
        self._by_prefix: dict[str, list[Deliver]] = {}
        self._known: dict[str, tuple[tuple[str, ...], tuple[int, ...]]] = {}

    def subscribe(self, prefix: str, deliver: Deliver) -> Callable[[], None]:
        """Deliver later events of a prefix; return what ends it."""
        self._by_prefix.setdefault(prefix, []).append(deliver)
        self._known.clear()

        def end() -> None:
            delivers = self._by_prefix.get(prefix, [])
            if deliver in delivers:
                delivers.remove(deliver)
                if not delivers:
                    del self._by_prefix[prefix]
                    self._known.clear()

        return end

    def _of(self, bucket: str) -> tuple[tuple[str, ...], tuple[int, ...]]:
        """Return the prefixes in use of all keys of a resource, and how long those are that only some may have."""
        found = self._known.get(bucket)
        if found is None:
            shared = tuple(prefix for prefix in self._by_prefix if bucket.startswith(prefix))
            longer = {len(each) for each in self._by_prefix if each.startswith(bucket) and each != bucket}
            found = self._known[bucket] = shared, tuple(sorted(longer))
        return found

    def publish(self, events: Sequence[Event]) -> None:
        """Give every subscriber its events in one call, oldest first."""
        by_prefix = self._by_prefix
        if not by_prefix:
            return
        found: dict[str, list[Event]] = {}
        for event in events:
            key = event.entry.key
            shared, longer = self._of(bucket_of(key))
            for prefix in shared:
                found.setdefault(prefix, []).append(event)
            for length in longer:
                if (prefix := key[:length]) in by_prefix and len(prefix) == length:
                    found.setdefault(prefix, []).append(event)
        for prefix, those in found.items():
            for deliver in list(by_prefix.get(prefix, ())):
                try:
                    deliver(those)
                except Exception:
                    LOG.exception("a subscriber of %s failed; the others are told all the same", prefix)
