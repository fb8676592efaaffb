"""Servers: one thread that answers for pods in many namespaces, each with its name and the peer that it sees.

TCP: a line at once, then whatever comes is sent back. UDP: a line for each datagram. SCTP, without sockets of its own
where the kernel has none: an INIT is answered with an INIT ACK that carries the line.
"""

from __future__ import annotations

import selectors
import socket
import threading
from collections.abc import Iterable
from contextlib import suppress
from functools import partial
from types import TracebackType
from typing import Literal, NamedTuple

from proxy_core.kernel.netns import inside
from tests.proxy.packets import sctp

Protocol = Literal["TCP", "UDP", "SCTP"]
_BUFFER = 1 << 22


class Answer(NamedTuple):
    """What a server says."""

    server: str
    source: str
    """The address of the client as the server sees it."""

    @property
    def line(self) -> bytes:
        return f"{self.server} {self.source}\n".encode()


def read_answer(line: bytes) -> Answer:
    """Read a server's line."""
    server, source = line.split(b"\n", 1)[0].decode().split(" ")
    return Answer(server, source)


class Servers:
    """The servers; each address and port says its own name, ``ip`` for short."""

    def __init__(self) -> None:
        self._ready = selectors.DefaultSelector()
        self._stopped = False
        self._listeners: dict[tuple[str, int, Protocol], socket.socket] = {}
        self._raw: dict[tuple[str, bool], socket.socket] = {}
        self._sctp: dict[tuple[str, int], str] = {}
        self._thread = threading.Thread(target=self._serve, name="servers", daemon=True)
        self._thread.start()

    def __enter__(self) -> Servers:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        """Close all sockets, and stop."""
        self._stopped = True
        self._thread.join()
        self.clear()
        self._ready.close()

    def clear(self) -> None:
        """Close all sockets."""
        for key in list(self._ready.get_map().values()):
            self._drop(key.fileobj)  # type: ignore[arg-type]
        self._listeners.clear()
        self._raw.clear()
        self._sctp.clear()

    def serve(self, netns: str, address: str, port: int, protocols: Iterable[Protocol] = ("TCP", "UDP")) -> None:
        """Answer at an address and port of a namespace, with the address as the name."""
        with inside(netns):
            for protocol in protocols:
                if protocol == "SCTP":
                    self._serve_sctp(netns, address, port)
                else:
                    self._listen(address, port, protocol)

    def stop(self, address: str, port: int, protocol: Protocol) -> None:
        """Answer there no more; TCP connections that are open stay."""
        self._drop(self._listeners.pop((address, port, protocol)))

    def _listen(self, address: str, port: int, protocol: Protocol) -> None:
        tcp = protocol == "TCP"
        found = socket.socket(
            socket.AF_INET6 if ":" in address else socket.AF_INET, socket.SOCK_STREAM if tcp else socket.SOCK_DGRAM
        )
        found.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        found.setsockopt(socket.SOL_SOCKET, 33, _BUFFER)  # SO_RCVBUFFORCE
        found.bind((address, port))
        found.setblocking(False)
        if tcp:
            found.listen(4096)
        self._listeners[address, port, protocol] = found
        self._ready.register(found, selectors.EVENT_READ, partial(self._accept if tcp else self._datagram, address))

    def _serve_sctp(self, netns: str, address: str, port: int) -> None:
        self._sctp[address, port] = address
        key = (netns, ":" in address)
        if key not in self._raw:
            raw = self._raw[key] = sctp.raw_socket(ipv6=key[1])
            self._ready.register(raw, selectors.EVENT_READ, self._sctp_packet)

    def _serve(self) -> None:
        while not self._stopped:
            for key, _ in self._ready.select(0.02):
                with suppress(OSError):
                    key.data(key.fileobj)

    def _accept(self, name: str, listener: socket.socket) -> None:
        with suppress(BlockingIOError):
            while True:
                connection, peer = listener.accept()
                connection.setblocking(False)
                self._ready.register(connection, selectors.EVENT_READ, self._echo)
                with suppress(OSError):
                    connection.sendall(Answer(name, peer[0]).line)

    def _echo(self, connection: socket.socket) -> None:
        try:
            data = connection.recv(1 << 16)
            if data:
                connection.sendall(data)
                return
        except BlockingIOError:
            return
        except OSError:
            pass
        self._drop(connection)

    def _datagram(self, name: str, listener: socket.socket) -> None:
        with suppress(BlockingIOError):
            while True:
                _, peer = listener.recvfrom(1 << 16)
                with suppress(OSError):
                    listener.sendto(Answer(name, peer[0]).line, peer)

    def _sctp_packet(self, raw: socket.socket) -> None:
        request = sctp.receive(raw)
        if request is None or request.kind != sctp.INIT:
            return
        name = self._sctp.get((request.destination, request.to_port))
        if name is not None:
            sctp.send(raw, request.answer(Answer(name, request.source).line))

    def _drop(self, found: socket.socket) -> None:
        with suppress(KeyError, ValueError):
            self._ready.unregister(found)
        found.close()
