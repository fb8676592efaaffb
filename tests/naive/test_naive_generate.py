"""The random clusters are ones that the twin can decide, they cover every outcome, and seeds repeat."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

from hypothesis import given, settings

from .cycle import NaiveScheduler
from .generate import RandomCluster, clusters, random_cluster
from .scores import SCORED

Json = dict[str, Any]


def entries(cluster: RandomCluster) -> list[Json]:
    objects, pods, config = cluster
    scheduler = NaiveScheduler(objects, config)
    return [scheduler.schedule(pod, index) for index, pod in enumerate(pods)]


@settings(max_examples=60, deadline=None)
@given(clusters())
def test_entries_are_whole(cluster: RandomCluster) -> None:
    """Each node is feasible or not, and nothing but; the node taken has the highest total of scores within range."""
    names = sorted(one["metadata"]["name"] for one in cluster[0] if one["kind"] == "Node")
    for entry in entries(cluster):
        if "skipped" in entry or "error" in entry or not names:
            continue
        rejected = [name for named in entry.get("infeasible", {}).values() for name in named]
        assert sorted(entry["feasible"] + rejected) == names
        assert set(entry.get("unresolvable", [])) <= set(rejected)
        assert ("chosen" in entry) == bool(entry["feasible"]) != ("message" in entry)
        if "total" in entry:
            assert entry["best"] == sorted(
                name for name, total in entry["total"].items() if total == max(entry["total"].values())
            )
            assert all(0 <= score <= 100 for scores in entry["scores"].values() for score in scores.values())


def test_every_outcome_comes_up() -> None:
    """A fixed set of seeds has all kinds of entries, rejections by all filters, and differing scores of all scorers."""
    outcomes: Counter[str] = Counter()
    for seed in range(150):
        for entry in entries(random_cluster(random.Random(seed), nodes=8, pods=8, running=12)):
            kind = "error" if "error" in entry else entry.get("skipped", "")
            outcomes[kind or ("unschedulable" if "message" in entry else "scored" if "total" in entry else "one")] += 1
            outcomes.update({key.split("|")[0] for key in entry.get("infeasible", {})})
            outcomes.update(
                {f"differ: {one}" for one, of in entry.get("scores", {}).items() if len({*of.values()}) > 1}
            )
    kinds = {"error", "unknownSchedulerName", "deleting", "preEnqueue", "unschedulable", "one", "scored"}
    filters = {"NodeUnschedulable", "NodeName", "TaintToleration", "NodeAffinity", "NodePorts", "NodeResourcesFit"}
    wanted = kinds | filters | {"", "NodeDeclaredFeatures"} | {f"differ: {one}" for one in SCORED}
    assert not {one for one in wanted if outcomes[one] < 5}, outcomes


def test_a_seed_repeats() -> None:
    """The same seed gives the same cluster."""
    first, second = (random_cluster(random.Random(7), nodes=5, pods=5, running=5) for _ in range(2))
    assert first == second
