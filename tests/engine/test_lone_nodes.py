"""Pods of which PreFilter names one node (DaemonSets): compiled code decides as the cycle does, and keeps nothing."""

from __future__ import annotations

import random
from typing import Any

import pytest

from sched_core import Engine
from tests.engine.test_speeds_equal import hold
from tests.engine.worlds import ALL_NODES, Event, Json, World, cluster_of, looking_at, node, pod, records

HOST = "kubernetes.io/hostname"


def daemon(name: str, at: str, requests: Json, **spec: Any) -> Json:
    """Return a pod as the controller of DaemonSets makes it."""
    fields = [{"key": "metadata.name", "operator": "In", "values": [at]}]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": fields}]}}
    affinity = {"nodeAffinity": required, **spec.pop("affinity", {})}
    return pod(name, requests, affinity=affinity, **spec)


def history(rng: random.Random, *, alone: bool) -> World:
    """Return 130 nodes, some tainted or small, with daemons among other pods; with ``alone`` no two share a node."""
    taint = {"key": "dedicated", "value": "x", "effect": "NoSchedule"}
    names = [f"n{number}" for number in range(130)]
    objects = [
        node(name, taints=[taint] if rng.random() < 0.2 else [], pods=rng.choice(["2", "110"]), cpu=rng.choice("24"))
        for name in names
    ]
    apart = {"podAntiAffinity": {"requiredDuringSchedulingIgnoredDuringExecution": [
        {"topologyKey": HOST, "labelSelector": {"matchLabels": {"app": "daemon"}}}
    ]}}  # fmt: skip
    waiting: list[Json] = []
    for number in range(400):
        dice = rng.random()
        requests = {"cpu": rng.choice(["100m", "100m", "100m", "1500m"])}
        if dice < 0.6:
            tolerant = {"tolerations": [{"operator": "Exists"}]} if rng.random() < 0.5 else {}
            at = rng.choice([*names[:40], "gone"]) if rng.random() < 0.7 else rng.choice(names)
            made = daemon(f"p{number}", at, requests, **tolerant, **({"affinity": apart} if alone else {}))
            made["metadata"]["labels"] = {"app": "daemon"}
        else:
            made = pod(f"p{number}", requests)
        waiting.append(made)
    events = [Event(rng.randrange(400), "forget", f"default/p{rng.randrange(400)}") for _ in range(20)]
    return World(objects, records(waiting), sorted(events, key=lambda event: event.before))


@pytest.mark.parametrize("percentage", [0, 5, 100])
@pytest.mark.parametrize("alone", [False, True])
@pytest.mark.parametrize("seed", range(2))
def test_equal_to_the_cycle(percentage: int, alone: bool, seed: int) -> None:
    """Nodes that are full, tainted or gone, among pods that look at all nodes or a part of them; none goes alone.

    What is compared includes the index at which the next scan begins: it moves by the one node.
    """
    rng = random.Random(f"{percentage} {alone} {seed}")
    used = hold(history(rng, alone=alone), seed, looking_at(percentage))
    assert used["cycle"] == 0


def test_nothing_is_kept_for_each_node() -> None:
    """A DaemonSet has a class for each node: static results, as long as there are nodes, are those of other pods."""
    names = [f"n{number}" for number in range(300)]
    engine = Engine(cluster_of([node(name) for name in names]), ALL_NODES)
    waiting = [daemon(f"d-{name}", name, {"cpu": "100m"}) for name in names]
    batch = engine.schedule_many(records([*waiting, pod("other", {"cpu": "1"})]))
    assert [names[row] for row in batch.node_of[:300]] == names
    assert batch.scheduled == 301
    sides = engine.sides("default-scheduler")
    assert sides is not None and sides.compiled is not None and sides.compiled.static.count == 1
