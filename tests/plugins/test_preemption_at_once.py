"""Dry runs on many nodes at once against those node by node, on random clusters and for a user's own plugin."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from sched_core import (
    Cluster,
    Code,
    CycleState,
    Decision,
    Diagnosis,
    Engine,
    NodeColumns,
    Plugin,
    PodInfo,
    PostFilterResult,
    Verdicts,
    load_config,
    load_documents,
    unschedulable,
)
from sched_core.engine.dry_run import DryRuns
from tests.plugins.test_default_preemption_naive import everything, random_budget, random_pod
from tests.plugins.tiny import Json, node

HEADER = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


def random_world(rng: random.Random) -> list[Json]:
    """Return nodes with taints and labels, pods that started at few different times or not at all, and budgets."""
    objects: list[Json] = []
    crowd = rng.choice([1, 5, 7, 9])
    for number in range(rng.choice([1, 5, 30, 90])):
        each = {"apiVersion": "v1", **node(f"n{number}", labels={"disk": rng.choice(["ssd", "hdd"])})}
        amounts = {"cpu": rng.choice(["3", "4"]), "memory": "1Gi", "pods": rng.choice(["3", "9", "20"])}
        each["status"]["allocatable"] = amounts
        if rng.random() < 0.1:
            each["spec"] = {"taints": [{"key": "dedicated", "value": "x", "effect": "NoSchedule"}]}
        objects.append(each)
        ports = [80, 443]
        for count in range(rng.choice([crowd, crowd + 3, crowd + 9])):
            placed = random_pod(rng, f"n{number}-{count}", ports)
            placed["spec"]["nodeName"] = f"n{number}"
            second = rng.choice([None, 1, 2, 30])
            placed["status"] = {} if second is None else {"startTime": f"2026-01-01T00:00:{second:02d}Z"}
            objects.append(placed)
    names = [each["metadata"]["name"] for each in objects if each["kind"] == "Pod"]
    return objects + [random_budget(rng, number, names) for number in range(rng.choice([0, 2, 8]))]


def wanting(rng: random.Random, name: str) -> Json:
    raw = random_pod(rng, name, [80])
    raw["spec"]["containers"][0]["resources"]["requests"]["cpu"] = rng.choice(["1", "2", "3", "4"])
    raw["spec"]["priority"] = rng.choice([0, 5, 50, 100])
    if rng.random() < 0.3:
        raw["spec"]["nodeSelector"] = {"disk": "ssd"}
    return raw


def outcome(decision: Decision) -> Any:
    found = decision.preemption
    candidates = [(each.node, list(each.victims), each.pdb_violations) for each in found.candidates] if found else None
    return decision.message, decision.nominated_node, decision.post_filter, candidates, found and found.tied


def preempting(rng: random.Random) -> Any:
    args = {
        "minCandidateNodesPercentage": rng.choice([0, 10, 100]),
        "minCandidateNodesAbsolute": rng.choice([1, 3, 20, 100]),
    }
    profile = {"pluginConfig": [{"name": "DefaultPreemption", "args": args}]}
    return load_config({**HEADER, "percentageOfNodesToScore": 100, "profiles": [profile]})


def world_of(rng: random.Random) -> Engine:
    """Return an engine on a random cluster with some pods nominated to its nodes."""
    engine = Engine(Cluster.from_objects(load_documents(random_world(rng))), preempting(rng), speed="cycle")
    for number in range(rng.choice([0, 1, 8])):
        rival = load_documents([wanting(rng, f"rival-{number}")]).pods[0]
        engine.nominate(rival, rng.choice(engine.cluster.nodes.names))
    return engine


@pytest.mark.parametrize("seed", range(60))
def test_many_nodes_at_once_give_what_each_gives_alone(seed: int, monkeypatch: pytest.MonkeyPatch) -> None:
    rng = random.Random(seed)
    engine = world_of(rng)
    before = everything(engine.cluster)
    for number in range(8):
        pod = load_documents([wanting(rng, f"new-{number}")]).pods[0]
        at_once = engine.evaluate(pod, all_nodes=number == 7)
        assert everything(engine.cluster) == before
        with monkeypatch.context() as patch:
            patch.setattr(DryRuns, "on_rows", lambda runs, rows: None)
            alone = engine.evaluate(pod, all_nodes=number == 7)
        assert outcome(at_once) == outcome(alone)


def test_the_worlds_are_worth_it() -> None:
    found = broken = 0
    for seed in range(60):
        rng = random.Random(seed)
        engine = world_of(rng)
        decision = engine.evaluate(load_documents([wanting(rng, "new")]).pods[0])
        found += bool(decision.victims)
        broken += decision.preemption is not None and any(
            each.pdb_violations for each in decision.preemption.candidates
        )
    assert found > 15 and broken > 2


class Lenient(Plugin):
    """Refuses all nodes while the whole cluster is looked at, none in a dry run on one node."""

    name = "Lenient"
    once = True

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        refused, self.once = nodes.alive & self.once, False
        return Verdicts.refuse(refused, "not now", Code.Unschedulable)


class Signed(Lenient):
    """The same as if it read nothing of placed pods, which is run on many nodes at once."""

    name = "Signed"

    def sign_pod(self, pod: PodInfo) -> tuple[str, ...]:
        return ()


class Fragile(Plugin):
    """Fails on a node once the pods there are gone."""

    name = "Fragile"

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        errors = {row: f"{nodes.names[row]} is empty" for row in range(nodes.count) if not len(nodes.pods.on(row))}
        return Verdicts.refuse(nodes.alive & False, "")._replace(errors=errors)


def with_plugin(plugin: type[Plugin], *points: str) -> Engine:
    disabled = [{"name": "DefaultPreemption"}] if points == ("postFilter",) else []
    enabled = {point: {"enabled": [{"name": plugin.name}], "disabled": disabled} for point in points}
    config = load_config({**HEADER, "profiles": [{"plugins": enabled}]})
    objects: list[Json] = []
    for name in ("a", "b"):
        objects.append({"apiVersion": "v1", **node(name, allocatable={"cpu": "4", "memory": "1Gi", "pods": "9"})})
        for number in range(2):
            old = {**random_pod(random.Random(1), f"{name}-{number}", []), "status": {}}
            old["spec"] = {"containers": [cpu("2")], "priority": number, "nodeName": name}
            objects.append(old)
    return Engine(Cluster.from_objects(load_documents(objects)), config, speed="cycle", plugins={plugin.name: plugin})


def cpu(amount: str) -> Json:
    return {"name": "main", "resources": {"requests": {"cpu": amount}}}


def newcomer(amount: str) -> Any:
    raw = random_pod(random.Random(1), "new", [])
    return load_documents([raw | {"spec": {"containers": [cpu(amount)], "priority": 9}}]).pods[0]


@pytest.mark.parametrize("plugin", [Lenient, Signed])
def test_a_node_that_takes_the_pod_with_everybody_back_is_an_error(plugin: type[Plugin]) -> None:
    decision = with_plugin(plugin, "filter").evaluate(newcomer("0"))
    texts = [f'expected at least one victim pod on node "{name}"' for name in ("a", "b")]
    assert decision.message.endswith(f"preemption: [{', '.join(texts)}]")
    assert decision.post_filter is not None and decision.post_filter.code == Code.Error
    assert decision.nominated_node is None


def test_filters_that_fail_in_every_dry_run_are_an_error() -> None:
    decision = with_plugin(Fragile, "filter").evaluate(newcomer("4"))
    texts = [f'running "Fragile" filter plugin: {name} is empty' for name in ("a", "b")]
    assert decision.message.endswith(f"preemption: [{', '.join(texts)}]")


class Biggest(Plugin):
    """A PostFilter of a user: which single pod of lower priority would make room, and where."""

    name = "Biggest"

    def post_filter(
        self, state: CycleState, pod: PodInfo, nodes: NodeColumns, diagnosis: Diagnosis
    ) -> PostFilterResult:
        rows = np.flatnonzero(diagnosis.codes == Code.Unschedulable)
        placed = self.handle.lower_pods(pod.priority)
        run = self.handle.dry_runs(state, pod).on_rows(rows)
        assert run is not None
        at, numbers = placed.on(rows)
        first = np.searchsorted(at, np.arange(len(rows)))
        run.remove(at[first], numbers[first])
        refusals = run.refusals()
        text = ", ".join(f"{nodes.names[rows[index]]} without {nodes.pods.key(numbers[first[index]])}"
                         for index in np.flatnonzero(refusals.passed).tolist())  # fmt: skip
        said = refusals.statuses(np.ones(len(rows), bool))
        return PostFilterResult(unschedulable(text or str([(each.reasons, n) for each, n in said.items()])))


def test_plugins_of_users_can_run_many_nodes_at_once() -> None:
    engine = with_plugin(Biggest, "postFilter")
    before = everything(engine.cluster)
    names = [engine.cluster.nodes.pods.key(number) for number in (0, 2)]
    message = engine.evaluate(newcomer("2")).message
    assert f"a without {names[0]}, b without {names[1]}" in message
    assert "[(('Insufficient cpu',), 2)]" in engine.evaluate(newcomer("4")).message
    assert everything(engine.cluster) == before
