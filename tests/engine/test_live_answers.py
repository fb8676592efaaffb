"""Plugins in array form without a signature: compiled code with what they say of each pod, against the cycle."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest

from sched_core import (
    SUCCESS,
    Cluster,
    Code,
    CycleState,
    Engine,
    NodeColumns,
    Plugin,
    PodInfo,
    SchedulerConfiguration,
    Status,
    Verdicts,
    load_config,
    unschedulable,
)
from tests.engine.test_lone_nodes import daemon
from tests.engine.worlds import COMPILING, World, cluster_of, node, play, pod, random_world, records

HEADER = {"apiVersion": "kubescheduler.config.k8s.io/v1", "kind": "KubeSchedulerConfiguration"}
pytestmark = pytest.mark.skipif(not COMPILING, reason="without compiled code everything is the cycle")


class Emptiest(Plugin):
    """Scores 0 to 100 by what pods have left, so another node with each pod."""

    name = "Emptiest"

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Any:
        return 100 - np.minimum(7 * nodes.pod_count + len(pod.key), 100)


class Steps(Plugin):
    """Large raw scores, normalised; few distinct ones, so that there are ties."""

    name = "Steps"

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Any:
        return (nodes.requested[0] // 700 + np.arange(nodes.count) % 3) * 1000.0

    @staticmethod
    def normalize_row(score: Any, lowest: Any, highest: Any) -> Any:
        return (highest - score) * 100 // max(highest - lowest, 1)


class Even(Plugin):
    """Refuses nodes with many pods more than the emptiest one."""

    name = "Even"

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        least = nodes.pod_count[nodes.alive].min(initial=0)
        return Verdicts.refuse(nodes.pod_count > least + 3, "node(s) were ahead", Code.Unschedulable)


class Nominal(Plugin):
    """Refuses what placed pods say: those with an odd number of pods, unless a pod is nominated there, too."""

    name = "Nominal"

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        return Verdicts.refuse(nodes.pod_count % 4 == 3, "node(s) were odd", Code.Unschedulable)


PLUGINS: dict[str, type[Plugin]] = {each.name: each for each in (Emptiest, Steps, Even, Nominal)}


def with_plugins(*names: str, percentage: int = 100) -> SchedulerConfiguration:
    """Return upstream's profile with some of the plugins, of weights 2, 3, ..."""
    enabled = [{"name": name, "weight": weight} for weight, name in enumerate(names, 2)]
    profile = {"schedulerName": "default-scheduler", "plugins": {"multiPoint": {"enabled": enabled}}}
    return load_config({**HEADER, "percentageOfNodesToScore": percentage, "profiles": [profile]})


def hold(world: World, config: SchedulerConfiguration, seed: int = 0) -> Counter[str]:
    """Play a history in the cycle and in compiled code, in one call and in chunks; return who decided."""
    expected, used = play(world, "cycle", None, config, PLUGINS)
    assert set(used) <= {"cycle"}
    total: Counter[str] = Counter()
    for chunks in (None, random.Random(seed)):
        got, used = play(world, "auto", chunks, config, PLUGINS)
        assert got.nodes == expected.nodes
        assert got == expected
        total.update(used)
    return total


@pytest.mark.parametrize("names", [("Emptiest",), ("Steps",), ("Even", "Emptiest"), ("Steps", "Even", "Emptiest")])
@pytest.mark.parametrize("seed", range(5))
def test_random_histories(names: tuple[str, ...], seed: int) -> None:
    """Nodes that come and go, nominations, pods of DaemonSets, pods that fit nowhere."""
    rng = random.Random(f"{names} {seed}")
    world = random_world(
        rng,
        nodes=rng.choice([1, 2, 40, 130]),
        classes=rng.choice([1, 4, 30]),
        pods=120,
        events=rng.choice([0, 3, 25]),
        roomy=seed % 2 == 0,
        plain=seed % 2 == 0,
        named=seed == 4,
        profiles=["default-scheduler"],
    )
    hold(world, with_plugins(*names, percentage=rng.choice([30, 100])), seed)


