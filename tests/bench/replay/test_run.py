"""Curves over arrival, as they were published; and fragmentation after each event against the naive replay."""

from __future__ import annotations

import random
from typing import Any

import numpy as np
import pytest

from bench.replay.follow import Placements, frag_ratios
from bench.replay.policy import typical_of
from bench.replay.result import sizes, summarise
from bench.replay.run import Run
from bench.traces.trace import Nodes, NodeShape, PodShape, Trace
from sched_core import InvalidObjects
from tests.naive.replay import Fragmentation as Naive
from tests.naive.replay import Pod, Typical


def run_of(milli: list[int], placed: list[bool], ratio: float = 1.0, devices: int = 1, **given: Any) -> Run:
    count, whole = len(milli), np.array(milli, np.int64)
    amounts = {
        "pod": np.arange(count), "cpu_milli": whole, "memory_bytes": whole,
        "gpu_count": (whole > 0).astype(np.int64), "gpu_milli": whole, "frag_ratio": np.zeros(count),
    }  # fmt: skip
    node = np.array([0 if each else -1 for each in placed], np.int32)
    return Run(
        policy="P", seed=1, ratio=ratio, capacity_milli=devices * 1000, node=node, seconds=1.0, compile_seconds=2.0,
        **amounts | given,
    )  # fmt: skip


def test_what_arrived_and_what_is_used() -> None:
    run = run_of([100, 0, 300, 500], [True, True, False, True])
    assert run.arrived_milli.tolist() == [100, 100, 400, 900]
    assert run.used_milli.tolist() == [100, 100, 100, 600]
    assert run.alloc_percent.tolist() == [10, 10, 10, 60]


def test_a_column_is_the_mean_of_its_events() -> None:
    """Arrival is rounded half to even; allocation has two decimals before and after."""
    run = run_of([5, 0, 10, 5], [True, True, True, False], ratio=0.02)
    assert run.alloc.tolist() == pytest.approx([0.5, 1.0, 1.5])  # at 0.5, 0.5, 1.5 and 2 percent; none rounds to 1
    assert run_of([1] * 3, [True] * 3, 0.001, devices=7).alloc.tolist() == [pytest.approx(0.03)]


def test_a_column_without_events_takes_those_beside_it() -> None:
    curve = run_of([10, 20, 500], [True] * 3, ratio=0.6).alloc
    assert len(curve) == 61
    assert curve[:5].tolist() == pytest.approx([1, 1, 2, 3, 3])
    assert np.isnan(curve[5:52]).all()
    assert curve[52:55].tolist() == pytest.approx([53, 53, 53])


def test_fragmentation_is_rounded_event_by_event() -> None:
    run = run_of([1, 1, 1], [True] * 3, 0.001, frag_ratio=np.array([10.004, 10.006, 10.0]))
    assert run.frag_ratio_by_arrival.tolist() == [pytest.approx((10.0 + 10.01 + 10.0) / 3)]


def test_failures_are_told_by_size() -> None:
    count = np.array([0, 1, 1, 1, 2, 8])
    run = run_of([0, 300, 300, 1000, 1000, 1000], [True, True, False, True, False, True], gpu_count=count)
    assert [(size.size, size.pods, size.failed) for size in sizes(run)] == [
        ("no GPU", 1, 0), ("a part of a GPU", 2, 1), ("1 GPU", 1, 0), ("2 GPUs", 1, 1), ("8 GPUs", 1, 0),
    ]  # fmt: skip


def test_a_result_has_null_where_there_was_no_event() -> None:
    nodes = Nodes("nodes", ["n"], [NodeShape(1000, 1, 1)], np.zeros(1, np.int32))
    trace = Trace("pods", ["p"], [PodShape(1, 1)], np.zeros(1, np.int32), np.zeros(1), np.zeros(1))
    result = summarise(run_of([500, 300], [True, False], 0.9), nodes, trace)
    assert (result.pods, result.failed, result.gpus) == (2, 1, 1)
    assert result.alloc_at == {"50": 50.0, "80": 50.0} == result.alloc_at
    assert result.alloc[20] is None and result.alloc[49] == 50.0
    with pytest.raises(InvalidObjects, match="no pod arrives at this ratio"):
        summarise(run_of([], []), nodes, trace)


def test_fragmentation_follows_the_placements() -> None:
    generator = random.Random(3)
    shapes = [NodeShape(cpu, 1, gpus, model) for cpu in (4000, 32000) for gpus in (1, 2, 8) for model in ("T4", "A10")]
    nodes = Nodes("nodes", list("abcdefghijkl"), shapes, np.arange(12, dtype=np.int32))
    kinds = [
        PodShape(1000, 1), PodShape(900, 1, 1, 300), PodShape(8000, 1, 1, 700, ("A10",)),
        PodShape(5000, 1, 1, 1000, ("T4", "A10")), PodShape(2000, 1, 2, 1000), PodShape(2000, 1, 8, 1000, ("P4",)),
    ]  # fmt: skip
    shape_of = np.array([generator.randrange(len(kinds)) for _ in range(50)], np.int32)
    trace = Trace("pods", [str(number) for number in range(50)], kinds, shape_of, np.zeros(50), np.zeros(50))
    typical = typical_of(trace)
    fragmentation = Naive([Typical(t.share, t.cpu_milli, t.gpu_milli, t.gpu_count, t.models) for t in typical])
    cpu, free = [shape.cpu_milli for shape in shapes], [[1000] * shape.gpus for shape in shapes]
    where, taken, wanted, expected = [], np.zeros((50, 8), np.int64), [], []
    for event in range(50):
        node = generator.randrange(-2, 12)
        pod = Pod("p", generator.randrange(2000), 0, 0, 0, "")
        where.append(max(node, -1))
        wanted.append(pod.cpu)
        if node >= 0:
            device = generator.randrange(len(free[node]))
            milli = min(free[node][device], generator.choice((100, 333, 1000)))
            taken[event, device] = milli
            free[node][device] -= milli
            cpu[node] -= pod.cpu
        total = sum(fragmentation.of(*each) for each in zip(cpu, free, [shape.model for shape in shapes], strict=True))
        expected.append(100 * total / sum(map(sum, free)))
    placements = Placements(np.array(where, np.int32), taken, np.array(wanted))
    assert frag_ratios(nodes, typical, placements) == pytest.approx(np.array(expected), abs=1e-9)


def test_nothing_free_is_not_fragmented() -> None:
    nodes = Nodes("nodes", ["n"], [NodeShape(1000, 1, 1)], np.zeros(1, np.int32))
    trace = Trace("pods", ["p"], [PodShape(1, 1, 1, 1000)], np.zeros(1, np.int32), np.zeros(1), np.zeros(1))
    placements = Placements(np.zeros(1, np.int32), np.array([[1000]]), np.array([1]))
    assert frag_ratios(nodes, typical_of(trace), placements).tolist() == [0.0]
