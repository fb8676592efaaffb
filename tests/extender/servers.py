"""Servers on loopback: one that speaks HTTP as a test says, and one that writes whatever bytes it likes."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, ClassVar

import msgspec

CERTIFICATES = Path(__file__).parent / "certificates"
"""An authority, and a server (``extender.test``, ``localhost``) and a client that it vouches for; for tests only."""

Respond = Callable[[str, Any], Any]
"""``(path, question) -> JSON of the answer``"""


class Server(ThreadingHTTPServer):
    """Answers questions, and counts connections."""

    daemon_threads = True

    def __init__(self, respond: Respond) -> None:
        self.respond = respond
        self.heads: list[dict[str, str]] = []
        self._connections: list[socket.socket] = []
        super().__init__(("127.0.0.1", 0), _Handler)

    @property
    def connections(self) -> int:
        return len(self._connections)

    def get_request(self) -> tuple[socket.socket, Any]:
        connection, address = super().get_request()
        self._connections.append(connection)
        return connection, address

    def hang_up(self) -> None:
        """End the connections that clients keep open."""
        for connection in self._connections:
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def url(self, scheme: str = "http", host: str = "127.0.0.1") -> str:
        return f"{scheme}://{host}:{self.server_address[1]}"

    def handle_error(self, request: Any, client_address: Any) -> None:
        pass  # a client that hangs up, or a handshake that fails, is what some tests are about


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm: ClassVar[bool] = True
    server: Server

    def do_POST(self) -> None:
        self.server.heads.append(dict(self.headers))
        question = msgspec.json.decode(self.rfile.read(int(self.headers["Content-Length"])))
        answer = self.server.respond(self.path, question)
        status, body = answer if isinstance(answer, tuple) else (200, msgspec.json.encode(answer))
        self.send_response(status)
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, format: str, *args: Any) -> None:
        pass


@contextmanager
def serving(respond: Respond, tls: ssl.SSLContext | None = None) -> Iterator[Server]:
    """Run a server while entered."""
    server = Server(respond)
    if tls is not None:
        server.socket = tls.wrap_socket(server.socket, server_side=True, do_handshake_on_connect=False)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    try:
        yield server
    finally:
        server.shutdown()
        thread.join()
        server.hang_up()
        server.server_close()


def server_tls(client_authority: bool = False) -> ssl.SSLContext:
    """Return the TLS settings of a server; it may want a certificate of its clients."""
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(CERTIFICATES / "server.pem", CERTIFICATES / "server.key")
    if client_authority:
        context.load_verify_locations(CERTIFICATES / "authority.pem")
        context.verify_mode = ssl.CERT_REQUIRED
    return context


@contextmanager
def writing(write: Callable[[socket.socket, threading.Event], None]) -> Iterator[str]:
    """Run a server that lets ``write`` have each connection, and tells it when the test is over; yield its URL."""
    listener = socket.create_server(("127.0.0.1", 0))
    over = threading.Event()

    def run() -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    write(connection, over)
                except OSError:
                    continue  # the client has hung up

    thread = threading.Thread(target=run)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        over.set()
        listener.shutdown(socket.SHUT_RDWR)
        listener.close()
        thread.join()
