"""``stowage compare --by time``: all kinds of traces, whole profiles as policies, what is refused; and the report."""

from __future__ import annotations

import json
import pickle
import re
from functools import partial
from pathlib import Path
from typing import Any
from xml.etree import ElementTree

import pytest
import yaml
from click.testing import CliRunner, Result

from bench.compare import work as work_module
from bench.compare.cli import compare
from bench.compare.fingerprint import code_digest
from bench.compare.inputs import Wanted, read_inputs
from bench.compare.policy import read_policies
from bench.compare.timed import TimedInputs, run_timed
from bench.compare.work import Task, work
from cluster_shim.scheduler.watchdog import CallHangs, watching
from sched_core import PluginError, StowageError

NODES = "name,cpu,memory,count\nsmall,4,8589934592,2\nlarge,8,17179869184,1\n"
GPU_NODES = "sn,cpu_milli,memory_mib,gpu,model\nn0,8000,65536,2,T4\nn1,8000,65536,0,\n"
PROFILE = {
    "apiVersion": "kubescheduler.config.k8s.io/v1",
    "kind": "KubeSchedulerConfiguration",
    "profiles": [
        {"pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": {"type": "MostAllocated"}}}]}
    ],
}
COMING = [(f"p{number}", number % 3 + 1, number, number + 4 + number % 5) for number in range(30)]
"""Name, cores, when it comes, when it goes."""


@pytest.fixture
def lists(tmp_path: Path) -> Path:
    rows = "".join(f"{name},{cpu},1073741824,{came},{gone}\n" for name, cpu, came, gone in COMING)
    (tmp_path / "plain.csv").write_text(f"name,cpu,memory,created,deleted\n{rows}", encoding="utf-8")
    (tmp_path / "nodes.csv").write_text(NODES, encoding="utf-8")
    (tmp_path / "mine.yaml").write_text(yaml.safe_dump(PROFILE), encoding="utf-8")
    return tmp_path


def run(
    lists: Path, *args: str, policies: str = "default,MostAllocated", trace: str = "plain.csv", by: str = "time"
) -> Result:
    given = ["--by", by, "--policies", policies.format(lists), "--traces", str(lists / trace)]
    given += ["--nodes", str(lists / "nodes.csv"), "--seeds", "2", "--out", str(lists / "out")]
    return CliRunner().invoke(compare, [*given, *args])


def summary(lists: Path, *args: str, **given: Any) -> dict[str, Any]:
    done = run(lists, "--json", "-", *args, **given)
    assert done.exit_code == 0, done.output
    found: dict[str, Any] = json.loads(done.stdout)
    return found


def cells(found: dict[str, Any], policy: str = "default") -> dict[str, dict[str, float]]:
    """Return the means of a policy, without what a clock decides."""
    rows = {row["policy"]: row["cells"] for row in found["traces"][0]["rows"]}
    return {name: cell for name, cell in rows[policy].items() if name != "decisions_per_s"}


def test_a_comparison_runs_once_and_again_by_another_mode(lists: Path, ran: list[str]) -> None:
    first = summary(lists)
    assert sorted(ran) == [f"plain-{policy}-{seed}" for policy in ("MostAllocated", "default") for seed in (42, 43)]
    assert (first["by"], first["interrupted"]) == ("time", False)
    found = cells(first)
    assert found["waited"]["mean"] > 0 and 0 < found["cpu_mean"]["mean"] < found["cpu_peak"]["mean"] <= 100
    assert cells(first, "MostAllocated")["nodes_mean"]["mean"] < found["nodes_mean"]["mean"]
    assert summary(lists)["traces"] == first["traces"] and len(ran) == 4
    shown = run(lists).stdout
    assert "wait, p99 (s)" in shown and "difference from default" in shown


def test_the_mode_is_in_the_key(lists: Path, ran: list[str]) -> None:
    (lists / "nodes.csv").write_text(GPU_NODES, encoding="utf-8")
    (lists / "plain.csv").write_text("name,cpu_milli,memory_mib,num_gpu,gpu_milli\na,1,1,1,500\n", encoding="utf-8")
    assert run(lists, "--no-bounds", policies="Random", by="arrival").exit_code == 0
    assert run(lists, policies="Random").exit_code == 0
    assert ran == ["plain-Random-42", "plain-Random-43"] * 2
    assert len([*(lists / "out" / "runs").iterdir()]) == 4


