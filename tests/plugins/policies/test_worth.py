"""Worth: prices of devices against every packing there is, placements against a twin in plain Python, and FGD."""

from __future__ import annotations

import itertools
import math
import random
from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest

from bench.replay.arrivals import read_arrivals
from bench.replay.experiment import Experiment, run
from bench.replay.policy import policy_of, typical_of
from bench.traces.arrays import node_array, pod_array
from bench.traces.read import read_nodes, read_pods
from bench.traces.trace import Nodes, NodeShape, PodShape, Trace
from plugins.policies.device_worth import device_worth, parts
from plugins.policies.typical_pods import TypicalPod
from plugins.policies.worth import HOSTING, POINT_MILLI
from sched_core import Cluster, Engine, Speed
from tests.engine.worlds import COMPILING

SHARED = Path(__file__).parents[4] / "shared"
MODELS = ("T4", "P100", "G2")


def patterns(sizes: list[int], room: int = 1000) -> Iterator[list[int]]:
    """Yield all numbers of pods of each size that a device has room for."""
    if not sizes:
        yield []
        return
    for number in range(room // sizes[0] + 1):
        for rest in patterns(sizes[1:], room - number * sizes[0]):
            yield [number, *rest]


@pytest.mark.parametrize("seed", range(6))
def test_no_pattern_is_worth_more_than_a_device_and_the_best_packing_costs_what_its_pods_do(seed: int) -> None:
    """Both sides of the duality theorem, against all packings by three patterns."""
    generator = random.Random(seed)
    sizes = sorted(generator.sample(range(200, 1001, 10), 3))
    demand = np.array([generator.random() for _ in sizes])
    demand /= demand.sum()
    found = parts(np.array(sizes), demand)
    every = [np.array(pattern, float) for pattern in patterns(sizes)]
    assert max(pattern @ found for pattern in every) == pytest.approx(1)
    fewest = math.inf
    for basis in itertools.combinations(every, 3):
        matrix = np.array(basis).T
        if abs(np.linalg.det(matrix)) > 1e-9:
            amounts = np.linalg.solve(matrix, demand)
            if amounts.min() > -1e-9:
                fewest = min(fewest, amounts.sum())
    assert demand @ found == pytest.approx(fewest)


def test_pods_that_fill_a_device_together_cost_it_together() -> None:
    found = parts(np.array([300, 700]), np.array([0.5, 0.5]))
    assert found.sum() == pytest.approx(1)
    assert parts(np.array([250, 1000]), np.array([0.9, 0.1])).tolist() == pytest.approx([0.25, 1])
    assert parts(np.array([810]), np.array([1.0])).tolist() == [1]


def test_a_remainder_is_worth_what_can_still_come() -> None:
    pods = [TypicalPod(0.4, 1000, 810, 1), TypicalPod(0.4, 1000, 400, 1), TypicalPod(0.2, 1000, 1000, 1)]
    worth = device_worth(pods)
    assert worth[0] == worth[190] == worth[399] == 0
    assert worth[400] == worth[799] > 0
    assert np.all(np.diff(worth) >= 0)
    assert worth[1000] > worth[810] > worth[800]
    assert not device_worth([TypicalPod(1.0, 1000, 0, 0)]).any()


class Twin:
    """The rule in plain Python: one node after the other, one device after the other, nothing remembered."""

    def __init__(self, nodes: Nodes, trace: Trace, ranked: list[str]) -> None:
        self.typical = [pod for pod in typical_of(trace) if pod.gpu_count]
        self.devices = device_worth(typical_of(trace))
        milli = sum(pod.share * pod.gpu_milli * pod.gpu_count for pod in self.typical)
        self.rate = sum(pod.share * pod.cpu_milli for pod in self.typical) / milli
        shapes = [nodes.shapes[number] for number in nodes.shape_of]
        self.cpu = {name: shape.cpu_milli for name, shape in zip(nodes.names, shapes, strict=True)}
        self.memory = {name: shape.memory_bytes for name, shape in zip(nodes.names, shapes, strict=True)}
        self.free = {name: [1000] * shape.gpus for name, shape in zip(nodes.names, shapes, strict=True)}
        self.model = {name: shape.model for name, shape in zip(nodes.names, shapes, strict=True)}
        self.ranked = ranked

    def worth(self, name: str, cpu: int, free: list[int]) -> float:
        takes = sum(float(self.devices[each]) for each in free)
        lost = 0.0
        for pod in self.typical:
            if not pod.models or self.model[name] in pod.models.split("|"):
                fits = sum(each >= pod.gpu_milli for each in free) >= pod.gpu_count
                lost += 0.0 if fits and cpu >= pod.cpu_milli else pod.share
        return min(takes, cpu / self.rate) - HOSTING * lost * sum(free)

    def choices(self, name: str, shape: PodShape) -> Iterator[list[int]]:
        """Yield what may be free on the devices of a node with a pod on it."""
        free = self.free[name]
        if self.cpu[name] < shape.cpu_milli or self.memory[name] < shape.memory_bytes:
            return
        if shape.gpus and shape.models and self.model[name] not in shape.models:
            return
        if shape.gpus == 1 and shape.gpu_milli < 1000:
            for g, each in enumerate(free):
                if each >= shape.gpu_milli:
                    yield [*free[:g], each - shape.gpu_milli, *free[g + 1 :]]
        elif sum(each == 1000 for each in free) >= shape.gpus:
            after = list(free)
            for g in [g for g, each in enumerate(free) if each == 1000][: shape.gpus]:
                after[g] = 0
            yield after

    def place(self, shape: PodShape) -> tuple[str, list[int]]:
        best, chosen = -math.inf, ("", [0])
        for name in self.ranked:
            before = self.worth(name, self.cpu[name], self.free[name])
            for after in self.choices(name, shape):
                gain = self.worth(name, self.cpu[name] - shape.cpu_milli, after) - before
                points = math.floor(gain / POINT_MILLI + 0.5)
                if points > best:
                    best, chosen = points, (name, after)
        name, after = chosen
        if not name:
            return "", []
        taken = [g for g, each in enumerate(self.free[name]) if each != after[g]]
        self.free[name] = after
        self.cpu[name] -= shape.cpu_milli
        self.memory[name] -= shape.memory_bytes
        return name, taken


def made_up(generator: random.Random) -> tuple[Nodes, Trace]:
    shapes = [NodeShape(cpu, 1 << 40, gpus, model) for cpu in (8000, 64000) for gpus in (1, 2, 8) for model in MODELS]
    shape_of = np.array([generator.randrange(len(shapes)) for _ in range(12)], np.int32)
    nodes = Nodes("made up", [f"node-{number:02d}" for number in range(12)], shapes, shape_of)
    pods = [PodShape(500, 1 << 30), PodShape(4000, 1 << 30)]
    pods += [
        PodShape(generator.choice((500, 3000, 9000)), 1 << 30, 1, milli, models)
        for milli in (100, 330, 500, 810, 1000)
        for models in ((), MODELS[1:])
    ]
    pods += [PodShape(4000 * gpus, 1 << 30, gpus, 1000) for gpus in (2, 4, 8)]
    of = np.array([generator.randrange(len(pods)) for _ in range(120)], np.int32)
    trace = Trace("made up", [f"pod-{n:03d}" for n in range(120)], pods, of, np.zeros(120), np.full(120, np.inf))
    return nodes, trace


def check(seed: int, speed: Speed) -> None:
    generator = random.Random(seed)
    nodes, trace = made_up(generator)
    ranked = generator.sample(nodes.names, nodes.count)
    twin, found = Twin(nodes, trace, ranked), policy_of("Worth", typical_of(trace), ranked)
    engine = Engine(Cluster.from_array(node_array(nodes)), found.config, speed=speed, plugins=found.plugins)
    batch = engine.schedule_many(pod_array(trace), explain=False)
    for position, row in enumerate(batch.node_of.tolist()):
        name, devices = twin.place(trace.shapes[trace.shape_of[position]])
        assert (nodes.names[row] if row >= 0 else "") == name, position
        assert np.flatnonzero(batch.placed["gpu_taken"][position]).tolist() == devices, position
    assert 5 < int((batch.node_of < 0).sum()) < 100


@pytest.mark.parametrize("seed", range(4))
def test_every_pod_goes_where_the_twin_puts_it(seed: int) -> None:
    check(seed, "cycle")


@pytest.mark.skipif(not COMPILING, reason="without compiled code there are no batches")
@pytest.mark.parametrize("seed", range(4, 8))
def test_batches_go_by_points_that_are_not_normalised(seed: int) -> None:
    check(seed, "auto")


@pytest.mark.skipif(not COMPILING, reason="without compiled code there are no batches")
@pytest.mark.skipif(not SHARED.is_dir(), reason="the trace openb is not there")
def test_it_allocates_more_than_fgd() -> None:
    """One of the two traces that it was tuned on, one seed; `stowage compare` has all of them."""
    data, golden = SHARED / "data" / "openb", SHARED / "golden" / "fgd"
    nodes, trace = read_nodes(data / "openb_node_list_gpu_node.csv"), read_pods(data / "openb_pod_list_cpu100.csv")
    given = read_arrivals(golden / "arrivals-cpu100.json.gz", nodes, trace)[42]
    ours, fgd = (run(Experiment(nodes, trace, policy, 42, arrivals=given)) for policy in ("Worth", "FGD"))
    assert ours.alloc[100] > fgd.alloc[100] + 0.5 and ours.alloc[130] > fgd.alloc[130] + 0.5
