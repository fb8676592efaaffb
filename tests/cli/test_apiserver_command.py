"""The command ``stowage apiserver``: its help, what is refused and in which words, and how it ends."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from click.testing import CliRunner

from cluster_shim.cli.apiserver import SECTIONS, apiserver

START = [sys.executable, "-c", "from cluster_shim.cli.main import main; main()", "apiserver"]
WAIT_SECONDS = 30


@contextmanager
def started(*flags: str, folder: Path) -> Iterator[subprocess.Popen[str]]:
    """Start a server in a folder; it is gone afterwards."""
    command = [*START, *flags]
    pipe = subprocess.PIPE
    with subprocess.Popen(command, stdout=pipe, stderr=pipe, text=True, cwd=folder, env=environment()) as process:
        try:
            yield process
        finally:
            process.kill()


def environment() -> dict[str, str]:
    return {"PYTHONPATH": str(Path(__file__).parents[2]), "PATH": ""}


def test_help_lists_each_option_under_a_heading() -> None:
    printed = CliRunner().invoke(apiserver, ["--help"]).output
    assert [line[:-1] for line in printed.splitlines() if line.endswith(":") and line[0] != " "] == list(
        SECTIONS.values()
    )
    for parameter in apiserver.params:
        assert parameter.opts[0] in printed
        assert getattr(parameter, "help", None) or parameter.name == "service_node_port_range", parameter.name


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--data", "notes.txt"], "notes.txt is a file, and not one of SQLite by its name"),
        (["--etcd-servers", "http://127.0.0.1:2379,etcd-1"], "'etcd-1' is no URL"),
        (["--etcd-servers", "ftp://127.0.0.1"], "'ftp://127.0.0.1' is no URL"),
        (["--etcd-cafile", "missing.crt"], "'missing.crt' does not exist"),
        (["--authorization-mode", "Magic"], "'Magic' is none of"),
        (["--authorization-mode", ","], "no mode is left"),
        (["--bind-address", "here"], "'here' is no IP address"),
        (["--advertise-address", "192.0.2.300"], "'192.0.2.300' is no IP address"),
        (["--secure-port", "65536"], "65536 is not in the range"),
        (["--service-cluster-ip-range", "10.0.0.1/24"], "has host bits set"),
        (["--service-cluster-ip-range", "10.0.0.0/30"], "10.0.0.0/30 has fewer than 8 addresses"),
        (["--service-cluster-ip-range", "10.0.0.0/24,10.1.0.0/24"], "one of each IP family"),
        (["--service-node-port-range", "30000"], "'30000' is no range of ports"),
        (["--service-account-issuer", ""], "must not be empty"),
        (["--enable-admission-plugins", "Magic"], "'Magic' is no admission plugin; there are NamespaceLifecycle"),
        (["--tls-cert-file", "notes.txt"], "--tls-cert-file and --tls-private-key-file go together"),
        (["--etcd-server", "http://127.0.0.1"], "No such option"),
    ],
)
def test_wrong_usage(arguments: list[str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "notes.txt").write_text("not a store")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(apiserver, arguments)
    assert result.exit_code == 2
    assert complaint in result.output


@pytest.mark.parametrize(
    ("arguments", "complaint"),
    [
        (["--client-ca-file", "notes.txt"], "notes.txt: has no certificates in PEM form"),
        (["--tls-cert-file", "notes.txt", "--tls-private-key-file", "notes.txt"], "notes.txt: cannot serve with them"),
        (["--token-auth-file", "notes.txt"], "token file 'notes.txt', line 1: must have at least 3 columns"),
        (["--service-account-signing-key-file", "notes.txt"], "notes.txt: is no private key"),
        (["--audit-log-path", "-", "--audit-policy-file", "notes.txt"], "audit policy notes.txt: "),
        (["--data", "notes.txt/state"], "notes.txt"),
        (["--bind-address", "192.0.2.1"], "cannot listen on 192.0.2.1, port 0: "),
    ],
)
def test_a_server_that_cannot_start_says_why(
    arguments: list[str], complaint: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "notes.txt").write_text("not this")
    monkeypatch.chdir(tmp_path)
    result = CliRunner().invoke(apiserver, ["--secure-port", "0", *arguments])
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert complaint in result.output
    assert result.output.count("\n") == 1


def test_a_port_that_is_taken(tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        result = CliRunner().invoke(apiserver, ["--data", str(tmp_path), "--secure-port", str(port)])
    assert result.exit_code == 1
    assert result.output == f"Error: cannot listen on 127.0.0.1, port {port}: Address already in use\n"


def test_it_says_where_it_is_and_ends_when_told(tmp_path: Path) -> None:
    with started("--data", "state", "--secure-port", "0", folder=tmp_path) as server:
        assert server.stdout is not None and server.stderr is not None
        assert server.stdout.readline().startswith("Serving on https://127.0.0.1:")
        assert server.stdout.readline() == "kubectl --kubeconfig state/kubeconfig get nodes\n"
        assert (tmp_path / "state" / "kubeconfig").stat().st_mode & 0o777 == 0o600
        second = subprocess.run(
            [*START, "--data", "state", "--secure-port", "0"],
            capture_output=True,
            text=True,
            cwd=tmp_path,
            env=environment(),
            timeout=WAIT_SECONDS,
        )
        assert second.returncode == 1
        assert f"state is in use by another server (process {server.pid})" in second.stderr
        server.send_signal(signal.SIGTERM)
        assert server.wait(WAIT_SECONDS) == 0
        assert server.stderr.read() == ""


def test_without_a_folder_it_says_that_nothing_is_kept(tmp_path: Path) -> None:
    with started("--secure-port", "0", folder=tmp_path) as server:
        assert server.stdout is not None and server.stderr is not None
        kubeconfig = Path([*server.stdout.readline().split(), *server.stdout.readline().split()][5])
        assert server.stderr.readline() == "Nothing of this is kept when the server ends; --data DIR keeps it.\n"
        assert kubeconfig.is_file()
        server.send_signal(signal.SIGINT)
        assert server.wait(WAIT_SECONDS) == 0
        assert not kubeconfig.parent.exists()
