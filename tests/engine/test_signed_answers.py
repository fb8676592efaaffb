"""What signed plugins say is asked once a signature until a node object changes; others are asked every time."""

from __future__ import annotations

from collections import Counter
from typing import Any

import numpy as np
import pytest

from sched_core import Engine, Plugin, Verdicts, load_config
from sched_core.engine import signed
from tests.engine.worlds import cluster_of, node, node_record, pod, records

asked: Counter[str] = Counter()


class Counted(Plugin):
    """Refuses nodes whose name a label of the pod has, and scores the others alike."""

    name = "Counted"

    def filter(self, state: Any, pod: Any, nodes: Any) -> Verdicts:
        asked[f"{self.name}.filter"] += 1
        unwanted = pod.pod.metadata.labels.get("not-on")
        return Verdicts.refuse(np.array([name == unwanted for name in nodes.names]), "unwanted")

    def score(self, state: Any, pod: Any, nodes: Any) -> Any:
        asked[f"{self.name}.score"] += 1
        return np.full(nodes.count, 7)


class Signed(Counted):
    name = "Signed"

    def sign_pod(self, pod: Any) -> Any:
        return pod.pod.metadata.labels.get("not-on")


class Unhashable(Counted):
    name = "Unhashable"

    def sign_pod(self, pod: Any) -> Any:
        return [pod.key]


def engine_with(plugin: type[Plugin], nodes: int = 3) -> Engine:
    enabled = [{"name": name} for name in ("PrioritySort", "DefaultBinder", plugin.name)]
    profile = {"plugins": {"multiPoint": {"disabled": [{"name": "*"}], "enabled": enabled}}}
    config = load_config(
        {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration", "profiles": [profile]}
    )
    asked.clear()
    cluster = cluster_of([node(f"n{number}") for number in range(nodes)])
    return Engine(cluster, config, speed="cycle", plugins={plugin.name: plugin})


def feasible(engine: Engine, name: str, unwanted: str) -> list[str]:
    made = pod(name)
    made["metadata"]["labels"] = {"not-on": unwanted}
    decision = engine.evaluate(records([made])[0])
    assert all(scores.tolist() == [7] * len(decision.feasible) for scores in decision.scores.values())
    return decision.feasible


def test_each_signature_is_asked_about_once() -> None:
    engine = engine_with(Signed)
    for name in "ab":
        assert feasible(engine, name, "n0") == ["n1", "n2"]
        assert feasible(engine, name, "n1") == ["n0", "n2"]
        assert feasible(engine, name, "nowhere") == ["n0", "n1", "n2"]
    assert asked == {"Signed.filter": 3, "Signed.score": 3}


def test_a_node_object_that_changes_is_asked_about_anew() -> None:
    engine = engine_with(Signed)
    assert feasible(engine, "a", "late") == ["n0", "n1", "n2"]
    engine.cluster.add_node(node_record(node("late")))
    assert feasible(engine, "a", "late") == ["n0", "n1", "n2"]
    assert feasible(engine, "a", "n0") == ["n1", "n2", "late"]


@pytest.mark.parametrize("plugin", [Counted, Unhashable])
def test_without_a_signature_that_can_be_kept_every_pod_is_asked_about(plugin: type[Plugin]) -> None:
    engine = engine_with(plugin)
    for _ in range(2):
        assert feasible(engine, "a", "n0") == ["n1", "n2"]
    assert asked == {f"{plugin.name}.filter": 2, f"{plugin.name}.score": 2}


def test_answers_are_forgotten_when_there_are_too_many(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(signed, "KEPT_BYTES", 3 * 8 * 4)
    engine = engine_with(Signed)
    for _ in range(3):
        for number in range(3):
            assert feasible(engine, "a", f"n{number}") == [f"n{other}" for other in range(3) if other != number]
    assert asked["Signed.filter"] > 3
