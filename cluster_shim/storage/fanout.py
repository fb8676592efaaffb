"""Who is told of what: subscriptions by prefix. An event costs one look-up for each length of prefix in use."""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence

from cluster_shim.storage.store import Deliver, Event

LOG = logging.getLogger(__name__)


class Fanout:
    """Subscriptions, and the delivery of events to them."""

    def __init__(self) -> None:
        self._by_prefix: dict[str, list[Deliver]] = {}
        self._lengths: tuple[int, ...] = ()

    def subscribe(self, prefix: str, deliver: Deliver) -> Callable[[], None]:
        """Deliver later events of a prefix; return what ends it."""
        self._by_prefix.setdefault(prefix, []).append(deliver)
        self._measure()

        def end() -> None:
            delivers = self._by_prefix.get(prefix, [])
            if deliver in delivers:
                delivers.remove(deliver)
                if not delivers:
                    del self._by_prefix[prefix]
                    self._measure()

        return end

    def _measure(self) -> None:
        self._lengths = tuple(sorted({len(prefix) for prefix in self._by_prefix}))

    def publish(self, events: Sequence[Event]) -> None:
        """Give every subscriber its events in one call, oldest first."""
        by_prefix = self._by_prefix
        if not by_prefix:
            return
        found: dict[str, list[Event]] = {}
        for event in events:
            key = event.entry.key
            for length in self._lengths:
                prefix = key[:length]
                if prefix in by_prefix and len(prefix) == length:
                    found.setdefault(prefix, []).append(event)
        for prefix, those in found.items():
            for deliver in list(by_prefix.get(prefix, ())):
                try:
                    deliver(those)
                except Exception:
                    LOG.exception("a subscriber of %s failed; the others are told all the same", prefix)
