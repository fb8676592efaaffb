"""``stowage compare``: what it runs and what it does not run again, its table, and what it refuses."""

from __future__ import annotations

import json
import re
from collections.abc import Callable, Sequence
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
from bench.compare.work import Task
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


def header_of(shown: str, first: str) -> list[str]:
    """Return the lines of the header of a column of numbers, which are flush right, from one of them on."""
    lines = shown.splitlines()
    top, end = next((number, line.index(first) + len(first)) for number, line in enumerate(lines) if first in line)
    found = []
    for line in lines[top:]:
        if "──" in line:
            break
        found.append(re.split(r"  +", line[:end].rstrip())[-1] if line[end - 1 : end].strip() else "")
    return [line for line in found if line]


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
    shown = run(lists, "--baseline", "Other", seeds=2).stdout.replace("\N{NO-BREAK SPACE}", " ")
    assert (
        "nodes at 50 %" in " ".join(header_of(shown, "nodes at")) and "±" in shown and "difference from Other" in shown
    )
    assert header_of(shown, "one run") == ["one run", "s"]


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
    assert "<th>one run\n(s)</th>" in text and "time for all decisions of one run (s)" in text
    for axis in ("arrived (% of all GPUs)", "allocated (% of all GPUs)", "pods without a node (%)", "policy (across)"):
        assert axis in text
    refused = run(lists, "--report", str(lists / "none" / "report.html"), seeds=2)
    assert refused.exit_code != 0 and len(ran) == 8


def test_small_clusters_with_large_pods(lists: Path, ran: list[str]) -> None:
    """Which percent of arrival the last pod leads to differs from seed to seed; hardly any percent has a pod."""
    rows = "".join(f"n{number},64000,65536,4,T4\n" for number in range(8))
    (lists / "nodes.csv").write_text(NODES.splitlines()[0] + "\n" + rows, encoding="utf-8")
    large = "".join(f"p{number},1000,1024,{gpus},1000,\n" for number, gpus in enumerate([4, 4, 3, 2, 0]))
    for name in ("small", "large"):
        (lists / f"{name}.csv").write_text(PODS.splitlines()[0] + "\n" + large, encoding="utf-8")
    path = lists / "report.html"
    done = run(lists, "--report", str(path), "--json", "-", seeds=6)
    assert done.exit_code == 0, done.output
    records = [json.loads(each.read_bytes()) for each in (lists / "out" / "runs").iterdir()]
    ends = {record["curve"]["x"][-1] for record in records}
    assert len(ends) > 1 and max(ends) > 130
    assert all("allocated_130" in record["numbers"] for record in records)
    (small, _) = json.loads(done.stdout)["traces"]
    assert small["metrics"][:3] == ["allocated_100", "allocated_115", "allocated_130"]
    for row in small["rows"]:
        assert 0 < row["cells"]["allocated_100"]["mean"] <= row["cells"]["allocated_115"]["mean"] <= 100
    assert path.read_text(encoding="utf-8").count("<figcaption>Allocated") == 4


def test_how_far_from_the_bounds(lists: Path, ran: list[str]) -> None:
    pytest.importorskip("scipy")
    path = lists / "report.html"
    done = run(lists, "--bounds", "--report", str(path), "--json", "-", seeds=3)
    assert done.exit_code == 0, done.output
    results = [json.loads(each.read_bytes()) for each in (lists / "out" / "runs").glob("small-*")]
    for row in json.loads(done.stdout)["traces"][0]["rows"]:
        away: dict[str, list[float]] = {"allocated_any": [], "allocated_served": [], "nodes": []}
        for seed in (42, 43, 44):
            (bound,) = (each["numbers"] for each in results if each["seed"] == seed and "policy" not in each)
            (ours,) = (e["numbers"] for e in results if e["seed"] == seed and e.get("policy") == row["policy"])
            away["allocated_any"].append(bound["allocated_any"] - ours["allocated_130"])
            away["allocated_served"].append(bound["allocated_served"] - ours["allocated_130"])
            away["nodes"].append(ours["nodes_at_50"] - bound["nodes"])
        assert row["from_bounds"] == pytest.approx({name: sum(each) / 3 for name, each in away.items()})
        assert min(row["from_bounds"].values()) >= 0
    text = path.read_text(encoding="utf-8")
    assert "How far from what no policy can beat" in text
    assert "pods are served\n(points below)" in text and "nodes at 50 %\n(nodes above)" in text
    shown = run(lists, "--bounds", seeds=3).stdout
    assert "(points below)" in shown and "(nodes above)" in shown and "no policy can beat: nodes" in shown


def test_without_a_run_of_the_baseline_nothing_is_held_against_it(
    lists: Path, ran: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    all_of_them: Callable[..., bool] = vars(command)["run_local"]

    def others(tasks: Sequence[Task], *more: Any) -> bool:
        all_of_them([task for task in tasks if task.policy and task.policy.label == "Other"], *more)
        return False

    monkeypatch.setattr(command, "run_local", others)
    path = lists / "report.html"
    stopped = run(lists, "--report", str(path), seeds=2)
    assert stopped.exit_code == 130 and "difference" not in stopped.stdout
    text = path.read_text(encoding="utf-8")
    assert "Difference from" not in text and "permutation" not in text
    for each in (stopped.stdout, text):
        assert each.count("There is no run of First yet that the others could be held against.") == 2


def test_pods_that_are_served_come_before_the_first_that_is_not(lists: Path) -> None:
    """With 4 GPUs and pods of one each the fifth fails, which leads to exactly 125 %: less than that is served."""
    (lists / "nodes.csv").write_text(NODES.replace(",2,P100", ",0,"), encoding="utf-8")
    (lists / "small.csv").write_text(PODS.splitlines()[0] + "\np,1000,1024,1,1000,\n", encoding="utf-8")
    (small,) = read_inputs(Wanted((lists / "small.csv",), lists / "nodes.csv", 1.3, ()), range(42, 43))
    (policy,) = read_policies("Random")
    assert isinstance(small.inputs, ArrivalInputs)
    numbers = run_arrival("", "small", small.inputs, policy, 42).numbers
    assert (numbers["failed"], numbers["served_until_percent"]) == (1, 124)


def test_processes_of_their_own_give_the_same(lists: Path) -> None:
    """Random is decided in the cycle, so that no process has to compile batches."""
    done = run(lists, "--jobs", "2", "--json", "-", policies="Random", seeds=2)
    assert done.exit_code == 0, done.output
    cells = json.loads(done.stdout)["traces"][0]["rows"][0]["cells"]
    (policy,) = read_policies("Random")
    wanted = Wanted((lists / "small.csv",), lists / "nodes.csv", 1.3, ())
    (small,) = read_inputs(wanted, range(42, 44))
    assert isinstance(small.inputs, ArrivalInputs)
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
