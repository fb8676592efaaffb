"""What a store in one process needs of a disk: the interface between `LocalStore` and what makes its writes durable."""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any, NamedTuple, Protocol

from cluster_shim.storage.expiry import Expiry, Lifetime
from cluster_shim.storage.memory import Memory
from cluster_shim.storage.store import Entry, Event
from cluster_shim.storage.worker import Worker


class Write(NamedTuple):
    """An event that is to become durable, and who waits for it."""

    event: Event
    life: Lifetime
    waiter: asyncio.Future[Entry] | None


class Log(Protocol):
    """Makes writes durable. `prepare` and `due` run in the event loop, the rest in the worker of the store."""

    def open(self, memory: Memory, expiry: Expiry) -> None:
        """Read what is there into an empty state. Raises Corrupt, Unavailable."""

    def prepare(self, writes: Sequence[Write], acknowledged: int) -> Any:
        """Encode writes; every revision up to `acknowledged` is durable."""

    def append(self, prepared: Any) -> None:
        """Make writes durable. Raises OSError or Unavailable: then none of them is."""

    def due(self, memory: Memory) -> bool:
        """Tell whether there is something to tidy."""

    async def tidy(self, memory: Memory, expiry: Expiry, worker: Worker) -> None:
        """Get rid of what nobody needs, beside the writes."""

    def idle(self, acknowledged: int) -> None:
        """Use a moment without writes; every revision up to `acknowledged` is durable."""

    def close(self, acknowledged: int) -> None:
        """Let go of the files."""


class Nowhere:
    """A log that keeps nothing: for tests, and for a server whose state may go with it."""

    def open(self, memory: Memory, expiry: Expiry) -> None:
        """Find nothing."""

    def prepare(self, writes: Sequence[Write], acknowledged: int) -> Any:
        """Encode nothing."""

    def append(self, prepared: Any) -> None:
        """Write nothing."""

    def due(self, memory: Memory) -> bool:
        """Have nothing to tidy."""
        return False

    async def tidy(self, memory: Memory, expiry: Expiry, worker: Worker) -> None:
        """Do nothing."""

    def idle(self, acknowledged: int) -> None:
        """Do nothing."""

    def close(self, acknowledged: int) -> None:
        """Hold nothing."""
