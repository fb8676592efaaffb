"""The command ``stowage``: finding sub-commands, and what errors become.

The sub-commands here are made up; each is an entry point of a module that the tests write.
"""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

import pytest

MODULE = '''"""Made-up commands."""
import re
import signal

import click

from sched_core.errors import StowageError


@click.command()
def greet() -> None:
    """Greet the world.

    At length.
    """
    click.echo("hello")


@click.command()
def refuse() -> None:
    """Refuse."""
    raise StowageError("Pod default/web-0: too big")


@click.command()
def fail() -> None:
    """Fail."""
    raise RuntimeError("a defect")


@click.command()
@click.pass_context
def disagree(ctx: click.Context) -> None:
    """End with a status of its own."""
    ctx.exit(7)


@click.command()
def wait() -> None:
    """Wait for a signal."""
    click.echo("waiting")
    signal.pause()


@click.command()
def pour() -> None:
    """Write more than a pipe holds."""
    for _ in range(100_000):
        click.echo("a line of text")
'''
# In the background of a shell script SIGINT is ignored, and so it would be in the child. The child itself undoes that:
# a preexec_fn means a fork, which gRPC, where another test has loaded it, does not survive.
MAIN = """
import signal

from cluster_shim.cli.main import main

signal.signal(signal.SIGINT, signal.default_int_handler)
main()
"""
NAMES = ("disagree", "fail", "greet", "pour", "refuse", "wait")

Start = Callable[..., "subprocess.Popen[str]"]


@pytest.fixture
def start(tmp_path: Path, repo: Path) -> Start:
    """Return a function that starts ``stowage`` with the made-up commands among the others."""
    (tmp_path / "made_up.py").write_text(MODULE, encoding="utf-8")
    metadata = tmp_path / "made_up-1.0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: made-up\nVersion: 1.0\n", encoding="utf-8")
    points = "\n".join(f"{name} = made_up:{name}" for name in NAMES)
    broken = "broken = no_such_package.cli:broken"
    (metadata / "entry_points.txt").write_text(f"[stowage.commands]\n{points}\n{broken}\n", encoding="utf-8")

    def start_stowage(*args: str, env: Mapping[str, str] | None = None) -> subprocess.Popen[str]:
        return subprocess.Popen(
            [sys.executable, "-c", MAIN, *args],
            env={"PYTHONPATH": f"{tmp_path}:{repo}", **(env or {})},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )

    return start_stowage


def finish(process: subprocess.Popen[str]) -> tuple[int, str, str]:
    try:
        stdout, stderr = process.communicate(timeout=60)
    finally:
        process.kill()
    return process.returncode, stdout or "", stderr


def test_a_command_is_found_and_run(start: Start) -> None:
    assert finish(start("greet")) == (0, "hello\n", "")


def test_the_status_of_a_command_is_the_exit_status(start: Start) -> None:
    assert finish(start("disagree")) == (7, "", "")


@pytest.mark.parametrize("option", ["-h", "--help"])
def test_help_lists_commands_with_their_first_lines(start: Start, option: str) -> None:
    status, stdout, _ = finish(start(option))
    assert status == 0
    assert re.search(r"^  greet +Greet the world\.$", stdout, re.MULTILINE)
    assert "  broken" in stdout
    assert "At length" not in stdout


@pytest.mark.parametrize("option", ["--help", "--version"])
def test_help_and_version_do_not_load_the_engine(repo: Path, option: str) -> None:
    program = """
import atexit, sys
from cluster_shim.cli.main import main

slow = {"numpy", "numba", "rich", "matplotlib"}
atexit.register(lambda: print(*(slow & sys.modules.keys()), file=sys.stderr))
main()
"""
    command = [sys.executable, "-c", program, option]
    result = subprocess.run(command, cwd=repo, capture_output=True, text=True, check=False)
    assert result.stderr.split() == []
    assert result.returncode == 0


def test_version_is_that_of_the_distribution(start: Start) -> None:
    try:
        installed = version("stowage")
    except PackageNotFoundError:
        pytest.skip("stowage is not installed in this environment")
    assert finish(start("--version")) == (0, f"stowage {installed}\n", "")


def test_a_command_that_is_almost_right_is_suggested(start: Start) -> None:
    status, stdout, stderr = finish(start("geet"))
    assert (status, stdout) == (2, "")
    assert "No such command 'geet'. Did you mean 'greet'?" in stderr


def test_an_unknown_option_is_wrong_usage(start: Start) -> None:
    status, stdout, stderr = finish(start("greet", "--loud"))
    assert (status, stdout) == (2, "")
    assert "No such option" in stderr


def test_a_stowage_error_is_a_message_without_traceback(start: Start) -> None:
    assert finish(start("refuse")) == (2, "", "Error: Pod default/web-0: too big\n")


def test_debug_shows_the_traceback_of_a_stowage_error(start: Start) -> None:
    status, _, stderr = finish(start("refuse", env={"STOWAGE_DEBUG": "1"}))
    assert status == 2
    assert stderr.startswith("Traceback (most recent call last):")
    assert stderr.endswith("\nError: Pod default/web-0: too big\n")


def test_a_defect_keeps_its_traceback(start: Start) -> None:
    status, _, stderr = finish(start("fail"))
    assert status == 1
    assert stderr.startswith("Traceback (most recent call last):")
    assert stderr.endswith("RuntimeError: a defect\n")


def test_ctrl_c_ends_with_130(start: Start) -> None:
    process = start("wait")
    assert process.stdout is not None
    assert process.stdout.readline() == "waiting\n"
    process.send_signal(signal.SIGINT)
    assert finish(process) == (130, "", "\nInterrupted\n")


@pytest.mark.parametrize("command", ["pour", "greet", "--help"])
def test_a_closed_pipe_is_quiet(start: Start, command: str) -> None:
    process = start(command)
    assert process.stdout is not None
    process.stdout.close()
    process.stdout = None
    assert finish(process) == (1, "", "")
