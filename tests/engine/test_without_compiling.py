"""The same results with `NUMBA_DISABLE_JIT=1`: kernels are plain Python then, and nothing depends on compilation."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.digest import digest
from tests.engine.worlds import COMPILING

pytestmark = pytest.mark.skipif(not COMPILING, reason="this run does not compile already")

PLAIN = [
    "tests/engine/test_cycle_naive.py",
    "tests/kernels/test_arithmetic.py",
    "tests/rows/test_rewrite.py",
    "tests/rows/test_row_plugins.py",
]
"""What runs without compilation too; the random clusters of the first have configurations of their own then."""


def run(repo: Path, cache: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"NUMBA_DISABLE_JIT": "1", "XDG_CACHE_HOME": str(cache)}
    return subprocess.run(
        [sys.executable, "-m", *arguments], cwd=repo, env=environment, capture_output=True, text=True, check=False
    )


def test_the_same_decisions(repo: Path, tmp_path: Path) -> None:
    plain = run(repo, tmp_path, "tests.engine.digest")
    assert plain.returncode == 0, plain.stderr
    assert json.loads(plain.stdout) == json.loads(json.dumps(digest()))
    assert not list(tmp_path.rglob("*.nbc"))


def test_the_same_tests_pass(repo: Path, tmp_path: Path) -> None:
    plain = run(repo, tmp_path, "pytest", "-q", "-p", "no:cacheprovider", *PLAIN)
    assert plain.returncode == 0, plain.stdout[-4000:] + plain.stderr
