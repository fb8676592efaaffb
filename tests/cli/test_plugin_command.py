"""``stowage plugin``: files, verdicts, tables, exit statuses; and plugins of one's own on other commands."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

from cluster_shim.plugin.template import class_and_file
from cluster_shim.plugin.timing import YARDSTICKS

Stowage = Callable[..., Result]
MOST = """
from sched_core import Plugin


class Most(Plugin):
    def score(self, state, pod, nodes):
        return nodes.pod_count.clip(0, 100)
"""


@pytest.fixture
def plain_python(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let processes that are started compile nothing; this one must not, since numba looks at it now and then."""
    monkeypatch.setenv("NUMBA_DISABLE_JIT", "1")


def in_plain_python(folder: Path, repo: Path, command: str, *args: str) -> subprocess.CompletedProcess[str]:
    """Run a command in a process that compiles nothing."""
    run = f"from cluster_shim.cli.{command} import {command}; {command}()"
    return subprocess.run(
        [sys.executable, "-c", run, *args], cwd=folder, check=False, capture_output=True, text=True,
        env={**os.environ, "PYTHONPATH": str(repo), "NUMBA_DISABLE_JIT": "1", "NO_COLOR": "1"},
    )  # fmt: skip


@pytest.mark.usefixtures("plain_python")
@pytest.mark.parametrize("form", ["row", "array"])
def test_a_new_plugin_and_its_test_are_good(stowage: Stowage, folder: Path, repo: Path, form: str) -> None:
    assert stowage("plugin", "new", "my-policy", "--form", form).exit_code == 0
    before = (folder / "my_policy.py").read_text(encoding="utf-8")
    result = stowage("plugin", "check", "my_policy.py", "--json", "-")
    found = json.loads(result.output)
    assert result.exit_code == 0 and found["passed"]
    assert {each["status"] for each in found["checks"]} <= {"ok", "skipped"}
    again = stowage("plugin", "new", "MyPolicy")
    assert again.exit_code == 2 and "'my_policy.py' is there already; nothing was written" in again.output
    assert (folder / "my_policy.py").read_text(encoding="utf-8") == before
    run = (
        f"import sys; sys.path[:0] = [{str(repo)!r}, '.']; import test_my_policy as t; "
        "[each() for name, each in vars(t).items() if name.startswith('test_')]"
    )
    subprocess.run([sys.executable, "-c", run], cwd=folder, check=True)


def test_names_of_new_plugins() -> None:
    assert [class_and_file(name) for name in ("my-policy", "MyPolicy", "GPUFirst", "x", "best fit 2")] == [
        ("MyPolicy", "my_policy"), ("MyPolicy", "my_policy"), ("GPUFirst", "gpu_first"), ("X", "x"),
        ("BestFit2", "best_fit_2"),
    ]  # fmt: skip
    for name in ("", "2nd", "a/b", "../up", "größe", "class"):
        with pytest.raises(ValueError, match="gives no name of a class"):
            class_and_file(name)


@pytest.mark.usefixtures("plain_python")
def test_a_check_that_fails(stowage: Stowage, folder: Path) -> None:
    (folder / "most.py").write_text(MOST.replace("clip(0, 100)", "no_such"), encoding="utf-8")
    result = stowage("plugin", "check", "most.py:Most")
    assert result.exit_code == 1
    text = " ".join(result.output.split())
    assert "array form failed most.py:7: score raised AttributeError" in text
    assert "most.py:Most: " in text and "checks failed" in text
    assert stowage("plugin", "check", "gone.py").exit_code == 2


def test_a_plugin_is_timed_beside_others(folder: Path, repo: Path) -> None:
    (folder / "most.py").write_text(MOST, encoding="utf-8")
    result = in_plain_python(folder, repo, "plugin", "bench", "most.py", "--nodes", "20", "--json", "-")
    assert result.returncode == 0, result.stderr
    timings = json.loads(result.stdout)["timings"]
    assert [each["plugin"] for each in timings] == [*YARDSTICKS, "Most"]
    assert timings[0]["ratio"] == 1.0 and timings[-1]["speed"] == "fused"
    assert all(each["us_per_pod"] > 0 for each in timings)


def test_a_timing_says_when_there_was_nothing_to_time(folder: Path, repo: Path) -> None:
    """The template refuses nodes that have a label and must be timed on others; what refuses all of them is named."""
    in_plain_python(folder, repo, "plugin", "new", "cheap")
    text = (folder / "cheap.py").read_text(encoding="utf-8")
    (folder / "never.py").write_text(text.replace("column.ids >= 0", "column.ids >= -1"), encoding="utf-8")
    fair, empty = (
        in_plain_python(folder, repo, "plugin", "bench", file, "--nodes", "40") for file in ("cheap.py", "never.py")
    )
    assert fair.returncode == empty.returncode == 0, fair.stderr + empty.stderr
    assert "no node took" not in fair.stdout
    assert "Cheap: no node took 100 % of the pods, which costs next to nothing" in " ".join(empty.stdout.split())


def test_installed_plugins_are_listed(stowage: Stowage) -> None:
    rows = {each["name"]: each for each in json.loads(stowage("plugin", "list", "--json", "-").output)}
    assert (
        rows["NodeResourcesFit"]["points"] == ["filter", "score"] and rows["NodeResourcesFit"]["form"] == "row, array"
    )
    assert " TaintToleration " in stowage("plugin", "list").output


def test_plugins_of_ones_own_on_other_commands(folder: Path, repo: Path) -> None:
    (folder / "most.py").write_text(MOST, encoding="utf-8")
    own = ("--cluster", "cluster.yaml", "--plugin", "most.py=1000")
    found = in_plain_python(folder, repo, "explain", "web", *own, "--disable", "ImageLocality", "--json", "-").stdout
    assert '"Most"' in found and "ImageLocality" not in found and json.loads(found)["node"] == "large"
    counted = in_plain_python(folder, repo, "capacity", "--podspec", "pod.yaml", *own)
    assert counted.returncode == 0, counted.stderr
    bad = in_plain_python(folder, repo, "explain", "web", "--cluster", "cluster.yaml", "--plugin", "most.py:Least")
    assert bad.returncode != 0 and "has no class Least; plugins in it: Most" in bad.stderr


def test_what_if_this_plugin_decided(folder: Path, repo: Path) -> None:
    (folder / "most.py").write_text(MOST, encoding="utf-8")
    text = (folder / "cluster.yaml").read_text(encoding="utf-8").split("---")
    (folder / "cluster.yaml").write_text("---".join(part for part in text if "twin" not in part), encoding="utf-8")
    own = ("--cluster", "cluster.yaml", "--plugin", "most.py=1000", "--json", "-")
    done = in_plain_python(folder, repo, "whatif", *own)
    assert done.returncode in (0, 1), done.stderr
    found = json.loads(done.stdout)
    assert [found[when]["nodeOf"]["default/web"] for when in ("before", "after")] == ["small", "large"]
