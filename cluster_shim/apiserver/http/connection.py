"""Connection: HTTP/1.1 on one connection, from bytes to requests and from answers to bytes.

httptools finds requests in what comes; whatever it refuses ends the connection. Requests are handled one after the
other and answered in their order. An answer leaves in one write, which with TLS is one record. The server sees a
request when all of its body is there: who ends before has asked for nothing. Times are looked after once a second for
all connections (`Pool`), so that none costs a timer for each request.
"""

from __future__ import annotations

import asyncio
import logging
import re
import zlib
from collections import deque
from collections.abc import AsyncGenerator
from email.utils import formatdate

import httptools

from cluster_shim.api import errors
from cluster_shim.apiserver.http.head import head_of, refusal, request_of
from cluster_shim.apiserver.rendering import error_response
from cluster_shim.apiserver.request import Request, Response
from cluster_shim.apiserver.server import Server

_log = logging.getLogger(__name__)

HEAD_MAX_BYTES = 1 << 20
HEAD_SECONDS = 32.0
BODY_MAX_BYTES = 3 << 20
BODY_SECONDS = 60.0
KEEP_ALIVE_SECONDS = 120.0
STALLED_SECONDS = 60.0
"""How long a client of a stream may leave unread what has been sent."""
DISCARD_MAX_BYTES = 32 << 20
DISCARD_SECONDS = 2.0
GZIP_ABOVE_BYTES = 128 << 10
GZIP_LEVEL = 1
TICK_SECONDS = 0.5
WAITING_MAX = 16
"""Requests that a client may send ahead; more of them stay in its own buffers."""

_METHOD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}) ")
_KNOWN_METHODS = frozenset(b"GET POST PUT PATCH DELETE HEAD OPTIONS TRACE CONNECT".split())
_STAND_IN = b"TRACE"
_TOO_LARGE = refusal(431)
_NO_HOST = refusal(400, "missing required Host header")
_NO_REQUEST = refusal(400, body="Invalid HTTP request received.")
_EXPECTATION_FAILED = refusal(417)
_NEVER = float("inf")


