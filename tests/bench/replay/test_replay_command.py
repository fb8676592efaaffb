"""``stowage replay openb``: what it prints and writes, and what it refuses."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from bench.replay.cli import replay
from sched_core import InvalidObjects, PluginError, StowageError

NODES = "sn,cpu_milli,memory_mib,gpu,model\r\nn0,16000,65536,2,T4\r\nn1,16000,65536,2,P100\r\nn2,64000,65536,0,\r\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec,qos\n" + "".join(
    f"p{number},1000,1024,{gpus},{milli},{spec},LS\n"
    for number, (gpus, milli, spec) in enumerate([(1, 400, ""), (1, 1000, "T4"), (0, 0, ""), (2, 1000, "P100")] * 2)
)
OWN = """
import numpy as np
from plugins.policies.gpu_share import GpuShare

class First(GpuShare):
    def score(self, state, pod, nodes):
        return np.full(nodes.count, 50)
"""


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    (tmp_path / "nodes.csv").write_text(NODES, encoding="utf-8", newline="")
    (tmp_path / "pods.csv").write_text(PODS, encoding="utf-8")
    (tmp_path / "own.py").write_text(OWN, encoding="utf-8")
    return tmp_path


def run(lists: Path, *args: str) -> Result:
    files = ("--nodes", str(lists / "nodes.csv"), "--pods", str(lists / "pods.csv"))
    return CliRunner().invoke(replay, ["openb", *files, *args])


def refused(lists: Path, *args: str) -> str:
    error = run(lists, *args).exception
    assert isinstance(error, StowageError), error
    return str(error).replace(f"{lists}/", "")


def test_a_table_and_json_with_a_policy_of_ones_own(lists: Path) -> None:
    done = run(lists, "--policy", f"{lists}/own.py:First", "--seed", "3")
    assert done.exit_code == 0, done.output
    assert "First, seed 3: pods.csv, 2 nodes" in done.stdout
    assert "allocated %" in done.stdout and "a part of a GPU" in done.stdout
    path = lists / "out.json"
    assert run(lists, "--policy", f"{lists}/own.py:First", "--seed", "3", "--json", str(path)).exit_code == 0
    result = json.loads(path.read_text(encoding="utf-8"))
    assert (result["policy"], result["nodes"], result["gpus"], len(result["alloc"])) == ("First", 2, 4, 131)
    sizes = {size["size"]: size["pods"] for size in result["by_size"]}
    assert result["pods"] == sum(sizes.values()) > sizes["2 GPUs"] >= 1
    assert 0 < max(each for each in result["alloc"] if each is not None) <= 100


def test_given_arrivals_are_followed(lists: Path) -> None:
    ranked = {"arrivals": [0, 0, 1, 1, 1], "nodes_by_rank": ["n1", "n0"]}
    given = {"trace": "pods", "pods_by_name": [f"p{number}" for number in range(8)], "seeds": {"7": ranked}}
    (lists / "arrivals.json").write_text(json.dumps(given), encoding="utf-8")
    asked = ("--policy", "Random", "--arrivals", str(lists / "arrivals.json"))
    result = json.loads(run(lists, *asked, "--seed", "7", "--json", "-").stdout)
    assert (result["pods"], result["failed"] in (1, 2)) == (5, True)  # two devices of the model T4 for three pods
    assert "arrivals.json: seeds: there is no seed 42; there are 7" in refused(lists, *asked)


@pytest.mark.parametrize(
    ("name", "content", "needle"),
    [
        ("nodes.csv", NODES.replace("16000", "many"), 'nodes.csv: line 2: column cpu_milli: "many" is not a number'),
        ("nodes.csv", NODES.replace(",2,", ",0,"), "nodes.csv: no node has a GPU"),
        ("nodes.csv", "sn,cpu_milli\n", "nodes.csv: line 1"),
        ("nodes.csv", "", "nodes.csv: is empty"),
        ("pods.csv", PODS.replace("p3,1000", "p3,-1000"), 'pods.csv: line 5: column cpu_milli: "-1000" is negative'),
        ("pods.csv", PODS.replace("p5", "p4"), 'pods.csv: line 7: column name: "p4" stands on line 6 already'),
        ("pods.csv", PODS.split("\n", 1)[0] + "\np,1,1,0,0,,LS\n", "pods.csv: no pod asks for a GPU"),
    ],
)
def test_lists_with_a_fault_are_refused(lists: Path, name: str, content: str, needle: str) -> None:
    (lists / name).write_text(content, encoding="utf-8")
    assert needle in refused(lists, "--policy", "Random")
    assert isinstance(run(lists, "--policy", "Random").exception, InvalidObjects)


@pytest.mark.parametrize(
    ("policy", "needle"),
    [
        ("fgd", "it is none of Random, DotProd, GpuClustering, GpuPacking, BestFit, FGD"),
        ("gone.py:Own", "gone.py: No such file or directory"),
        ("no.such.module:Own", "ModuleNotFoundError"),
        ("json:loads", "is not a subclass of sched_core.Plugin"),
        ("not a module:X", "is not of the form FILE.py:Class"),
    ],
)
def test_a_policy_that_is_not_there_is_refused(lists: Path, policy: str, needle: str) -> None:
    assert needle in refused(lists, "--policy", policy)
    assert isinstance(run(lists, "--policy", policy).exception, PluginError)


def test_a_policy_that_raises_ends_the_replay(lists: Path) -> None:
    broken = OWN + "\n    def fill_pod(self, pod):\n        raise RuntimeError('no such luck')\n"
    (lists / "own.py").write_text(broken, encoding="utf-8")
    assert "no such luck" in refused(lists, "--policy", f"{lists}/own.py:First")
