"""How long a new connection takes to come about, through a service and without one.

Client and server are on the same machine, so a connect() walks its packets through all rules before it returns.
"""

from __future__ import annotations

import socket
import struct
from collections.abc import Sequence
from time import perf_counter_ns

from bench.proxy.workload import TARGET_PORT
from proxy_core import KernelError

_AT_ONCE = 100
_RESET = struct.pack("ii", 1, 0)


def connect_us(targets: Sequence[tuple[str, int]]) -> list[float]:
    """Connect to each target, one after the other; return how long each took, in microseconds. Raises KernelError."""
    with socket.socket() as server:
        server.bind(("0.0.0.0", TARGET_PORT))
        server.listen(2 * _AT_ONCE)
        server.setblocking(False)
        taken = []
        for place, target in enumerate(targets):
            taken.append(_connect(target))
            if place % _AT_ONCE == _AT_ONCE - 1:
                _drain(server)
        return taken


def _connect(target: tuple[str, int]) -> float:
    with socket.socket() as client:
        client.settimeout(5)
        # A reset at the end keeps closed connections from piling up.
        client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
        begin = perf_counter_ns()
        try:
            client.connect(target)
        except OSError as failed:
            raise KernelError(f"no connection to {target[0]}:{target[1]} through the rules: {failed}") from None
        return (perf_counter_ns() - begin) / 1000


def _drain(server: socket.socket) -> None:
    while True:
        try:
            server.accept()[0].close()
        except BlockingIOError:
            return