@pytest.mark.parametrize("percentage", [20, 100])
def test_pods_are_decided_in_compiled_code(percentage: int) -> None:
    rng = random.Random(percentage)
    objects = [node(f"n{number}", cpu=rng.choice(["4", "8", "16"])) for number in range(700)]
    waiting = records([pod(f"p{number}", {"cpu": rng.choice(["100m", "1", "30"])}) for number in range(150)])
    used = hold(World(objects, waiting, []), with_plugins("Steps", "Emptiest", percentage=percentage))
    assert set(used) == {"fused"}


def test_filters_with_nominated_pods_are_asked_with_them() -> None:
    """Such pods go through the cycle, which asks once more with the nominated ones on their nodes."""
    objects = [node(f"n{number}") for number in range(6)]
    waiting = records([pod(f"p{number}", {"cpu": "100m"}) for number in range(40)])
    results = []
    for speed in ("cycle", "auto"):
        engine = Engine(cluster_of(objects), with_plugins("Nominal"), speed=speed, plugins=PLUGINS)
        for number in range(4):
            engine.nominate(records([pod(f"other{number}", {"cpu": "1"}, priority=1000)])[0], f"n{number % 2}")
        results.append(engine.schedule_many(waiting).node_of.tolist())
    assert results[0] == results[1]


@pytest.mark.parametrize("names", [("Even",), ("Emptiest",)])
def test_daemons(names: tuple[str, ...]) -> None:
    """A filter is asked about the one node that a pod may go to; no score matters to it."""
    objects = [node(f"n{number}") for number in range(5)]
    documents = [daemon(f"d{number}", f"n{number % 2}", {"cpu": "10m"}) for number in range(12)]
    used = hold(World(objects, records(documents), []), with_plugins(*names))
    assert used == ({"cycle": 24} if names == ("Even",) else {"fused": 24})


def test_nobody_is_asked_why_where_that_is_not_wanted() -> None:
    """The row says it all, as for other pods; PostFilter would look for victims."""

    class Asked(Plugin):
        name = "Asked"

        def post_filter(self, *given: Any) -> Any:
            raise AssertionError("asked")

        def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Any:
            return np.zeros(nodes.count)

    engine = Engine(cluster_of([node("a"), node("b")]), with_plugins("Asked"), plugins={"Asked": Asked})
    waiting = records([pod(f"p{number}", {"cpu": "9" if number % 2 else "10m"}) for number in range(8)])
    batch = engine.schedule_many(waiting, explain=False)
    assert (batch.node_of >= 0).tolist() == [True, False] * 4 and not batch.failures
    assert batch.speed_used == {"fused": 8}


def test_a_pre_enqueue_that_reads_amounts_is_asked_about_each_class() -> None:
    class Small(Plugin):
        name = "Small"

        def pre_enqueue(self, pod: PodInfo) -> Status:
            return SUCCESS if pod.requests[0] < 1000 else unschedulable("too much")

        def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Any:
            return np.zeros(nodes.count)

    waiting = records([pod(f"p{number}", {"cpu": f"{number * 300}m"}) for number in range(1, 7)])
    engine = Engine(cluster_of([node("a", cpu="64"), node("b")]), with_plugins("Small"), plugins={"Small": Small})
    assert (engine.schedule_many(waiting).node_of >= 0).tolist() == [True] * 3 + [False] * 3


class Follower(Plugin):
    """Prefers the node of the pod before, which it looks up, to all others."""

    name = "Follower"

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Any:
        scores = np.zeros(nodes.count, np.int64)
        number = int(pod.key.removeprefix("default/p"))
        if number:
            before = self.handle.placed(f"default/p{number - 1}").number
            scores[nodes.pods.node_of[before]] = 100
        return scores


