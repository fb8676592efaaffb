"""Request, Response and what a request asks for (RequestInfo): what all parts of the server pass around.

Nothing here knows HTTP's framing: the edge (http/) makes a Request of bytes and writes a Response; in process, a client
makes them itself.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any, NamedTuple


@dataclass(frozen=True, slots=True)
class UserInfo:
    """Who asks."""

    name: str
    uid: str = ""
    groups: tuple[str, ...] = ()
    extra: Mapping[str, Sequence[str]] = field(default_factory=dict)


ANONYMOUS = UserInfo("system:anonymous", "", ("system:unauthenticated",))


class RequestInfo(NamedTuple):
    """What a request asks for, by method and path (upstream: RequestInfo)."""

    verb: str
    """get, list, watch, create, update, patch, delete, deletecollection, proxy; else the method in lower case."""
    path: str
    is_resource: bool = False
    prefix: str = ""
    """``api`` or ``apis``."""
    group: str = ""
    version: str = ""
    resource: str = ""
    subresource: str = ""
    namespace: str = ""
    name: str = ""
    rest: str = ""
    """What follows the subresource: the path for a proxied server; nothing else has such a tail."""
    label_selector: str = ""
    field_selector: str = ""


@dataclass(slots=True)
class Request:
    """One request. Names of headers are in lower case; `query` is the raw query string's pairs, decoded, in order."""

    method: str
    path: str
    """Decoded; `raw_path` is as it came."""
    query: Sequence[tuple[str, str]] = ()
    headers: Sequence[tuple[str, str]] = ()
    body: bytes = b""
    raw_path: str = ""
    peer: str = ""
    """The address of the client."""
    certificate: bytes = b""
    """The client's certificate (DER), already verified against the CA for clients; empty if it showed none."""
    user: UserInfo = ANONYMOUS
    info: RequestInfo = field(default_factory=lambda: RequestInfo("", ""))
    warnings: list[str] = field(default_factory=list)
    """Texts for Warning headers; whoever handles the request adds to them."""
    annotations: dict[str, str] = field(default_factory=dict)
    """For the audit log."""
    flow: Sequence[tuple[str, str]] = ()
    """The headers of an answer that name the FlowSchema of the request and its priority level."""

    def header(self, name: str, default: str = "") -> str:
        """Return the first header of a name in lower case."""
        for key, value in self.headers:
            if key == name:
                return value
        return default

    def param(self, name: str, default: str = "") -> str:
        """Return the first value of a query parameter."""
        for key, value in self.query:
            if key == name:
                return value
        return default

    def params(self, name: str) -> list[str]:
        """Return all values of a query parameter."""
        return [value for key, value in self.query if key == name]


@dataclass(slots=True)
class Response:
    """One answer: either a body or a stream of pieces that ends when the answer does."""

    status: int
    body: bytes = b""
    content_type: str = "application/json"
    headers: list[tuple[str, str]] = field(default_factory=list)
    stream: AsyncGenerator[bytes, None] | None = None
    upgrade: Any = None
    """Takes over the connection (exec, attach, port-forward); None for everything else."""
