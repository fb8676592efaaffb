"""DefaultPreemption against a naive twin on random clusters; a dry run leaves no trace."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sched_core import Cluster, Engine, load_documents
from tests.naive.preemption import candidate, fits, price
from tests.plugins.tiny import Json, node

PRIORITIES = [-(2**31), -10, 0, 0, 5, 5, 100]


def random_pod(rng: random.Random, name: str, ports: list[int]) -> Json:
    container: Json = {"name": "main", "resources": {"requests": {"cpu": f"{rng.choice([0, 100, 500, 1000, 2000])}m"}}}
    if ports and rng.random() < 0.2:
        container["ports"] = [{"containerPort": 1, "hostPort": ports.pop()}]
    meta = {
        "name": name,
        "namespace": rng.choice(["default", "team"]),
        "labels": rng.choice([{}, {"a": "x"}, {"a": "y"}]),
    }
    return {
        "apiVersion": "v1",
        "kind": "Pod",
        "metadata": meta,
        "spec": {"containers": [container], "priority": rng.choice(PRIORITIES)},
    }


def random_budget(rng: random.Random, number: int, names: list[str]) -> Json:
    disrupted = {name: "2026-01-01T00:00:00Z" for name in names if rng.random() < 0.1}
    selector = {"matchLabels": rng.choice([{}, {"a": "x"}, {"a": "y"}])}
    return {
        "apiVersion": "policy/v1",
        "kind": "PodDisruptionBudget",
        "metadata": {"name": f"budget-{number}", "namespace": rng.choice(["default", "team"])},
        "spec": {"selector": selector},
        "status": {"disruptionsAllowed": rng.randrange(3), "disruptedPods": disrupted},
    }


def random_world(rng: random.Random) -> tuple[list[Json], dict[str, list[Json]], list[Json]]:
    """Return nodes, the pods on each by its name, and budgets. No two pods of a node start at the same time."""
    nodes = [{"apiVersion": "v1", **node(f"n{number}")} for number in range(rng.randint(1, 6))]
    placed: dict[str, list[Json]] = {}
    for each in nodes:
        each["status"]["allocatable"] = {
            "cpu": rng.choice(["2", "3", "4"]),
            "memory": "1Gi",
            "pods": rng.choice(["4", "9"]),
        }
        ports = [80, 443]
        pods = [random_pod(rng, f"{each['metadata']['name']}-{number}", ports) for number in range(rng.randint(1, 8))]
        seconds = rng.sample(range(60), len(pods))
        for pod, second in zip(pods, seconds, strict=True):
            pod["spec"]["nodeName"] = each["metadata"]["name"]
            pod["status"] = {"phase": "Running", "startTime": f"2026-01-01T00:00:{second:02d}Z"}
        placed[each["metadata"]["name"]] = pods
    names = [pod["metadata"]["name"] for pods in placed.values() for pod in pods]
    return nodes, placed, [random_budget(rng, number, names) for number in range(rng.randrange(5))]


def everything(cluster: Cluster) -> list[Any]:
    """Return all that a dry run could leave a trace in."""
    nodes, pods = cluster.nodes, cluster.nodes.pods
    columns = (nodes.requested, nodes.nonzero_requested, nodes.used_ports, nodes.pod_count, nodes.log, nodes.log_head)
    table = (pods.class_of, pods.node_of, pods.priority, pods.start_time)
    keys = [pods.key(number) for number in range(pods.count)]
    arrays: list[Any] = [*columns, *table]
    return [*(array.tobytes() for array in arrays), pods.count, pods.placed, keys, nodes.object_version]


@pytest.mark.parametrize("seed", range(60))
def test_the_twin_finds_the_same(seed: int) -> None:
    rng = random.Random(seed)
    nodes, placed, budgets = random_world(rng)
    objects = [*nodes, *(pod for pods in placed.values() for pod in pods), *budgets]
    engine = Engine(Cluster.from_objects(load_documents(objects)), speed="cycle")
    rivals: dict[str, list[Json]] = {}
    for number in range(rng.randrange(3)):
        rival, where = random_pod(rng, f"rival-{number}", [80]), rng.choice(list(placed))
        rivals.setdefault(where, []).append(rival)
        engine.nominate(load_documents([rival]).pods[0], where)
    for number in range(4):
        waiting = random_pod(rng, f"new-{number}", [80])
        before = everything(engine.cluster)
        decision = engine.evaluate(load_documents([waiting]).pods[0], all_nodes=True)
        assert everything(engine.cluster) == before
        feasible = [
            name for name, (each, pods) in zip(placed, zip(nodes, placed.values(), strict=True), strict=True)
            if fits(waiting, each, pods, rivals.get(name, []))
        ]  # fmt: skip
        assert sorted(decision.feasible) == sorted(feasible)
        if feasible:
            assert decision.preemption is None
            continue
        expected = {}
        for each, (name, pods) in zip(nodes, placed.items(), strict=True):
            found = candidate(waiting, each, pods, rivals.get(name, []), budgets)
            if found is not None and len(found[0]):
                expected[name] = found
        assert decision.preemption is not None and decision.preemption.eligible
        assert {each.node: (list(each.victims), each.pdb_violations) for each in decision.preemption.candidates} == {
            name: ([f"{pod['metadata']['namespace']}/{pod['metadata']['name']}" for pod in victims], broken)
            for name, (victims, broken) in expected.items()
        }
        prices = {name: price(*found) for name, found in expected.items()}
        tied = [name for name in prices if prices[name] == min(prices.values())]
        assert sorted(decision.preemption.tied) == sorted(tied)


def test_the_worlds_are_worth_it() -> None:
    found = 0
    for seed in range(60):
        rng = random.Random(seed)
        nodes, placed, budgets = random_world(rng)
        objects = [*nodes, *(pod for pods in placed.values() for pod in pods), *budgets]
        engine = Engine(Cluster.from_objects(load_documents(objects)), speed="cycle")
        waiting = {
            **random_pod(rng, "new", []),
            "spec": {"containers": [{"name": "main", "resources": {"requests": {"cpu": "2"}}}], "priority": 50},
        }
        preemption = engine.evaluate(load_documents([waiting]).pods[0], all_nodes=True).preemption
        found += preemption is not None and any(each.pdb_violations for each in preemption.candidates)
    assert found > 5
