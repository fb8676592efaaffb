"""Heads: what stands before a body: that of a request into a Request, that of a Response into bytes."""

from __future__ import annotations

import re
from collections.abc import Sequence
from functools import lru_cache
from http import HTTPStatus
from urllib.parse import unquote, unquote_plus

import httptools

from cluster_shim.api.remembered import remembered
from cluster_shim.apiserver.request import Request, Response

_UNSENDABLE = re.compile(rb"[\0\r\n]")
_HEX = frozenset("0123456789abcdefABCDEF")


def request_of(
    method: str, target: bytes, headers: Sequence[tuple[bytes, bytes]], peer: str = "", certificate: bytes = b""
) -> Request:
    """Return a request without its body. Raises httptools.HttpParserInvalidURLError."""
    if target.startswith(b"/") and not target.startswith(b"//") and b"#" not in target:
        path, _, query = target.partition(b"?")
    else:  # a whole URL, or something odd
        url = httptools.parse_url(target)
        path, query = url.path or b"", url.query or b""
    raw = path.decode("latin-1")
    return Request(
        method,
        unquote(raw) if "%" in raw else raw,
        query_pairs(query.decode("latin-1")) if query else [],
        [(name.decode("latin-1"), value.decode("latin-1")) for name, value in headers],
        b"",
        raw,
        peer,
        certificate,
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
    return any(len(piece) < 2 or not _HEX.issuperset(piece[:2]) for piece in pieces)


def head_of(response: Response, date: bytes, length: int | None, keeps_alive: bool, is_chunked: bool = False) -> bytes:
    """Return the head of an answer. Raises ValueError for a header that cannot be sent.

    `date` is the line of that header, with its end; `length` that of the body, None if nobody knows it yet.
    """
    more = b""
    has_cache_control = False
    for name, value in response.headers:
        has_cache_control |= name in ("Cache-Control", "cache-control")
        more += _line(name, value)
    if length is not None:
        more += b"content-length: %d\r\n" % length
    if is_chunked:
        more += b"transfer-encoding: chunked\r\n"
    if not keeps_alive:
        more += b"connection: close\r\n"
    return b"%b%b%b\r\n" % (_beginning(response.status, response.content_type, has_cache_control), date, more)


@remembered(1024)
def _line(name: str, value: str) -> bytes:
    line = b"%b: %b" % (name.lower().encode("latin-1"), value.encode("utf-8"))
    if _UNSENDABLE.search(line):
        raise ValueError(f"header {name} has a line break: {value!r}")
    return line + b"\r\n"


@lru_cache(512)
def _beginning(status: int, content_type: str, has_cache_control: bool) -> bytes:
    lines = f"HTTP/1.1 {status} {_phrase(status)}\r\n"
    if content_type:
        lines += f"content-type: {content_type}\r\n"
    if not has_cache_control:
        lines += "cache-control: no-cache, private\r\n"
    return lines.encode("latin-1")


def _phrase(status: int) -> str:
    try:
        return HTTPStatus(status).phrase
    except ValueError:
        return ""


def refusal(status: int, problem: str = "", body: str = "") -> bytes:
    """Return the whole of an answer to what is no request that a server could handle; the connection ends with it."""
    line = f"{status} {_phrase(status)}{f': {problem}' if problem else ''}"
    body = body or line
    return (
        f"HTTP/1.1 {line}\r\ncontent-type: text/plain; charset=utf-8\r\nconnection: close\r\n"
        f"content-length: {len(body)}\r\n\r\n{body}"
    ).encode("latin-1")
