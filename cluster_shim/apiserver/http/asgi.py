"""ASGI: makes Requests of what uvicorn gives, and writes Responses back. Raw ASGI: no framework is in the way."""

from __future__ import annotations

import asyncio
import zlib
from collections.abc import AsyncGenerator, Awaitable, Callable
from typing import Any
from urllib.parse import unquote, unquote_plus

from cluster_shim.api import errors
from cluster_shim.apiserver.rendering import error_response
from cluster_shim.apiserver.request import Request, Response
from cluster_shim.apiserver.server import Server

BODY_MAX_BYTES = 3 << 20
BODY_SECONDS = 60.0
STALLED_SECONDS = 60.0
"""How long a client of a stream may leave unread what has been sent."""
DISCARD_MAX_BYTES = 32 << 20
DISCARD_SECONDS = 2.0
GZIP_ABOVE_BYTES = 128 << 10
GZIP_LEVEL = 1

Receive = Callable[[], Awaitable[dict[str, Any]]]
Send = Callable[[dict[str, Any]], Awaitable[None]]


class Application:
    """The server as an ASGI application."""

    def __init__(self, server: Server) -> None:
        self._server = server

    async def __call__(self, scope: dict[str, Any], receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            return
        request = _request(scope)
        try:
            request.body = await _body(request, receive)
        except errors.APIError as error:
            await _discard_rest(receive)
            response = error_response(request, error)
            response.headers.append(("Connection", "close"))
        else:
            response = await self._server.handle(request)
        if response.stream is None:
            await _send(request, response, send)
        else:
            await _send_stream(response, receive, send, scope.get("abort"))


def _request(scope: dict[str, Any]) -> Request:
    raw = scope["raw_path"].decode("latin-1")
    client = scope.get("client")
    return Request(
        method=scope["method"],
        path=unquote(raw) if "%" in raw else raw,
        query=query_pairs(scope["query_string"].decode("latin-1")),
        headers=[(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]],
        raw_path=raw,
        peer=client[0] if client else "",
        certificate=scope.get("client_certificate", b""),
    )


def query_pairs(text: str) -> list[tuple[str, str]]:
    """Return the pairs of a query string as Go reads them: a pair that is malformed is left out."""
    if not text:
        return []
    pairs = []
    for part in text.split("&"):
        if not part or ";" in part:
            continue
        key, _, value = part.partition("=")
        if "%" in part and (_is_malformed(key) or _is_malformed(value)):
            continue
        pairs.append((unquote_plus(key), unquote_plus(value)))
    return pairs


def _is_malformed(text: str) -> bool:
    pieces = text.split("%")[1:]
    return any(len(piece) < 2 or any(each not in "0123456789abcdefABCDEF" for each in piece[:2]) for piece in pieces)


async def _body(request: Request, receive: Receive) -> bytes:
    """Return the body. Raises APIError 400 (it ends before its end), 413 and 408."""
    length = request.header("content-length")
    if length.isdigit() and int(length) > BODY_MAX_BYTES:
        raise errors.request_entity_too_large(f"limit is {BODY_MAX_BYTES}")
    if length in ("", "0") and not request.header("transfer-encoding"):
        return b""
    try:
        async with asyncio.timeout(BODY_SECONDS):
            return await _received(receive)
    except TimeoutError:
        raise errors.APIError(408, "Timeout", "the body of the request did not come in time") from None


async def _received(receive: Receive) -> bytes:
    pieces: list[bytes] = []
    size, more = 0, True
    while more:
        message = await receive()
        if message["type"] == "http.disconnect":  # what has come may mean something else than the whole
            raise errors.bad_request("unexpected EOF")
        pieces.append(message.get("body", b""))
        size += len(pieces[-1])
        if size > BODY_MAX_BYTES:
            raise errors.request_entity_too_large(f"limit is {BODY_MAX_BYTES}")
        more = message.get("more_body", False)
    return b"".join(pieces)


async def _discard_rest(receive: Receive) -> None:
    """Read what a client is still sending, for a while: one whose connection breaks does not see why it is refused."""
    discarded = 0
    try:
        async with asyncio.timeout(DISCARD_SECONDS):
            while discarded < DISCARD_MAX_BYTES:
                message = await receive()
                discarded += len(message.get("body", b""))
                if not message.get("more_body"):
                    return
    except TimeoutError:
        return


def _headers(response: Response) -> list[tuple[bytes, bytes]]:
    headers = [(b"content-type", response.content_type.encode("latin-1"))] if response.content_type else []
    headers.append((b"cache-control", b"no-cache, private"))
    for name, value in response.headers:
        if name.lower() == "cache-control":
            headers = [each for each in headers if each[0] != b"cache-control"]
        headers.append((name.encode("latin-1"), value.encode("utf-8")))
    return headers


async def _send(request: Request, response: Response, send: Send) -> None:
    headers = _headers(response)
    body = response.body
    if len(body) > GZIP_ABOVE_BYTES and "gzip" in request.header("accept-encoding"):
        body = await asyncio.to_thread(_gzipped, body)
        headers += [(b"content-encoding", b"gzip"), (b"vary", b"Accept-Encoding")]
    headers.append((b"content-length", str(len(body)).encode()))
    await send({"type": "http.response.start", "status": response.status, "headers": headers})
    await send({"type": "http.response.body", "body": body})


def _gzipped(body: bytes) -> bytes:
    compressor = zlib.compressobj(GZIP_LEVEL, zlib.DEFLATED, 31)
    return compressor.compress(body) + compressor.flush()


async def _send_stream(response: Response, receive: Receive, send: Send, abort: Callable[[], None] | None) -> None:
    """Send pieces as they come, until the stream ends or the client goes away, or reads nothing for a long time."""
    assert response.stream is not None
    await send({"type": "http.response.start", "status": response.status, "headers": _headers(response)})
    gone = asyncio.ensure_future(_disconnected(receive))
    sending = asyncio.ensure_future(_pieces(response.stream, send, abort))
    try:
        await asyncio.wait((gone, sending), return_when=asyncio.FIRST_COMPLETED)
        if sending.done():
            sending.result()
            await send({"type": "http.response.body", "body": b""})
    finally:
        for task in (gone, sending):
            task.cancel()
        await asyncio.gather(gone, sending, return_exceptions=True)


async def _pieces(stream: AsyncGenerator[bytes, None], send: Send, abort: Callable[[], None] | None) -> None:
    try:
        async for piece in stream:
            async with asyncio.timeout(STALLED_SECONDS):
                await send({"type": "http.response.body", "body": piece, "more_body": True})
    except TimeoutError:
        if abort is not None:
            abort()  # to close it would take until the client has read what waits
    finally:
        await stream.aclose()


async def _disconnected(receive: Receive) -> None:
    while (await receive())["type"] != "http.disconnect":
        pass
