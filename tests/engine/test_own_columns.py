"""Columns of a plugin's own: the same at all speeds and as a slow twin has them, whatever happens."""

from __future__ import annotations

import copy
import random
from typing import Any

import numpy as np
import pytest

from sched_core import Cluster, Engine, Plugin, Speed
from tests.engine.devices import DEVICE, PARTS, Devices, DevicesInPython, config, machine, user
from tests.engine.worlds import Json, cluster_of, node_record, records
from tests.naive.devices import Machines

CONFIG = config("Devices")
SPEEDS: tuple[Speed, ...] = ("cycle", "fused", "incremental", "auto")
FORMS: dict[str, type[Plugin]] = {"compiled": Devices, "Python": DevicesInPython}


def engine_of(objects: list[Json], speed: Speed = "auto", form: str = "compiled") -> Engine:
    return Engine(cluster_of(objects), CONFIG, speed=speed, plugins={"Devices": FORMS[form]})


def taken(cluster: Cluster) -> dict[str, tuple[str, int]]:
    """Return the node and the device (-1: none) of each placed pod."""
    pods, found = cluster.nodes.pods, {}
    for number in np.flatnonzero(pods.node_of >= 0).tolist():
        row = int(pods.node_of[number])
        found[pods.key(number)] = (cluster.nodes.names[row], int(pods.own("device_taken")[number]) - 1)
    return found


def free(cluster: Cluster) -> dict[str, tuple[list[int], int]]:
    """Return what the devices of each node have left, and how many pods it counts."""
    nodes = cluster.nodes
    devices, pods = nodes.own("device_free"), nodes.own("device_pods")
    return {name: (devices[:, row].tolist(), int(pods[row])) for name, row in nodes.row_of.items()}


class Twin:
    """A history on the slow twin; pods are kept by their description."""

    def __init__(self) -> None:
        self.machines = Machines()

    def taken(self) -> dict[str, tuple[str, int]]:
        nodes = self.machines.nodes.items()
        return {f"default/{pod}": (name, held[2]) for name, node in nodes for pod, held in node.pods.items()}

    def free(self) -> dict[str, tuple[list[int], int]]:
        return {name: (node.free(), len(node.pods)) for name, node in self.machines.nodes.items()}


def amounts(pod: Json) -> tuple[str, int, int]:
    cpu = pod["spec"]["containers"][0]["resources"]["requests"]["cpu"]
    return pod["metadata"]["name"], int(cpu[:-1]), int(pod["metadata"]["annotations"][PARTS])


class History:
    """The same things happen to an engine and to the twin."""

    def __init__(self, rng: random.Random, speed: Speed, form: str, nodes: int, classes: int) -> None:
        self.rng, self.twin, self.numbers = rng, Twin(), 0
        self.ranks = rng.sample(range(1000), 1000)
        self.kinds = [(rng.randrange(1, 9) * 100, rng.choice([0, 0, 250, 400, 700, 1000])) for _ in range(classes)]
        self.described = {f"n{number}": (rng.choice([1000, 3000, 5000]), rng.randrange(4)) for number in range(nodes)}
        objects = []
        for name, (cpu, devices) in self.described.items():
            rank = self.ranks.pop()
            objects.append(machine(name, cpu, devices, rank))
            self.twin.machines.add(name, cpu, devices, rank)
        running = []
        for _ in range(nodes):
            one, name = self.pod(), rng.choice(list(self.described))
            running.append(self.bound(one, name))
            objects.append(running[-1])
        self.engine = engine_of(objects, speed, form)
        self.kept: tuple[Any, Twin] = (self.engine.snapshot(), copy.deepcopy(self.twin))

    def pod(self) -> Json:
        self.numbers += 1
        return user(f"p{self.numbers}", *self.rng.choice(self.kinds))

    def bound(self, pod: Json, name: str) -> Json:
        """Return a pod that runs on a node, on a device that stands in its annotations or not."""
        node, (key, cpu, parts) = self.twin.machines.nodes[name], amounts(pod)
        device = -1
        fitting = [number for number, left in enumerate(node.free()) if left >= max(parts, 1)]
        if parts and fitting and self.rng.random() < 0.5:
            device = self.rng.choice(fitting)
            pod["metadata"]["annotations"][DEVICE] = str(device)
        pod["spec"]["nodeName"] = name
        self.twin.machines.run(key, name, cpu, parts, device)
        return pod

    def step(self) -> None:
        """Let something happen."""
        cluster, machines, rng = self.engine.cluster, self.twin.machines, self.rng
        name = rng.choice(list(self.described))
        placed = sorted(taken(cluster))
        match rng.choice(["node", "gone", "running", "forget", "snapshot", "restore", "assume", "pods", "pods"]):
            case "node":
                cpu, devices = self.described[name]
                rank = self.ranks.pop()
                cluster.add_node(node_record(machine(name, cpu, devices, rank, note=str(rank))))
                machines.add(name, cpu, devices, rank)
            case "gone" if name in machines.nodes and len(machines.nodes) > 1:
                cluster.remove_node(name)
                machines.remove(name)
            case "running" if name in machines.nodes:
                cluster.add_pods(records([self.bound(self.pod(), name)]))
            case "forget" if placed:
                key = rng.choice(placed)
                assert self.engine.forget(key)
                machines.forget(key.split("/")[1])
            case "snapshot":
                self.kept = self.engine.snapshot(), copy.deepcopy(self.twin)
            case "restore":
                self.engine.restore(self.kept[0])
                self.twin = copy.deepcopy(self.kept[1])
            case "assume" if name in machines.nodes:
                one = self.pod()
                key, cpu, parts = amounts(one)
                self.engine.assume(records([one])[0], name)
                machines.run(key, name, cpu, parts)
            case "pods":
                self.schedule(rng.choice([1, 3, 30]))
            case _:
                pass

    def schedule(self, count: int) -> None:
        """Decide on pods; what each remembers is what the batch says, too."""
        pods = [self.pod() for _ in range(count)]
        batch = self.engine.schedule_many(records(pods), explain=self.rng.random() < 0.5)
        names = self.engine.cluster.nodes.names
        for position, one in enumerate(pods):
            expected = self.twin.machines.place(*amounts(one))
            row = int(batch.node_of[position])
            assert (names[row] if row >= 0 else "") == expected, position
            held = self.twin.taken().get(f"default/{one['metadata']['name']}", ("", -1))
            assert batch.placed["device_taken"][position] == held[1] + 1


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("seed", range(3))
def test_whatever_happens_columns_are_those_of_the_twin(seed: int, speed: Speed, form: str) -> None:
    if form == "Python" and speed != "auto":
        pytest.skip("it is decided in the cycle, whatever the speed")
    rng = random.Random(seed)
    history = History(rng, speed, form, nodes=rng.choice([2, 9, 40]), classes=rng.choice([3, 12]))
    for _ in range(40):
        history.step()
        cluster = history.engine.cluster
        assert taken(cluster) == history.twin.taken()
        assert free(cluster) == history.twin.free()
