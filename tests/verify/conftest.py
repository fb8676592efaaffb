"""Running ``stowage verify`` as a user does: a process of its own, in an empty folder."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

PROGRAM = "from cluster_shim.cli.main import main; main()"

Process = subprocess.CompletedProcess[str]


@pytest.fixture
def stowage(tmp_path: Path, repo: Path) -> Callable[..., Process]:
    """Return a function that runs ``stowage verify scheduler ARGS``; it is found also where it is not installed."""
    metadata = tmp_path / "site" / "stowage_verify-0.dist-info"
    metadata.mkdir(parents=True)
    (metadata / "METADATA").write_text("Metadata-Version: 2.1\nName: stowage-verify\nVersion: 0\n", encoding="utf-8")
    points = "[stowage.commands]\nverify = bench.verify.cli:verify\n"
    (metadata / "entry_points.txt").write_text(points, encoding="utf-8")
    environment = {**os.environ, "PYTHONPATH": f"{metadata.parent}{os.pathsep}{repo}", "NO_COLOR": "1"}
    workdir = tmp_path / "work"
    workdir.mkdir()

    def run(*args: str) -> Process:
        return subprocess.run(
            [sys.executable, "-c", PROGRAM, "verify", "scheduler", *args],
            cwd=workdir,
            env=environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            timeout=300,
            check=False,
        )

    return run
