"""Running ``stowage bench`` as a user does: a process of its own, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.bench.command import PROGRAM, Done, Stowage


@pytest.fixture(scope="session")
def environment(tmp_path_factory: pytest.TempPathFactory, repo: Path) -> dict[str, str]:
    """Return an environment in which ``stowage bench`` is found also where stowage is not installed."""
    folder = tmp_path_factory.mktemp("site")
    metadata = folder / "stowage_bench-0.dist-info"
    metadata.mkdir()
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stowage-bench\nVersion: 0\n", encoding="utf-8")
    points = "[stowage.commands]\nbench = bench.cli:bench\n"
    (metadata / "entry_points.txt").write_text(points, encoding="utf-8")
    return {**os.environ, "PYTHONPATH": f"{folder}{os.pathsep}{repo}", "NO_COLOR": "1"}


@pytest.fixture
def workdir(tmp_path: Path) -> Path:
    """Return the empty folder that commands run in."""
    folder = tmp_path / "work"
    folder.mkdir()
    return folder


@pytest.fixture
def stowage(environment: dict[str, str], workdir: Path) -> Stowage:
    """Return a function that runs ``stowage bench ARGS`` in the folder ``workdir``."""

    def run(*args: str, stdin: str | None = None) -> Done:
        done = subprocess.run(
            [sys.executable, "-c", PROGRAM, "bench", *args],
            cwd=workdir,
            env=environment,
            input=stdin if stdin is not None else "",
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )
        return Done(done.returncode, done.stdout, done.stderr)

    return run
