"""Random histories of pods that mind their neighbours, for engines of each speed."""

from __future__ import annotations

import random
from collections.abc import Sequence
from typing import Any

from sched_core import InvalidObjects
from tests.engine.worlds import Event, Json, World, records
from tests.naive.random_topology import NAMESPACES, random_node, random_objects, random_pod


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


def neighbourhood(
    rng: random.Random,
    *,
    nodes: int,
    classes: int,
    pods: int,
    events: int,
    profiles: Sequence[str] = ("default-scheduler", "second-scheduler"),
) -> World:
    """Return a history of pods that mind each other, over zones, hosts and racks of which some nodes lack one."""
    names = [f"n{number}" for number in range(nodes)]
    objects = [random_node(rng, name) for name in names]
    for one in objects:
        one["status"]["allocatable"]["pods"] = rng.choice(["4", "110"])
    objects += [{"apiVersion": "v1", "kind": "Namespace", "metadata": {"name": name, "labels": labels}}
                for name, labels in NAMESPACES.items()]  # fmt: skip
    objects += services(rng)
    running = [neighbour(rng, f"old-{number}", nodeName=rng.choice(names)) for number in range(rng.randint(0, 15))]
    templates = [neighbour(rng, "template", schedulerName=rng.choice(profiles)) for _ in range(classes)]
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
