"""Pods that mind their neighbours, in compiled batches against the cycle: affinity in both directions and spreading."""

from __future__ import annotations

import random
from collections import Counter
from typing import Any

import pytest

from sched_core import InvalidObjects, SchedulerConfiguration, load_config
from tests.engine.test_speeds_equal import HEADER, hold
from tests.engine.worlds import ALL_NODES, Event, Json, World, looking_at, node, pod, records
from tests.naive.random_topology import (
    NAMESPACES,
    ZONE,
    random_constraint,
    random_node,
    random_objects,
    random_pod,
)

HOSTNAME, REQUIRED = "kubernetes.io/hostname", "requiredDuringSchedulingIgnoredDuringExecution"


def neighbour(rng: random.Random, name: str, **spec: Any) -> Json:
    """Return a random pod that the API server would accept, with a request and sometimes without neighbours to mind."""
    while True:
        made = random_pod(rng, name)
        made["spec"] |= spec
        made["spec"]["containers"][0]["resources"] = {"requests": {"cpu": rng.choice(["10m", "100m"])}}
        if rng.random() < 0.3:
            made["spec"].pop("affinity", None)
            made["spec"].pop("topologySpreadConstraints", None)
        if "deletionTimestamp" in made["metadata"]:
            made["metadata"] |= {"deletionGracePeriodSeconds": 30}
        try:
            records([made])
        except InvalidObjects:
            continue
        return made


def neighbourhood(rng: random.Random, *, nodes: int, classes: int, pods: int, events: int) -> World:
    """Return a history of pods that mind each other, over zones, hosts and racks of which some nodes lack one."""
    names = [f"n{number}" for number in range(nodes)]
    objects = [random_node(rng, name) for name in names]
    for one in objects:
        one["status"]["allocatable"]["pods"] = rng.choice(["4", "110"])
    objects += [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
                for name, labels in NAMESPACES.items()]  # fmt: skip
    objects += services(rng)
    running = [neighbour(rng, f"old-{number}", nodeName=rng.choice(names)) for number in range(rng.randint(0, 15))]
    templates = [neighbour(rng, "template") for _ in range(classes)]
    waiting = []
    for number in range(pods):
        one = rng.choice(templates)
        waiting.append(one | {"metadata": one["metadata"] | {"name": f"p{number}"}})
    loaded = records(waiting)
    happenings = [happening(rng, number, names, waiting) for number in range(events)]
    return World([*objects, *running], loaded, sorted(happenings, key=lambda event: event.before))


def services(rng: random.Random) -> list[Json]:
    """Return Services and ReplicaSets, which make defaults of spreading apply."""
    versions = {"Service": "v1", "ReplicaSet": "apps/v1"}
    return [{"apiVersion": versions[one["kind"]], **one} for one in random_objects(rng)]


def happening(rng: random.Random, number: int, names: list[str], pods: list[Json]) -> Event:
    """Return an event: pods, nodes, Services and namespaces change, and the cluster goes back to what it was."""
    before = rng.randint(0, len(pods))
    match rng.choice(["node", "gone", "running", "forget", "forget", "object", "namespace", "snapshot", "restore"]):
        case "node":
            return Event(before, "node", random_node(rng, rng.choice([*names, f"late-{number}"])))
        case "gone":
            return Event(before, "gone", rng.choice(names))
        case "running":
            return Event(before, "running", neighbour(rng, f"event-{number}", nodeName=rng.choice(names)))
        case "forget":
            meta = pods[rng.randrange(max(before, 1))]["metadata"]
            return Event(before, "forget", f"{meta['namespace']}/{meta['name']}")
        case "object":
            found = services(rng)
            return (
                Event(before, "object", found[0])
                if found
                else Event(before, "no object", ("ReplicaSet", "default/set"))
            )
        case "namespace":
            return Event(before, "namespace", {"bare": {"team": rng.choice("ab")}})
        case what:
            return Event(before, what, None)


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
        world = neighbourhood(
            rng,
            nodes=rng.choice([1, 3, 8, 20]),
            classes=rng.choice([1, 3, 10, 30]),
            pods=rng.choice([30, 120]),
            events=rng.choice([0, 3, 15]),
        )
        used += hold(world, seed, ALL_NODES if rng.random() < 0.6 else with_args(rng, 100))
    assert used["incremental"] + used["fused"] > 0


@pytest.mark.parametrize("seed", range(6))
def test_a_part_of_the_nodes(seed: int) -> None:
    """A sampled scan counts the nodes that terms allow, and its scores know the sample alone."""
    rng = random.Random(seed)
    world = neighbourhood(rng, nodes=rng.choice([101, 130, 260]), classes=rng.choice([3, 20]), pods=120, events=4)
    used = hold(world, seed, looking_at(rng.choice([0, 5, 60])) if seed % 2 else with_args(rng, 10))
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
