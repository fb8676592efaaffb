"""``stowage explain``: what it prints, its JSON, its exit statuses and its errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result

import sched_core

Stowage = Callable[..., Result]
CLUSTER = ("--cluster", "cluster.yaml")


def flat(result: Result) -> str:
    """Return what was printed with any white space as one space."""
    return " ".join(result.output.split())


def document(result: Result) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(result.stdout)
    return found


def test_a_pod_that_fits(stowage: Stowage) -> None:
    result = stowage("explain", "web", *CLUSTER)
    assert result.exit_code == 0
    text = flat(result)
    assert "default/web goes to small (2 of 3 nodes pass the filters)" in text
    assert "points ahead of large; NodeResourcesFit makes the difference" in text
    assert "the same on all of them: TaintToleration 300, ImageLocality 0" in text
    assert "gpu has the taint gpu=yes:NoSchedule" in text


def test_a_pod_that_does_not_fit(stowage: Stowage) -> None:
    result = stowage("explain", "default/db-0", *CLUSTER)
    assert result.exit_code == 1
    text = flat(result)
    assert "default/db-0 fits on none of 3 nodes" in text
    assert "0/3 nodes are available: 1 Insufficient cpu" in text
    assert "free 1 cpu on large (or request 1 less cpu)" in text
    assert "add the toleration gpu=yes:NoSchedule (or remove the taint gpu=yes:NoSchedule from gpu) → gpu" in text
    assert "and give small 4Gi more memory" in text
    assert "large lacks 1 cpu: 1.5 requested, 500m of 8 free" in text
    assert "preemption would not help" in text


def test_a_pod_that_runs_is_explained_without_itself(stowage: Stowage) -> None:
    result = stowage("explain", "runs", *CLUSTER)
    assert result.exit_code == 0
    text = flat(result)
    assert "default/runs goes to large (1 of 3 nodes pass the filters)" in text
    assert "default/runs runs on large; it is explained as if it waited for a node again and did not run" in text
    assert "it is the only node that passes, so nothing is scored" in text


def test_a_pod_that_has_ended(stowage: Stowage, folder: Path) -> None:
    ended = (folder / "pod.yaml").read_text(encoding="utf-8") + "status: {phase: Failed}\n"
    result = stowage("explain", "-", *CLUSTER, stdin=ended)
    assert result.exit_code == 0
    assert "default/tiny has ended (Failed); it is explained as if it waited for a node again" in flat(result)


def test_a_pod_of_a_file(stowage: Stowage) -> None:
    result = stowage("explain", "pod.yaml", *CLUSTER)
    assert result.exit_code == 0
    assert "default/tiny goes to small" in result.output


def test_a_tie_is_said(stowage: Stowage, folder: Path) -> None:
    node = "apiVersion: v1\nkind: Node\nmetadata: {name: %s}\nstatus: {allocatable: {cpu: 4, memory: 8Gi, pods: 9}}\n"
    (folder / "same.yaml").write_text(f"{node % 'a'}---\n{node % 'b'}", encoding="utf-8")
    result = stowage("explain", "pod.yaml", "--cluster", "same.yaml")
    assert "a tie with b: the order in which nodes are looked at decides" in flat(result)


@pytest.mark.parametrize(
    ("pod", "text"),
    [
        ("one/twin", "one/twin is not tried SchedulingGates: waiting for scheduling gates: [wait]"),
        ("two/twin", 'two/twin is not tried profile not found for scheduler name "mine"'),
    ],
)
def test_a_pod_that_is_not_tried(stowage: Stowage, pod: str, text: str) -> None:
    result = stowage("explain", pod, *CLUSTER)
    assert (result.exit_code, flat(result)) == (1, text)


def test_a_pod_that_is_being_deleted(stowage: Stowage, folder: Path) -> None:
    leaving = (folder / "pod.yaml").read_text(encoding="utf-8")
    leaving = leaving.replace("{name: tiny}", '{name: tiny, deletionTimestamp: "2026-01-01T00:00:00Z"}')
    result = stowage("explain", "-", *CLUSTER, stdin=leaving)
    assert (result.exit_code, flat(result)) == (
        1,
        "default/tiny is not tried skip schedule deleting pod: default/tiny",
    )


def test_whom_preemption_would_evict(stowage: Stowage, folder: Path) -> None:
    pressing = (
        (folder / "pod.yaml").read_text(encoding="utf-8").replace("500m", "7").replace("spec:", "spec:\n  priority: 9")
    )
    result = stowage("explain", "-", *CLUSTER, stdin=pressing)
    assert result.exit_code == 1
    assert "preemption would evict default/runs from large" in flat(result)
    never = pressing.replace("priority: 9", "priority: 9\n  preemptionPolicy: Never")
    assert "the pod may not preempt others" in flat(stowage("explain", "-", *CLUSTER, stdin=never))


def test_one_node_in_full(stowage: Stowage) -> None:
    result = stowage("explain", "web", *CLUSTER, "--node", "gpu")
    assert result.exit_code == 0  # the pod fits, if not there
    text = flat(result)
    assert "TaintToleration node(s) had untolerated taint(s) (the cycle ends here)" in text
    assert "NodeAffinity skipped" in text
    assert "in the way: has the taint gpu=yes:NoSchedule" in text
    assert "add the toleration gpu=yes:NoSchedule" in text
    text = flat(stowage("explain", "web", *CLUSTER, "--node", "large"))
    assert "TaintToleration 0 100 3 300" in text
    assert "passes all filters; number 2 of those that do" in text


def test_nothing_is_claimed_where_nothing_helps(stowage: Stowage, folder: Path) -> None:
    volume = "spec:\n  volumes: [{name: data, persistentVolumeClaim: {claimName: data}}]"
    lacking = (folder / "pod.yaml").read_text(encoding="utf-8").replace("spec:", volume)
    result = stowage("explain", "-", *CLUSTER, stdin=lacking)
    assert result.exit_code == 1
    assert "no small change is known that would make it fit" in flat(result)
    alone = stowage("explain", "-", *CLUSTER, "--node", "small", stdin=lacking)
    assert "no small change is known that would make it fit there" in flat(alone)


def test_an_attempt_that_ends_with_an_error(stowage: Stowage, folder: Path) -> None:
    term = "{weight: 1, preference: {matchExpressions: [{key: a, operator: Gt, values: [b]}]}}"
    preferred = f"nodeAffinity: {{preferredDuringSchedulingIgnoredDuringExecution: [{term}]}}"
    bad = (folder / "pod.yaml").read_text(encoding="utf-8").replace("spec:", f"spec:\n  affinity: {{{preferred}}}")
    result = stowage("explain", "-", *CLUSTER, stdin=bad)
    assert result.exit_code == 1
    assert "the attempt for default/tiny ends with an error" in flat(result)
    assert "the value must be an integer" in flat(result)


def test_the_table_ends_at_top(stowage: Stowage) -> None:
    text = flat(stowage("explain", "db-0", *CLUSTER, "--top", "1"))
    assert "more nodes that are refused: 2" in text
    assert "more nodes that pass: 1" in flat(stowage("explain", "web", *CLUSTER, "--top", "1"))


def test_json_has_everything(stowage: Stowage, folder: Path) -> None:
    result = stowage("explain", "db-0", *CLUSTER, "--json", "-")
    found = document(result)
    assert (result.exit_code, found["outcome"], found["node"], found["pod"]) == (
        1,
        "unschedulable",
        None,
        "default/db-0",
    )
    assert [each["node"] for each in found["nodes"]] == ["large", "gpu", "small"]
    assert found["fixes"][0]["changes"][0] == {
        "text": "free 1 cpu on large",
        "on": "node",
        "size": 0.125,
        "alternatives": [{"text": "request 1 less cpu", "on": "pod", "size": 1000 / 1500}],
    }
    assert found["nodes"][0]["verdicts"]["NodeResourcesFit"] == "Insufficient cpu"
    assert found["preemption"] == {"eligible": True, "node": None, "victims": [], "candidates": []}
    assert stowage("explain", "web", *CLUSTER, "--json", "out.json").exit_code == 0
    written = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    small = written["nodes"][0]
    assert (small["node"], small["total"]) == ("small", sum(each["weighted"] for each in small["scores"].values()))
    runner_up = written["runnerUp"]
    assert runner_up["margin"] == sum(runner_up["byPlugin"].values())
    assert (runner_up["node"], runner_up["decisive"]) == ("large", "NodeResourcesFit")


def test_annotations_are_printed_as_json(stowage: Stowage) -> None:
    result = stowage("explain", "web", *CLUSTER, "--annotations")
    assert result.exit_code == 0
    assert document(result)["kube-scheduler-simulator.sigs.k8s.io/selected-node"] == "small"


def test_annotations_go_where_the_json_goes(stowage: Stowage, folder: Path) -> None:
    result = stowage("explain", "web", *CLUSTER, "--annotations", "--json", "out.json")
    assert (result.exit_code, result.stdout) == (0, "")
    found = json.loads((folder / "out.json").read_text(encoding="utf-8"))
    assert found["kube-scheduler-simulator.sigs.k8s.io/selected-node"] == "small"


def test_a_pod_that_is_nominated(stowage: Stowage, folder: Path) -> None:
    nominated = (folder / "pod.yaml").read_text(encoding="utf-8") + "status: {nominatedNodeName: large}\n"
    (folder / "nominated.yaml").write_text(nominated, encoding="utf-8")
    result = stowage("explain", "nominated.yaml", *CLUSTER)
    assert result.exit_code == 0
    assert "default/tiny goes to large it is nominated to this node, so no other that passes is looked at" in flat(
        result
    )
    other = flat(stowage("explain", "nominated.yaml", *CLUSTER, "--node", "small"))
    assert "small is not looked at: the pod is nominated to large, which passes" in other
    assert document(stowage("explain", "nominated.yaml", *CLUSTER, "--json", "-"))["nominated"] is True


def test_nominations_of_others_count(stowage: Stowage, folder: Path) -> None:
    rival = """
