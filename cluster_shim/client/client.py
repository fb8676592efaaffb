"""Client: the verbs of the Kubernetes API on plain dicts, whatever the transport; errors are APIErrors.

::

    client = Client(transport)
    pod = await client.create(PODS, pod, namespace="default")
    async for kind, document in client.watch(PODS, resource_version="7"): ...
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from typing import Any, NamedTuple

import msgspec

from cluster_shim.api.errors import APIError
from cluster_shim.client.transport import Answer, Pairs, Transport

JSON = "application/json"
MERGE_PATCH = "application/merge-patch+json"
Document = dict[str, Any]

_decode = msgspec.json.decode
_encode = msgspec.json.encode


class Path(NamedTuple):
    """Which objects: group, version and plural."""

    group: str
    version: str
    resource: str

    def url(self, namespace: str = "", name: str = "", subresource: str = "") -> str:
        """Return the path of a collection, an object or a subresource."""
        root = f"/apis/{self.group}/{self.version}" if self.group else f"/api/{self.version}"
        parts = [root, *(("namespaces", namespace) if namespace else ()), self.resource, name, subresource]
        return "/".join(part for part in parts if part)


class Client:
    """Speaks to one server."""

    def __init__(self, transport: Transport, user_agent: str = "stowage") -> None:
        self._transport = transport
        self._headers = [("User-Agent", user_agent), ("Accept", JSON)]

    async def get(self, path: Path, name: str, namespace: str = "", subresource: str = "") -> Document:
        """Return an object."""
        return await self._send("GET", path.url(namespace, name, subresource))

    async def list(self, path: Path, namespace: str = "", **query: Any) -> Document:
        """Return a list; parameters are those of the API (``labelSelector``, ``limit``)."""
        return await self._send("GET", path.url(namespace), _pairs(query))

    async def create(
        self, path: Path, document: Mapping[str, Any], namespace: str = "", name: str = "", subresource: str = ""
    ) -> Document:
        """Make an object, or post to a subresource; return what the server made of it."""
        return await self._send("POST", path.url(namespace, name, subresource), body=document)

    async def update(
        self, path: Path, document: Mapping[str, Any], namespace: str = "", subresource: str = ""
    ) -> Document:
        """Put an object in place of the one with its name."""
        return await self._send("PUT", path.url(namespace, document["metadata"]["name"], subresource), body=document)

    async def patch(
        self,
        path: Path,
        name: str,
        patch: Any,
        namespace: str = "",
        subresource: str = "",
        media_type: str = MERGE_PATCH,
        **query: Any,
    ) -> Document:
        """Change an object by a patch."""
        url = path.url(namespace, name, subresource)
        return await self._send("PATCH", url, _pairs(query), patch, media_type)

    async def delete(self, path: Path, name: str, namespace: str = "", **options: Any) -> Document:
        """Delete an object; options are those of DeleteOptions."""
        body = {"kind": "DeleteOptions", "apiVersion": "v1", **options} if options else None
        return await self._send("DELETE", path.url(namespace, name), body=body)

    async def watch(
        self, path: Path, namespace: str = "", resource_version: str = "", **query: Any
    ) -> AsyncGenerator[tuple[str, Document], None]:
        """Yield the type and the object of each event until the server ends the watch.

        Raises APIError, and OSError when the connection breaks.
        """
        pairs = [("watch", "1"), *_pairs({"resourceVersion": resource_version, **query})]
        answer = await self._transport.request("GET", path.url(namespace), pairs, self._headers, streams=True)
        if answer.stream is None:
            _checked(answer)
            return
        rest = b""
        async with aclosing(answer.stream) as pieces:  # whoever has seen enough leaves nothing open
            async for piece in pieces:
                *lines, rest = (rest + piece).split(b"\n")
                for line in lines:
                    event = _decode(line)
                    if event["type"] == "ERROR":
                        raise error_of(event["object"])
                    yield event["type"], event["object"]

    async def _send(
        self, method: str, url: str, query: Pairs = (), body: Any = None, media_type: str = JSON
    ) -> Document:
        headers = self._headers if body is None else [*self._headers, ("Content-Type", media_type)]
        data = b"" if body is None else _encode(body)
        return _checked(await self._transport.request(method, url, query, headers, data))

    async def close(self) -> None:
        """Let go of connections."""
        await self._transport.close()


def _pairs(query: Mapping[str, Any]) -> list[tuple[str, str]]:
    return [(name, _text(value)) for name, value in query.items() if value not in ("", None)]


def _text(value: Any) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _checked(answer: Answer) -> Document:
    if answer.status >= 400:
        raise error_of(_status(answer), answer.status)
    found: Document = _decode(answer.body) if answer.body else {}
    return found


def _status(answer: Answer) -> Document:
    """Return the Status that an error comes with; of one without, as for a path that is unknown, the text is all."""
    try:
        found = _decode(answer.body)
    except (msgspec.DecodeError, UnicodeDecodeError):
        found = None
    return found if isinstance(found, dict) else {"message": answer.body.decode("utf-8", "replace").strip()}


def error_of(status: Mapping[str, Any], code: int = 500) -> APIError:
    """Return the APIError that a Status is."""
    return APIError(
        status.get("code", code), status.get("reason", ""), status.get("message", ""), status.get("details")
    )
