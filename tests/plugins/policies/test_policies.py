"""The policies on small random clusters, pod by pod and device by device, against the naive replay."""

from __future__ import annotations

import random

import numpy as np
import pytest

from bench.replay.policy import policy_of, typical_of
from bench.traces.arrays import node_array, pod_array
from bench.traces.trace import Nodes, NodeShape, PodShape, Trace
from sched_core import Cluster, Engine, Speed
from tests.engine.worlds import COMPILING
from tests.naive.replay import POLICIES, Node, Pod, Replay

MODELS = ("T4", "P100", "G2")


def random_nodes(generator: random.Random, count: int) -> Nodes:
    shapes = [NodeShape(cpu, 1 << 36, gpus, model) for cpu in (8000, 64000) for gpus in (1, 2, 8) for model in MODELS]
    shape_of = np.array([generator.randrange(len(shapes)) for _ in range(count)], np.int32)
    return Nodes("made up", [f"node-{number:03d}" for number in range(count)], shapes, shape_of)


def random_trace(generator: random.Random, count: int) -> Trace:
    shapes = [PodShape(cpu, 1 << 31) for cpu in (500, 4000)]
    shapes += [
        PodShape(generator.choice((500, 3000, 9000)), generator.choice((1 << 31, 1 << 34)), 1, milli, models)
        for milli in (100, 330, 500, 810, 1000)
        for models in ((), MODELS[:1], MODELS[1:])
    ]
    shapes += [PodShape(4000 * gpus, 1 << 33, gpus, 1000) for gpus in (2, 4, 8)]
    shape_of = np.array([generator.randrange(len(shapes)) for _ in range(count)], np.int32)
    never, at_once = np.full(count, np.inf), np.zeros(count)
    return Trace("made up", [f"pod-{number:04d}" for number in range(count)], shapes, shape_of, at_once, never)


def naive(nodes: Nodes, trace: Trace, ranked: list[str], policy: str) -> Replay:
    shapes = [nodes.shapes[number] for number in nodes.shape_of]
    rows = [
        Node(name, shape.cpu_milli, shape.memory_bytes, shape.model, [1000] * shape.gpus)
        for name, shape in zip(nodes.names, shapes, strict=True)
    ]
    pods = []
    for name, number in zip(trace.names, trace.shape_of, strict=True):
        shape = trace.shapes[number]
        wanted = (shape.cpu_milli, shape.memory_bytes, shape.gpus, shape.gpu_milli)
        pods.append(Pod(name, *wanted, "|".join(shape.models)))
    replay = Replay(rows, pods, ranked, policy)
    replay.run(range(len(pods)))
    return replay


def check(policy: str, seed: int, speed: Speed, count: int = 150) -> int:
    """Compare all placements; return how many pods were placed nowhere."""
    generator = random.Random(seed)
    nodes, trace = random_nodes(generator, 20), random_trace(generator, count)
    ranked = generator.sample(nodes.names, nodes.count)
    expected = naive(nodes, trace, ranked, policy)
    found = policy_of(policy, typical_of(trace), ranked)
    engine = Engine(Cluster.from_array(node_array(nodes)), found.config, speed=speed, plugins=found.plugins)
    batch = engine.schedule_many(pod_array(trace), explain=False)
    for position, row in enumerate(batch.node_of.tolist()):
        assert (nodes.names[row] if row >= 0 else "") == expected.names[position], position
        taken = np.flatnonzero(batch.placed["gpu_taken"][position]).tolist()
        assert taken == sorted(expected.devices[position]), position
    return int((batch.node_of < 0).sum())


@pytest.mark.parametrize("policy", POLICIES)
def test_every_pod_goes_where_the_naive_replay_puts_it(policy: str) -> None:
    failed = [check(policy, seed, "cycle") for seed in range(3)]
    assert min(failed) > 5


@pytest.mark.skipif(not COMPILING, reason="without compiled code there are no batches")
def test_batches_decide_as_the_cycle() -> None:
    """One policy will do: a batch takes half a minute to compile."""
    for seed in range(3, 8):
        assert check("FGD", seed, "auto", 400) > 50


def test_chance_is_a_function_of_the_seed_and_fair() -> None:
    generator = random.Random(1)
    nodes, trace = random_nodes(generator, 12), random_trace(generator, 60)
    went = []
    for seed in (1, 1, 2):
        found = policy_of("Random", seed=seed)
        engine = Engine(Cluster.from_array(node_array(nodes)), found.config, plugins=found.plugins)
        batch = engine.schedule_many(pod_array(trace), explain=False)
        went.append((batch.node_of.tolist(), batch.placed["gpu_taken"].tolist()))
    assert went[0] == went[1] != went[2]
    parts = [trace.shapes[number].gpu_milli for number in trace.shape_of]
    devices = {
        taken.index(milli)
        for taken, milli, row in zip(went[0][1], parts, went[0][0], strict=True)
        if row >= 0 and 0 < milli < 1000
    }
    assert len(set(went[0][0])) > 8 and len(devices) > 3
