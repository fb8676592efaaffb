"""Fused, incremental and auto against the cycle: the same node, failure and state for every pod of random histories."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest

from sched_core import Cluster, Engine, NodeArray, NumberedNames, PodArray, SchedulerConfiguration, Speed, load_config
from tests.engine.worlds import (
    ALL_NODES,
    GPU,
    ZONE,
    Event,
    Json,
    World,
    cluster_of,
    looking_at,
    node,
    node_record,
    places,
    play,
    pod,
    random_world,
    records,
    usage,
)
from tests.naive.generate import random_cluster

COMPILED: tuple[Speed, ...] = ("fused", "incremental", "auto")
HEADER = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}


def fit_only(*resources: str) -> Any:
    """Return a configuration with NodeResourcesFit and nothing else, which scores the resources."""
    strategy = {"type": "LeastAllocated", "resources": [{"name": name, "weight": 1} for name in resources]}
    enabled = [{"name": name} for name in ("PrioritySort", "DefaultBinder", "NodeResourcesFit")]
    profile = {
        "plugins": {"multiPoint": {"disabled": [{"name": "*"}], "enabled": enabled}},
        "pluginConfig": [{"name": "NodeResourcesFit", "args": {"scoringStrategy": strategy}}],
    }
    return load_config({**HEADER, "percentageOfNodesToScore": 100, "profiles": [profile]})


def hold(world: World, seed: int = 0, config: SchedulerConfiguration = ALL_NODES) -> Counter[str]:
    """Play a history at all speeds, in one call and in chunks; return how many pods each speed decided on."""
    expected, used = play(world, "cycle", None, config)
    assert set(used) <= {"cycle"}
    total: Counter[str] = Counter()
    for speed in COMPILED:
        for chunks in (None, random.Random(seed)):
            got, used = play(world, speed, chunks, config)
            for position, (want, name) in enumerate(zip(expected.nodes, got.nodes, strict=True)):
                assert name == want, (speed, position, used)
            assert got == expected, speed
            total.update(used)
    return total


@pytest.mark.parametrize("seed", range(24))
def test_random_histories(seed: int) -> None:
    """All that can happen at once; sizes from a single node to several blocks, one class to many."""
    rng = random.Random(seed)
    world = random_world(
        rng,
        nodes=rng.choice([1, 2, 7, 40, 129, 300]),
        classes=rng.choice([1, 4, 30, 100]),
        pods=rng.choice([40, 250]),
        events=rng.choice([0, 3, 25]),
        roomy=rng.random() < 0.3,
        plain=rng.random() < 0.4,
        named=rng.random() < 0.3,
    )
    hold(world, seed)


@pytest.mark.parametrize("classes", [1, 2, 31, 32, 33, 62, 63, 64, 65, 66, 127, 128, 129, 250])
@pytest.mark.parametrize("profile", ["default-scheduler", "second-scheduler"])
def test_classes_interleaved(classes: int, profile: str) -> None:
    """Few classes have a heap each, more have kept scores, and the limit between the two shows in no decision."""
    rng = random.Random(f"{classes} {profile}")
    world = random_world(rng, nodes=60, classes=classes, pods=3 * classes + 100, plain=True, profiles=[profile])
    used = hold(world, classes)
    assert used["incremental"] >= len(world.pods) and used["fused"] >= 2 * len(world.pods)


@pytest.mark.parametrize(("nodes", "pods"), [(128, 300), (129, 300), (257, 600), (2100, 300), (4500, 200)])
def test_equal_nodes(nodes: int, pods: int) -> None:
    """Nothing but ties: every node is as good as the next until it has a pod."""
    rng = random.Random(nodes)
    zones = [{ZONE: rng.choice("abcd")} for _ in range(nodes)]
    objects = [node(f"n{number}", labels=labels) for number, labels in enumerate(zones)]
    templates: list[Json] = [{"cpu": "100m", "memory": "256Mi"}, {"cpu": "200m", "memory": "100Mi"}, {}]
    waiting = records([pod(f"p{number}", rng.choice(templates)) for number in range(pods)])
    hold(World(objects, waiting, []), nodes)


def test_small_clusters_that_fill_up() -> None:
    """Thousands of placements on a few nodes: the change log goes round many times, and pods that leave make room."""
    rng = random.Random(7)
    objects = [node(f"n{number}", cpu="64", memory="256Gi", pods="1000") for number in range(3)]
    templates: list[Json] = [{"cpu": f"{number}m", "memory": f"{number}Mi"} for number in (1, 5, 40, 200)]
    waiting = records([pod(f"p{number}", rng.choice(templates)) for number in range(4000)])
    events = [Event(rng.randrange(2000, 4000), "forget", f"default/p{rng.randrange(2000)}") for _ in range(50)]
    hold(World(objects, waiting, sorted(events, key=lambda event: event.before)))


@pytest.mark.parametrize("bad", [0, 1, 2])
def test_pods_that_fit_nowhere_in_between(bad: int) -> None:
    """Infeasible rows come and go: nodes that are full, pods that are too big, ports that are taken."""
    rng = random.Random(bad)
    objects = [node(f"n{number}", cpu="2", pods=rng.choice(["2", "5"])) for number in range(30)]
    big = pod("", {"cpu": "9"})
    port = pod("", {"cpu": "10m"}, container={"ports": [{"containerPort": 80, "hostPort": 80}]})
    small = pod("", {"cpu": "300m"})
    templates = [[big, small], [port, small], [big, port, small]][bad]
    waiting = []
    for number in range(250):
        one: Json = dict(rng.choice(templates))
        one["metadata"] = {"name": f"p{number}", "namespace": "default"}
        waiting.append(one)
    events = [Event(rng.randrange(250), "forget", f"default/p{rng.randrange(250)}") for _ in range(40)]
    hold(World(objects, records(waiting), sorted(events, key=lambda event: event.before)))


def test_every_feature_at_once() -> None:
    """The random clusters that the cycle is held against the naive twin with, pods of each class several times."""
    total: Counter[str] = Counter()
    for seed in range(12):
        rng = random.Random(seed)
        objects, pods, _ = random_cluster(rng, rng.randint(2, 20), 25, 20)
        for one in objects:  # amounts below 2**46, as everywhere but in the next test
            if one["kind"] == "Node" and one["status"]["allocatable"].get("memory") == "10Pi":
                one["status"]["allocatable"]["memory"] = "10Ti"
        total += hold(World(objects, repeated(pods, 3), []), seed)
    assert total["incremental"] > 1000 and total["fused"] > 1000


def test_amounts_beyond_float64() -> None:
    """Above 2**46 batches decide in integers; the amounts are such that float64 would be wrong by one."""
    for seed in range(6):
        rng = random.Random(seed)
        objects = [node(f"n{number}", memory=str(2**56 + rng.randrange(9)), cpu="64") for number in range(20)]
        templates: list[Json] = [{"cpu": "10m", "memory": str(rng.randrange(2**49, 2**52))} for _ in range(5)]
        waiting = records([pod(f"p{number}", rng.choice(templates)) for number in range(200)])
        hold(World(objects, waiting, []), seed)


def repeated(pods: list[Json], times: int) -> Any:
    """Return the pods, each several times under other names, in turn."""
    copies = [
        one | {"metadata": one["metadata"] | {"name": f"{one['metadata']['name']}-{n}"}}
        for n in range(times)
        for one in pods
    ]
    return records(copies)


def test_a_resource_that_comes_up_in_the_middle() -> None:
    """A profile, a pod, a node and a running pod bring resources that nobody knew.

    Rows get wider when the profile is read, behind the cluster, and again between two calls.
    """
    rng = random.Random(3)
    results = []
    speed: Speed
    for speed in ("cycle", "incremental"):
        cluster = Cluster()
        for number in range(40):
            cluster.add_node(node_record(node(f"n{number}")))
        assert cluster.nodes.resource_count == 4
        engine = Engine(cluster, fit_only("cpu", GPU, "example.com/profile"), speed=speed)
        assert cluster.nodes.resource_count == 8
        rng.seed(3)
        found = []
        for step in range(4):
            sizes = [
                {"cpu": f"{rng.randrange(1, 6)}00m"} | ({GPU: "1"} if step and rng.random() < 0.3 else {})
                for _ in range(60)
            ]
            batch = engine.schedule_many(records([pod(f"p{step}-{number}", each) for number, each in enumerate(sizes)]))
            found.append((batch.node_of.tolist(), batch.failures))
            if step == 1:
                cluster.add_node(node_record(node("devices", {GPU: "8", "vendor.io/nic": "4"})))
            if step == 2:
                others = {f"example.com/r{number}": "1" for number in range(6)}
                cluster.add_pods(records([pod("x", {"vendor.io/nic": "1", **others}, nodeName="devices")]))
        results.append((found, usage(cluster), places(cluster)))
        assert cluster.nodes.resource_count == 16
    assert results[0] == results[1]


def test_pods_and_nodes_of_arrays() -> None:
    """A batch of templates and names decides as one of objects does, and its pods are found by name."""
    rng = random.Random(5)
    templates = [node_record(node("t", labels={ZONE: zone}, cpu=cpu)) for zone in "ab" for cpu in ("4", "8")]
    node_of = [rng.randrange(4) for _ in range(150)]
    kinds = [pod("t", {"cpu": f"{number + 1}00m"}) for number in range(5)]
    kind_of = [rng.randrange(5) for _ in range(400)]
    by_object = cluster_of([])
    for number, template in enumerate(node_of):
        zone, cpu = "ab"[template // 2], "48"[template % 2]
        by_object.add_node(node_record(node(f"n{number}", labels={ZONE: zone}, cpu=cpu)))
    waiting = records(
        [
            kinds[kind] | {"metadata": {"name": f"p-{number:03d}", "namespace": "default"}}
            for number, kind in enumerate(kind_of)
        ]
    )
    expected = Engine(by_object, ALL_NODES, speed="cycle").schedule_many(waiting)
    for speed in COMPILED:
        cluster = cluster_of([])
        cluster.nodes.add_array(NodeArray(NumberedNames("n{}", 150), templates, as_int32(node_of)))
        engine = Engine(cluster, ALL_NODES, speed=speed)
        array = PodArray(NumberedNames("p-{:03d}", 400), [records([kind])[0] for kind in kinds], as_int32(kind_of))
        for start in range(0, 400, 150):
            part = engine.schedule_many(array.part(start, start + 150))
            assert part.node_of.tolist() == expected.node_of[start : start + 150].tolist()
        assert places(cluster) == places(by_object) and usage(cluster) == usage(by_object)
        assert engine.forget("default/p-007") and not engine.forget("default/p-007")


def as_int32(values: list[int]) -> Any:
    return np.array(values, np.int32)


def test_a_batch_of_nothing_and_a_cluster_of_nothing() -> None:
    for speed in ("cycle", *COMPILED):
        engine = Engine(cluster_of([]), ALL_NODES, speed=speed)
        empty = engine.schedule_many([])
        assert (empty.scheduled, empty.failures, empty.node_of.tolist()) == (0, {}, [])
        batch = engine.schedule_many(records([pod("p"), pod("q", schedulerName="second-scheduler")]))
        assert batch.node_of.tolist() == [-1, -1]
        assert [each.message for each in batch.failures.values()] == ["no nodes available to schedule pods"] * 2


def test_times_are_kept_when_they_are_asked_for() -> None:
    waiting = records([pod(f"p{number}", {"cpu": "1"}) for number in range(20)])
    for speed in ("cycle", *COMPILED):
        engine = Engine(cluster_of([node("a"), node("b")]), ALL_NODES, speed=speed)
        measured = engine.schedule_many(waiting[:10], measure=True)
        assert measured.latency_ns.shape == (10,) and (measured.latency_ns >= 0).all()
        assert engine.schedule_many(waiting[10:]).latency_ns.shape == (0,)


@pytest.mark.parametrize("seed", range(12))
def test_random_histories_with_a_part_of_the_nodes(seed: int) -> None:
    """The scan ends when enough nodes are found, and the next one begins there, for each profile in its own way."""
    rng = random.Random(seed)
    world = random_world(
        rng,
        nodes=rng.choice([99, 101, 130, 300, 700]),
        classes=rng.choice([1, 4, 30, 100]),
        pods=200,
        events=rng.choice([0, 3, 25]),
        roomy=rng.random() < 0.3,
        plain=rng.random() < 0.4,
        named=rng.random() < 0.3,
    )
    hold(world, seed, looking_at(rng.choice([0, 5, 40, 90]), rng.choice([None, 0, 10, 100])))


@pytest.mark.parametrize("seed", range(6))
def test_a_part_of_the_nodes_is_looked_at(seed: int) -> None:
    """With a percentage, a batch follows the start index from pod to pod as the cycle does."""
    config = looking_at(0)
    rng = random.Random(seed)
    world = random_world(rng, nodes=120 + 60 * seed, classes=20, pods=250, plain=seed % 2 == 0, named=seed % 3 == 2)
    found = []
    for speed in ("cycle", "fused", "incremental", "auto"):
        engine = Engine(cluster_of(world.objects), config, speed=speed)
        batch = engine.schedule_many(world.pods)
        assert ("fused" in batch.speed_used) == (speed != "cycle") and engine.start > 0
        found.append((batch.node_of.tolist(), batch.failures, engine.start))
    assert all(each == found[0] for each in found)
