"""Calls of one extender over HTTP/1.1: one connection that is kept open, a deadline for the whole call, a size limit.

Redirects and proxies are not followed. Texts of errors are those of Go's client where it has one for the case.
"""

from __future__ import annotations

import http.client
from urllib.parse import SplitResult, quote, urlsplit

from cluster_shim.extender.deadline import Deadline, DeadlineSocket
from cluster_shim.extender.dial import Peer, dial, reason_of
from cluster_shim.extender.tls import context_of
from sched_core import (
    Extender,
    ExtenderAnswerTooLarge,
    ExtenderError,
    ExtenderStatus,
    ExtenderTimeout,
    ExtenderUnreachable,
)

LEAST_LIMIT_BYTES = 16 << 20
LIMIT_PER_SENT_BYTE = 4
"""An answer repeats the nodes that were sent, with a message for each."""
_PART_BYTES = 1 << 20


def connect(extender: Extender) -> HttpTransport:
    """Return the transport to an extender; it connects when it is first called. Raises InvalidConfig."""
    return HttpTransport(extender)


class HttpTransport:
    """``(url, body, timeout in seconds) -> body of the answer``; not for use by several threads at a time."""

    def __init__(self, extender: Extender) -> None:
        self._kept: DeadlineSocket | None = None
        self._context = context_of(extender)
        self._server_name = extender.tls_config.server_name if extender.tls_config is not None else ""

    def __call__(self, url: str, body: bytes, timeout_s: float) -> bytes:
        """POST a body and return that of the answer, which has status 200."""
        deadline, reading = Deadline(timeout_s), False
        parts = _split(url)
        try:
            connection = self._connection(url, parts, deadline)
            connection.send(_head(parts, len(body)) + body)
            response = http.client.HTTPResponse(connection, method="POST")  # type: ignore[arg-type]
            response.begin()
            if response.status != http.client.OK:
                raise ExtenderStatus(url, response.status)
            reading = True
            answer = _read(response, url, LEAST_LIMIT_BYTES + LIMIT_PER_SENT_BYTE * len(body))
        except BaseException as reason:
            self.close()
            worded = _worded(reason, url, reading)
            if worded is reason:
                raise
            raise worded from reason
        if response.will_close:
            self.close()
        return answer

    def close(self) -> None:
        """Close the connection that is kept, if there is one."""
        if self._kept is not None:
            self._kept.close()
            self._kept = None

    __del__ = close  # an engine that is forgotten says nothing to its transports

    def _connection(self, url: str, parts: SplitResult, deadline: Deadline) -> DeadlineSocket:
        if self._kept is not None and not self._kept.is_quiet():
            self.close()
        if self._kept is None:
            secure = parts.scheme == "https"
            host, port = parts.hostname or "", parts.port or (443 if secure else 80)
            context = self._context if secure else None
            self._kept = dial(Peer(url, host, port, context, self._server_name or host), deadline)
        self._kept.deadline = deadline
        return self._kept


def _split(url: str) -> SplitResult:
    try:
        parts = urlsplit(url)
        parts.port  # noqa: B018 - raises ValueError if it is none
    except ValueError as reason:
        raise ExtenderError(f'parse "{url}": {reason}') from reason
    if parts.scheme not in ("http", "https"):
        raise ExtenderUnreachable(url, f'unsupported protocol scheme "{parts.scheme}"')
    if not parts.hostname:
        raise ExtenderUnreachable(url, "http: no Host in request URL")
    if "@" in parts.netloc:
        raise ExtenderUnreachable(url, "a user name in the URL is not supported")
    return parts


def _head(parts: SplitResult, length: int) -> bytes:
    target = quote(parts.path or "/", safe="/%!$&'()*+,;=:@~") + (f"?{parts.query}" if parts.query else "")
    lines = (
        f"POST {target} HTTP/1.1",
        f"Host: {parts.netloc}",
        "User-Agent: stowage",
        "Content-Type: application/json",
        f"Content-Length: {length}",
    )
    return "".join(f"{line}\r\n" for line in (*lines, "")).encode()


def _read(response: http.client.HTTPResponse, url: str, limit: int) -> bytes:
    parts, size = [], 0
    if (response.length or 0) > limit:
        raise ExtenderAnswerTooLarge(url, limit)
    while part := response.read(_PART_BYTES):
        parts.append(part)
        size += len(part)
        if size > limit:
            raise ExtenderAnswerTooLarge(url, limit)
    if response.length:
        raise http.client.IncompleteRead(b"", response.length)
    return b"".join(parts)


def _worded(reason: BaseException, url: str, reading: bool) -> BaseException:
    """Return what a failed call is to its caller; what is neither the network's nor the peer's fault stays as it is."""
    match reason:
        case TimeoutError():
            return ExtenderTimeout(url, reading=reading)
        case http.client.IncompleteRead():
            return ExtenderError("unexpected EOF")
        case http.client.RemoteDisconnected():
            return ExtenderUnreachable(url, "EOF")
        case http.client.HTTPException():
            cause = f'net/http: HTTP/1.x transport connection broken: malformed HTTP response "{reason}"'
            return ExtenderUnreachable(url, cause)
        case OSError():
            cause = f"read tcp: {reason_of(reason)}"
            return ExtenderError(cause) if reading else ExtenderUnreachable(url, cause)
    return reason
