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
    def row_args(self, nodes):
        return {{"plus": {plus}}}

    @staticmethod
    def score_row(pod, node, args):
        return helper(node.pod_count + 1) + args.plus
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


def run(folder: Path, repo: Path, *, factor: int = 1, inner: int = 1, plus: int = 0, writable: bool = True) -> str:
    """Write the plugin, score two nodes with it in a new process, and return what it printed."""
    (folder / "plugin.py").write_text(PLUGIN.format(factor=factor, inner=inner, plus=plus))
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


def test_an_edited_plugin_is_compiled_anew(tmp_path: Path, repo: Path) -> None:
    """Also where only a constant of its module, a helper or a helper's helper has changed, or what row_args gives."""
    assert run(tmp_path, repo) == "[2, 2]"
    assert run(tmp_path, repo, plus=5) == "[7, 7]"
    assert run(tmp_path, repo, factor=40) == "[41, 41]"
    assert run(tmp_path, repo, inner=30) == "[31, 31]"


def test_unchanged_code_is_found_again(tmp_path: Path, repo: Path) -> None:
    assert run(tmp_path, repo) == "[2, 2]"
    kept = {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*") if path.is_file()}
    assert any(path.suffix == ".nbc" for path in kept)
    assert run(tmp_path, repo) == "[2, 2]"
    assert {path: path.stat().st_mtime_ns for path in (tmp_path / "cache").rglob("*") if path.is_file()} == kept


def test_a_cache_that_cannot_be_written_is_done_without(tmp_path: Path, repo: Path) -> None:
    assert run(tmp_path, repo, writable=False) == "[2, 2]"
