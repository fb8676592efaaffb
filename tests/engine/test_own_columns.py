"""Columns of a plugin's own: the same at all speeds and as a slow twin has them, whatever happens."""

from __future__ import annotations

import copy
import random
from typing import Any

import numpy as np
import pytest

from sched_core import Engine, Node, NodeArray, Plugin, PostFilterResult, Speed, unschedulable
from tests.engine.devices import DEVICE, FORMS, PARTS, Devices, config, free, machine, taken, user
from tests.engine.worlds import Json, cluster_of, node_record, records
from tests.naive.devices import Machines

CONFIG = config("Devices")
SPEEDS: tuple[Speed, ...] = ("cycle", "fused", "incremental", "auto")


def engine_of(objects: list[Json], speed: Speed = "auto", form: str = "compiled") -> Engine:
    return Engine(cluster_of(objects), CONFIG, speed=speed, plugins={"Devices": FORMS[form]})


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
        match rng.choice(["node", "gone", "running", "changed", "forget", "snapshot", "restore", "assume", "pods"]):
            case "node":
                if rng.random() < 0.5:  # a new one, with which columns grow
                    name = f"n{len(self.described)}"
                    self.described[name] = (rng.choice([1000, 3000]), rng.randrange(4))
                cpu, devices = self.described[name]
                rank = self.ranks.pop()
                cluster.add_node(node_record(machine(name, cpu, devices, rank, note=str(rank))))
                machines.add(name, cpu, devices, rank)
            case "gone" if name in machines.nodes and len(machines.nodes) > 1:
                cluster.remove_node(name)
                machines.remove(name)
            case "running" if name in machines.nodes:
                cluster.add_pods(records([self.bound(self.pod(), name)]))
            case "changed" if placed:  # a pod is reported again, with another label: it keeps its device
                key = rng.choice(placed)
                name = taken(cluster)[key][0]
                cpu, parts, _ = machines.nodes[name].pods[key.split("/")[1]]
                one = user(key.split("/")[1], cpu, parts)
                one["metadata"]["labels"], one["spec"]["nodeName"] = {"note": str(rng.random())}, name
                cluster.add_pods(records([one]))
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


def play(seed: int, speed: Speed, form: str) -> History:
    """Let many things happen, and hold the columns against the twin's after each."""
    rng = random.Random(seed)
    history = History(rng, speed, form, nodes=rng.choice([2, 9, 40]), classes=rng.choice([3, 12]))
    for _ in range(60):
        history.step()
        cluster = history.engine.cluster
        assert taken(cluster) == history.twin.taken()
        assert free(cluster) == history.twin.free()
    return history


@pytest.mark.parametrize("speed", SPEEDS)
@pytest.mark.parametrize("seed", range(4))
def test_whatever_happens_columns_are_those_of_the_twin(seed: int, speed: Speed) -> None:
    history = play(seed, speed, "compiled")
    used = history.engine.schedule_many(records([history.pod() for _ in range(3)])).speed_used
    assert set(used) == {{"fused": "fused", "cycle": "cycle"}.get(speed, "incremental")}


@pytest.mark.parametrize("seed", range(4))
def test_what_has_no_compiled_form_is_decided_in_the_cycle(seed: int) -> None:
    history = play(seed, "auto", "Python")
    assert set(history.engine.schedule_many(records([history.pod()])).speed_used) == {"cycle"}


