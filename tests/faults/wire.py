"""Bytes to a server over TLS, and what comes back: for what no client library would send."""

from __future__ import annotations

import contextlib
import re
import socket
import ssl
from typing import NamedTuple

TOKEN = b"Authorization: Bearer t-admin\r\n"
HOST = b"Host: server\r\n"
PATIENCE_SECONDS = 20.0
QUIET_SECONDS = 0.15
"""What does not come within this after an answer, does not come."""


class Heard(NamedTuple):
    """All that a server has said."""

    data: bytes
    is_closed: bool

    @property
    def statuses(self) -> list[int]:
        """Return the status of each answer."""
        return [int(found) for found in re.findall(rb"HTTP/1\.[01] ([0-9]{3}) ", self.data)]

    @property
    def body(self) -> bytes:
        """Return what follows the first head."""
        return self.data.partition(b"\r\n\r\n")[2]


def connect(port: int) -> ssl.SSLSocket:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    found = context.wrap_socket(socket.create_connection(("127.0.0.1", port), PATIENCE_SECONDS))
    found.settimeout(PATIENCE_SECONDS)
    return found


def say(port: int, data: bytes, quiet_seconds: float = QUIET_SECONDS) -> Heard:
    """Send bytes, and read until the server is quiet or hangs up."""
    with contextlib.closing(connect(port)) as connection:
        with contextlib.suppress(OSError):  # the server may have had enough of it
            connection.sendall(data)
        return listen(connection, quiet_seconds)


def listen(connection: ssl.SSLSocket, quiet_seconds: float = QUIET_SECONDS) -> Heard:
    heard, is_closed = b"", False
    try:
        while not is_closed:
            data = connection.recv(65536)
            heard += data
            is_closed = not data
            connection.settimeout(quiet_seconds)
    except TimeoutError:
        pass
    except OSError:
        is_closed = True
    connection.settimeout(PATIENCE_SECONDS)
    return Heard(heard, is_closed)


def request(line: bytes, *headers: bytes, body: bytes = b"") -> bytes:
    """Return a request; a body brings its length."""
    length = b"Content-Length: %d\r\n" % len(body) if body else b""
    return (
        line + b" HTTP/1.1\r\n" + HOST + TOKEN + b"".join(each + b"\r\n" for each in headers) + length + b"\r\n" + body
    )
