"""A client of etcd: calls to several endpoints, one of them at a time, and another when that one fails.

It knows which errors mean that another endpoint may do better; it does not know what a store is.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import urlsplit

import grpc
import grpc.aio

from cluster_shim.storage.etcd.messages import CLASSES, METHODS
from cluster_shim.storage.store import Unavailable

ATTEMPT_SECONDS = 2.0
"""How long an endpoint may take for an answer."""

PATIENCE_SECONDS = 10.0
"""How long a call tries one endpoint after the other."""

PAUSE_SECONDS = 0.05
DEFAULT_PORT = 2379
OTHER_ENDPOINT = (
    grpc.StatusCode.UNAVAILABLE,
    grpc.StatusCode.DEADLINE_EXCEEDED,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.CANCELLED,
    grpc.StatusCode.ABORTED,
)
"""What an endpoint answers that is going, gone, or cut off from the others."""

CHANNEL_OPTIONS = (
    ("grpc.max_receive_message_length", -1),
    ("grpc.max_send_message_length", -1),
    ("grpc.keepalive_time_ms", 6000),  # etcd allows one in 5 s
    ("grpc.keepalive_timeout_ms", 3000),
    ("grpc.http2.max_pings_without_data", 0),
    ("grpc.max_reconnect_backoff_ms", 1000),
    ("grpc.use_local_subchannel_pool", 1),  # another client in this process has its own connections
)


class Rejected(Unavailable):
    """An endpoint has understood the request and does not carry it out; another would not either."""


class Tls(NamedTuple):
    """Files in PEM: whom to trust, and who we are."""

    ca: Path | None = None
    certificate: Path | None = None
    key: Path | None = None


PLAIN = Tls()


class Answer(NamedTuple):
    """A response, and whether the request may have been carried out by an earlier attempt."""

    message: Any
    repeated: bool


class Client:
    """Connections to the endpoints of one etcd. Made inside a running event loop."""

    def __init__(self, urls: Sequence[str], tls: Tls, patience_seconds: float) -> None:
        self._urls = list(urls)
        self._channels = [_channel(url, tls) for url in urls]
        self._calls: list[dict[str, Any]] = [
            {
                name: channel.unary_unary(path, CLASSES[request].SerializeToString, CLASSES[response].FromString)
                for name, (path, request, response) in METHODS.items()
                if name != "watch"
            }
            for channel in self._channels
        ]
        self._patience_seconds = patience_seconds
        self._active = 0

    async def call(self, method: str, request: Any, seconds: float = ATTEMPT_SECONDS) -> Answer:
        """Call a method at one endpoint after the other until one answers in time. Raises Rejected, Unavailable."""
        give_up = time.monotonic() + self._patience_seconds
        repeated, pause = False, PAUSE_SECONDS
        while True:
            if not self._calls:
                raise Unavailable("the store is closed")
            active = self._active
            try:
                answer = await self._calls[active][method](request, timeout=seconds)
                return Answer(answer, repeated)
            except grpc.aio.AioRpcError as error:
                if error.code() not in OTHER_ENDPOINT:
                    raise Rejected(f"etcd at {self._urls[active]}: {error.details()}") from None
                self.leave(active)
                if time.monotonic() + pause > give_up:
                    raise Unavailable(
                        f"no endpoint of etcd answers; the last, {self._urls[active]}: {error.details()}"
                    ) from None
            repeated = True
            await asyncio.sleep(pause)
            pause = min(2 * pause, 1.0)

    @property
    def active(self) -> int:
        """Return the number of the endpoint in use."""
        return self._active

    def leave(self, endpoint: int) -> None:
        """Use another endpoint, unless somebody has seen to that already."""
        if self._active == endpoint:
            self._active = (endpoint + 1) % len(self._channels)

    def watch(self, endpoint: int, create: Any) -> Any:
        """Open a stream of watch responses from an endpoint."""
        path, request, response = METHODS["watch"]
        call = self._channels[endpoint].stream_stream(
            path, CLASSES[request].SerializeToString, CLASSES[response].FromString
        )
        return call(_once_and_wait(CLASSES[request](create_request=create)), metadata=(("hasleader", "true"),))

    async def close(self) -> None:
        """Close the connections."""
        channels, self._channels, self._calls = self._channels, [], []  # grpc ends its thread with the last channel
        for channel in channels:
            await channel.close()


async def _once_and_wait(request: Any) -> Any:
    """Send a request and keep the stream open: its end would be the end of the watch."""
    yield request
    await asyncio.Event().wait()


def target_of(url: str) -> tuple[str, bool]:
    """Return where an endpoint is, and whether it speaks TLS. Raises ValueError."""
    parts = urlsplit(url if "://" in url else f"http://{url}")
    try:
        host, port = parts.hostname, parts.port or DEFAULT_PORT
    except ValueError:
        host = None
    if parts.scheme not in ("http", "https") or not host:
        raise ValueError(f"an endpoint of etcd is http://HOST:PORT or https://HOST:PORT, not {url!r}")
    return f"[{host}]:{port}" if ":" in host else f"{host}:{port}", parts.scheme == "https"


def _channel(url: str, tls: Tls) -> grpc.aio.Channel:
    """Open a connection to an endpoint; grpc makes it when it is needed."""
    target, encrypted = target_of(url)
    if not encrypted:
        return grpc.aio.insecure_channel(target, CHANNEL_OPTIONS)
    ca, certificate, key = (path.read_bytes() if path else None for path in tls)
    return grpc.aio.secure_channel(target, grpc.ssl_channel_credentials(ca, key, certificate), CHANNEL_OPTIONS)
