"""A real etcd for tests: members on loopback that can be killed, paused and started again."""

from __future__ import annotations

import shutil
import signal
import socket
import ssl
import subprocess
import time
from pathlib import Path
from types import TracebackType
from urllib.error import URLError
from urllib.request import urlopen

from cluster_shim.storage.etcd.client import Tls

START_SECONDS = 20
FAST_ELECTION = ("--heartbeat-interval=50", "--election-timeout=500")


def missing() -> str:
    """Return why there can be no etcd here; empty if there can."""
    gone = [program for program in ("etcd", "etcdctl") if shutil.which(program) is None]
    return f"not installed: {', '.join(gone)}" if gone else ""


def free_ports(number: int) -> list[int]:
    sockets = [socket.create_server(("127.0.0.1", 0)) for _ in range(number)]
    ports = [each.getsockname()[1] for each in sockets]
    for each in sockets:
        each.close()
    return ports


class Member:
    """One etcd process."""

    def __init__(self, name: str, folder: Path, client: int, peer: int, cluster: str, tls: Tls | None) -> None:
        self.url = f"{'https' if tls else 'http'}://127.0.0.1:{client}"
        self._tls = ssl.create_default_context(cafile=tls.ca) if tls else None
        extra: list[str] = []
        if tls and self._tls and tls.certificate:
            self._tls.load_cert_chain(tls.certificate, tls.key)
            extra = [f"--cert-file={tls.certificate}", f"--key-file={tls.key}"]
            extra += ["--client-cert-auth", f"--trusted-ca-file={tls.ca}"]
        peer_url = f"http://127.0.0.1:{peer}"
        self._log = folder / f"{name}.log"
        self._command = [
            "etcd",
            f"--name={name}",
            f"--data-dir={folder / name}",
            f"--listen-client-urls={self.url}",
            f"--advertise-client-urls={self.url}",
            f"--listen-peer-urls={peer_url}",
            f"--initial-advertise-peer-urls={peer_url}",
            f"--initial-cluster={cluster}",
            "--logger=zap",
            *FAST_ELECTION,
            *extra,
        ]
        self._process: subprocess.Popen[bytes] | None = None

    def start(self) -> None:
        with self._log.open("ab") as log:
            self._process = subprocess.Popen(self._command, stdout=log, stderr=log)

    def wait(self) -> None:
        deadline = time.monotonic() + START_SECONDS
        while time.monotonic() < deadline:
            try:
                with urlopen(f"{self.url}/health", timeout=1, context=self._tls) as response:
                    if b'"true"' in response.read():
                        return
            except (URLError, OSError):
                pass
            time.sleep(0.05)
        raise AssertionError(f"etcd does not start: {self._log.read_text()[-2000:]}")

    def signal(self, number: signal.Signals) -> None:
        assert self._process is not None
        self._process.send_signal(number)

    def kill(self) -> None:
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


class Etcd:
    """A cluster of members."""

    def __init__(self, folder: Path, members: int = 1, tls: Tls | None = None) -> None:
        ports = free_ports(2 * members)
        names = [f"m{number}" for number in range(members)]
        cluster = ",".join(f"{name}=http://127.0.0.1:{ports[2 * at + 1]}" for at, name in enumerate(names))
        self.members = [
            Member(name, folder, ports[2 * at], ports[2 * at + 1], cluster, tls) for at, name in enumerate(names)
        ]

    @property
    def urls(self) -> list[str]:
        return [member.url for member in self.members]

    def __enter__(self) -> Etcd:
        try:
            for member in self.members:
                member.start()
            for member in self.members:
                member.wait()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        self.stop()

    def stop(self) -> None:
        for member in self.members:
            member.kill()

    def ctl(self, *arguments: str) -> str:
        """Run etcdctl and return what it prints."""
        command = ["etcdctl", f"--endpoints={','.join(self.urls)}", *arguments]
        return subprocess.run(
            command, env={"ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"}, capture_output=True, text=True, check=True
        ).stdout

    def wipe(self) -> None:
        self.ctl("del", "", "--from-key=true")

    def leader(self) -> Member:
        """Return the member that leads."""
        for member in self.members:
            status = subprocess.run(
                ["etcdctl", f"--endpoints={member.url}", "endpoint", "status"],
                env={"ETCDCTL_API": "3", "PATH": "/usr/bin:/bin"},
                capture_output=True,
                text=True,
                check=False,
            ).stdout.split(", ")
            if len(status) > 4 and status[4] == "true":
                return member
        raise AssertionError("no member leads")
