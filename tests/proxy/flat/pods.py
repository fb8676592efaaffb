"""Two namespaces of a test's own: a node, and pods that answer with the address at which they were reached."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import threading
from collections.abc import Iterator
from contextlib import contextmanager

from proxy_core.kernel.netns import inside

POD_PORT = 8080
NODE_IP, VIA = "10.180.0.1", "10.180.0.254"


def missing() -> str:
    """Return why there can be no namespaces here; empty if there can be."""
    if os.geteuid() != 0:
        return "namespaces are made by root alone"
    for program in ("ip", "nft"):
        if shutil.which(program) is None:
            return f"there is no program {program}"
    return ""


class Pods:
    """A node's namespace and the pods behind it, 10.180.0.11 and on."""

    def __init__(self, count: int) -> None:
        self.node = f"flat-node-{os.getpid()}"
        self.addresses = tuple(f"10.180.0.{11 + number}" for number in range(count))
        self._pods = f"flat-pods-{os.getpid()}"
        self._listener: socket.socket | None = None

    def start(self) -> None:
        """Make the namespaces, and let the pods listen."""
        for name in (self.node, self._pods):
            _ip("netns", "add", name)
            _ip("-n", name, "link", "set", "lo", "up")
        _ip("-n", self.node, "link", "add", "veth0", "type", "veth", "peer", "name", "eth0", "netns", self._pods)
        for name, link, addresses in (
            (self.node, "veth0", (NODE_IP,)),
            (self._pods, "eth0", (VIA, *self.addresses)),
        ):
            for address in addresses:
                _ip("-n", name, "addr", "add", f"{address}/24", "dev", link)
            _ip("-n", name, "link", "set", link, "up")
        _ip("-n", self.node, "route", "add", "default", "via", VIA)
        with inside(self._pods):
            self._listener = socket.create_server(("", POD_PORT), backlog=4096)
        threading.Thread(target=self._serve, args=(self._listener,), daemon=True).start()

    def stop(self) -> None:
        """Remove everything."""
        if self._listener is not None:
            self._listener.shutdown(socket.SHUT_RDWR)
            self._listener.close()
        for name in (self.node, self._pods):
            subprocess.run(["ip", "netns", "del", name], check=False, capture_output=True)

    def nft(self, text: str) -> None:
        """Load rules into the node."""
        command = ["ip", "netns", "exec", self.node, "nft", "-f", "-"]
        done = subprocess.run(command, input=text, text=True, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr[:2000]

    def call(self, address: str, port: int, source_port: int = 0) -> str:
        """Connect from the node; return the address of the pod that answers, or the name of the error."""
        with inside(self.node), socket.socket() as client:
            client.settimeout(1)
            client.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            # Closed by a reset, so that no flow waits for its end and a port can be used again.
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
            if source_port:
                client.bind(("", source_port))
            try:
                client.connect((address, port))
                return client.recv(64).decode()
            except OSError as refused:
                return type(refused).__name__

    @staticmethod
    def _serve(listener: socket.socket) -> None:
        while True:
            try:
                connection, _ = listener.accept()
            except OSError:
                return
            with connection:
                try:
                    connection.sendall(connection.getsockname()[0].encode())
                    connection.recv(1)  # until the client has read it
                except OSError:
                    continue


@contextmanager
def pods(count: int) -> Iterator[Pods]:
    """Return pods that are up; they are gone afterwards."""
    running = Pods(count)
    try:
        running.start()
        yield running
    finally:
        running.stop()


def _ip(*words: str) -> None:
    subprocess.run(["ip", *words], check=True, capture_output=True)
