"""``stowage apiserver`` in a process of its own, which can be killed and started again at the same place and port."""

from __future__ import annotations

import asyncio
import signal
import subprocess
import sys
from pathlib import Path
from types import TracebackType

from cluster_shim.client.http import Http
from cluster_shim.client.kubeconfig import read
from tests.storage.etcd_server import free_ports

START_SECONDS = 30.0
_MAIN = "from cluster_shim.cli.main import main; main()"


class Process:
    """A server; `arguments` are its flags beside those for port and kubeconfig."""

    def __init__(self, repo: Path, folder: Path, *arguments: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.port = free_ports(1)[0]
        self.log = folder / "server.log"
        self._repo, self._kubeconfig = repo, folder / "kubeconfig"
        self._arguments = ["--secure-port", str(self.port), "--kubeconfig", str(self._kubeconfig), *arguments]
        self._process: subprocess.Popen[bytes] | None = None

    def spawn(self) -> None:
        """Begin; do not wait until it serves."""
        command = [sys.executable, "-c", _MAIN, "apiserver", *self._arguments]
        with self.log.open("ab") as log:
            self._process = subprocess.Popen(command, cwd=self._repo, stdout=log, stderr=log)

    async def start(self) -> None:
        """Begin, and wait until it serves."""
        self.spawn()
        async with asyncio.timeout(START_SECONDS):
            while True:
                assert self._process is not None
                assert self._process.poll() is None, self.log.read_text()
                try:
                    _, writer = await asyncio.open_connection("127.0.0.1", self.port)
                    writer.close()
                    if self._kubeconfig.exists():
                        return
                except OSError:
                    pass
                await asyncio.sleep(0.02)

    @property
    def pid(self) -> int:
        assert self._process is not None
        return self._process.pid

    def transport(self) -> Http:
        """Return a way to it, as its administrator."""
        return read(self._kubeconfig).transport()

    def kill(self, number: signal.Signals = signal.SIGKILL) -> None:
        if self._process is not None:
            self._process.send_signal(number)
            self._process.wait()
            self._process = None

    def __enter__(self) -> Process:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.kill()
