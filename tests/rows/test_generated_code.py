"""Generated code is kept on disk and found again, but never when something that it was made of has changed."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.engine.worlds import COMPILING

pytestmark = pytest.mark.skipif(not COMPILING, reason="nothing is compiled")

PLUGIN = """
from sched_core import Plugin, kernel, quotient

FACTOR = {factor}


@kernel(inline=True)
def inner(number):
    return number * {inner}


@kernel(inline=True)
def helper(number):
    return inner(number) + FACTOR


class Own(Plugin):
    @staticmethod
    def score_row(pod, node, args):
        return helper(node.pod_count + 1)
"""

RUN = """
import json, sys
from plugin import Own
from sched_core import Engine
from tests.engine.worlds import COMPILING, cluster_of, node, pod, records
from tests.rows.test_rewrite import config

engine = Engine(cluster_of([node("a"), node("b")]), config("Own"), speed="cycle", plugins={"Own": Own})
print(json.dumps(engine.evaluate(records([pod("p")])[0]).raw_scores["Own"].tolist()))
"""


def run(folder: Path, repo: Path, *, factor: int = 1, inner: int = 1, writable: bool = True) -> str:
    """Write the plugin, score two nodes with it in a new process, and return what it printed."""
    (folder / "plugin.py").write_text(PLUGIN.format(factor=factor, inner=inner))
    cache = folder / "cache" if writable else Path("/proc/nothing")
    environment = os.environ | {
        "XDG_CACHE_HOME": str(cache),
        "PYTHONPATH": f"{folder}:{repo}",
        "PYTHONDONTWRITEBYTECODE": "1",
    }
    done = subprocess.run(
        [sys.executable, "-c", RUN], cwd=repo, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return done.stdout.strip()


def test_code_is_found_again_until_something_that_it_was_made_of_is_edited(tmp_path: Path, repo: Path) -> None:
    """Also where only a constant of the plugin's module, or a helper's helper has changed."""
    assert run(tmp_path, repo) == "[2, 2]"
    assert any(path.suffix == ".nbc" for path in kept(tmp_path))
    before = kept(tmp_path)
    assert run(tmp_path, repo) == "[2, 2]"
    assert kept(tmp_path) == before
    assert run(tmp_path, repo, factor=40) == "[41, 41]"
    assert run(tmp_path, repo, inner=30) == "[31, 31]"


def kept(folder: Path) -> dict[Path, int]:
    """Return the files of the cache and when each was written."""
    return {path: path.stat().st_mtime_ns for path in (folder / "cache").rglob("*") if path.is_file()}


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, repo: Path) -> None:
    assert run(tmp_path, repo, writable=False) == "[2, 2]"