def test_pods_are_in_the_table_before_the_next_one_is_asked_about() -> None:
    engine = Engine(
        cluster_of([node(f"n{number}") for number in range(9)]),
        with_plugins("Follower"),
        plugins={"Follower": Follower},
    )
    batch = engine.schedule_many(records([pod(f"p{number}", {"cpu": "10m"}) for number in range(20)]))
    assert len(set(batch.node_of.tolist())) == 1 and batch.speed_used == {"fused": 20}


class Faulty(Plugin):
    """Answers rightly until some pod comes."""

    name = "Faulty"
    fault = "raise"

    def score(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Any:
        scores = np.full(nodes.count, 50)
        if pod.key != "default/p5":
            return scores
        if self.fault == "raise":
            raise KeyError("no such price")
        if self.fault == "shape":
            return scores[1:]
        if self.fault == "text":
            return np.full(nodes.count, "x")
        if self.fault == "nan":
            return np.where(np.arange(nodes.count) == 3, np.nan, 50.0)
        return np.where(np.arange(nodes.count) == (0 if self.fault == "beyond" else 1), 101, 50)


@pytest.mark.parametrize("fault", ["raise", "shape", "text", "nan", "beyond", "beyond where no pod fits"])
def test_faults_are_worded_by_the_cycle_and_nothing_is_half_done(monkeypatch: pytest.MonkeyPatch, fault: str) -> None:
    monkeypatch.setattr(Faulty, "fault", fault)
    objects = [node(f"n{number}", cpu="4" if number != 1 else "10m") for number in range(8)]
    waiting = records([pod(f"p{number}", {"cpu": "100m"}) for number in range(12)])
    config = with_plugins("Faulty")
    engines = [
        Engine(cluster_of(objects), config, speed=speed, plugins={"Faulty": Faulty}) for speed in ("cycle", "auto")
    ]
    expected, got = (engine.schedule_many(waiting) for engine in engines)
    assert got.node_of.tolist() == expected.node_of.tolist()
    assert got.failures == expected.failures
    assert set(expected.failures) == (set() if fault == "beyond where no pod fits" else {5})
    if expected.failures:
        assert expected.failures[5].error and '"Faulty"' in expected.failures[5].message
        assert got.speed_used == {"fused": 11, "cycle": 1}
    assert usage_of(engines[0].cluster) == usage_of(engines[1].cluster)


def usage_of(cluster: Cluster) -> list[Any]:
    return [cluster.nodes.pod_count.tolist(), cluster.nodes.requested.tolist()]


def test_an_error_for_a_row_that_is_not_there_is_worded() -> None:
    class Beyond(Plugin):
        name = "Beyond"

        def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
            return Verdicts(np.zeros(nodes.count, np.int64), (), errors={nodes.count: "no such node"})

    engine = Engine(cluster_of([node("a"), node("b")]), with_plugins("Beyond"), plugins={"Beyond": Beyond})
    (failure,) = engine.schedule_many(records([pod("p", {"cpu": "1"})])).failures.values()
    assert failure.message == 'running "Beyond" filter plugin: it returned an error for a row that is none of 2'


def test_a_pod_that_failed_is_asked_about_again() -> None:
    """What a live filter says may have changed, though no node has."""

    class Turn(Plugin):
        name = "Turn"
        calls = 0

        def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
            Turn.calls += 1
            return Verdicts.refuse(np.full(nodes.count, Turn.calls < 5), "not yet", Code.Unschedulable)

    profile = {"plugins": {"multiPoint": {"enabled": [{"name": "Turn"}]}}}
    config = load_config({**HEADER, "percentageOfNodesToScore": 100, "profiles": [profile]})
    engine = Engine(cluster_of([node("a"), node("b")]), config, plugins={"Turn": Turn})
    batch = engine.schedule_many(records([pod(f"p{number}", {"cpu": "1"}) for number in range(6)]))
    placed = batch.node_of >= 0
    assert not placed[0] and placed[-1]
    assert all("not yet" in failure.message for failure in batch.failures.values())
