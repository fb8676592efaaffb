"""The caller: one POST of a review over HTTPS, and its answer. Knows nothing of admission.

A Service is reached at a ready endpoint, or else at its cluster IP; its certificate must be for ``name.namespace.svc``.
"""

from __future__ import annotations

import asyncio
import base64
import json
import random
import ssl
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import msgspec

from cluster_shim.api.fields import quoted
from cluster_shim.apiserver.admission.plugin import Reader

BODY_MOST = 16 * 1024 * 1024
_HEAD_MOST = 64 * 1024
_SHOWN_MOST = 2048


class CallError(Exception):
    """A call that brought no review back."""


_UNTRUSTED = "certificate signed by unknown authority"
_UNTRUSTED_CODES = (18, 19, 20, 21)
"""OpenSSL's numbers for certificates by nobody known, and by themselves."""


class Place(NamedTuple):
    """Where a webhook is asked."""

    url: str
    """As errors show it."""
    host: str
    port: int
    name: str
    """What the certificate must be for."""
    target: str
    """Path and query."""


class Caller:
    """Asks webhooks."""

    def __init__(self, reader: Reader) -> None:
        self._reader = reader

    async def call(self, config: Mapping[str, Any], review: Mapping[str, Any], timeout_seconds: int) -> dict[str, Any]:
        """Return what a webhook answers to a review. Raises CallError."""
        place = self._place(config, timeout_seconds)
        try:
            async with asyncio.timeout(timeout_seconds):
                status, content_type, body = await _post(
                    place, _trust(config.get("caBundle", "")), msgspec.json.encode(review)
                )
        except TimeoutError:
            raise CallError(f'Post "{place.url}": context deadline exceeded') from None
        except (OSError, ssl.SSLError, asyncio.IncompleteReadError, ValueError) as error:
            raise CallError(f'Post "{place.url}": {_reason(place, error)}') from None
        if not 200 <= status <= 206:
            raise CallError(_refusal(status, content_type, body))
        if not body:
            raise CallError(f"0-length response with status code: {status} and content type: {content_type}")
        try:
            answer = json.loads(body)
        except ValueError:
            raise CallError("couldn't get version/kind; json parse error: the answer is no JSON") from None
        if not isinstance(answer, dict):
            raise CallError("couldn't get version/kind; json parse error: the answer is no object")
        return answer

    def _place(self, config: Mapping[str, Any], timeout_seconds: int) -> Place:
        query = f"timeout={timeout_seconds}s"
        if url := config.get("url"):
            parts = urlsplit(url)
            target = f"{parts.path or '/'}?{query}"
            port = parts.port or 443
            return Place(
                f"{parts.scheme}://{parts.netloc}{target}", parts.hostname or "", port, parts.hostname or "", target
            )
        service = config.get("service") or {}
        name, namespace, port = service.get("name", ""), service.get("namespace", ""), service.get("port", 443)
        host_name = f"{name}.{namespace}.svc"
        target = f"{service.get('path') or '/'}?{query}"
        url = f"https://{host_name}:{port}{target}"
        try:
            host, port_there = self._endpoint(namespace, name, port)
        except CallError as error:
            raise CallError(f'Post "{url}": {error}') from None
        return Place(url, host, port_there, host_name, target)

    def _endpoint(self, namespace: str, name: str, port: int) -> tuple[str, int]:
        service = self._reader.get("", "services", namespace, name)
        if service is None:
            raise CallError(f'service "{name}" not found')
        spec = service["spec"]
        found = next((each for each in spec.get("ports") or () if each.get("port") == port), None)
        if found is None:
            raise CallError(f'no service port {port} found for service "{name}"')
        if spec.get("type") == "ExternalName":
            return spec.get("externalName", ""), port
        ready: list[tuple[str, int]] = list(self._ready(namespace, name, found.get("name", "")))
        if ready:
            return random.choice(ready)
        if spec.get("clusterIP") in (None, "", "None"):
            raise CallError(f'no endpoints available for service "{name}"')
        return spec["clusterIP"], port

    def _ready(self, namespace: str, name: str, port_name: str) -> Any:
        for piece in self._reader.list("discovery.k8s.io", "endpointslices", namespace):
            if (piece["metadata"].get("labels") or {}).get("kubernetes.io/service-name") != name:
                continue
            ports = [each["port"] for each in piece.get("ports") or () if each.get("name", "") == port_name]
            for endpoint in piece.get("endpoints") or ():
                if ports and (endpoint.get("conditions") or {}).get("ready", True):
                    yield endpoint["addresses"][0], ports[0]