---
apiVersion: v1
kind: Pod
metadata: {name: rival}
spec:
  priority: 1
  containers: [{name: main, image: "app:1", resources: {requests: {cpu: "2"}}}]
status: {nominatedNodeName: small}
"""
    (folder / "rival.yaml").write_text(rival, encoding="utf-8")
    result = stowage("explain", "web", *CLUSTER, "rival.yaml")
    assert "default/web goes to large" in result.output
    assert "no room beside the pods that are nominated to it: default/rival" in flat(result)


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("web",), "--cluster FILES is missing: the nodes that the pod could go to."),
        (("web", "cluster.yaml"), "Got unexpected argument 'cluster.yaml'; files of objects need --cluster."),
        (("wep", *CLUSTER), "cluster.yaml: Pod wep: is not there; did you mean web?"),
        (("two/web", *CLUSTER), "cluster.yaml: Pod two/web: is not there; did you mean default/web?"),
        (("xyz-1234", *CLUSTER), "cluster.yaml: Pod xyz-1234: is not there; there are db-0, runs, web and 1 more"),
        (("twin", *CLUSTER), "cluster.yaml: Pod twin: is the name of 2 pods: one/twin, two/twin; say which"),
        (("web", *CLUSTER, "--node", "larg"), "cluster.yaml: Node larg: is not there; did you mean large?"),
        (("web", "--cluster", "pod.yaml"), "pod.yaml: there is no node"),
        (("web", "--cluster", "gone.yaml"), "gone.yaml: cannot be read: No such file or directory"),
        (("cluster.yaml", *CLUSTER), "expected one pod, found 5: default/db-0, default/runs, default/web and 2 more"),
        (("web", *CLUSTER, "--profile", "gone.yaml"), "gone.yaml: KubeSchedulerConfiguration: cannot be read"),
        (("web", *CLUSTER, "--json", "gone/out.json"), "'gone/out.json' cannot be written: No such file or directory"),
        (("web", *CLUSTER, "--fixes", "-1"), "-1 is not in the range 0<=x<=1000"),
    ],
)  # fmt: skip
def test_bad_input(stowage: Stowage, args: tuple[str, ...], text: str) -> None:
    result = stowage("explain", *args)
    assert result.exit_code == 2
    assert text in result.stderr
    assert result.stdout == ""


def test_unknown_fields_are_refused_or_ignored(stowage: Stowage, folder: Path) -> None:
    odd = (folder / "pod.yaml").read_text(encoding="utf-8").replace("spec:", "spec:\n  colour: red")
    (folder / "odd.yaml").write_text(odd, encoding="utf-8")
    assert stowage("explain", "odd.yaml", *CLUSTER).exit_code == 2
    assert stowage("explain", "odd.yaml", *CLUSTER, "--validate", "ignore").exit_code == 0


def test_what_is_skipped_is_said(stowage: Stowage, folder: Path) -> None:
    (folder / "bad.yaml").write_text("apiVersion: v1\nkind: Node\nmetadata: {name: 'a b'}\n", encoding="utf-8")
    assert stowage("explain", "web", *CLUSTER, "bad.yaml").exit_code == 2
    result = stowage("explain", "web", *CLUSTER, "bad.yaml", "--skip-invalid")
    assert result.exit_code == 0
    assert "skipped what is invalid: bad.yaml: Node a b" in result.stderr


def test_a_preemption_against_a_budget_is_told(stowage: Stowage, folder: Path) -> None:
    budget = """
