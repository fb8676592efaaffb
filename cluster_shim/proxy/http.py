"""Small HTTP servers, for health checks and metrics: every request gets an answer that is a value.

Each connection gets one answer and is closed. Who is slow, or sends a lot, is cut off; so are those beyond a number at
a time: what listens to the outside must not be a way to stop the proxy.
"""

from __future__ import annotations

import errno
import ipaddress
import socket
import threading
from collections.abc import Callable
from contextlib import suppress
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from time import sleep
from typing import Any

from proxy_core.errors import KernelError
from proxy_core.health import Answer

AT_ONCE = 64
TIMEOUT_SECONDS = 10
REST_SECONDS = 0.1
_MOST_BODY = 1 << 16

Route = Callable[[str], Answer]
"""Path without the query -> answer."""

NOT_FOUND = Answer(404, {"Content-Type": "text/plain; charset=utf-8"}, "404 page not found\n")


class HttpServer:
    """A server on one address; it listens when this returns."""

    def __init__(self, address: str, port: int, route: Route, *, both_families: bool = False) -> None:
        """Listen; with ``both_families`` an address of all (0.0.0.0, ::) is that of both. Raises KernelError."""
        try:
            self._server = _listen(address, port, route, both_families and ipaddress.ip_address(address).is_unspecified)
        except OSError as refused:
            where = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
            raise KernelError(f"cannot listen on {where}: {refused.strerror or refused}") from None
        self.port: int = self._server.server_address[1]
        self._closed = False
        self._thread = threading.Thread(target=self._serve, name=f"http-{self.port}", daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop listening; answers that are under way are still given."""
        self._closed = True
        with suppress(OSError):
            self._server.socket.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        self._server.socket.close()
        self._thread.join()

    def _serve(self) -> None:
        while not self._closed:
            try:
                self._server.process_request(*self._server.get_request())
            except (OSError, RuntimeError):
                if not self._closed:
                    sleep(REST_SECONDS)  # out of files or threads: later perhaps


def _listen(address: str, port: int, route: Route, both: bool) -> _Server:
    if both:
        try:
            return _Server(socket.AF_INET6, "::", port, route, v6_only=False)
        except OSError as refused:
            if not _lacks_ipv6(refused):
                raise
            return _Server(socket.AF_INET, "0.0.0.0", port, route)
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    return _Server(family, address, port, route)


def _lacks_ipv6(refused: OSError) -> bool:
    """Tell whether a socket could not be had because the machine has no IPv6."""
    return refused.errno in (errno.EAFNOSUPPORT, errno.EADDRNOTAVAIL)


class _Server(ThreadingHTTPServer):
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, family: int, address: str, port: int, route: Route, v6_only: bool = True) -> None:
        self.address_family = family
        self._v6_only, self._slots = v6_only, threading.BoundedSemaphore(AT_ONCE)
        self.route = route
        super().__init__((address, port), _Handler)

    def server_bind(self) -> None:
        if self.address_family == socket.AF_INET6:
            self.socket.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, self._v6_only)
        # Not HTTPServer's own: it looks up the name of the machine, which may take long.
        self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        self.socket.bind(self.server_address)
        self.server_address = self.socket.getsockname()
        self.server_name, self.server_port = "localhost", self.server_address[1]

    def process_request(self, request: Any, client_address: Any) -> None:
        if not self._slots.acquire(blocking=False):
            self.shutdown_request(request)
            return
        super().process_request(request, client_address)

    def process_request_thread(self, request: Any, client_address: Any) -> None:
        try:
            super().process_request_thread(request, client_address)
        finally:
            self._slots.release()

    def handle_error(self, request: Any, client_address: Any) -> None:
        """Say nothing: the other side hung up or was too slow."""


class _Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    timeout = TIMEOUT_SECONDS
    server: _Server

    def answer(self) -> None:
        """Answer the request, whatever its method."""
        self.close_connection = True
        length = self.headers.get("Content-Length", "0")
        if length.isdecimal():
            self.rfile.read(min(int(length[:9]), _MOST_BODY))  # int() refuses thousands of digits
        answer = self.server.route(self.path.partition("?")[0])
        body = answer.body.encode()
        self.send_response_only(answer.status)
        for name, value in {**answer.headers, "Content-Length": str(len(body)), "Connection": "close"}.items():
            self.send_header(name, value)
        self.send_header("Date", self.date_time_string())
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = answer  # noqa: N815, names of http.server

    def log_message(self, format: str, *args: Any) -> None:
        """Log nothing: load balancers ask every few seconds."""
