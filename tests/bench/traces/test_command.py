"""``stowage trace``: numbers of a trace, and a file of a larger one."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner

from bench.traces.cli import trace
from sched_core import InvalidObjects

PODS = "id,cores,gib,from,to\na,1,2,0,10\nb,2,4,5,\n"
MAP = (
    "--map",
    "name=id",
    "--map",
    "cpu=cores",
    "--map",
    "memory=gib:GiB",
    "--map",
    "created=from",
    "--map",
    "deleted=to",
)


@pytest.fixture
def pods(tmp_path: Path) -> str:
    path = tmp_path / "pods.csv"
    path.write_text(PODS, encoding="utf-8")
    return str(path)


def test_the_numbers_of_a_trace(pods: str) -> None:
    shown = CliRunner().invoke(trace, ["info", pods, *MAP])
    assert shown.exit_code == 0, shown.output
    assert "3.0 in all; 3.0 at once at most, after 5 s" in shown.output
    found = json.loads(CliRunner().invoke(trace, ["info", pods, *MAP, "--json", "-"]).stdout)
    assert (found["pods"], found["never_go"], found["peak"]["memory_gib"]) == (2, 1, 6.0)


def test_a_larger_trace_is_written_whole(pods: str, tmp_path: Path) -> None:
    out = tmp_path / "more.csv"
    done = CliRunner().invoke(trace, ["generate", "--like", pods, "--pods", "1000", "--out", str(out), *MAP])
    assert done.exit_code == 0, done.output
    found = json.loads(CliRunner().invoke(trace, ["info", str(out), "--json", "-"]).stdout)
    assert (found["pods"], found["shapes"]) == (1000, 2)
    assert [path.name for path in tmp_path.iterdir() if path.name.startswith(".")] == []


def test_a_trace_does_not_overwrite_what_it_is_like(pods: str) -> None:
    done = CliRunner().invoke(trace, ["generate", "--like", pods, "--pods", "10", "--out", pods, *MAP])
    assert done.exit_code == 2
    assert Path(pods).read_text(encoding="utf-8") == PODS


def test_a_fault_is_raised_with_its_place(pods: str) -> None:
    done = CliRunner().invoke(trace, ["info", pods, "--map", "cpu=id", *MAP[4:]])
    assert isinstance(done.exception, InvalidObjects)
    assert 'pods.csv: line 2: column id: "a" is not a number' in str(done.exception)
