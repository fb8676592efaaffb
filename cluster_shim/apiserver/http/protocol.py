"""Protocol: uvicorn's HTTP/1.1 with the limits that a server needs which strangers can reach.

What it adds: a time for the head of a request and for the handshake, a limit on the size of a head, the client's
certificate in the scope, a way to end the connection at once, methods that the parser does not know (they get 405 like
any other), no access log.
"""

from __future__ import annotations

import asyncio
import re
from typing import Any

import httptools
from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from cluster_shim.apiserver.http.corked import Corked

HEAD_MAX_BYTES = 1 << 20
HEAD_SECONDS = 32.0
_METHOD = re.compile(rb"([!#$%&'*+.^_`|~0-9A-Za-z-]{1,64}) ")
_STAND_IN = b"TRACE"

_TOO_LARGE = (
    b"HTTP/1.1 431 Request Header Fields Too Large\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"connection: close\r\ncontent-length: 35\r\n\r\n431 Request Header Fields Too Large"
)
_NO_HOST = (
    b"HTTP/1.1 400 Bad Request: missing required Host header\r\ncontent-type: text/plain; charset=utf-8\r\n"
    b"connection: close\r\ncontent-length: 45\r\n\r\n400 Bad Request: missing required Host header"
)


class ApiProtocol(HttpToolsProtocol):
    """One connection."""

    def __init__(self, *args: Any, **keywords: Any) -> None:
        super().__init__(*args, **keywords)
        self.access_log = False
        self._certificate = b""
        self._head_bytes = 0
        self._head_timer: asyncio.TimerHandle | None = None
        self._method = b""
        self._is_between = True  # requests
        self._is_head = False

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin: learn who the peer is, and give it a time for its first request."""
        super().connection_made(Corked(transport, self.loop))  # type: ignore[arg-type]
        tls = transport.get_extra_info("ssl_object")
        if tls is not None:
            self._certificate = tls.getpeercert(True) or b""
        self._await_head()

    def connection_lost(self, exc: Exception | None) -> None:
        """End."""
        self._forget_timer()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Take bytes; a method that the parser does not know is given to it under another name."""
        if self._head_timer is None and (self.cycle is None or self.cycle.response_complete):
            self._await_head()
        if self._is_between:
            data = self._known_method(data)
        super().data_received(data)

    def _known_method(self, data: bytes) -> bytes:
        found = _METHOD.match(data)
        self._method = b""
        if found is None or found[1] in _KNOWN:
            return data
        self._method = found[1]
        return _STAND_IN + data[len(found[1]) :]

    def on_message_begin(self) -> None:
        """Begin a request."""
        self._head_bytes = 0
        self._is_between, self._is_head = False, True
        super().on_message_begin()

    def on_url(self, url: bytes) -> None:
        """Take a part of the URL."""
        self._count(len(url))
        super().on_url(url)

    def on_header(self, name: bytes, value: bytes) -> None:
        """Take a header."""
        self._count(len(name) + len(value) + 4)
        if self._is_head:  # what follows a body in chunks is no header of the request
            super().on_header(name, value)

    def _count(self, size: int) -> None:
        self._head_bytes += size
        if self._head_bytes > HEAD_MAX_BYTES:
            self._refuse(_TOO_LARGE)

    def _refuse(self, answer: bytes) -> None:
        self.transport.write(answer)
        self.transport.close()
        raise httptools.HttpParserCallbackError("refused")

    def on_headers_complete(self) -> None:
        """Hand the request to the application."""
        self._forget_timer()
        self._is_head = False
        if self.parser.get_http_version() == "1.1" and not any(name == b"host" for name, _ in self.headers):
            self._refuse(_NO_HOST)
        self.scope["client_certificate"] = self._certificate  # type: ignore[typeddict-unknown-key]
        self.scope["abort"] = self.transport.abort  # type: ignore[typeddict-unknown-key]
        super().on_headers_complete()
        if self._method:
            self.scope["method"] = self._method.decode("ascii")
            self._method = b""  # another request may follow in the same bytes

    def on_message_complete(self) -> None:
        """End a request."""
        self._is_between = True
        super().on_message_complete()

    def _await_head(self) -> None:
        self._forget_timer()
        self._head_timer = self.loop.call_later(HEAD_SECONDS, self._too_slow)

    def _forget_timer(self) -> None:
        if self._head_timer is not None:
            self._head_timer.cancel()
            self._head_timer = None

    def _too_slow(self) -> None:
        self._head_timer = None
        if self.cycle is None or self.cycle.response_complete:
            self.transport.close()

    def send_400_response(self, msg: str) -> None:
        """Refuse what is no HTTP, unless the connection is over already."""
        if not self.transport.is_closing():
            super().send_400_response(msg)


_KNOWN = frozenset(b"GET POST PUT PATCH DELETE HEAD OPTIONS TRACE CONNECT".split())
