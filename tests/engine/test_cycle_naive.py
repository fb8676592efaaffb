"""The cycle against the naive twin: every field of every entry, on random clusters with every feature at once.

With compilation the configurations are taken from a small pool, so that few row functions are compiled; without it
(see test_without_compiling) every cluster has its own.
"""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest
from hypothesis import Phase, given, settings
from hypothesis import strategies as st

from bench.verify.entry import entry_of, skipped
from sched_core import Engine, load_config
from tests.engine.worlds import COMPILING, Json, cluster_of, node, pod, records
from tests.naive.cycle import NaiveScheduler
from tests.naive.generate import RandomCluster, clusters, random_cluster
from tests.naive.profiles import POINTS, read_profiles
from tests.naive.random_profiles import random_config

NAMES = ["node-0", "a1", "n2.zone-b.internal", "10-0-0-3"]


def outcomes(cluster: RandomCluster) -> Counter[str]:
    """Hold every decision against the twin's; return how often each outcome came.

    The twin places pods on the first best name, so the engine is told to. Where pods of a lower priority stand in the
    way, removing them does not help.
    """
    objects, pods, config = as_stored(cluster[0]), cluster[1], cluster[2]
    naive = NaiveScheduler(objects, config)
    engine = Engine(cluster_of(objects), load_config(config), speed="cycle")
    found: Counter[str] = Counter()
    for index, (raw, each) in enumerate(zip(pods, records(pods), strict=True)):
        expected = naive.schedule(raw, index)
        entry = skipped(engine, each) or entry_of(engine, engine.evaluate(each, all_nodes=True))
        assert entry == expected
        if "chosen" in entry:
            engine.assume(each, entry["chosen"])
        found[next(field for field in ("chosen", "skipped", "error", "unschedulable") if field in entry)] += 1
    return found


def as_stored(objects: list[Json]) -> list[Json]:
    """Take back what the API server would have prevented: a resized pod whose pod level lacks cpu or memory.

    It writes the sum of the containers into `spec.resources` where that is there and lacks a resource.
    """
    for one in objects:
        own = (one["spec"].get("resources") or {}).get("requests")
        if own is not None and not {"cpu", "memory"} <= set(own) and one["kind"] == "Pod":
            one["status"] = {"phase": one["status"]["phase"]}
    return objects


def whole(config: Json | None) -> Json | None:
    """Return a configuration in which no plugin runs at Filter or Score without its PreFilter or PreScore."""
    for profile in (config or {}).get("profiles", []):
        points = read_profiles({"profiles": [profile]})[profile["schedulerName"]].plugins
        for before, after in (("preFilter", "filter"), ("preScore", "score")):
            if set(points[after]) & POINTS[before] - set(points[before]):
                profile.pop("plugins", None)
    return config


def pooled(cluster: RandomCluster, number: int) -> RandomCluster:
    """Return the cluster, with a configuration of the pool if functions are compiled."""
    objects, pods, config = cluster
    return objects, pods, POOL[number] if COMPILING else whole(config)


POOL: list[Json | None] = [
    None,
    *(whole(random_config(random.Random(seed), NAMES)) for seed in (2, 5, 7, 9, 13, 14, 21)),
]
PHASES = [Phase.explicit, Phase.reuse, Phase.generate, Phase.shrink]


@settings(max_examples=75, deadline=None, phases=PHASES)
@given(clusters(), st.integers(0, len(POOL) - 1))
def test_small_clusters(cluster: RandomCluster, number: int) -> None:
    outcomes(pooled(cluster, number))


def test_larger_clusters() -> None:
    """Thirty seeds; the clusters are such that all outcomes occur, and the decided ones prevail."""
    found: Counter[str] = Counter()
    for seed in range(30):
        rng = random.Random(seed)
        cluster = random_cluster(rng, rng.randint(8, 25), rng.randint(10, 30), rng.randint(0, 40))
        found += outcomes(pooled(cluster, seed % len(POOL)))
    assert found["chosen"] > 200
    assert min(found[each] for each in ("skipped", "error", "unschedulable")) >= 5


@pytest.mark.parametrize("nodes", [0, 1])
def test_hardly_any_nodes(nodes: int) -> None:
    for seed in range(8):
        outcomes(pooled(random_cluster(random.Random(seed), nodes, 12, 3), seed % len(POOL)))