class Pool:
    """The connections of a listener, and what they share: the date, and the time by which they must move on."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.connections: set[Connection] = set()
        self.now = 0.0
        self.date = b""

    def tick(self) -> None:
        """Look after all connections; called every `TICK_SECONDS`."""
        self.now += TICK_SECONDS
        self.date = b"date: %b\r\n" % formatdate(usegmt=True).encode()
        for each in [each for each in self.connections if each.deadline <= self.now]:
            each.expire()


class Connection(asyncio.Protocol):
    """One connection."""

    def __init__(self, pool: Pool) -> None:
        self._pool = pool
        self._server = pool.server
        self._loop = asyncio.get_running_loop()
        self._parser = httptools.HttpRequestParser(self)
        self._waiting: deque[tuple[Request, bool]] = deque()
        self.task: asyncio.Task[None] | None = None
        self._is_lost = self._is_ending = self._is_streaming = False
        self._is_refused = False  # a request whose body is still coming
        self._drained: asyncio.Future[None] | None = None
        self.deadline = _NEVER
        self._begin()

    def _begin(self) -> None:
        """Forget the last request."""
        self._target = b""
        self._headers: list[tuple[bytes, bytes]] = []
        self._head_bytes = 0
        self._request: Request | None = None
        self._keeps_alive = True
        self._body: list[bytes] = []
        self._body_bytes = 0
        self._is_head = True

    # ------------------------------------------------------------------ the transport's calls

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin: learn who the peer is, and give it a time for its first request."""
        self._transport = transport
        tls = transport.get_extra_info("ssl_object")
        self._certificate = (tls.getpeercert(True) or b"") if tls is not None else b""
        peer = transport.get_extra_info("peername")
        self._peer = str(peer[0]) if isinstance(peer, tuple) else ""
        self._is_between = True  # requests
        self._method = b""
        self.deadline = self._pool.now + HEAD_SECONDS
        self._pool.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """End: a stream has nobody to go to; anything else that is being done is finished."""
        self._is_lost = True
        self.deadline = _NEVER
        self._waiting.clear()
        self.resume_writing()
        if self.task is None:
            self._pool.connections.discard(self)
        elif self._is_streaming:
            self.task.cancel()

    def pause_writing(self) -> None:
        """Take note that the peer reads too slowly."""
        self._drained = self._loop.create_future()

    def resume_writing(self) -> None:
        """Take note that there is room again."""
        if self._drained is not None and not self._drained.done():
            self._drained.set_result(None)
        self._drained = None

    def data_received(self, data: bytes) -> None:
        """Take bytes; a method that the parser does not know is given to it under another name."""
        if self._is_ending and not self._is_refused:
            return
        if self._is_between:
            data = self._with_known_method(data)
        try:
            self._parser.feed_data(data)
        except httptools.HttpParserUpgrade:
            self._is_ending = True  # what follows is in a protocol that nobody here speaks
        except httptools.HttpParserError:
            self._refuse(_NO_REQUEST)

    def _with_known_method(self, data: bytes) -> bytes:
        found = _METHOD.match(data)
        self._method = b""
        if found is None or found[1] in _KNOWN_METHODS:
            return data
        self._method = found[1]
        return _STAND_IN + data[len(found[1]) :]

    # ------------------------------------------------------------------ the parser's calls

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._begin()
        self._is_between = False
        if self.task is None:
            self.deadline = self._pool.now + HEAD_SECONDS

    def on_url(self, url: bytes) -> None:
        """Take a part of the target."""
        self._head_bytes += len(url)
        if self._head_bytes > HEAD_MAX_BYTES:
            self._stop(_TOO_LARGE)
        self._target += url

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._head_bytes += len(name) + len(value) + 4
        if self._head_bytes > HEAD_MAX_BYTES:
            self._stop(_TOO_LARGE)
        if self._is_head:  # what follows a body in chunks is no header of the request
            self._headers.append((name.lower(), value))

    def on_headers_complete(self) -> None:
        """Make a request of the head; refuse it here if its body need not be read for that."""
        self._is_head = False
        parser, headers = self._parser, self._headers
        is_newest = parser.get_http_version() == "1.1"
        if is_newest and not any(name == b"host" for name, _ in headers):
            self._stop(_NO_HOST)
        method = self._method or parser.get_method()
        self._method = b""  # another request may follow in the same bytes
        try:
            request = request_of(method.decode("ascii"), self._target, headers, self._peer, self._certificate)
        except httptools.HttpParserInvalidURLError:
            self._stop(_NO_REQUEST)
        self._request = request
        self._keeps_alive = is_newest and parser.should_keep_alive() and not parser.should_upgrade()
        length = request.header("content-length")
        if length.isdigit() and int(length) > BODY_MAX_BYTES:
            self._refuse_body()
        elif expectation := request.header("expect"):
            if expectation.lower() != "100-continue":
                self._stop(_EXPECTATION_FAILED)
            if is_newest and self.task is None:
                self._transport.write(b"HTTP/1.1 100 Continue\r\n\r\n")
        if self.task is None and not self._is_ending:
            self.deadline = self._pool.now + BODY_SECONDS

    def on_body(self, body: bytes) -> None:
        """Take a part of a body."""
        self._body_bytes += len(body)
        if self._is_refused:
            if self._body_bytes > DISCARD_MAX_BYTES:
                self._transport.close()
        elif self._body_bytes > BODY_MAX_BYTES:
            self._refuse_body()
        else:
            self._body.append(body)

    def on_message_complete(self) -> None:
        """Hand a request to the server, after those before it."""
        request = self._request
        assert request is not None
        if self._is_refused:
            self._is_refused = False
            if self.task is None:
                self._transport.close()
            return
        request.body = self._body[0] if len(self._body) == 1 else b"".join(self._body)
        self._is_between = True
        if self.task is None:
            self._start(request, self._keeps_alive)
            return
        self._waiting.append((request, self._keeps_alive))
        if len(self._waiting) >= WAITING_MAX:
            self._transport.pause_reading()

    # ------------------------------------------------------------------ refusals

    def _refuse(self, answer: bytes) -> None:
        """End the connection with an answer, unless it is over or another answer is due before."""
        was_ending, self._is_ending = self._is_ending, True
        if was_ending or self._is_lost or self._transport.is_closing():
            return
        if self.task is None:
            self._transport.write(answer)
            self._transport.close()

    def _stop(self, answer: bytes) -> None:
        """Refuse, and leave the parser."""
        self._refuse(answer)
        raise httptools.HttpParserCallbackError("refused")

    def _refuse_body(self) -> None:
        """Answer before the body is there.

        The rest is read for a while: a client whose connection breaks while it sends does not see why it is refused.
        """
        assert self._request is not None
        self._is_ending = self._is_refused = True
        self._body.clear()
        if self.task is None:
            self._answer_early(self._request, errors.request_entity_too_large(f"limit is {BODY_MAX_BYTES}"))
            self.deadline = self._pool.now + DISCARD_SECONDS

    def _answer_early(self, request: Request, error: errors.APIError) -> None:
        response = error_response(request, error)
        self._transport.write(head_of(response, self._pool.date, len(response.body), False) + response.body)

    def expire(self) -> None:
        """Move on, since the time for what the peer is expected to do is over."""
        self.deadline = _NEVER
        if self._is_head or self._is_between or self._is_ending or self._request is None:
            self._transport.close()
            return
        error = errors.APIError(408, "Timeout", "the body of the request did not come in time")
        self._answer_early(self._request, error)
        self._is_ending = True
        self._transport.close()

    def shutdown(self) -> None:
        """Take no more requests; end when the one that is being handled has its answer."""
        self._is_ending = True
        self._waiting.clear()
        if self.task is None:
            self._transport.close()

    def close(self) -> None:
        """End now."""
        self._transport.close()

    # ------------------------------------------------------------------ answers

    def _start(self, request: Request, keeps_alive: bool) -> None:
        self.deadline = _NEVER
        self.task = self._loop.create_task(self._answer(request, keeps_alive))

    async def _answer(self, request: Request, keeps_alive: bool) -> None:
        is_whole = False
        try:
            response = await self._server.handle(request)
            if response.stream is None:
                await self._send(request, response, keeps_alive and not self._is_ending)
            else:
                await self._send_stream(request, response, response.stream, keeps_alive)
            is_whole = True
        except asyncio.CancelledError:
            if not self._is_lost:
                raise
        except Exception:
            _log.exception("%s %s", request.method, request.path)
        finally:
            self.task = None
            self._next(keeps_alive and is_whole)

    def _next(self, keeps_alive: bool) -> None:
        """Go on with the request that waits, or wait for one."""
        if self._is_lost:
            self._pool.connections.discard(self)
        elif not keeps_alive or (self._is_ending and not self._waiting):
            self._is_ending = True
            self._transport.close()
        elif self._waiting:
            self._transport.resume_reading()
            self._start(*self._waiting.popleft())
        elif self._is_between:
            self.deadline = self._pool.now + KEEP_ALIVE_SECONDS
        else:
            self.deadline = self._pool.now + (HEAD_SECONDS if self._is_head else BODY_SECONDS)

    async def _send(self, request: Request, response: Response, keeps_alive: bool) -> None:
        body = response.body
        if len(body) > GZIP_ABOVE_BYTES and "gzip" in request.header("accept-encoding"):
            body = await asyncio.to_thread(_gzipped, body)
            response.headers += [("Content-Encoding", "gzip"), ("Vary", "Accept-Encoding")]
        head = head_of(response, self._pool.date, len(body), keeps_alive)
        if self._is_lost:
            return
        self._transport.write(head + body if request.method != "HEAD" else head)
        if self._drained is not None:
            await self._drain()

    async def _send_stream(
        self, request: Request, response: Response, stream: AsyncGenerator[bytes, None], keeps_alive: bool
    ) -> None:
        """Send pieces as they come, until the stream ends or the client goes away, or reads nothing for a long time.

        To HTTP/1.0, and to whoever wants the connection closed, the end of the connection is the end of the stream.
        """
        self._is_streaming = True
        try:
            self._write(head_of(response, self._pool.date, None, keeps_alive, is_chunked=keeps_alive))
            if request.method == "HEAD":
                return
            async for piece in stream:
                if piece:
                    self._write(b"%x\r\n%b\r\n" % (len(piece), piece) if keeps_alive else piece)
                if self._drained is not None:
                    await self._drain()
            if keeps_alive:
                self._write(b"0\r\n\r\n")
        finally:
            self._is_streaming = False
            await stream.aclose()

    def _write(self, data: bytes) -> None:
        if self._is_lost:
            raise asyncio.CancelledError
        self._transport.write(data)

    async def _drain(self) -> None:
        """Wait until the peer has read; one that does not is let go, at once: to close would wait for it, too."""
        drained = self._drained
        assert drained is not None
        _, late = await asyncio.wait([drained], timeout=STALLED_SECONDS)
        if late:
            self._transport.abort()
            raise asyncio.CancelledError


def _gzipped(body: bytes) -> bytes:
    compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)
    return compressor.compress(body) + compressor.flush()
