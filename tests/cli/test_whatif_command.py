"""``stowage whatif``: what it prints, its JSON, its exit statuses and its errors."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result

Stowage = Callable[..., Result]
CLUSTER = ("--cluster", "cluster.yaml")


def flat(result: Result) -> str:
    return " ".join(result.output.split())


@pytest.fixture(autouse=True)
def plain_pods(folder: Path) -> None:
    """Leave out the pods that no profile tries."""
    text = (folder / "cluster.yaml").read_text(encoding="utf-8").split("---")
    (folder / "cluster.yaml").write_text("---".join(part for part in text if "twin" not in part), encoding="utf-8")


def test_nodes_like_one_that_is_there(stowage: Stowage) -> None:
    result = stowage("whatif", *CLUSTER, "--add-nodes", "2=large")
    assert result.exit_code == 0
    text = flat(result)
    assert "1 would get a node, 0 would be pending" in text
    assert "nodes 3 5" in text
    assert "pods pending 1 0" in text
    assert "placed that had no node: default/db-0" in text


def test_nodes_of_a_file(stowage: Stowage, folder: Path) -> None:
    node = "apiVersion: v1\nkind: Node\nmetadata: {name: n}\nstatus: {allocatable: {cpu: 1, memory: 1Gi, pods: 9}}\n"
    (folder / "node.yaml").write_text(node, encoding="utf-8")
    result = stowage("whatif", *CLUSTER, "--add-nodes", "node.yaml")
    assert result.exit_code == 1
    assert "nodes 3 4" in flat(result)


def test_a_drained_node(stowage: Stowage) -> None:
    result = stowage("whatif", *CLUSTER, "--drain", "large")
    assert result.exit_code == 1
    text = flat(result)
    assert "0 pods would run elsewhere, 0 would get a node, 2 would be pending" in text
    assert "without a node that had one: default/runs" in text
    assert "nodes that become empty: large" in text
    assert "1 node(s) were unschedulable" in text


def test_a_node_that_goes(stowage: Stowage) -> None:
    text = flat(stowage("whatif", *CLUSTER, "--remove", "gpu"))
    assert "nodes 3 2" in text


def test_pods_of_a_file(stowage: Stowage) -> None:
    result = stowage("whatif", *CLUSTER, "--add-pods", "30=pod.yaml", "--top", "2")
    assert result.exit_code == 1
    text = flat(result)
    assert "placed that had no node: default/tiny-1, default/tiny-2 and" in text
    assert "4 would get a node, 27 would be pending" in text


def test_another_weight_moves_pods(stowage: Stowage) -> None:
    options = ("--weight", "NodeResourcesFit=0", "--weight", "NodeResourcesBalancedAllocation=9")
    result = stowage("whatif", *CLUSTER, *options)
    assert "1 pod would run elsewhere" in flat(result)
    assert "default/web small large" in flat(result)


def test_another_profile(stowage: Stowage, folder: Path) -> None:
    profile = """
apiVersion: kubescheduler.config.k8s.io/v1
kind: KubeSchedulerConfiguration
profiles:
  - plugins: {filter: {disabled: [{name: TaintToleration}]}}
"""
    (folder / "profile.yaml").write_text(profile, encoding="utf-8")
    result = stowage("whatif", *CLUSTER, "--new-profile", "profile.yaml")
    assert (result.exit_code, "placed that had no node: default/db-0" in flat(result)) == (0, True)


def test_everything_from_scratch(stowage: Stowage) -> None:
    result = stowage("whatif", *CLUSTER, "--reschedule-all")
    text = flat(result)
    assert result.exit_code == 1 and "pods with a node 2 2" in text
    assert "placed that had no node: default/db-0 without a node that had one: default/runs" in text
    both = stowage("whatif", *CLUSTER, "--reschedule-all", "--weight", "ImageLocality=2", "--json", "-")
    found = json.loads(both.stdout)
    assert found["moved"] == []  # both sides from scratch, and that weight makes no difference


def test_preemption_is_only_told(stowage: Stowage, folder: Path) -> None:
    text = (
        (folder / "pod.yaml").read_text(encoding="utf-8").replace("500m", "7").replace("spec:", "spec:\n  priority: 9")
    )
    (folder / "pressing.yaml").write_text(text, encoding="utf-8")
    result = stowage("whatif", *CLUSTER, "--add-pods", "pressing.yaml")
    assert "preemption would make room for 1 of them; nobody was evicted here" in flat(result)


def test_json(stowage: Stowage) -> None:
    found = json.loads(stowage("whatif", *CLUSTER, "--drain", "large", "--json", "-").stdout)
    assert found["evicted"] == ["default/runs"]
    assert (found["before"]["nodes"], found["before"]["placed"], found["after"]["placed"]) == (3, 2, 1)
    assert [each["pod"] for each in found["after"]["pending"]] == ["default/db-0", "default/runs"]
    assert found["before"]["nodeOf"] == {"default/runs": "large", "default/web": "small"}


@pytest.mark.parametrize(
    ("args", "text"),
    [
        (("--drain", "large"), "--cluster FILES is missing."),
        (CLUSTER, "Nothing is to be changed: see --help for what can be."),
        ((*CLUSTER, "--drain", "lrage"), "cluster.yaml: Node lrage: is not there; did you mean large?"),
        ((*CLUSTER, "--add-nodes", "2=smal"), "cluster.yaml: Node smal: is not there; did you mean small?"),
        ((*CLUSTER, "--add-nodes", "0=small"), "'0=small' is not of the form N=NODE|FILE (N from 1 to 1,000,000)."),
        ((*CLUSTER, "--add-nodes", "pod.yaml"), "pod.yaml: there is no node"),
        ((*CLUSTER, "--weight", "NodeResourceFit=2"),
         '"NodeResourceFit" scores in no profile; did you mean NodeResourcesFit?'),
        ((*CLUSTER, "--weight", "NodeResourcesFit"),
         "'NodeResourcesFit' is not of the form PLUGIN=WEIGHT (0 leaves the score out)."),
        ((*CLUSTER, "--add-pods", "gone.yaml"), "gone.yaml: cannot be read"),
    ],
)  # fmt: skip
def test_bad_input(stowage: Stowage, args: tuple[str, ...], text: str) -> None:
    result = stowage("whatif", *args)
    assert (result.exit_code, result.stdout) == (2, "")
    assert text in result.stderr


def test_a_file_without_pods(stowage: Stowage, folder: Path) -> None:
    (folder / "node.yaml").write_text("apiVersion: v1\nkind: Node\nmetadata: {name: n}\n", encoding="utf-8")
    result = stowage("whatif", *CLUSTER, "--add-pods", "node.yaml")
    assert (result.exit_code, "node.yaml: there is no pod" in result.stderr) == (2, True)
