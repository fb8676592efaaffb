"""``stowage compare``: what it runs and what it does not run again, its table, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
from click.testing import CliRunner, Result

from bench.compare import command
from bench.compare.arrival import ArrivalInputs, run_arrival
from bench.compare.cli import compare
from bench.compare.inputs import Wanted, read_inputs
from bench.compare.policy import read_policies
from bench.compare.record import Record
from bench.compare.work import Task, work
from sched_core import StowageError

NODES = "sn,cpu_milli,memory_mib,gpu,model\nn0,64000,65536,4,T4\nn1,64000,65536,2,P100\nn2,64000,65536,0,\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec\n" + "".join(
    f"p{number},1000,1024,{gpus},{milli},\n" for number, (gpus, milli) in enumerate([(1, 400), (1, 1000), (0, 0)] * 8)
)
OWN = """
import numpy as np
from plugins.policies.gpu_share import GpuShare

class {name}(GpuShare):
    name = "{name}"

    def score(self, state, pod, nodes):
        return np.full(nodes.count, {score})
"""


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    (tmp_path / "nodes.csv").write_text(NODES, encoding="utf-8")
    (tmp_path / "small.csv").write_text(PODS, encoding="utf-8")
    (tmp_path / "large.csv").write_text(PODS.replace(",400,", ",700,"), encoding="utf-8")
    for name, score in (("First", 50), ("Other", 60)):
        (tmp_path / f"{name.lower()}.py").write_text(OWN.format(name=name, score=score), encoding="utf-8")
    return tmp_path


def run(lists: Path, *args: str, policies: str = "{0}/first.py:First,{0}/other.py:Other", seeds: int = 3) -> Result:
    given = ["--policies", policies.format(lists), "--traces", str(lists / "small.csv"), str(lists / "large.csv")]
    given += ["--nodes", str(lists / "nodes.csv"), "--seeds", str(seeds), "--out", str(lists / "out"), "--no-bounds"]
    return CliRunner().invoke(compare, [*given, *args])


@pytest.fixture
def ran(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """Run tasks in this process, and return the titles of those that were run."""
    titles: list[str] = []

    def here(
        tasks: Sequence[Task], inputs: Mapping[str, ArrivalInputs], code: str, jobs: int, done: Callable[..., None]
    ) -> bool:
        for task in tasks:
            titles.append(task.title)
            done(task, work(task, inputs[task.trace], code))
        return True

    monkeypatch.setattr(command, "run_local", here)
    return titles


def test_every_policy_runs_on_every_trace_with_every_seed_once(lists: Path, ran: list[str]) -> None:
    first = run(lists, "--json", str(lists / "one.json"))
    assert first.exit_code == 0, first.output
    assert sorted(ran) == sorted(
        f"{trace}-{policy}-{seed}"
        for trace in ("small", "large")
        for policy in ("First", "Other")
        for seed in (42, 43, 44)
    )
    again = run(lists, "--json", str(lists / "two.json"))
    assert len(ran) == 12 and "12 of 12 runs" in again.stderr
    one, two = (json.loads((lists / name).read_text(encoding="utf-8")) for name in ("one.json", "two.json"))
    assert one["traces"] == two["traces"] and not one["interrupted"]
    assert [each["trace"] for each in one["traces"]] == ["small", "large"]
    more = run(lists, seeds=4)
    assert sorted(ran[12:]) == sorted(f"{t}-{p}-45" for t in ("small", "large") for p in ("First", "Other"))
    assert "4 seeds (42 to 45)" in more.stdout


def test_what_has_changed_runs_again(lists: Path, ran: list[str]) -> None:
    run(lists, seeds=1)
    (lists / "other.py").write_text(OWN.format(name="Other", score=70), encoding="utf-8")
    run(lists, seeds=1)
    assert ran[4:] == ["small-Other-42", "large-Other-42"]
    (lists / "small.csv").write_text(PODS + "late,1000,1024,1,500,\n", encoding="utf-8")
    run(lists, seeds=1)
    assert ran[6:] == ["small-First-42", "small-Other-42"]
    run(lists, "--ratio", "1.1", seeds=1)
    assert len(ran) == 12
    for damaged in (lists / "out" / "runs").glob("small-First-42-*"):
        damaged.write_text(damaged.read_text(encoding="utf-8")[:50], encoding="utf-8")
    run(lists, "--ratio", "1.1", seeds=1)
    assert ran[12:] == ["small-First-42"]


def test_an_interrupted_comparison_goes_on(lists: Path, ran: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    all_of_them: Callable[..., bool] = vars(command)["run_local"]

    def two(tasks: Sequence[Task], *more: Any) -> bool:
        all_of_them(tasks[:2], *more)
        return False

    monkeypatch.setattr(command, "run_local", two)
    stopped = run(lists, seeds=1)
    assert stopped.exit_code == 130 and "2 runs are kept" in stopped.stderr
    assert "small: 1 seed (42)" in stopped.stdout
    monkeypatch.setattr(command, "run_local", all_of_them)
    assert run(lists, seeds=1).exit_code == 0
    assert ran == ["small-First-42", "small-Other-42", "large-First-42", "large-Other-42"]


def test_the_table_has_means_deviations_and_differences(lists: Path, ran: list[str]) -> None:
    done = run(lists, "--json", "-", seeds=2)
    (small, _) = json.loads(done.stdout)["traces"]
    assert (small["baseline"], [row["policy"] for row in small["rows"]]) == ("First", ["First", "Other"])
    first, other = (row["cells"]["failed"] for row in small["rows"])
    assert first["mean"] > 0 and first["difference"] is None
    assert other["difference"] == pytest.approx(other["mean"] - first["mean"], abs=1e-9)
    assert 0 < other["p"] <= other["p_corrected"] <= 1
    shown = run(lists, "--baseline", "Other", seeds=2).stdout
    assert "nodes at 50 %" in shown and "±" in shown and "difference from Other" in shown


def test_the_report_is_whole_and_names_everything(lists: Path, ran: list[str]) -> None:
    path = lists / "report.html"
    done = run(lists, "--report", str(path), seeds=2)
    assert done.exit_code == 0, done.output
    text = path.read_text(encoding="utf-8")
    assert "<script" not in text and "http-equiv" not in text and not re.search(r'(src|href)="(?!#|data:)', text)
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawings) == 2 * (6 + 3)
    for drawing in drawings:
        ElementTree.fromstring(drawing.replace("xlink:href", "href"))
    for needle in ("small: 2 seeds (42, 43)", "large: 2 seeds", "First", "Other", "Difference from First"):
        assert needle in text
    for axis in ("arrived (% of all GPUs)", "allocated (% of all GPUs)", "pods without a node (%)", "policy (across)"):
        assert axis in text
    refused = run(lists, "--report", str(lists / "none" / "report.html"), seeds=2)
    assert refused.exit_code != 0 and len(ran) == 8


def test_processes_of_their_own_give_the_same(lists: Path) -> None:
    """Random is decided in the cycle, so that no process has to compile batches."""
    done = run(lists, "--jobs", "2", "--json", "-", policies="Random", seeds=2)
    assert done.exit_code == 0, done.output
    cells = json.loads(done.stdout)["traces"][0]["rows"][0]["cells"]
    (policy,) = read_policies("Random")
    wanted = Wanted((lists / "small.csv",), lists / "nodes.csv", 1.3, ())
    (small,) = read_inputs(wanted, range(42, 44))
    records: list[Record] = [run_arrival("", "small", small.inputs, policy, seed) for seed in (42, 43)]
    assert cells["failed"]["mean"] == sum(record.numbers["failed"] for record in records) / 2
    assert cells["nodes_at_50"]["least"] == min(record.numbers["nodes_at_50"] for record in records)


@pytest.mark.parametrize(
    ("args", "policies", "needle"),
    [
        ((), "Nobody", "it is none of Random"),
        ((), "Random,Random", "'Random' is given twice"),
        ((), ",", "names no policy"),
        (("--baseline", "FGD"), "Random", "'FGD' is not one of Random"),
        (("--arrivals", "{0}/out.d"), "Random", "--arrivals has no file arrivals-small.json.gz"),
        (("--traces", "{0}/d/small.csv"), "Random", "two traces are called small"),
    ],
)
def test_what_is_refused(lists: Path, args: tuple[str, ...], policies: str, needle: str) -> None:
    (lists / "out.d").mkdir()
    (lists / "d").mkdir()
    (lists / "d" / "small.csv").write_text(PODS, encoding="utf-8")
    done = run(lists, *(each.format(lists) for each in args), policies=policies)
    text = str(done.exception) if isinstance(done.exception, StowageError) else done.output
    assert done.exit_code != 0 and needle in text, text
    assert not (lists / "out" / "runs").exists() or not any((lists / "out" / "runs").iterdir())
