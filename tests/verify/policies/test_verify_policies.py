"""``stowage verify policies``: published runs are met in every column, and what differs or is missing is told."""

from __future__ import annotations

import gzip
import json
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from bench.verify.cli import verify
from bench.verify.policies.judge import Curves, compare_means, compare_run
from bench.verify.policies.read import Published, read_published
from sched_core import InvalidObjects
from tests.engine.worlds import COMPILING


@pytest.mark.skipif(not COMPILING, reason="without compiled code a run takes minutes")
def test_a_run_of_each_trace_is_the_published_one(shared: Path, tmp_path: Path) -> None:
    """FGD alone: it takes half a minute to compile a policy. All 300 runs: stowage verify policies, in some minutes."""
    folder, data = str(shared / "golden" / "fgd"), str(shared / "data" / "openb")
    out = tmp_path / "result.json"
    options = ("--policy", "FGD", "--seed", "45", "--jobs", "1", "--json", str(out))
    done = CliRunner().invoke(verify, ["policies", folder, "--data", data, *options])
    assert done.exit_code == 0, done.output
    result = json.loads(out.read_text(encoding="utf-8"))
    assert result["passed"] and len(result["families"]) >= 5
    assert all(family["pods"] == family["pods_passed"] == 262 for family in result["families"])


def curve(*values: float) -> np.ndarray[tuple[int], np.dtype[np.float64]]:
    return np.array(values)


def test_allocation_agrees_at_two_decimals_and_fragmentation_to_a_millionth() -> None:
    published = Published("FGD", 42, curve(0.25, 1.0), curve(13.5, 14.0))
    assert compare_run(published, Curves(curve(0.25, 1.0), curve(13.5 + 5e-7, 14.0))).passed
    outcome = compare_run(published, Curves(curve(0.25, 1.01), curve(13.5, 14.00001)))
    assert (outcome.pods, outcome.pods_passed) == (4, 2)
    assert outcome.difference is not None and outcome.difference[:3] == ("alloc[1]", 1.0, 1.01)
    short = compare_run(published, Curves(curve(0.25), curve(13.5, np.nan)))
    assert short.difference is not None and short.difference[:3] == ("alloc[1]", 1.0, None)
    assert short.pods_passed == 2


def test_runs_by_chance_agree_in_their_means() -> None:
    """3 s sqrt(1/2 + 1/2) + 0.01 with s = sqrt(2) is 4.25."""
    flat = np.full(131, 80.0)
    published = [Published("Random", seed, flat + 2 * (seed - 42), flat) for seed in (42, 43)]
    assert compare_means(published, [Curves(flat + 5.2, flat)] * 2).passed
    outcome = compare_means(published, [Curves(flat + 5.3, flat)] * 2)
    assert (outcome.pods, outcome.pods_passed) == (5, 2)
    assert outcome.difference is not None
    assert outcome.difference[:3] == ("mean of alloc[100]", "81.000 ± 4.253", pytest.approx(85.3))


RUNS = "workload,sc_policy,seed,0,1\ntiny,06-FGD,42,0.25,1.0\n"
ARRIVALS = {
    "trace": "tiny",
    "pods_by_name": ["p0", "p1"],
    "seeds": {"42": {"arrivals": [1, 0], "nodes_by_rank": ["n0"]}},
}
NODES = "sn,cpu_milli,memory_mib,gpu,model\nn0,16000,65536,2,T4\ncpu-only,1000,1024,0,\n"
PODS = "name,cpu_milli,memory_mib,num_gpu,gpu_milli\np0,1000,1024,1,500\np1,1000,1024,2,1000\n"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Return a folder with published runs and lists of a tiny trace."""
    for name in ("runs-alloc.csv", "runs-frag_ratio.csv"):
        (tmp_path / name).write_text(RUNS, encoding="utf-8")
    (tmp_path / "arrivals-of-it.json.gz").write_bytes(gzip.compress(json.dumps(ARRIVALS).encode()))
    (tmp_path / "any_nodes.csv").write_text(NODES, encoding="utf-8")
    (tmp_path / "tiny.csv").write_text(PODS, encoding="utf-8")
    return tmp_path


def test_lists_are_found_by_what_is_in_them(folder: Path) -> None:
    (family,) = read_published(folder, folder)
    assert (family.name, family.nodes.names, family.arrivals[42].order.tolist()) == ("tiny", ["n0"], [1, 0])
    (run,) = family.runs
    assert (run.policy, run.seed, run.alloc.tolist()) == ("FGD", 42, [0.25, 1.0])
    assert read_published(folder, folder, ["tiny"]) == []


@pytest.mark.parametrize(
    ("name", "content", "needle"),
    [
        ("runs-alloc.csv", None, "there is neither runs-alloc.csv nor runs-alloc.csv.gz"),
        ("runs-alloc.csv", "", "runs-alloc.csv: is empty"),
        ("runs-alloc.csv", RUNS.replace("seed", "seeds"), "line 1: the header must be workload, sc_policy, seed, 0, 1"),
        ("runs-alloc.csv", RUNS.replace("06-FGD", "07-New"), 'line 2: column sc_policy: "07-New" is none of Random'),
        ("runs-alloc.csv", RUNS.replace("42", "x"), 'line 2: column seed: "x" is not a whole number'),
        ("runs-alloc.csv", RUNS.replace("1.0", "much"), "line 2: could not convert string to float"),
        ("runs-alloc.csv", RUNS.replace("42", "43"), "tiny, FGD, seed 42 is in one of two files"),
        ("arrivals-of-it.json.gz", None, "tiny: there is no file arrivals-*.json of this trace"),
        ("tiny.csv", None, "tiny.csv: there is no list of these pods"),
        ("any_nodes.csv", None, "there is no list of nodes (a CSV with the column sn)"),
        ("any_nodes.csv", NODES.replace("n0", "n9"), "nodes_by_rank: are not the 1 nodes with a GPU of any_nodes.csv"),
    ],
)
def test_what_is_missing_or_wrong_is_told(folder: Path, name: str, content: str | None, needle: str) -> None:
    if content is None:
        (folder / name).unlink()
    else:
        (folder / name).write_text(content, encoding="utf-8")
    with pytest.raises(InvalidObjects) as caught:
        read_published(folder, folder)
    assert needle in str(caught.value)


def test_options_that_leave_nothing_are_refused(folder: Path) -> None:
    done = CliRunner().invoke(verify, ["policies", str(folder), "--data", str(folder), "--seed", "1"])
    assert done.exit_code == 2 and "leave nothing to verify" in done.output
