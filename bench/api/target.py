"""The server that is measured: one that is started here and taken down again, or whichever a kubeconfig names."""

from __future__ import annotations

import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from types import TracebackType

from cluster_shim.client.kubeconfig import Access, read

START_SECONDS = 60.0
STOP_SECONDS = 60.0
_MAIN = "from cluster_shim.cli.main import main; main()"


class ServerError(Exception):
    """The server did not start, or has ended."""


class Own:
    """An API server of ours in a process of its own, with a folder that goes with it."""

    def __init__(self, durability: str = "commit", flags: Sequence[str] = ()) -> None:
        self._flags = ["--durability", durability, *flags]
        self._process: subprocess.Popen[str] | None = None

    def __enter__(self) -> Own:
        self._folder = Path(tempfile.mkdtemp(prefix="stowage-bench-api-"))
        self.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.stop()
        shutil.rmtree(self._folder, ignore_errors=True)

    def start(self) -> float:
        """Start it; return how many seconds it took until it served. Raises ServerError."""
        command = [sys.executable, "-c", _MAIN, "apiserver", "--data", str(self._folder)]
        command += ["--secure-port", "0", *self._flags]
        started = time.monotonic()
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, text=True)
        assert self._process.stdout is not None
        line = self._process.stdout.readline()
        if not line.startswith("Serving"):
            raise ServerError(f"the API server did not start: {line or 'its reason is above'}")
        return time.monotonic() - started

    def stop(self) -> None:
        """End it, as SIGTERM does."""
        if self._process is None or self._process.poll() is not None:
            return
        self._process.send_signal(signal.SIGTERM)
        try:
            self._process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        assert self._process.stdout is not None
        self._process.stdout.close()

    @property
    def access(self) -> Access:
        """Return how to reach it."""
        return read(self.kubeconfig)

    @property
    def kubeconfig(self) -> Path:
        """Return the file that a client needs."""
        return self._folder / "kubeconfig"

    @property
    def rss_bytes(self) -> int:
        """Return how much memory it holds now."""
        assert self._process is not None
        status = Path(f"/proc/{self._process.pid}/status").read_text(encoding="ascii")
        line = next(line for line in status.splitlines() if line.startswith("VmRSS:"))
        return int(line.split()[1]) * 1024