def test_every_form_of_a_trace_gives_the_same(lists: Path, ran: list[str]) -> None:
    expected = cells(summary(lists, policies="default"))
    lines = [
        {"id": name, "ask": {"cpu": cpu * 100, "mem": 1}, "from": came / 60, "stays": gone - came}
        for name, cpu, came, gone in COMING
    ]
    (lists / "other.jsonl").write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    (lists / "map.yaml").write_text("pods: {name: id, memory: 'ask.mem:GiB', created: 'from:min'}\n", encoding="utf-8")
    given = ["--map-file", str(lists / "map.yaml"), "--map", "cpu=ask.cpu:percent", "--map", "duration=stays"]
    assert cells(summary(lists, *given, policies="default", trace="other.jsonl")) == expected
    (lists / "dump.yaml").write_text(yaml.safe_dump_all(dump()), encoding="utf-8")
    given = ["--nodes", str(lists / "dump.yaml")]
    assert cells(summary(lists, *given, policies="default", trace="dump.yaml")) == expected


def dump() -> list[dict[str, Any]]:
    """Return what ``kubectl get nodes,pods`` could have said: pods of several namespaces, schedulers and states."""
    names = (("small-0", 4), ("small-1", 4), ("large", 8))
    found: list[dict[str, Any]] = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": name},
            "status": {"allocatable": {"cpu": str(cpu), "memory": f"{2 * cpu}Gi", "pods": "110"}},
        }
        for name, cpu in names
    ]
    for number, (name, cpu, came, gone) in enumerate(COMING):
        ended = {"name": "c", "state": {"terminated": {"finishedAt": f"2026-01-01T00:00:{gone:02d}Z"}}}
        requests = {"cpu": str(cpu), "memory": "1Gi"}
        spec = {
            "nodeName": "large",
            "schedulerName": ("default-scheduler", "batch")[number % 2],
            "containers": [{"name": "c", "image": "i", "resources": {"requests": requests}}],
            "volumes": [{"name": "v", "persistentVolumeClaim": {"claimName": "c"}}] * (number % 2),
        }
        metadata = {
            "name": name,
            "namespace": ("default", "own")[number % 2],
            "creationTimestamp": f"2026-01-01T00:00:{came:02d}Z",
        }
        status = {"phase": "Succeeded", "containerStatuses": [ended]}
        found.append({"apiVersion": "v1", "kind": "Pod", "metadata": metadata, "spec": spec, "status": status})
    return found


def test_a_profile_from_a_file(lists: Path, ran: list[str]) -> None:
    found = summary(lists, policies="MostAllocated,{}/mine.yaml")
    assert {name: cell["mean"] for name, cell in cells(found, "mine").items()} == {
        name: cell["mean"] for name, cell in cells(found, "MostAllocated").items()
    }
    (policy,) = read_policies(f"{lists}/mine.yaml")
    (lists / "mine.yaml").write_text("another", encoding="utf-8")
    assert Path(policy.here()).read_text(encoding="utf-8") == yaml.safe_dump(PROFILE)


def test_the_report_has_the_figures_of_time(lists: Path, ran: list[str]) -> None:
    done = run(lists, "--report", str(lists / "report.html"))
    assert done.exit_code == 0, done.output
    text = (lists / "report.html").read_text(encoding="utf-8")
    drawings = re.findall(r"<svg.*?</svg>", text, re.DOTALL)
    assert len(drawings) == 5 + 2  # no devices: two resources, nodes, waiting, time; two maps
    for drawing in drawings:
        ElementTree.fromstring(drawing.replace("xlink:href", "href"))
    for needle in ("time since the first pod (s)", "CPU allocated (%)", "pods that wait", "nodes in use", "wait, p95"):
        assert needle in text
    assert "arrived (%" not in text


def test_what_is_0_in_all_runs_is_told_once(lists: Path, ran: list[str]) -> None:
    text = "".join(f"{name},1,1000,{came},{gone}\n" for name, _, came, gone in COMING[:3])
    (lists / "plain.csv").write_text(f"name,cpu,memory,created,deleted\n{text}", encoding="utf-8")
    done = run(lists, "--report", str(lists / "report.html"))
    shown = " ".join(done.output.split())
    assert "0 in all runs: never placed, waited, " in shown and "± 0.0 0" not in shown
    page = (lists / "report.html").read_text(encoding="utf-8")
    assert "0 in all runs: never placed, waited, " in page


def test_seeds_that_come_to_the_same_are_not_tested(lists: Path, ran: list[str]) -> None:
    (lists / "nodes.csv").write_text("name,cpu,memory\none,8,17179869184\n", encoding="utf-8")
    done = run(lists, "--report", str(lists / "report.html"), policies="default,LeastAllocated")
    assert "All seeds come to the same, so there is nothing to test." in " ".join(done.output.split())
    assert ", p " not in done.output
    assert "so there is nothing to test" in (lists / "report.html").read_text(encoding="utf-8")


