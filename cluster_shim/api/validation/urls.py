"""URLs as Go's net/url reads them, with its complaints."""

from __future__ import annotations

import re
from typing import NamedTuple

from cluster_shim.api.fields import quoted

_CONTROL = re.compile(r"[\x00-\x1f\x7f]")
_SCHEME = re.compile("([A-Za-z][A-Za-z0-9+.-]*):")
_PORT = re.compile("(:[0-9]*)?")
_ESCAPE = re.compile("%([0-9A-Fa-f]{2})?")
_HOST = re.compile(r"[A-Za-z0-9\-._~!$&'()*+,;=:\[\]<>\"%\x80-\U0010ffff]")
_USER = re.compile(r"[A-Za-z0-9\-._:~!$&'()*+,;=%@]*")


class URL(NamedTuple):
    """The parts of a URL that rules look at."""

    scheme: str = ""
    user: str | None = None
    host: str = ""
    query: str = ""
    fragment: str = ""


class URLError(ValueError):
    """A text that is no URL."""


def parse(text: str) -> URL:
    """Return the parts of a URL. Raises URLError."""
    before, _, fragment = text.partition("#")
    try:
        url = _parse(before)
    except URLError as error:
        raise URLError(f"parse {quoted(before)}: {error}") from None
    try:
        _check_escapes(fragment)
    except URLError as error:
        raise URLError(f"parse {quoted(text)}: {error}") from None
    return url._replace(fragment=fragment)


def _parse(text: str) -> URL:
    if _CONTROL.search(text):
        raise URLError("net/url: invalid control character in URL")
    if text.startswith(":"):
        raise URLError("missing protocol scheme")
    found = _SCHEME.match(text)
    scheme, rest = (found[1].lower(), text[found.end() :]) if found else ("", text)
    rest, _, query = rest.partition("?")
    if not rest.startswith("/"):
        if scheme:
            return URL(scheme, query=query)
        if ":" in rest.partition("/")[0]:
            raise URLError("first path segment in URL cannot contain colon")
    user, host = None, ""
    if rest.startswith("//") and (scheme or not rest.startswith("///")):
        authority, slash, path = rest[2:].partition("/")
        user, host = _authority(scheme, authority)
        rest = f"{slash}{path}"
    _check_escapes(rest)
    return URL(scheme, user, host, query)


def _authority(scheme: str, authority: str) -> tuple[str | None, str]:
    user, at_sign, host = authority.rpartition("@")
    _check_host(scheme, host)
    if not at_sign:
        return None, host
    if not _USER.fullmatch(user):
        raise URLError("net/url: invalid userinfo")
    _check_escapes(user)
    return user, host


def _check_host(scheme: str, host: str) -> None:
    bracket = host.rfind("[")
    if bracket > 0:
        raise URLError("invalid IP-literal")
    if bracket == 0:
        end = host.rfind("]")
        if end < 0:
            raise URLError("missing ']' in host")
        _check_port(host[end + 1 :])
    elif ":" in host:
        is_strict = scheme in ("http", "https")
        _check_port(host[host.index(":") if is_strict else host.rindex(":") :])
    for each in host:
        if not _HOST.match(each):
            raise URLError(f"invalid character {quoted(each)} in host name")
    _check_escapes(host)


def _check_port(text: str) -> None:
    if not _PORT.fullmatch(text):
        raise URLError(f"invalid port {quoted(text)} after host")


def _check_escapes(text: str) -> None:
    for found in _ESCAPE.finditer(text):
        if found[1] is None:
            raise URLError(f"invalid URL escape {quoted(text[found.start() : found.start() + 3])}")
