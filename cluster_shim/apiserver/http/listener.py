"""Listener: the server on a TCP port, until it is closed. Connections are uvicorn's."""

from __future__ import annotations

import asyncio
import logging
import os
import socket
import ssl
from collections.abc import Sequence
from email.utils import formatdate

import uvicorn
from uvicorn.server import ServerState

from cluster_shim.apiserver.http.asgi import Application
from cluster_shim.apiserver.http.protocol import ApiProtocol
from cluster_shim.apiserver.server import Server

KEEP_ALIVE_SECONDS = 120
HANDSHAKE_SECONDS = 10.0
CLOSE_SECONDS = 5.0
BACKLOG = 2048


class Listener:
    """A port on which the server answers."""

    def __init__(self, server: Server, addresses: Sequence[str], port: int, tls: ssl.SSLContext | None) -> None:
        self._server = server
        self._addresses = addresses
        self._port = port
        self._tls = tls
        self._state = ServerState()
        self._socket: asyncio.Server | None = None
        self._clock: asyncio.Task[None] | None = None

    async def open(self) -> int:
        """Begin to listen; return the port. Raises OSError."""
        config = uvicorn.Config(
            Application(self._server),
            lifespan="off",
            log_config=None,
            access_log=False,
            ws="none",
            server_header=False,
            proxy_headers=False,
            timeout_keep_alive=KEEP_ALIVE_SECONDS,
        )
        config.load()
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)  # what strangers send is not worth a line each
        handshake = HANDSHAKE_SECONDS if self._tls is not None else None
        try:
            self._socket = await asyncio.get_running_loop().create_server(
                lambda: ApiProtocol(config=config, server_state=self._state, app_state={}),
                list(self._addresses),
                self._port,
                ssl=self._tls,
                backlog=BACKLOG,
                ssl_handshake_timeout=handshake,
            )
        except OSError as error:
            reason = os.strerror(error.errno) if error.errno else str(error)
            raise OSError(f"cannot listen on {', '.join(self._addresses)}, port {self._port}: {reason}") from error
        for each in self._socket.sockets:
            each.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._clock = asyncio.create_task(self._tell_time())
        port: int = self._socket.sockets[0].getsockname()[1]
        return port

    async def _tell_time(self) -> None:
        while True:
            self._state.default_headers = [(b"date", formatdate(usegmt=True).encode())]
            await asyncio.sleep(1)

    async def close(self) -> None:
        """Take no more connections, end watches, let requests finish, then close what is still open."""
        assert self._socket is not None and self._clock is not None
        self._socket.close()
        self._clock.cancel()
        self._server.hub.end_all()
        for each in list(self._state.connections):
            each.shutdown()
        if self._state.tasks:
            await asyncio.wait(self._state.tasks, timeout=CLOSE_SECONDS)
        for task in list(self._state.tasks):
            task.cancel()
        for each in list(self._state.connections):
            each.transport.close()