@pytest.mark.parametrize("form", FORMS)
def test_what_is_gone_is_forgotten_and_what_is_left_keeps_its_devices(
    form: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Numbers of pods and classes are given anew all the time."""
    monkeypatch.setattr("sched_core.cluster.SLACK", 0)
    monkeypatch.setattr("sched_core.columns.pods.SLACK", 0)
    for seed in range(4):
        history = play(seed, "auto", form)
    assert history.engine.cluster.classes.epoch > 0


def test_own_columns_are_there_in_array_form() -> None:
    engine = engine_of([machine("a", 4000, 2, 0), machine("b", 4000, 0, 1)])
    nodes = engine.cluster.nodes
    assert nodes.own("device_free").tolist() == [[1000, -1], [1000, -1], [-1, -1]]
    assert nodes.own("device_free").dtype == np.int32 and nodes.own("device_pods").tolist() == [0, 0]
    one = engine.cluster.classes.info(records([user("p", 100, 300, device="1")])[0])
    assert one.own("device_parts") == 300 and one.own("device_held") == 2
    with pytest.raises(KeyError):
        nodes.own("device_taken")


def test_nodes_of_a_template_are_filled_once(monkeypatch: pytest.MonkeyPatch) -> None:
    template = node_record(machine("t", 4000, 2, 7))
    asked: list[str] = []
    fill = Devices.fill_node

    def counting(self: Devices, node: Node) -> Any:
        asked.append(node.metadata.name)
        return fill(self, node)

    monkeypatch.setattr(Devices, "fill_node", counting)
    engine = engine_of([machine("a", 4000, 3, 0)])
    del asked[:]
    engine.cluster.nodes.add_array(NodeArray([f"t{n}" for n in range(50)], [template], np.zeros(50, np.int32)))
    assert asked == ["t"]
    assert engine.cluster.nodes.own("device_free")[:, 1:].tolist() == [[1000] * 50, [1000] * 50, [-1] * 50]


def test_an_engine_whose_columns_another_has_replaced_takes_them_back() -> None:
    """What its placements remember is lost with the columns: they are chosen anew, from the nodes as they are."""
    first = engine_of([machine("a", 4000, 2, 0)])
    assert first.schedule(records([user("p", 100, 300)])[0]).node == "a"
    second = Engine(first.cluster, CONFIG, plugins={"Devices": Devices})
    assert second.schedule(records([user("q", 100, 300)])[0]).node == "a"
    assert first.schedule(records([user("r", 100, 300)])[0]).node == "a"
    assert free(first.cluster) == {"a": ([100, 1000, -1], 3)}


def test_an_engine_without_columns_leaves_those_of_another_right() -> None:
    first = engine_of([machine("a", 4000, 2, 0)], "cycle")
    plain = Engine(first.cluster, speed="cycle")
    assert plain.schedule(records([user("p", 100, 300)])[0]).node == "a"
    assert free(first.cluster) == {"a": ([700, 1000, -1], 1)}


class Asking(Plugin):
    """PostFilter that asks what the filters would say without the pods of each node."""

    def post_filter(self, state: Any, pod: Any, nodes: Any, diagnosis: Any) -> PostFilterResult:
        lower, runs = self.handle.lower_pods(pod.priority), self.handle.dry_runs(state, pod)
        assert runs.on_rows(np.arange(nodes.count)) is None  # own columns change with pods
        found = []
        for row in range(nodes.count):
            with runs.on(row) as run:
                victims = list(lower[row])
                for victim in victims:
                    run.remove(victim)
                if not run.status().is_success:
                    continue
                needed = []
                for victim in victims:
                    run.put_back(victim)
                    if not run.status().is_success:
                        run.remove(victim)
                        needed.append(victim.key)
                found.append(f"{nodes.names[row]}: {' '.join(needed)}")
        return PostFilterResult(unschedulable("; ".join(found)))


@pytest.mark.parametrize("form", FORMS)
def test_dry_runs_give_devices_back_and_leave_no_trace(form: str) -> None:
    objects = [machine("a", 4000, 2, 0), machine("b", 4000, 1, 1), machine("c", 4000, 0, 2)]
    running = [("a", 400, 0), ("a", 400, 1), ("a", 500, 0), ("b", 900, 0), ("c", 0, -1)]
    for number, (name, parts, device) in enumerate(running):
        one = user(f"r{number}", 100, parts, device=str(device))
        one["spec"] |= {"nodeName": name, "priority": 0}
        objects.append(one)
    plugins = {"Devices": FORMS[form], "Asking": Asking}
    engine = Engine(cluster_of(objects), config("Devices", "Asking"), speed="cycle", plugins=plugins)
    before = free(engine.cluster), taken(engine.cluster)
    wants = user("p", 100, 700)
    wants["spec"]["priority"] = 10
    decision = engine.schedule(records([wants])[0])
    assert decision.node is None and "a: default/r1; b: default/r3" in decision.message
    assert (free(engine.cluster), taken(engine.cluster)) == before
