"""The README's blocks do what they say: files, commands and programs, taken out of the text and run in a fresh folder.

A block that begins with ``# name.ext`` is a file. A Python block that is none is a program; the text block behind it
is what it prints, and the text block behind a command what that prints, blanks at the ends of lines left out.
"""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
from itertools import pairwise
from pathlib import Path
from typing import NamedTuple

import pytest

BLOCK = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
FILE = re.compile(r"# ([\w.-]+\.(?:py|yaml))\n")
STOWAGE = "from cluster_shim.cli.main import main; main()"
GOLDEN = "golden/"
NOT_RUN = (
    "make run",
    "stowage bench scheduling",
    "stowage bench scheduler-perf test/integration/scheduler_perf/*/performance-config.yaml --label performance",
)
"""Whole lines that this test leaves to people: they take the time of a benchmark."""


class Block(NamedTuple):
    """A fenced block of the README."""

    language: str
    text: str


@pytest.fixture(scope="module")
def blocks(repo: Path) -> list[Block]:
    return [Block(*found) for found in BLOCK.findall((repo / "README.md").read_text(encoding="utf-8"))]


@pytest.fixture
def folder(repo: Path, blocks: list[Block], tmp_path: Path) -> Path:
    """Return a folder with the files that the README shows and those of the repository that it names."""
    for language, text in blocks:
        if language in ("python", "yaml") and (name := FILE.match(text)):
            (tmp_path / name[1]).write_text(text, encoding="utf-8")
    shutil.copytree(repo / "bench" / "data", tmp_path / "bench" / "data")
    shutil.copytree(repo / "plugins" / "examples", tmp_path / "plugins" / "examples")
    return tmp_path


def run(folder: Path, repo: Path, *arguments: str) -> str:
    """Run Python with arguments in a folder and return what it prints."""
    environment = {**os.environ, "PYTHONPATH": str(repo), "MPLBACKEND": "agg"}
    done = subprocess.run(
        [sys.executable, *arguments], cwd=folder, env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, f"{arguments[-1]}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def commands(blocks: list[Block]) -> list[str]:
    return [line for block in blocks if block.language == "sh" for line in block.text.splitlines()]


def test_the_programs_print_what_the_text_shows(blocks: list[Block], folder: Path, repo: Path) -> None:
    programs = 0
    for position, block in enumerate(blocks):
        if block.language == "python" and not FILE.match(block.text):
            programs += 1
            (folder / "program.py").write_text(block.text, encoding="utf-8")
            printed = run(folder, repo, "-W", "error", "program.py")
            follows = blocks[position + 1] if position + 1 < len(blocks) else None
            if follows is not None and follows.language == "text":
                assert printed == follows.text
            else:
                assert printed == ""
    assert programs == 4


def test_the_commands_run(blocks: list[Block], folder: Path, repo: Path) -> None:
    lines = [line for line in commands(blocks) if line not in NOT_RUN and GOLDEN not in line]
    assert len(lines) == 15
    shown = shown_output(blocks)
    assert len(shown) == 2
    for line in lines:
        name, *arguments = line.split()
        assert name == "stowage"
        printed = run(folder, repo, "-c", STOWAGE, *arguments)
        if line in shown:
            assert [each.rstrip() for each in printed.rstrip().splitlines()] == shown[line].splitlines()
    assert (folder / "report.html").stat().st_size > 10_000
    assert (folder / "before.json").exists()


def shown_output(blocks: list[Block]) -> dict[str, str]:
    """Return what the text shows as the output of a command, by command."""
    return {
        block.text.strip(): follows.text
        for block, follows in pairwise(blocks)
        if block.language == "sh" and follows.language == "text"
    }


def test_the_long_commands_are_still_in_the_text(blocks: list[Block]) -> None:
    assert set(NOT_RUN) <= set(commands(blocks))


def test_recorded_decisions_are_replayed(blocks: list[Block], folder: Path, repo: Path, golden: Path) -> None:
    lines = [line for line in commands(blocks) if GOLDEN in line]
    (folder / "golden").symlink_to(golden)
    assert len(lines) == 1
    assert "scenarios passed" in run(folder, repo, "-c", STOWAGE, *lines[0].split()[1:])


def test_links_lead_somewhere(repo: Path) -> None:
    targets = re.findall(r"\]\(([^)]+)\)", (repo / "README.md").read_text(encoding="utf-8"))
    files = [each for each in targets if "://" not in each and not each.startswith("#")]
    assert [each for each in files if not (repo / each.partition("#")[0]).exists()] == []
    assert len(targets) > 5
