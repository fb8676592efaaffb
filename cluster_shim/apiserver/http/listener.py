"""Listener: the server on a TCP port, until it is closed."""

from __future__ import annotations

import asyncio
import os
import socket
import ssl
from collections.abc import Sequence

from cluster_shim.apiserver.http.connection import TICK_SECONDS, Connection, Pool
from cluster_shim.apiserver.server import Server

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
        self._pool = Pool(server)
        self._socket: asyncio.Server | None = None
        self._clock: asyncio.Task[None] | None = None

    async def open(self) -> int:
        """Begin to listen; return the port. Raises OSError."""
        handshake = HANDSHAKE_SECONDS if self._tls is not None else None
        try:
            self._socket = await asyncio.get_running_loop().create_server(
                lambda: Connection(self._pool),
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
        self._pool.tick()
        self._clock = asyncio.create_task(self._tell_time())
        port: int = self._socket.sockets[0].getsockname()[1]
        return port

    async def _tell_time(self) -> None:
        while True:
            await asyncio.sleep(TICK_SECONDS)
            self._pool.tick()

    async def close(self) -> None:
        """Take no more connections, end watches, let requests finish, then close what is still open."""
        assert self._socket is not None and self._clock is not None
        self._socket.close()
        self._clock.cancel()
        self._server.hub.end_all()
        for each in list(self._pool.connections):
            each.shutdown()
        tasks = [each.task for each in self._pool.connections if each.task is not None]
        if tasks:
            await asyncio.wait(tasks, timeout=CLOSE_SECONDS)
        for task in tasks:
            task.cancel()
        for each in list(self._pool.connections):
            each.close()