apiVersion: policy/v1
kind: PodDisruptionBudget
metadata: {name: keep}
spec: {minAvailable: 9, selector: {matchLabels: {a: b}}}
status: {disruptionsAllowed: 0}
"""
    (folder / "budget.yaml").write_text(budget, encoding="utf-8")
    pod = (
        (folder / "pod.yaml").read_text(encoding="utf-8").replace("500m", "7").replace("spec:", "spec:\n  priority: 9")
    )
    labelled = (
        (folder / "cluster.yaml").read_text(encoding="utf-8").replace("{name: runs}", "{name: runs, labels: {a: b}}")
    )
    (folder / "cluster.yaml").write_text(labelled, encoding="utf-8")
    text = flat(stowage("explain", "-", *CLUSTER, "budget.yaml", stdin=pod))
    assert "preemption would evict default/runs from large (1 of them against a disruption budget)" in text


@pytest.mark.parametrize("cached", [False, True])
def test_compiling_is_said_when_it_is_so(stowage: Stowage, monkeypatch: pytest.MonkeyPatch, cached: bool) -> None:
    monkeypatch.setattr(sched_core, "kernels_cached", lambda: cached)
    result = stowage("explain", "web", *CLUSTER)
    assert ("compiling kernels (first run on this machine, about 20 s)..." in result.stderr) == (not cached)
