"""URLs. Upstream: apiserver/pkg/cel/library/urls.go."""

from __future__ import annotations

from typing import Any
from urllib.parse import SplitResult, parse_qs, quote, urlsplit

from cluster_shim.api.cel.errors import EvaluationError
from cluster_shim.api.fields import quoted

_PATH_SAFE = "/$&+,:;=@!'()*~-._%"


class URL:
    """A URL as a value."""

    type_name = "kubernetes.URL"
    __slots__ = ("parts", "text")

    def __init__(self, text: str, parts: SplitResult) -> None:
        self.text = text
        self.parts = parts

    def __eq__(self, other: object) -> bool:
        return isinstance(other, URL) and self.text == other.text

    def __hash__(self) -> int:
        return hash(self.text)


def _parse(text: str) -> URL:
    try:
        if any(ord(each) < 0x20 or ord(each) == 0x7F for each in text):
            raise ValueError("net/url: invalid control character in URL")
        if not text:
            raise ValueError("empty url")
        parts = urlsplit(text)
        _ = parts.port
        if not parts.scheme and not text.startswith("/"):
            raise ValueError("invalid URI for request")
        if " " in parts.netloc:
            raise ValueError('invalid character " " in host name')
    except ValueError as fault:
        raise EvaluationError(
            f"URL parse error during conversion from string: parse {quoted(text)}: {_said(fault, text)}"
        ) from None
    return URL(text, parts)


def _said(fault: ValueError, text: str) -> str:
    """Return in Go's words what Python says of a text."""
    if str(fault) == "Invalid IPv6 URL":
        return "missing ']' in host"
    if str(fault).startswith("Port "):
        port = text.partition("//")[2].partition("/")[0].rpartition(":")[2]
        return f"invalid port {quoted(f':{port}')} after host"
    return str(fault)


def _is_url(text: str) -> bool:
    try:
        _parse(text)
    except EvaluationError:
        return False
    return True


def _host(url: URL) -> str:
    return url.parts.netloc.rpartition("@")[2]


def _hostname(url: URL) -> str:
    host = _host(url)
    if host.startswith("["):
        return host[1:].partition("]")[0]
    return host.rpartition(":")[0] if ":" in host else host


def _port(url: URL) -> str:
    host = _host(url)
    rest = host.partition("]")[2] if host.startswith("[") else host
    return rest.rpartition(":")[2] if ":" in rest else ""


def _query(url: URL) -> dict[str, Any]:
    return parse_qs(url.parts.query, keep_blank_values=True)


FUNCTIONS = {
    "url": _parse,
    "isURL": _is_url,
    "getScheme": lambda url: url.parts.scheme,
    "getHost": _host,
    "getHostname": _hostname,
    "getPort": _port,
    "getEscapedPath": lambda url: quote(url.parts.path, safe=_PATH_SAFE),
    "getQuery": _query,
}
