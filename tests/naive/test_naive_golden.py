"""The naive twin against the golden decisions: only an oracle that agrees with kube-scheduler is one."""

from __future__ import annotations

import gzip
import json
from pathlib import Path
from typing import Any

import pytest

from .cycle import NaiveScheduler
from .order import node_order, pre_order, select_host

GOLDEN = Path(__file__).parents[3] / "shared" / "golden" / "sched"
FAMILIES = [
    "fit",
    "balanced",
    "mostallocated",
    "requestedtocapacityratio",
    "taints",
    "nodeaffinity",
    "ports",
    "images",
    "unschedulable",
    "podaffinity",
    "podantiaffinity",
    "spread",
]


@pytest.mark.parametrize("family", FAMILIES)
def test_decisions(family: str) -> None:
    """Every entry of every scenario is the expected one, field by field."""
    path = GOLDEN / f"{family}.json.gz"
    if not path.exists():
        pytest.skip("no golden data beside the repository")
    with gzip.open(path) as file:
        scenarios: list[dict[str, Any]] = json.load(file)
    assert scenarios
    for scenario in scenarios:
        scheduler = NaiveScheduler(scenario["objects"], scenario.get("config"))
        for index, (pod, expected) in enumerate(zip(scenario["pods"], scenario["expect"], strict=True)):
            assert scheduler.schedule(pod, index) == expected, (scenario["name"], index)


def test_select_host_is_first_best_in_pre_order() -> None:
    """The heap and the walk in pre-order find the same node for all small arrays of three different totals."""
    for size in range(1, 9):
        for number in range(3**size):
            totals = [number // 3**i % 3 for i in range(size)]
            walked = next(i for i in pre_order(size) if totals[i] == max(totals))
            assert select_host(totals) == walked, totals


def test_pre_order_as_specified() -> None:
    """The worked examples of the specification."""
    assert pre_order(7) == [0, 1, 3, 4, 2, 5, 6]
    assert pre_order(12) == [0, 1, 3, 7, 8, 4, 9, 10, 2, 5, 11, 6]
    assert select_host([5, 7, 9, 9]) == 3


def test_node_order_goes_round_the_zones() -> None:
    """Zones with 3, 1 and 2 nodes; a beta label hides the one that followed it, nodes without zone are a zone."""

    def node(name: str, **labels: str) -> dict[str, Any]:
        return {"metadata": {"name": name, "labels": {key.replace("_", "/"): one for key, one in labels.items()}}}

    zone, beta = "topology.kubernetes.io_zone", "failure-domain.beta.kubernetes.io_zone"
    nodes = [node("a0", **{zone: "a"}), node("a1", **{zone: "b", beta: "a"}), node("b0", **{zone: "b"})]
    nodes += [node("c0"), node("a2", **{zone: "a"}), node("c1", **{zone: "a", beta: ""})]
    assert node_order(nodes) == ["a0", "b0", "c0", "a1", "c1", "a2"]
