"""Transport: one request, one answer. Over HTTP (http.py), or to a server in this process (in_process.py)."""

from __future__ import annotations

from collections.abc import AsyncGenerator, Sequence
from dataclasses import dataclass
from typing import Protocol

Pairs = Sequence[tuple[str, str]]


@dataclass(slots=True)
class Answer:
    """What a server answers; the body of a stream comes in pieces as the server sends them."""

    status: int
    headers: Pairs
    body: bytes = b""
    stream: AsyncGenerator[bytes, None] | None = None

    def header(self, name: str) -> str:
        """Return the first header of a name in lower case, or nothing."""
        return next((value for key, value in self.headers if key.lower() == name), "")


class Transport(Protocol):
    """A way to a server."""

    async def request(
        self, method: str, path: str, query: Pairs = (), headers: Pairs = (), body: bytes = b"", streams: bool = False
    ) -> Answer:
        """Send a request; with `streams` the answer's body may be a stream. Raises OSError."""

    async def close(self) -> None:
        """Let go of connections."""
