"""What the packaging files promise: entry points that load, locks with hashes, the targets of the Makefile."""

from __future__ import annotations

import re
import subprocess
import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path
from typing import Any

import pytest

REPO = Path(__file__).resolve().parents[2]
PROJECT: dict[str, Any] = tomllib.loads((REPO / "pyproject.toml").read_text(encoding="utf-8"))["project"]
PLUGINS: dict[str, str] = PROJECT["entry-points"]["stowage.plugins"]
COMMANDS: dict[str, str] = PROJECT["entry-points"]["stowage.commands"]
LOCKS = ("requirements.lock", "tests/requirements.lock")


@pytest.mark.parametrize(("name", "value"), PLUGINS.items())
def test_a_plugin_loads_and_carries_its_name(name: str, value: str) -> None:
    assert EntryPoint(name, value, "stowage.plugins").load().__name__ == name


@pytest.mark.parametrize(("name", "value"), COMMANDS.items())
def test_a_command_loads_and_carries_its_name(name: str, value: str) -> None:
    assert EntryPoint(name, value, "stowage.commands").load().name == name


def pins(lock: str) -> dict[str, str]:
    """Return the requirement lines of a lock (name, version, marker, hashes) by the name of the package."""
    text = (REPO / lock).read_text(encoding="utf-8").replace("\\\n", " ")
    lines = [line for line in text.splitlines() if line and not line.startswith("#")]
    return {line.partition("==")[0].lower(): line for line in lines}


@pytest.mark.parametrize("lock", LOCKS)
def test_a_lock_pins_one_version_of_each_package_with_hashes(lock: str) -> None:
    text = (REPO / lock).read_text(encoding="utf-8")
    locked = pins(lock)
    assert "://" not in text
    assert len(re.findall(r"^\S+==", text, re.MULTILINE)) == len(locked)
    assert [name for name, line in locked.items() if "--hash=sha256:" not in line] == []


def test_the_runtime_lock_has_every_dependency() -> None:
    names = {re.split(r"[<>=~!\[; ]", requirement)[0].lower() for requirement in PROJECT["dependencies"]}
    assert names <= pins("requirements.lock").keys()


def test_both_locks_agree() -> None:
    runtime, tests = (pins(lock) for lock in LOCKS)
    assert {name: runtime[name] for name in runtime.keys() & tests} == {
        name: tests[name] for name in runtime.keys() & tests
    }


def test_make_help_lists_the_targets() -> None:
    command = ["make", "--no-print-directory", "help"]
    result = subprocess.run(command, cwd=REPO, capture_output=True, text=True, check=True)
    targets = [line.split()[0] for line in result.stdout.splitlines()]
    work = ["soak", "continuity", "crash", "fuzz", "bench", "golden", "perf", "report"]
    assert targets == ["setup", "run", "test", "lint", *work, "lock", "clean"]


def test_changes_are_collected_for_the_next_version() -> None:
    assert "\n## [Unreleased]\n" in (REPO / "CHANGELOG.md").read_text(encoding="utf-8")
