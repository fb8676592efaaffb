"""The simulation against a naive one: the same pods on the same nodes at the same times, whatever the trace is like."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from bench.timed import pending, run
from bench.timed.experiment import Experiment, order_of, simulate
from bench.timed.run import NEVER, Timed
from bench.traces.objects import shape
from bench.traces.trace import Nodes, NodeShape, PodShape, Trace, in_order
from bench.workloads.manifests import pods_from
from tests.naive.replay import Node as NaiveNode
from tests.naive.replay import Pod as NaivePod
from tests.naive.timed import Cluster, Devices, Objects, Outcome, Times
from tests.naive.timed import simulate as naive

INF = float("inf")
GIB = 2**30
HOST = "kubernetes.io/hostname"
SEEDS = 12


def times_of(draw: random.Random, pods: int) -> list[Times]:
    """Return times on a coarse grid, so that much happens at one instant; some pods never go, some at once."""
    found = []
    for _ in range(pods):
        created = float(draw.randrange(12))
        stay = draw.choice([0, 1, 1, 2, 3, 5, 8, INF if draw.random() < 0.3 else 4])
        found.append(Times(created, created + stay))
    return sorted(found, key=lambda each: each.created)


def nodes_of(draw: random.Random, gpus: bool = False) -> Nodes:
    shapes = [NodeShape(cpu, memory * GIB) for cpu, memory in ((2000, 8), (4000, 4), (4000, 16))]
    if gpus:
        shapes = [NodeShape(8000, 32 * GIB, number, model) for number, model in ((2, "T4"), (1, "P100"), (0, ""))]
    count = draw.randrange(1, 5)
    shape_of = np.array([draw.randrange(3) for _ in range(count)], np.int32)
    return Nodes("nodes", [f"n{number}" for number in range(count)], shapes, shape_of)


def trace_of(times: list[Times], shapes: list[PodShape], draw: random.Random, **given: Any) -> Trace:
    shape_of = np.array([draw.randrange(len(shapes)) for _ in times], np.int32)
    created, deleted = (np.array(each) for each in zip(*times, strict=True))
    return in_order(
        "trace", [f"p{number}" for number in range(len(times))], shapes, shape_of, created, deleted, **given
    )


def manifest(cpu: int, memory: int, **spec: Any) -> dict[str, Any]:
    requests = {"cpu": f"{cpu}m", "memory": str(memory)}
    container = {"name": "c", "image": "i", "resources": {"requests": requests}}
    return {
        "metadata": {"name": "x", "namespace": "default", "labels": {"app": "a"}},
        "spec": {"containers": [container], **spec},
    }


def objects_of(nodes: Nodes, trace: Trace, manifests: list[dict[str, Any]], seed: int, config: Any) -> Cluster:
    ordered = []
    for number in order_of(nodes, seed).tolist():
        has = nodes.shapes[nodes.shape_of[number]]
        amounts = {"cpu": f"{has.cpu_milli}m", "memory": str(has.memory_bytes), "pods": "110"}
        metadata = {"name": nodes.names[number], "labels": {HOST: nodes.names[number]}}
        ordered.append({"kind": "Node", "metadata": metadata, "spec": {}, "status": {"allocatable": amounts}})
    pods = [
        {**manifests[number], "kind": "Pod", "metadata": {**manifests[number]["metadata"], "name": trace.names[pod]}}
        for pod, number in enumerate(trace.shape_of.tolist())
    ]
    return Objects(ordered, pods, config)


def strategy(name: str) -> dict[str, Any]:
    resources = [{"name": "cpu", "weight": 1}, {"name": "memory", "weight": 1}]
    args = {"scoringStrategy": {"type": name, "resources": resources}}
    return {"profiles": [{"pluginConfig": [{"name": "NodeResourcesFit", "args": args}]}]}


def outcomes_of(timed: Timed, trace: Trace) -> list[Outcome]:
    """Return what became of the pods, as the naive one tells it."""
    return [
        Outcome(None if node == NEVER else node, placed)
        for node, placed in zip(timed.node.tolist(), timed.placed_s.tolist(), strict=True)
    ]


def check(nodes: Nodes, trace: Trace, times: list[Times], cluster: Cluster, policy: str, seed: int) -> list[Outcome]:
    """Hold a run against the naive one; return what became of the pods."""
    origin = times[0].created
    order = order_of(nodes, seed).tolist()
    expected = [
        Outcome(None if each.node is None else order[each.node], each.placed - origin) for each in naive(times, cluster)
    ]
    found = outcomes_of(simulate(Experiment(nodes, trace, policy, seed)), trace)
    assert found == expected
    return found


@pytest.fixture(params=["few", "many"])
def parts(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """Decide on few pods at a time, or on as many as usual."""
    if request.param == "few":
        monkeypatch.setattr(run, "PART", 3)
        monkeypatch.setattr(run, "FEW", 1)
        monkeypatch.setattr(pending, "PODS_OF_EACH", 1)


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("seed", range(SEEDS))
@pytest.mark.parametrize("policy", ["default", "MostAllocated"])
def test_plain_pods_go_where_the_naive_run_puts_them(policy: str, seed: int) -> None:
    draw = random.Random(seed)
    sizes = [(draw.randrange(1, 9) * 250, draw.randrange(1, 13) * GIB // 2) for _ in range(draw.choice([1, 3, 8]))]
    sizes.append((64_000, GIB))  # larger than all nodes
    times, nodes = times_of(draw, 40), nodes_of(draw)
    trace = trace_of(times, [PodShape(*size) for size in sizes], draw)
    config = strategy("MostAllocated") if policy == "MostAllocated" else None
    cluster = objects_of(nodes, trace, [manifest(*size) for size in sizes], seed, config)
    found = check(nodes, trace, times, cluster, policy, seed)
    assert any(each.node is None for each in found)
    assert any(each.node is not None for each in found)


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_pods_that_look_at_others_are_all_tried_again(seed: int) -> None:
    """What is placed may make room for these: a pod to be near to, or one that evens a spread out."""
    draw = random.Random(seed)
    same = {"labelSelector": {"matchLabels": {"app": "a"}}, "topologyKey": HOST}
    spread = {"maxSkew": 1, "whenUnsatisfiable": "DoNotSchedule", **same}
    near = {"requiredDuringSchedulingIgnoredDuringExecution": [same]}
    manifests = [
        manifest(500, GIB),
        manifest(1500, GIB, topologySpreadConstraints=[spread]),
        manifest(1000, GIB, affinity={"podAffinity": near}),
        manifest(250, GIB, affinity={"podAntiAffinity": near}),
    ]
    times, nodes = times_of(draw, 30), nodes_of(draw)
    templates = pods_from(manifests)
    trace = trace_of(times, [shape(pod) for pod in templates], draw, templates=templates)
    check(nodes, trace, times, objects_of(nodes, trace, manifests, seed, None), "default", seed)


@pytest.mark.usefixtures("parts")
@pytest.mark.parametrize("seed", range(SEEDS))
def test_devices_come_back(seed: int) -> None:
    draw = random.Random(seed)
    shapes = [
        PodShape(500, GIB, 1, 300), PodShape(500, GIB, 1, 700), PodShape(1000, GIB, 2, 1000, ("T4",)),
        PodShape(1000, GIB, 1, 1000), PodShape(3000, GIB),
    ]  # fmt: skip
    times, nodes = times_of(draw, 40), nodes_of(draw, gpus=True)
    if not any(nodes.shapes[number].gpus for number in nodes.shape_of):
        nodes.shape_of[0] = 0
    trace = trace_of(times, shapes, draw)
    pods = [
        NaivePod(trace.names[pod], each.cpu_milli, each.memory_bytes, each.gpus, each.gpu_milli, "|".join(each.models))
        for pod, each in enumerate(shapes[number] for number in trace.shape_of.tolist())
    ]
    given = [(nodes.names[number], nodes.shapes[nodes.shape_of[number]]) for number in order_of(nodes, seed).tolist()]
    ordered = [NaiveNode(name, has.cpu_milli, has.memory_bytes, has.model, [1000] * has.gpus) for name, has in given]
    cluster = Devices(ordered, pods, "FGD")
    check(nodes, trace, times, cluster, "FGD", seed)
    for pod in list(cluster.placed):
        cluster.remove(pod)
    assert cluster.is_empty()
