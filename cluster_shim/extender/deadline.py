"""A point in time by which a call must be over, and a socket that knows of it.

A socket's own timeout holds for each wait, so a peer that sends a byte a second never runs into it. Here every wait
gets what is left of the whole.
"""

from __future__ import annotations

import io
import socket
import ssl
from time import monotonic
from typing import Any

_PART_BYTES = 1 << 18
"""What is sent in one go, so that the deadline is looked at in between."""


class Deadline:
    """The end of a call, ``seconds`` from now."""

    def __init__(self, seconds: float) -> None:
        self._end = monotonic() + seconds

    def left(self) -> float:
        """Return the seconds that are left; raises TimeoutError if there are none."""
        left = self._end - monotonic()
        if left <= 0:
            raise TimeoutError
        return left


class DeadlineSocket:
    """A connected socket whose waits are bounded by the deadline of the call that it serves."""

    def __init__(self, connected: socket.socket) -> None:
        self._socket = connected
        self.deadline = Deadline(0)

    def send(self, data: bytes) -> None:
        """Send all of the data."""
        left = memoryview(data)
        while left:
            self._socket.settimeout(self.deadline.left())
            left = left[self._socket.send(left[:_PART_BYTES]) :]

    def receive_into(self, buffer: Any) -> int:
        """Receive into a buffer and return the number of bytes, 0 at the end."""
        self._socket.settimeout(self.deadline.left())
        return self._socket.recv_into(buffer)

    def makefile(self, mode: str) -> io.BufferedReader:
        """Return a reader for http.client; closing it leaves the connection open."""
        return io.BufferedReader(_Reader(self))

    def is_quiet(self) -> bool:
        """Tell whether nothing has come since the last answer: not so if the peer has hung up or speaks unasked."""
        self._socket.settimeout(0)
        try:
            self._socket.recv(1)
        except (BlockingIOError, ssl.SSLWantReadError):
            return True
        except OSError:
            pass
        return False

    def close(self) -> None:
        self._socket.close()


class _Reader(io.RawIOBase):
    def __init__(self, source: DeadlineSocket) -> None:
        self._source = source

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int:
        return self._source.receive_into(buffer)