def test_a_policy_that_hangs_is_named(lists: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    body = "def score(self, state, pod, nodes):\n        while True:\n            pass\n"
    (lists / "hangs.py").write_text(
        f"from sched_core import Plugin\n\n\nclass Hangs(Plugin):\n    {body}", encoding="utf-8"
    )
    monkeypatch.setattr(work_module, "watching", partial(watching, limit_s=0.3))
    (named,) = read_inputs(Wanted((lists / "plain.csv",), lists / "nodes.csv", 1.3, (), "time"), range(42, 43))
    (policy,) = read_policies(f"{lists}/hangs.py:Hangs")
    with pytest.raises(
        CallHangs, match=r"policy .*hangs\.py:Hangs: .*hangs\.py:[67] in score: it is still running"
    ) as found:
        work(Task("key", "plain", 42, policy), named.inputs, code_digest())
    assert type(pickle.loads(pickle.dumps(found.value))) is CallHangs  # it comes out of another process
    assert found.value.__context__ is None  # distributed would send that, too


def test_a_trace_without_times(lists: Path, ran: list[str]) -> None:
    (lists / "plain.csv").write_text("name,cpu,memory\na,3,1\nb,3,1\nc,3,1\nd,20,1\n", encoding="utf-8")
    done = run(lists, "--report", str(lists / "report.html"), policies="default")
    assert done.exit_code == 0, done.output
    assert "plain: there are no times in it, so all pods come at once and stay" in done.stderr
    text = (lists / "report.html").read_text(encoding="utf-8")
    assert "Pods that wait" not in text and "Time of one run" in text


def test_processes_of_their_own_give_the_same(lists: Path) -> None:
    """Random is decided in the cycle, so that no process has to compile batches."""
    found = cells(summary(lists, "--jobs", "2", policies="Random"), "Random")
    (policy,) = read_policies("Random")
    (named,) = read_inputs(Wanted((lists / "plain.csv",), lists / "nodes.csv", 1.3, (), "time"), ())
    assert isinstance(named.inputs, TimedInputs)
    records = [run_timed("", "plain", named.inputs, policy, seed) for seed in (42, 43)]
    for name, cell in found.items():
        assert cell["mean"] == pytest.approx(sum(record.numbers[name] for record in records) / 2)


def test_a_plugin_file_that_a_profile_names_must_not_change(lists: Path) -> None:
    own = "from plugins.examples.fewest_pods import FewestPods\n\nclass Mine(FewestPods):\n    name = 'Mine'\n"
    (lists / "own.py").write_text(own, encoding="utf-8")
    named = {"plugins": {"multiPoint": {"enabled": [{"name": "own.py:Mine"}]}}}
    (lists / "mine.yaml").write_text(yaml.safe_dump({**PROFILE, "profiles": [named]}), encoding="utf-8")
    (policy,) = read_policies(f"{lists}/mine.yaml")
    assert policy.here() == f"{lists}/mine.yaml"
    (lists / "own.py").write_text(f"{own}\n# another one\n", encoding="utf-8")
    with pytest.raises(PluginError, match=r"a file that .*mine\.yaml names has changed"):
        policy.here()
    assert read_policies(f"{lists}/mine.yaml")[0].sha256 != policy.sha256


@pytest.mark.parametrize(
    ("args", "given", "needle"),
    [
        ((), {"policies": "FGD"}, "plain.csv: no pod asks for a GPU, and the policy FGD is about GPUs"),
        ((), {"policies": "default", "by": "arrival"}, "default is a whole profile"),
        (
            (),
            {"policies": "Random", "by": "arrival"},
            "no pod asks for a GPU, and arrival is counted in percent of all",
        ),
        ((), {"policies": "Nope"}, "by time also default, LeastAllocated, MostAllocated or FILE.yaml"),
        ((), {"policies": "{}/none.yaml"}, "none.yaml"),
        ((), {"policies": "{}/nodes.yaml"}, "nodes.yaml"),
        (("--ratio", "1.1"), {}, "--ratio is for traces by arrival"),
        (("--bounds",), {}, "--bounds is for traces by arrival"),
        (("--map", "cpu=cores"), {}, "plain.csv: line 1: column cores: is missing (mapped to cpu)"),
        (("--map", "node.cpu=cores"), {}, "nodes.csv: line 1: column cores: is missing (mapped to cpu)"),
        (("--map", "speed=cpu"), {}, "is not FIELD=COLUMN[:UNIT]"),
    ],
)
def test_what_is_refused(lists: Path, args: tuple[str, ...], given: dict[str, str], needle: str) -> None:
    (lists / "nodes.yaml").write_text("kind: Node\n", encoding="utf-8")
    done = run(lists, *args, **given)
    text = str(done.exception) if isinstance(done.exception, StowageError) else done.output
    assert done.exit_code != 0 and needle in " ".join(text.split()), text
    assert not (lists / "out" / "runs").exists() or not any((lists / "out" / "runs").iterdir())
