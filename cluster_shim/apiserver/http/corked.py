"""Corked: a transport that sends at once what is written in one turn of the event loop.

uvicorn writes the head and the body of an answer one after the other; with TLS that would be two records and two
encryptions, which is a third of what a small answer takes.
"""

from __future__ import annotations

import asyncio
from typing import Any


class Corked:
    """Everything of a transport but its writes, which wait until the turn ends."""

    def __init__(self, transport: asyncio.Transport, loop: asyncio.AbstractEventLoop) -> None:
        self._transport = transport
        self._loop = loop
        self._waiting: list[bytes] = []

    def write(self, data: bytes) -> None:
        """Send bytes with the others of this turn."""
        if not self._waiting:
            self._loop.call_soon(self._flush)
        self._waiting.append(data)

    def _flush(self) -> None:
        if self._waiting:
            data = b"".join(self._waiting)
            self._waiting.clear()
            self._transport.write(data)

    def close(self) -> None:
        """Send what waits, and close."""
        self._flush()
        self._transport.close()

    def __getattr__(self, name: str) -> Any:
        """Return what else the transport has."""
        return getattr(self._transport, name)
