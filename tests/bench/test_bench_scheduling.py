"""``stowage bench scheduling`` as a user runs it, on small clusters."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench.command import Stowage

SMALL = ("--nodes", "60", "--pods", "300")
REQUIRED = {
    "decisions_per_second",
    "seconds",
    "scheduled",
    "unschedulable",
    "latency_us_p50",
    "latency_us_p90",
    "latency_us_p99",
    "compile_seconds",
    "setup_seconds",
    "peak_rss_bytes",
    "options",
    "machine",
    "version",
    "workload",
    "utilisation",
    "nodes_used",
    "interrupted",
}
TIMINGS = ("per_second", "seconds", "latency", "rss", "created", "throughput")
"""Parts of the names of what may differ between two equal runs."""
OWN_PLUGIN = '''"""Prefers the node with the highest row."""
import numpy as np

from sched_core import Plugin


class Last(Plugin):
    name = "Last"

    def score(self, state, pod, nodes):
        return (np.arange(nodes.count) * 100) // max(nodes.count - 1, 1)
'''


def result_of(stowage: Stowage, *args: str, stdin: str | None = None) -> dict[str, Any]:
    status, stdout, stderr = stowage("scheduling", *args, "--json", "-", stdin=stdin)
    assert status == 0, stderr
    result: dict[str, Any] = json.loads(stdout)
    return result


def without_timings(result: dict[str, Any]) -> dict[str, Any]:
    return {key: value for key, value in result.items() if not any(part in key for part in TIMINGS)}


@pytest.mark.parametrize("workload", ["one-class", "classes:7", "all-different", "mixed"])
def test_results_as_json(stowage: Stowage, workload: str) -> None:
    result = result_of(stowage, *SMALL, "--zones", "2", "--workload", workload, "--seed", "3")
    assert result.keys() >= REQUIRED
    assert result["scheduled"] + result["unschedulable"] == result["decided"] == result["pods"] == 300
    assert result["scheduled"] > 200
    assert result["latency_us_p50"] <= result["latency_us_p90"] <= result["latency_us_p99"]
    assert sum(result["latency_histogram"]["counts"]) == 300
    assert sum(result["speeds"].values()) == 300
    assert result["decisions_per_second"] == pytest.approx(300 / result["seconds"])
    assert 0 < result["nodes_used"] <= result["nodes"] == 60
    assert result["interrupted"] is False
    assert result["workload"] == {
        "source": "synthetic",
        "workload": workload,
        "nodes": 60,
        "pods": 300,
        "zones": 2,
        "seed": 3,
    }
    assert {"cpu", "memory", "pods"} <= result["utilisation"].keys()
    assert result["utilisation"]["pods"]["requested"] == result["scheduled"]


def test_the_table_goes_to_stdout_and_json_to_its_file(stowage: Stowage, workdir: Path) -> None:
    status, stdout, stderr = stowage("scheduling", *SMALL, "--json", "out.json")
    assert status == 0, stderr
    assert "decisions per second" in stdout
    assert json.loads((workdir / "out.json").read_text(encoding="utf-8"))["pods"] == 300
    assert [path.name for path in workdir.iterdir()] == ["out.json"]


def test_json_on_stdout_is_alone_there(stowage: Stowage) -> None:
    status, stdout, stderr = stowage("scheduling", *SMALL, "--json", "-")
    assert status == 0
    json.loads(stdout)
    assert "decisions per second" in stderr


def test_the_same_seed_gives_the_same_result(stowage: Stowage) -> None:
    runs = [result_of(stowage, *SMALL, "--workload", "mixed", "--seed", seed) for seed in ("5", "5", "6")]
    assert without_timings(runs[0]) == without_timings(runs[1])
    assert runs[0]["decisions_sha256"] != runs[2]["decisions_sha256"]


def test_all_engines_decide_the_same(stowage: Stowage) -> None:
    digests = {
        engine: result_of(stowage, *SMALL, "--workload", "mixed", "--engine", engine)["decisions_sha256"]
        for engine in ("cycle", "fused", "incremental", "auto")
    }
    assert len(set(digests.values())) == 1, digests


def test_a_regression_is_marked_by_its_rule(stowage: Stowage, workdir: Path) -> None:
    earlier = result_of(stowage, *SMALL)
    faster = earlier | {"decisions_per_second": earlier["decisions_per_second"] * 1e6}
    slower = earlier | {
        "decisions_per_second": 1e-6,
        "latency_us_p50": 1e9,
        "latency_us_p90": 1e9,
        "latency_us_p99": 1e9,
    }
    (workdir / "faster.json").write_text(json.dumps(faster), encoding="utf-8")
    (workdir / "slower.json").write_text(json.dumps(slower | {"peak_rss_bytes": 1 << 50}), encoding="utf-8")
    arguments = ("--compare", "faster.json", "--compare", "slower.json", "--report", "out.html")
    status, stdout, stderr = stowage("scheduling", *SMALL, *arguments)
    assert status == 0, stderr
    against_faster, against_slower = stdout.split("against ")[1:]
    assert against_faster.startswith("faster.json")
    assert "REGRESSION (more than 10 % less)" in against_faster
    assert "every pod went to the same node" in against_faster
    assert "REGRESSION" not in against_slower
    page = (workdir / "out.html").read_text(encoding="utf-8")
    assert "regression: more than 10 % less" in page


def test_another_workload_is_shown_and_not_judged(stowage: Stowage, workdir: Path) -> None:
    assert stowage("scheduling", *SMALL, "--json", "old.json").status == 0
    status, stdout, stderr = stowage("scheduling", "--nodes", "60", "--pods", "200", "--compare", "old.json")
    assert status == 0, stderr
    assert "another workload (pods 300 then, 200 now): nothing is judged" in " ".join(stdout.split())
    assert "REGRESSION" not in stdout


def test_a_plugin_of_ones_own_in_place_of_another(stowage: Stowage, workdir: Path) -> None:
    (workdir / "own.py").write_text(OWN_PLUGIN, encoding="utf-8")
    one = ("--nodes", "60", "--pods", "1", "--workload", "one-class")
    plain = result_of(stowage, *one)
    own = result_of(stowage, *one, "--plugin", "own.py:Last=1000", "--disable", "ImageLocality")
    assert own["options"]["plugins"] == ["own.py:Last=1000"]
    assert own["options"]["disable"] == ["ImageLocality"]
    assert own["decisions_sha256"] != plain["decisions_sha256"]


def test_a_score_in_place_of_another_leaves_its_filter_alone(stowage: Stowage, workdir: Path) -> None:
    (workdir / "own.py").write_text(OWN_PLUGIN, encoding="utf-8")
    full = ("--nodes", "20", "--pods", "2000", "--workload", "one-class", "--disable", "NodeResourcesFit")
    assert result_of(stowage, *full, "--plugin", "own.py:Last=1")["unschedulable"] > 0
    assert result_of(stowage, *full)["unschedulable"] == 0


def test_a_plugin_that_fails_is_named_as_the_reason(stowage: Stowage, workdir: Path) -> None:
    """What some nodes would have refused besides is not why the pods are pending."""
    text = OWN_PLUGIN.split("return ")[0] + "return np.full(len(nodes.pod_count), np.nan)\n"
    (workdir / "own.py").write_text(text, encoding="utf-8")
    found = result_of(stowage, "--nodes", "60", "--pods", "40", "--plugin", "own.py:Last=1")
    assert found["errors"] > 0
    failures = {each["text"]: each["pods"] for each in found["unschedulable_reasons"] if '"Last"' in each["text"]}
    (reason,) = failures
    assert failures[reason] == found["errors"]
    assert reason.startswith('running Score plugins: plugin "Last" failed with: it returned a score that is not a fin')


def test_a_profile_of_ones_own(stowage: Stowage, workdir: Path) -> None:
    (workdir / "profile.yaml").write_text(
        "apiVersion: kubescheduler.config.k8s.io/v1\nkind: KubeSchedulerConfiguration\nprofiles:\n- pluginConfig:\n"
        "  - name: NodeResourcesFit\n    args:\n      scoringStrategy:\n        type: MostAllocated\n"
        "        resources: [{name: cpu, weight: 1}]\n",
        encoding="utf-8",
    )
    one_class = (*SMALL, "--workload", "one-class")
    spread, packed = result_of(stowage, *one_class), result_of(stowage, *one_class, "--profile", "profile.yaml")
    assert packed["options"]["profile"] == "profile.yaml"
    assert packed["nodes_used"] < spread["nodes_used"]


def objects() -> list[dict[str, Any]]:
    nodes = [
        {
            "apiVersion": "v1",
            "kind": "Node",
            "metadata": {"name": f"n{number}"},
            "status": {"allocatable": {"cpu": "2", "memory": "4Gi", "pods": "110"}},
        }
        for number in range(3)
    ]
    pods = [
        {
            "apiVersion": "v1",
            "kind": "Pod",
            "metadata": {"name": f"p{number}", "namespace": "shop"},
            "spec": {
                "containers": [{"name": "c", "image": "i", "resources": {"requests": {"cpu": "900m"}}}],
                **({"nodeName": "n0"} if number == 0 else {}),
            },
        }
        for number in range(7)
    ]
    return [*nodes, *pods]


def test_objects_from_several_files_and_stdin(stowage: Stowage, workdir: Path) -> None:
    nodes, pods = objects()[:3], objects()[3:]
    (workdir / "nodes.json").write_text(
        json.dumps({"apiVersion": "v1", "kind": "List", "items": nodes}), encoding="utf-8"
    )
    (workdir / "pods.yaml").write_text("---\n".join(json.dumps(pod) + "\n" for pod in pods[:4]), encoding="utf-8")
    rest = json.dumps({"apiVersion": "v1", "kind": "PodList", "items": pods[4:]})
    result = result_of(stowage, "--from", "nodes.json", "pods.yaml", "--from", "-", stdin=rest)
    assert (result["scheduled"], result["unschedulable"], result["nodes_used"]) == (5, 1, 3)
    assert result["workload"]["running"] == 1
    assert result["unschedulable_reasons"] == [{"text": "Insufficient cpu", "pods": 1}]
    (message,) = result["unschedulable_messages"]
    assert message["text"].startswith("0/3 nodes are available: 3 Insufficient cpu.")


def test_invalid_objects_are_skipped_when_asked(stowage: Stowage, workdir: Path) -> None:
    bad = objects()[-1]
    bad["metadata"]["name"] = "bad"
    bad["spec"]["containers"][0]["resources"]["requests"]["cpu"] = "a lot"
    text = json.dumps({"apiVersion": "v1", "kind": "List", "items": [*objects(), bad]})
    (workdir / "all.json").write_text(text, encoding="utf-8")
    assert stowage("scheduling", "--from", "all.json").status == 2
    result = result_of(stowage, "--from", "all.json", "--skip-invalid")
    assert result["pods"] == 6
    assert any("skipped" in note and "shop/bad" in note for note in result["notes"])


def test_unknown_fields_are_ignored_when_asked(stowage: Stowage, workdir: Path) -> None:
    odd = objects()
    odd[0]["colour"] = "red"
    (workdir / "odd.json").write_text(json.dumps({"apiVersion": "v1", "kind": "List", "items": odd}), encoding="utf-8")
    assert "colour" in stowage("scheduling", "--from", "odd.json").stderr
    assert result_of(stowage, "--from", "odd.json", "--validate", "ignore")["nodes"] == 3


def test_a_list_in_the_openb_format(stowage: Stowage, workdir: Path) -> None:
    (workdir / "nodes.csv").write_text("sn,cpu_milli,memory_mib,gpu,model\na,8000,8192,1,T4\nb,8000,8192,0,\n", "utf-8")
    rows = ["p0,1000,128,1,500,T4", "p1,1000,128,1,1000,T4", "p2,1000,128,0,0,"]
    (workdir / "pods.csv").write_text(
        "\n".join(["name,cpu_milli,memory_mib,num_gpu,gpu_milli,gpu_spec", *rows]), "utf-8"
    )
    result = result_of(stowage, "--trace", "openb", "--nodes-csv", "nodes.csv", "--pods-csv", "pods.csv")
    assert (result["scheduled"], result["unschedulable"]) == (2, 1)
    assert result["utilisation"]["nvidia.com/gpu"]["percent"] == 100
    assert result["notes"] == ["1 pods ask for a part of one GPU; unless a plugin shares GPUs, each takes a whole one"]
