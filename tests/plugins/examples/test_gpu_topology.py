"""GpuTopology: which GPUs pods get, and which nodes have them wired together."""

from __future__ import annotations

from typing import Any

from plugins.examples.gpu_topology import GPU, GROUP_SIZE, GpuTopology
from sched_core import Engine, Pod
from tests.plugins.examples.alone import engine_of, scores, waiting
from tests.plugins.tiny import Json, Tiny, node


def machine(name: str, gpus: int, group: int | None = None) -> Json:
    labels = {GROUP_SIZE: str(group)} if group else {}
    return node(name, labels=labels, allocatable={"cpu": "64", "memory": "64Gi", "pods": "110", GPU: str(gpus)})


def job(name: str, gpus: int) -> Pod:
    return waiting(name, requests={GPU: str(gpus)} if gpus else {})


def free(engine: Engine) -> list[list[int]]:
    columns: Any = engine.cluster.nodes
    return columns.own("gpu_free").T.tolist()  # type: ignore[no-any-return]


def test_pods_take_the_group_with_the_fewest_that_they_fit_into() -> None:
    engine = engine_of(Tiny(machine("a", 8, 4)), GpuTopology)
    for name, gpus in (("one", 1), ("two", 2), ("four", 4)):
        assert engine.schedule(job(name, gpus)).node == "a"
    assert free(engine) == [[0, 0, 0, 1, 0, 0, 0, 0]]
    engine.forget("default/two")
    engine.forget("default/four")
    assert free(engine) == [[0, 1, 1, 1, 1, 1, 1, 1]]
    engine.schedule(job("five", 5))  # fits into no group: takes what there is
    assert free(engine) == [[0, 0, 0, 0, 0, 0, 1, 1]]
    assert engine.schedule(job("three", 3)).node is None
    engine.forget("default/one")
    engine.forget("default/five")
    assert free(engine) == [[1] * 8]


def test_nodes_are_scored_by_what_would_be_left_in_the_group() -> None:
    nodes = [machine("pairs", 8, 2), machine("fours", 8, 4), machine("whole", 8), machine("few", 2, 4)]
    engine = engine_of(Tiny(*nodes), GpuTopology)
    assert scores(engine, job("two", 2)) == {"pairs": 100, "fours": 90, "whole": 70, "few": 100}
    assert scores(engine, job("six", 6)) == {"pairs": 12, "fours": 25, "whole": 90}
    assert scores(engine, job("none", 0)) == {"pairs": 0, "fours": 0, "whole": 0, "few": 0}
    assert engine.evaluate(job("nine", 9)).node is None


def test_pods_that_run_already_have_their_gpus() -> None:
    running = {"metadata": {"name": "old"}, "kind": "Pod", "spec": {"nodeName": "a", "containers": [
        {"name": "c", "image": "i", "resources": {"requests": {GPU: "3"}, "limits": {GPU: "3"}}}]}}  # fmt: skip
    engine = engine_of(Tiny(machine("a", 4, 4), running), GpuTopology)
    assert free(engine) == [[0, 0, 0, 1, 0, 0, 0, 0]]
    state = engine.snapshot()
    engine.schedule(job("one", 1))
    assert free(engine) == [[0] * 8]
    engine.restore(state)
    assert free(engine) == [[0, 0, 0, 1, 0, 0, 0, 0]]