def test_scores_are_only_given_to_feasible_nodes() -> None:
    """The arrays of a decision have one entry for each feasible node, in the order of the snapshot."""
    objects, pods, _ = random_cluster(random.Random(4), 12, 20, 10)
    engine = Engine(cluster_of(objects), speed="cycle")
    order = [engine.cluster.nodes.names[row] for row in engine.cluster.nodes.order().tolist()]
    seen = 0
    for each in records(pods):
        if each.spec.scheduler_name in engine.profiles:
            decision = engine.evaluate(each, all_nodes=True)
            assert decision.feasible == [name for name in order if name in decision.feasible]
            arrays: list[Any] = [decision.total, *decision.raw_scores.values(), *decision.scores.values()]
            if len(decision.feasible) > 1:
                seen += 1
                assert {len(each) for each in arrays} == {len(decision.feasible)}
    assert seen > 5


@pytest.mark.parametrize("policy", ["PreemptLowerPriority", "Never"])
def test_whether_a_pod_may_preempt_depends_on_the_pod(policy: str) -> None:
    """Also where PreFilter refuses the pod for good and PostFilter ends before preemption."""
    fields = [{"key": "metadata.name", "operator": "In", "values": [name]} for name in "ab"]
    required = {"requiredDuringSchedulingIgnoredDuringExecution": {"nodeSelectorTerms": [{"matchFields": fields}]}}
    one = pod("web", {"cpu": "1"}, preemptionPolicy=policy, affinity={"nodeAffinity": required})
    objects = [node("a"), node("b")]
    expected = NaiveScheduler(objects, None).schedule(one, 0)
    assert expected["preemption"] == {"eligible": policy != "Never", "message": "not found"}
    engine = Engine(cluster_of(objects), speed="cycle")
    assert entry_of(engine, engine.evaluate(records([one])[0])) == expected


PARTS = {
    ("preFilter", "NodePorts"): (
        'running "NodePorts" filter plugin: reading "PreFilterNodePorts" from cycleState: not found'
    ),
    ("preFilter", "NodeResourcesFit"): (
        'running "NodeResourcesFit" filter plugin: error reading "PreFilterNodeResourcesFit" from cycleState: not found'
    ),
    ("preFilter", "NodeDeclaredFeatures"): (
        'running "NodeDeclaredFeatures" filter plugin: error reading "PreFilterNodeDeclaredFeatures" from '
        "cycle-state: not found"
    ),
    ("preScore", "TaintToleration"): (
        'running Score plugins: plugin "TaintToleration" failed with: failed to read "PreScoreTaintToleration" from '
        "cycleState: not found"
    ),
    ("preScore", "NodeAffinity"): (
        'running Score plugins: plugin "NodeAffinity" failed with: [0].matchExpressions[0].values[0]: Invalid value: '
        "\"\": for 'Gt', 'Lt' operators, the value must be an integer"
    ),
}


@pytest.mark.parametrize(("point", "plugin"), PARTS)
def test_profiles_without_parts(point: str, plugin: str) -> None:
    """Plugins of which one extension point is disabled fail as upstream's do."""
    term = {"matchExpressions": [{"key": "disk", "operator": "Gt", "values": [""]}]}
    preferred = {"preferredDuringSchedulingIgnoredDuringExecution": [{"weight": 1, "preference": term}]}
    affinity: dict[str, Any] = {"affinity": {"nodeAffinity": preferred}} if plugin == "NodeAffinity" else {}
    config = {
        "apiVersion": "kubescheduler.config.k8s.io/v1",
        "kind": "KubeSchedulerConfiguration",
        "profiles": [{"schedulerName": "default-scheduler", "plugins": {point: {"disabled": [{"name": plugin}]}}}],
    }
    one = pod("web", {"cpu": "1"}, container={"ports": [{"containerPort": 80, "hostPort": 80}]}, **affinity)
    one["metadata"]["namespace"] = "default"
    objects = [node("a"), node("b")]
    expected = NaiveScheduler(objects, config).schedule(one, 0)
    assert expected["error"] == PARTS[point, plugin]
    engine = Engine(cluster_of(objects), load_config(config), speed="cycle")
    assert entry_of(engine, engine.evaluate(records([one])[0])) == expected
