"""Pods that mind their neighbours, in compiled batches against the cycle: affinity in both directions and spreading."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import numpy as np
import pytest
from numpy.typing import NDArray

from sched_core import (
    Apart,
    Code,
    CycleState,
    Domains,
    DomainTerms,
    Engine,
    NodeColumns,
    Plugin,
    PodInfo,
    SchedulerConfiguration,
    Speed,
    Tally,
    Verdicts,
    load_config,
)
from sched_core.engine import tallies
from tests.engine.neighbours import neighbourhood
from tests.engine.test_speeds_equal import HEADER, hold
from tests.engine.worlds import Event, Json, World, cluster_of, looking_at, node, pod, records
from tests.naive.random_topology import ZONE, random_constraint

FIRST = ("default-scheduler",)
HOSTNAME, REQUIRED = "kubernetes.io/hostname", "requiredDuringSchedulingIgnoredDuringExecution"


def with_args(rng: random.Random, percentage: int) -> SchedulerConfiguration:
    """Return a configuration with other arguments of both plugins."""
    affinity = rng.choice(
        [{"hardPodAffinityWeight": 0}, {"hardPodAffinityWeight": 7, "ignorePreferredTermsOfExistingPods": True}]
    )
    defaults = [random_constraint(rng, default=True)]
    spread = {"defaultingType": "List", "defaultConstraints": defaults}
    arguments = [{"name": "InterPodAffinity", "args": affinity}, {"name": "PodTopologySpread", "args": spread}]
    profile = {"schedulerName": "default-scheduler", "pluginConfig": arguments}
    return load_config({**HEADER, "percentageOfNodesToScore": percentage, "profiles": [profile]})


@pytest.mark.parametrize("block", range(8))
def test_random_neighbourhoods(block: int) -> None:
    """Everything at once, small enough that terms meet, by the default arguments and by others."""
    used: Counter[str] = Counter()
    for seed in range(4 * block, 4 * block + 4):
        rng = random.Random(seed)
        sizes: Json = {"nodes": rng.choice([1, 3, 8, 20]), "classes": rng.choice([1, 3, 10, 30])}
        sizes |= {"pods": rng.choice([30, 120]), "events": rng.choice([0, 3, 15])}
        if rng.random() < 0.6:
            used += hold(neighbourhood(rng, **sizes), seed)
        else:
            used += hold(neighbourhood(rng, **sizes, profiles=FIRST), seed, with_args(rng, 100))
    assert used["incremental"] + used["fused"] > 0


@pytest.mark.parametrize("seed", range(6))
def test_a_part_of_the_nodes(seed: int) -> None:
    """A sampled scan counts the nodes that terms allow, and its scores know the sample alone."""
    rng = random.Random(seed)
    sizes: Json = {"nodes": rng.choice([101, 130, 260]), "classes": rng.choice([3, 20]), "pods": 120, "events": 4}
    if seed % 2:
        used = hold(neighbourhood(rng, **sizes), seed, looking_at(rng.choice([0, 5, 60])))
    else:
        used = hold(neighbourhood(rng, **sizes, profiles=FIRST), seed, with_args(rng, 10))
    assert used["fused"] > 0


def spread(key: str, action: str = "ScheduleAnyway", skew: int = 1, **more: Any) -> Json:
    selector = {"labelSelector": {"matchLabels": {"app": "x"}}}
    return {"maxSkew": skew, "topologyKey": key, "whenUnsatisfiable": action, **selector, **more}


def affinity(side: str, key: str, app: str = "x") -> Json:
    term = {"topologyKey": key, "labelSelector": {"matchLabels": {"app": app}}}
    return {"affinity": {side: {REQUIRED: [term]}}}


SHAPES: dict[str, Json] = {
    "near": affinity("podAffinity", ZONE),
    "apart": affinity("podAntiAffinity", HOSTNAME),
    "hard by zone": {"topologySpreadConstraints": [spread(ZONE, "DoNotSchedule")]},
    "hard by host": {"topologySpreadConstraints": [spread(HOSTNAME, "DoNotSchedule", minDomains=400)]},
    "soft": {"topologySpreadConstraints": [spread(HOSTNAME, skew=3), spread(ZONE, skew=5)]},
}


@pytest.mark.parametrize("shape", SHAPES)
@pytest.mark.parametrize("percentage", [100, 0])
def test_one_kind_of_neighbour_on_many_nodes(shape: str, percentage: int) -> None:
    """Several blocks of nodes, plain pods in between, none of which leaves compiled code."""
    rng = random.Random(shape)
    objects = [node(f"n{number}", labels={ZONE: rng.choice("abc")}) for number in range(300)]
    waiting = []
    for number in range(150):
        one = pod(f"p{number}", {"cpu": "100m"}, **(SHAPES[shape] if number % 3 else {}))
        one["metadata"]["labels"] = {"app": "x"} if number % 5 else {}
        waiting.append(one)
    used = hold(World(objects, records(waiting), []), 1, looking_at(percentage))
    assert set(used) == ({"fused"} if percentage == 0 else {"fused", "incremental"})


def test_a_newcomer_keeps_those_away_that_came_before() -> None:
    """A class that is first met in a later call has terms about classes that are planned already."""
    objects = [node(f"n{number}", labels={ZONE: "ab"[number % 2]}) for number in range(6)]
    waiting = []
    for number in range(60):
        spec = affinity("podAntiAffinity", ZONE, "plain") if number in (20, 21, 41) else {}
        one = pod(f"p{number}", {"cpu": "10m"}, **spec)
        one["metadata"]["labels"] = {"app": "loner" if spec else "plain" if number % 2 else f"other-{number // 20}"}
        waiting.append(one)
    events = [Event(30, "forget", "default/p20"), Event(45, "forget", "default/p21")]
    used = hold(World(objects, records(waiting), events))
    assert used["incremental"] > 0


def test_without_room_for_tallies_the_cycle_decides(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(tallies, "MEMORY", 100)
    objects = [node(f"n{number}") for number in range(20)]
    waiting = [pod(f"p{number}", {"cpu": "10m"}, **(SHAPES["apart"] if number % 2 else {})) for number in range(30)]
    for one in waiting:
        one["metadata"]["labels"] = {"app": "x"}
    used = hold(World(objects, records(waiting), []))
    assert set(used) == {"cycle"}


class OnePerRack(Plugin):
    """Refuse racks in which a noisy pod runs."""

    name = "OnePerRack"

    def __init__(self, args: Any = None) -> None:
        super().__init__(args)
        self._said: tuple[int, DomainTerms] | None = None

    def racks(self, nodes: NodeColumns) -> Domains:
        ids, values = nodes.label("rack")
        return Domains("rack", np.where(ids < 0, len(values), ids), len(values))

    def filter(self, state: CycleState, pod: PodInfo, nodes: NodeColumns) -> Verdicts:
        racks, placed = self.racks(nodes), self.handle.classes.pods
        noisy = [
            row >= 0 and "noisy" in placed[number].metadata.labels
            for number, row in zip(nodes.pods.class_of.tolist(), nodes.pods.node_of.tolist(), strict=True)
        ]
        taken = np.bincount(racks.of[nodes.pods.node_of[noisy]], minlength=racks.size + 1)
        taken[-1] = 0
        return Verdicts.refuse(taken[racks.of] > 0, "rack is noisy", Code.Unschedulable)

    def domain_terms(self, pod: PodInfo, nodes: NodeColumns) -> DomainTerms:
        if self._said is None or self._said[0] != nodes.object_version:
            tally = Tally("noisy", self._weigh, self.racks(nodes))
            self._said = nodes.object_version, DomainTerms((Apart(tally),))
        return self._said[1]

    def _weigh(self, first: int, end: int) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
        pods = self.handle.kinds.pods
        kinds = [kind for kind in range(first, end) if "noisy" in pods[kind].metadata.labels]
        return np.array(kinds, np.int64), np.ones(len(kinds), np.int64)


def test_a_plugin_of_ones_own_in_domain_form() -> None:
    """What in-tree plugins do is open to any other: here a filter that nobody else has."""
    profile = {"schedulerName": "default-scheduler", "plugins": {"multiPoint": {"enabled": [{"name": "OnePerRack"}]}}}
    config = load_config({**HEADER, "percentageOfNodesToScore": 100, "profiles": [profile]})
    objects = [node(f"n{number}", labels={"rack": str(number // 4)} if number < 30 else {}) for number in range(33)]
    waiting = [pod(f"p{number}", {"cpu": "100m"}) for number in range(60)]
    for number, one in enumerate(waiting):
        one["metadata"]["labels"] = {"noisy": "yes"} if number % 6 == 0 else {}
    found = []
    speed: Speed
    for speed in ("cycle", "auto"):
        engine = Engine(cluster_of(objects), config, speed=speed, plugins={"OnePerRack": OnePerRack})
        first = engine.schedule_many(records(waiting[:40]))
        engine.forget("default/p0")
        second = engine.schedule_many(records(waiting[40:]))
        found.append((first.node_of.tolist(), second.node_of.tolist(), first.failures, second.failures))
        assert ("cycle" in first.speed_used) == (speed == "cycle")
    assert found[0] == found[1]
