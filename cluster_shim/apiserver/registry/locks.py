"""Locks by key: one write of an object at a time. A key that nobody holds costs nothing."""

from __future__ import annotations

import asyncio
from collections import deque
from types import TracebackType


class Locks:
    """Who holds which key, and who waits for it."""

    def __init__(self) -> None:
        self._waiting: dict[str, deque[asyncio.Future[None]]] = {}

    def __len__(self) -> int:
        """Return how many keys are held."""
        return len(self._waiting)

    def hold(self, key: str) -> Holding:
        """Return what holds a key for the time of an ``async with``."""
        return Holding(self, key)

    async def acquire(self, key: str) -> None:
        """Hold a key once all are done who came before."""
        waiting = self._waiting.get(key)
        if waiting is None:
            self._waiting[key] = deque()
            return
        turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiting.append(turn)
        try:
            await turn
        except asyncio.CancelledError:
            if turn.done() and not turn.cancelled():  # it was its turn already
                self.release(key)
            raise

    def release(self, key: str) -> None:
        """Hand a key to whoever has waited longest."""
        waiting = self._waiting[key]
        while waiting:
            turn = waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return
        del self._waiting[key]


class Nothing:
    """Stands where a key could be held, and holds none."""

    async def __aenter__(self) -> None:
        """Begin."""

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End."""


class Holding(Nothing):
    """A key that is held inside an ``async with``."""

    __slots__ = ("_key", "_locks")

    def __init__(self, locks: Locks, key: str) -> None:
        self._locks = locks
        self._key = key

    async def __aenter__(self) -> None:
        await self._locks.acquire(self._key)

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._locks.release(self._key)
