"""HTTP: a transport over TLS with connections that stay open; parsing is httptools'. Knows nothing of Kubernetes."""

from __future__ import annotations

import asyncio
import ssl
from collections.abc import AsyncGenerator, Callable
from urllib.parse import quote, urlencode

import httptools

from cluster_shim.client.transport import Answer, Pairs

CONNECT_SECONDS = 10.0
CLOSE_SECONDS = 1.0
"""How long a server may take to say that it has seen the end of a connection."""
IDLE_MAX = 64
"""Connections that wait for the next request."""


class Http:
    """A transport to a server at an address; `token` is sent as bearer token."""

    def __init__(self, host: str, port: int, tls: ssl.SSLContext | None = None, token: str = "") -> None:
        self._host = host
        self._port = port
        self._tls = tls
        self._idle: list[_Connection] = []
        self._all: set[_Connection] = set()
        common = f"Host: {host}:{port}\r\n" + (f"Authorization: Bearer {token}\r\n" if token else "")
        self._common = common.encode()

    async def request(
        self, method: str, path: str, query: Pairs = (), headers: Pairs = (), body: bytes = b"", streams: bool = False
    ) -> Answer:
        """Send a request on an idle connection or a new one. Raises OSError."""
        target = quote(path, safe="/:@!$&'()*+,;=~-._") + (f"?{urlencode(list(query))}" if query else "")
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers)
        if body or method in ("POST", "PUT", "PATCH"):
            lines += f"Content-Length: {len(body)}\r\n"
        message = f"{method} {target} HTTP/1.1\r\n{lines}".encode() + self._common + b"\r\n" + body
        while self._idle:
            connection = self._idle.pop()
            if connection.is_open:
                break
        else:
            connection = await self._connect()
        return await connection.exchange(message, streams)

    async def _connect(self) -> _Connection:
        loop = asyncio.get_running_loop()
        async with asyncio.timeout(CONNECT_SECONDS):
            _, connection = await loop.create_connection(
                lambda: _Connection(self._release, self._all), self._host, self._port, ssl=self._tls
            )
        return connection

    def _release(self, connection: _Connection) -> None:
        if len(self._idle) < IDLE_MAX:
            self._idle.append(connection)
        else:
            connection.close()

    async def close(self) -> None:
        """Close all connections, and wait until they are gone: an event loop must not end before."""
        self._idle.clear()
        for each in list(self._all):
            each.close()
        gone = [asyncio.ensure_future(each.is_gone.wait()) for each in self._all]
        if gone:
            await asyncio.wait(gone, timeout=CLOSE_SECONDS)
        for each in list(self._all):
            each.abort()
        for task in gone:
            task.cancel()


class _Connection(asyncio.Protocol):
    """One connection: one exchange at a time."""

    def __init__(self, release: Callable[[_Connection], None], everyone: set[_Connection]) -> None:
        self._release = release
        self._everyone = everyone
        self.is_open = False
        self.is_gone = asyncio.Event()

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        self._transport: asyncio.Transport = transport  # type: ignore[assignment]
        self.is_open = True
        self._everyone.add(self)
        self._waiting: asyncio.Future[Answer] | None = None
        self._pieces: asyncio.Queue[bytes | Exception | None] | None = None

    def connection_lost(self, exc: Exception | None) -> None:
        self.is_open = False
        self._everyone.discard(self)
        self.is_gone.set()
        error = exc or ConnectionResetError("the server has closed the connection")
        if self._waiting is not None and not self._waiting.done():
            self._waiting.set_exception(error)
        if self._pieces is not None:
            self._pieces.put_nowait(error)

    def close(self) -> None:
        self.is_open = False
        self._transport.close()

    def abort(self) -> None:
        self._transport.abort()

    async def exchange(self, message: bytes, streams: bool) -> Answer:
        """Send a message, return the answer; a streamed one keeps the connection to its end."""
        self._parser = httptools.HttpResponseParser(self)
        self._headers: list[tuple[str, str]] = []
        self._body: list[bytes] = []
        self._streams = streams
        self._pieces = None
        self._waiting = asyncio.get_running_loop().create_future()
        self._transport.write(message)
        try:
            return await self._waiting
        except asyncio.CancelledError:
            self.close()
            raise

    def data_received(self, data: bytes) -> None:
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserError as error:
            self.close()
            if self._waiting is not None and not self._waiting.done():
                self._waiting.set_exception(ConnectionError(f"no HTTP answer: {error}"))

    def on_header(self, name: bytes, value: bytes) -> None:
        self._headers.append((name.decode("latin-1"), value.decode("utf-8", "replace")))

    def on_headers_complete(self) -> None:
        status = self._parser.get_status_code()
        if self._streams and status == 200 and self._waiting is not None:
            self._pieces = asyncio.Queue()
            self._waiting.set_result(Answer(status, self._headers, stream=self._stream(self._pieces)))

    def on_body(self, data: bytes) -> None:
        if self._pieces is not None:
            self._pieces.put_nowait(data)
        else:
            self._body.append(data)

    def on_message_complete(self) -> None:
        keeps = self._parser.should_keep_alive()
        if self._pieces is not None:
            self._pieces.put_nowait(None)
        elif self._waiting is not None and not self._waiting.done():
            answer = Answer(self._parser.get_status_code(), self._headers, b"".join(self._body))
            self._waiting.set_result(answer)
        if keeps:
            self._release(self)
        else:
            self.close()

    async def _stream(self, pieces: asyncio.Queue[bytes | Exception | None]) -> AsyncGenerator[bytes, None]:
        is_done = False
        try:
            while (piece := await pieces.get()) is not None:
                if isinstance(piece, Exception):
                    raise piece
                yield piece
            is_done = True
        finally:
            if not is_done:
                self.close()
