"""Bounds: what small instances come to by hand, that no packing beats them, and what is known of the openb trace."""

from __future__ import annotations

import gzip
import json
from itertools import product
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("scipy", reason="scipy is an optional extra")

from bench.bounds.bounds import fewest_nodes, most_gpu_percent
from bench.bounds.instance import Instance
from bench.traces.read import read_nodes, read_pods
from bench.traces.trace import NodeShape, PodShape

NODE = NodeShape(10_000, 64 << 30, 2, "A")


def instance(nodes: list[tuple[NodeShape, int]], pods: list[tuple[PodShape, int]], forced: list[int]) -> Instance:
    return Instance(
        [shape for shape, _ in nodes],
        np.array([count for _, count in nodes]),
        [shape for shape, _ in pods],
        np.array([count for _, count in pods]),
        np.array(forced),
    )


def share(milli: int, cpu: int = 0, models: tuple[str, ...] = ()) -> PodShape:
    return PodShape(cpu, 0, 1, milli, models)


@pytest.mark.parametrize(
    ("pods", "forced", "percent"),
    [
        ([(share(600), 10)], [0], 60.0),  # one to a device
        ([(share(600), 2), (share(400), 1)], [0, 0], 80.0),
        ([(share(700), 9), (share(300), 9)], [0, 0], 100.0),
        ([(share(400), 9)], [0], 80.0),  # two to a device
        ([(share(500, cpu=4000), 9)], [0], 50.0),  # the cpu is for 2.5 pods, and no pod is cut: a relaxation
        ([(share(1000, models=("B",)), 9), (share(300), 1)], [0, 0], 15.0),
        ([(share(810), 2), (PodShape(0, 0, 2, 1000), 5)], [0, 0], 100.0),
        ([(share(810), 2), (PodShape(0, 0, 2, 1000), 5)], [2, 0], 81.0),
        ([(share(600), 3)], [3], None),
        ([(PodShape(1000, 0), 3)], [0], 0.0),
    ],
)
def test_the_most_that_can_be_allocated(pods: list[tuple[PodShape, int]], forced: list[int], percent: float) -> None:
    found = most_gpu_percent(instance([(NODE, 1)], pods, forced))
    if percent == 50.0:
        assert found == pytest.approx(62.5)
    elif percent is None:
        assert found is None
    else:
        assert found == pytest.approx(percent, abs=1e-3)


def test_without_devices_there_is_nothing_to_allocate() -> None:
    assert most_gpu_percent(instance([(NodeShape(1000, 1 << 30), 3)], [(PodShape(100, 0), 2)], [0])) is None


@pytest.mark.parametrize(
    ("pods", "nodes"),
    [
        ([(PodShape(4000, 1), 5)], 2),
        ([(PodShape(6000, 1), 5)], 5),  # no two share a node
        ([(share(600), 5)], 3),
        ([(share(500), 4), (share(250), 4)], 2),
        ([(PodShape(1000, 40 << 30), 4)], 4),
        ([(PodShape(20_000, 1), 1)], None),
        ([(PodShape(10_000, 1), 9)], None),
    ],
)
def test_the_fewest_nodes(pods: list[tuple[PodShape, int]], nodes: int | None) -> None:
    counts = [count for _, count in pods]
    assert fewest_nodes(instance([(NODE, 8)], pods, counts)) == nodes


def test_no_packing_of_small_instances_beats_the_bound() -> None:
    draw = np.random.default_rng(5)
    for _ in range(12):
        pods = [(share(int(draw.integers(2, 10)) * 100, int(draw.integers(1, 6)) * 1000), 1) for _ in range(5)]
        bound = most_gpu_percent(instance([(NODE, 1)], pods, [0] * 5))
        best = 0
        for places in product(range(3), repeat=5):  # a device, or nowhere
            device, cpu = [0, 0], 0
            for place, (shape, _) in zip(places, pods, strict=True):
                if place < 2:
                    device[place] += shape.gpu_milli
                    cpu += shape.cpu_milli
            if max(device) <= 1000 and cpu <= NODE.cpu_milli:
                best = max(best, sum(device))
        assert bound is not None and bound >= best / 20 - 1e-4


def test_the_openb_trace_has_the_bound_that_is_known(shared: Path) -> None:
    """All pods that arrive up to 95 % of the devices have to be served: no more than 96.5 %."""
    folder = shared / "data" / "openb"
    nodes = read_nodes(folder / "openb_node_list_gpu_node.csv")
    trace = read_pods(folder / "openb_pod_list_default.csv")
    with gzip.open(shared / "golden" / "fgd" / "arrivals-default.json.gz") as file:
        arrivals = json.load(file)
    number = {name: position for position, name in enumerate(trace.names)}
    by_name = np.array([number[name] for name in arrivals["pods_by_name"]])
    shape_of = trace.shape_of[by_name[arrivals["seeds"]["42"]["arrivals"]]]
    arrived = np.cumsum(trace.amounts()[2][shape_of]) / 62_120
    forced = np.bincount(shape_of[arrived <= 95], minlength=len(trace.shapes))
    whole = Instance(nodes.shapes, np.bincount(nodes.shape_of), trace.shapes, np.bincount(shape_of), forced)
    assert most_gpu_percent(whole) == pytest.approx(96.51, abs=0.03)