@lru_cache(maxsize=256)
def _trust(bundle: str) -> ssl.SSLContext:
    """Return what a webhook's certificate is checked against: its caBundle, or what the machine trusts."""
    if not bundle:
        return ssl.create_default_context()
    return ssl.create_default_context(cadata=base64.b64decode(bundle).decode())


async def _post(place: Place, context: ssl.SSLContext, body: bytes) -> tuple[int, str, bytes]:
    reader, writer = await asyncio.open_connection(
        place.host, place.port, ssl=context, server_hostname=place.name, limit=_HEAD_MOST
    )
    try:
        head = (
            f"POST {place.target} HTTP/1.1\r\nHost: {place.name}\r\nUser-Agent: kube-apiserver-admission\r\n"
            "Accept: application/json, */*\r\nContent-Type: application/json\r\nConnection: close\r\n"
            f"Content-Length: {len(body)}\r\n\r\n"
        )
        writer.write(head.encode() + body)
        await writer.drain()
        return await _answer(reader)
    finally:
        writer.close()


async def _answer(reader: asyncio.StreamReader) -> tuple[int, str, bytes]:
    try:
        head = await reader.readuntil(b"\r\n\r\n")
    except asyncio.LimitOverrunError:
        raise ValueError("the head of the answer is too long") from None
    lines = head.decode("latin-1").split("\r\n")
    version, _, rest = lines[0].partition(" ")
    if not version.startswith("HTTP/1.") or not rest[:3].isdigit():
        raise ValueError(f"malformed HTTP response {lines[0]!r}")
    headers = {name.strip().lower(): value.strip() for name, _, value in (line.partition(":") for line in lines[1:])}
    content_type = headers.get("content-type", "")
    if headers.get("transfer-encoding", "").lower() == "chunked":
        return int(rest[:3]), content_type, await _chunks(reader)
    length = headers.get("content-length")
    if length is None:
        body = await reader.read(BODY_MOST + 1)
        while len(body) <= BODY_MOST and (more := await reader.read(BODY_MOST)):
            body += more
        return int(rest[:3]), content_type, body
    if not length.isdigit() or int(length) > BODY_MOST:
        raise ValueError("the answer is too long")
    return int(rest[:3]), content_type, await reader.readexactly(int(length))


async def _chunks(reader: asyncio.StreamReader) -> bytes:
    parts: list[bytes] = []
    size = 0
    while True:
        length = int((await reader.readuntil(b"\r\n")).split(b";")[0], 16)
        size += length
        if length < 0 or size > BODY_MOST:
            raise ValueError("the answer is too long")
        parts.append((await reader.readexactly(length + 2))[:-2])
        if length == 0:
            return b"".join(parts)


def _refusal(status: int, content_type: str, body: bytes) -> str:
    if status == 404:
        return "the server could not find the requested resource"
    if status >= 500:
        shown = body[:_SHOWN_MOST].decode(errors="replace") if content_type.startswith("text/") else "unknown"
        return f"an error on the server ({quoted(shown)}) has prevented the request from succeeding"
    try:
        message = json.loads(body).get("message")
    except (ValueError, AttributeError):
        message = None
    return str(message or "the server rejected our request for an unknown reason")


def _reason(place: Place, error: BaseException) -> str:
    """Return why a call failed, as Go's net says it where that is known."""
    address = f"[{place.host}]:{place.port}" if ":" in place.host else f"{place.host}:{place.port}"
    if isinstance(error, ConnectionRefusedError):
        return f"dial tcp {address}: connect: connection refused"
    if isinstance(error, ssl.SSLCertVerificationError):
        reason = _UNTRUSTED if error.verify_code in _UNTRUSTED_CODES else error.verify_message
        return f"tls: failed to verify certificate: x509: {reason}"
    if isinstance(error, asyncio.IncompleteReadError):
        return "EOF"
    return str(error)
